//! XML answers: a small tree of them, and a small part of XPath that finds texts in it.
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::ops::Range;

/// Longest path, in bytes.
pub const XML_PATH_MAX_BYTES: usize = 200;

/// Deepest nesting of an answer's elements that is read.
pub const XML_DEPTH_MAX: usize = 40;

/// An answer that is XML. Entities that its DTD may define are not replaced.
#[derive(Debug)]
pub(super) struct Document {
    /// All text in order; each element knows its part.
    text: String,
    /// Holds the root element alone.
    top: Element,
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: Range<usize>,
    /// Its place in the document.
    order: usize,
}

impl Document {
    /// None if the text is no well-formed XML, or too deep.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Element::default()];
        let mut all = String::new();
        for order in 1.. {
            match reader.read_event().ok()? {
                Event::Start(start) if open.len() <= XML_DEPTH_MAX => {
                    open.push(Element::read(&start, all.len(), order)?);
                }
                Event::Start(_) => return None,
                Event::Empty(start) => {
                    open.last_mut()?.children.push(Element::read(&start, all.len(), order)?);
                }
                Event::End(_) => {
                    let mut done = open.pop()?;
                    done.text.end = all.len();
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => all.push_str(&text.xml10_content().ok()?),
                Event::CData(text) => all.push_str(&text.xml10_content().ok()?),
                Event::GeneralRef(reference) => resolve(&reference, &mut all)?,
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let top = open.pop().filter(|_| open.is_empty())?;
        let root = top.children.first().filter(|_| top.children.len() == 1)?;
        let outside = [&all[..root.text.start], &all[root.text.end..]];
        let whole = outside.iter().all(|text| text.trim().is_empty());
        whole.then_some(Self { text: all, top })
    }
}

/// Adds what `&…;` stands for; an entity that XML does not define stays as it is.
fn resolve(reference: &BytesRef<'_>, all: &mut String) -> Option<()> {
    if let Some(sign) = reference.resolve_char_ref().ok()? {
        all.push(sign);
        return Some(());
    }
    let name = reference.decode().ok()?;
    match quick_xml::escape::resolve_xml_entity(&name) {
        Some(text) => all.push_str(text),
        None => all.extend(["&", &name, ";"]),
    }
    Some(())
}

impl Element {
    fn read(start: &BytesStart<'_>, at: usize, order: usize) -> Option<Self> {
        let name = String::from_utf8(start.name().as_ref().to_vec()).ok()?;
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let name = String::from_utf8(attribute.key.as_ref().to_vec()).ok()?;
            attributes.push((
                name,
                attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned(),
            ));
        }
        Some(Self { name, attributes, children: Vec::new(), text: at..at, order })
    }

    fn attribute(&self, wanted: &str) -> Option<&str> {
        let hit = self.attributes.iter().find(|(name, _)| is_named(name, wanted));
        hit.map(|(_, value)| value.as_str())
    }

    fn and_below<'a>(&'a self, found: &mut Vec<&'a Self>) {
        found.push(self);
        self.children.iter().for_each(|child| child.and_below(found));
    }
}

/// A name without a prefix means any prefix.
fn is_named(name: &str, wanted: &str) -> bool {
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    wanted == "*" || wanted == if wanted.contains(':') { name } else { local }
}

/// `/answer/lead[2]/@id`: steps from the root, at most one `//`, and an attribute at the end.
#[derive(Debug, Clone)]
pub(super) struct XmlPath {
    steps: Vec<Step>,
    attribute: Option<String>,
}

#[derive(Debug, Clone)]
struct Step {
    /// At any depth below.
    deep: bool,
    name: String,
    only: Option<Only>,
}

/// Which of the elements that a step names.
#[derive(Debug, Clone)]
enum Only {
    /// From 1, among those of one parent.
    Nth(usize),
    Attribute(String, String),
    Child(String, String),
}

impl XmlPath {
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        if path.len() > XML_PATH_MAX_BYTES {
            return Err(format!("is longer than {XML_PATH_MAX_BYTES} bytes"));
        }
        let mut parsed = Self { steps: Vec::new(), attribute: None };
        let parts = parts(path).ok_or("is no path such as /answer/lead[2]/@id, from the root")?;
        for (deep, part) in parts {
            let wrong = || {
                format!(
                    "has a step `{part}` that is none; steps are name, *, name[2], name[@a='x'] and name[a='x'], at the end @a"
                )
            };
            if parsed.attribute.is_some() {
                return Err("goes on behind an attribute".to_owned());
            }
            match part.strip_prefix('@') {
                Some(name) if is_name(name) && !deep => parsed.attribute = Some(name.to_owned()),
                Some(_) => return Err(wrong()),
                None => parsed.steps.push(Step::parse(part, deep).ok_or_else(wrong)?),
            }
        }
        match parsed.steps.iter().filter(|step| step.deep).count() {
            _ if parsed.steps.is_empty() => Err("names no element".to_owned()),
            0 | 1 => Ok(parsed),
            _ => Err("would be too costly: it may hold one \"//\"".to_owned()),
        }
    }

    /// The texts of what the path finds, trimmed, in the document's order.
    pub(super) fn find<'a>(&self, document: &'a Document) -> Vec<&'a str> {
        let mut at = vec![&document.top];
        for step in &self.steps {
            let mut parents = Vec::new();
            match step.deep {
                true => at.iter().for_each(|element| element.and_below(&mut parents)),
                false => parents = at,
            }
            at = parents.iter().flat_map(|parent| step.of(parent, document)).collect();
        }
        at.sort_by_key(|element| element.order);
        let text = |element: &&'a Element| match &self.attribute {
            Some(name) => element.attribute(name).map(str::trim),
            None => Some(document.text[element.text.clone()].trim()),
        };
        at.iter().filter_map(text).collect()
    }
}

/// The steps, each with whether `//` stands before it; a `/` between quotes is none. None if the path does not begin with `/`.
fn parts(path: &str) -> Option<Vec<(bool, &str)>> {
    let (mut found, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        rest = rest.strip_prefix('/')?;
        let deep = rest.starts_with('/');
        rest = rest.strip_prefix('/').unwrap_or(rest);
        let mut quote = None;
        let end = rest.find(|sign| match quote {
            Some(open) => {
                quote = quote.filter(|_| sign != open);
                false
            }
            None => {
                quote = matches!(sign, '\'' | '"').then_some(sign);
                sign == '/'
            }
        });
        let (part, next) = rest.split_at(end.unwrap_or(rest.len()));
        found.push((deep, part));
        rest = next;
    }
    Some(found)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

impl Step {
    fn parse(text: &str, deep: bool) -> Option<Self> {
        let (name, only) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((name, only)) => (name, Some(Only::parse(only)?)),
            None => (text, None),
        };
        (name == "*" || is_name(name)).then(|| Self { deep, name: name.to_owned(), only })
    }

    fn of<'a>(&self, parent: &'a Element, document: &Document) -> Vec<&'a Element> {
        let named = parent.children.iter().filter(|child| is_named(&child.name, &self.name));
        match &self.only {
            None => named.collect(),
            Some(Only::Nth(n)) => named.skip(n - 1).take(1).collect(),
            Some(Only::Attribute(name, text)) => {
                named.filter(|element| element.attribute(name) == Some(text)).collect()
            }
            Some(Only::Child(name, text)) => {
                let says = |child: &Element| document.text[child.text.clone()].trim() == text;
                let has = |element: &&Element| {
                    element.children.iter().any(|child| is_named(&child.name, name) && says(child))
                };
                named.filter(has).collect()
            }
        }
    }
}

impl Only {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(n) = text.parse() {
            return (n > 0).then_some(Self::Nth(n));
        }
        let (name, value) = text.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let value = value.strip_prefix(quote)?.strip_suffix(quote)?.to_owned();
        match name.strip_prefix('@') {
            Some(name) if is_name(name) => Some(Self::Attribute(name.to_owned(), value)),
            None if is_name(name) => Some(Self::Child(name.to_owned(), value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANSWER: &str = r#"<?xml version="1.0"?>
        <!DOCTYPE r [<!ENTITY e "boom">]>
        <s:r xmlns:s="urn:x"><!-- note -->
          <s:lead id="7" kind='a&amp;b'><status> sold &amp; done </status><code><![CDATA[<ok>]]></code></s:lead>
          <s:lead id="8"><status>no</status><why>&e;&#33;</why><deep><lead id="9"/></deep></s:lead>
          <t:lead xmlns:t="urn:y" id="10"><status>x<b>y</b>z</status></t:lead>
        </s:r>"#;

    fn find(path: &str) -> Vec<String> {
        let document = Document::parse(ANSWER).expect("well-formed");
        let path = XmlPath::parse(path).unwrap_or_else(|why| panic!("{path} {why}"));
        path.find(&document).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_path_finds_texts_and_attributes_in_order() {
        for (path, found) in [
            ("/r/lead/status", vec!["sold & done", "no", "xyz"]),
            ("/r/lead[2]/status", vec!["no"]),
            ("/r/lead[4]/status", vec![]),
            ("/s:r/s:lead/@id", vec!["7", "8"]),
            ("/r/t:lead/@id", vec!["10"]),
            ("//lead/@id", vec!["7", "8", "9", "10"]),
            ("//lead[1]/@id", vec!["7", "9"]),
            ("/r//lead[@id='9']/@id", vec!["9"]),
            ("/r/lead[@kind='a&b']/code", vec!["<ok>"]),
            ("/r/lead[status=\"no\"]/why", vec!["&e;!"]),
            ("/*/*/@id", vec!["7", "8", "10"]),
            ("/lead", vec![]),
            ("/r/nothing/@x", vec![]),
        ] {
            assert_eq!(find(path), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (path, says) in [
            ("", "names no element"),
            ("a/b", "from the root"),
            ("/", "step ``"),
            ("/a/", "step ``"),
            ("/a[0]", "step `a[0]`"),
            ("/a[x]", "step `a[x]`"),
            ("/a[@b=c]", "step `a[@b=c]`"),
            ("/a/@b/c", "behind an attribute"),
            ("/@b", "names no element"),
            ("//a//b", "too costly"),
            ("/a/text()", "step `text()`"),
            ("/a b", "step `a b`"),
        ] {
            let why = XmlPath::parse(path).expect_err(path);
            assert!(why.contains(says), "{path}: {why}");
        }
        assert!(XmlPath::parse(&"/a".repeat(101)).unwrap_err().contains("longer than 200"));
        assert!(XmlPath::parse("/a[@b='x/y]']/c").is_ok(), "a quoted slash is no step");
    }

    #[test]
    fn what_is_no_xml_has_no_values() {
        let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        for wrong in [
            "",
            "ok",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "{\"a\": 1}",
            "<a b=c/>",
            "<a b='1' b='2'/>",
        ] {
            assert!(Document::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Document::parse(&nested(XML_DEPTH_MAX)).is_some());
        assert!(Document::parse(&nested(XML_DEPTH_MAX + 1)).is_none());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[<>/a-b =\"'&;!\\[\\]-]{0,60}", path in "[/a-b@*\\[\\]='1]{0,20}") {
            if let (Some(document), Ok(path)) = (Document::parse(&text), XmlPath::parse(&path)) {
                let _ = path.find(&document);
            }
        }
    }
}
