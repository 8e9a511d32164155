//! Payloads as XML.
use super::payload_body::XmlSettings;
use super::view::scalar_text;
use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A key that begins so is an attribute of the element around it.
pub(super) const ATTRIBUTE: char = '@';

/// What items of a list in a list are called: a payload tree has none, a lead's own data may.
const ITEM: &str = "item";

/// Writes the document below the settings' root element. Characters that XML cannot hold are left out; names that are none (a tree's are
/// checked when it is saved, a lead's own are not) are mended.
pub(super) fn write(document: &Value, settings: &XmlSettings) -> String {
    let mut writing = Writing { to: Writer::new(Vec::new()), settings };
    if settings.declaration {
        writing.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    }
    let attributes = settings.attributes.iter().map(|(name, value)| (name.clone(), value.clone()));
    writing.element(&settings.root, document, attributes.collect());
    String::from_utf8(writing.to.into_inner()).expect("only text was written")
}

struct Writing<'a> {
    to: Writer<Vec<u8>>,
    settings: &'a XmlSettings,
}

impl Writing<'_> {
    fn put(&mut self, event: Event<'_>) {
        self.to.write_event(event).expect("memory takes everything");
    }

    fn element(&mut self, name: &str, value: &Value, mut attributes: Vec<(String, String)>) {
        let name = name_of(name);
        if let Value::Object(map) = value {
            attributes.extend(own_attributes(map));
        }
        let mut start = BytesStart::new(name.as_ref());
        for (attribute, text) in &attributes {
            let text = escaped(text).replace('\n', "&#10;").replace('\t', "&#9;");
            start.push_attribute((attribute.as_bytes(), text.as_bytes()));
        }
        self.put(Event::Start(start));
        self.content(&name, value);
        self.put(Event::End(BytesEnd::new(name.as_ref())));
    }

    fn content(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                let elements = map.iter().filter(|(key, value)| !is_attribute(key, value));
                elements.for_each(|(key, value)| self.member(key, value));
            }
            Value::Array(items) => {
                let item = self.settings.item_name.as_deref().unwrap_or(match name {
                    ITEM => "value",
                    _ => ITEM,
                });
                items.iter().for_each(|value| self.element(item, value, Vec::new()));
            }
            scalar => {
                let text = scalar_text(scalar).unwrap_or_default();
                self.put(Event::Text(BytesText::from_escaped(escaped(&text))));
            }
        }
    }

    fn member(&mut self, key: &str, value: &Value) {
        match value {
            Value::Array(items) if self.settings.item_name.is_none() => {
                items.iter().for_each(|item| self.element(key, item, Vec::new()));
            }
            _ => self.element(key, value, Vec::new()),
        }
    }
}

fn is_attribute(key: &str, value: &Value) -> bool {
    key.strip_prefix(ATTRIBUTE).is_some_and(is_name) && !value.is_object() && !value.is_array()
}

/// An attribute without a value is left out.
fn own_attributes(map: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    let own = map.iter().filter(|(key, value)| is_attribute(key, value));
    own.filter_map(|(key, value)| Some((key[1..].to_owned(), scalar_text(value)?)))
}

/// Text as XML holds it. What a parser would change is written as a reference.
fn escaped(text: &str) -> String {
    let clean: String = text.chars().filter(|c| is_xml(*c)).collect();
    escape(&clean).replace('\r', "&#13;")
}

/// Whether XML 1.0 can hold a character.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a text can name an element or an attribute, by the letters that every parser takes.
pub(super) fn is_name(text: &str) -> bool {
    let (prefix, local) = text.split_once(':').unwrap_or(("x", text));
    [prefix, local].into_iter().all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    })
}

/// The name itself, or one that is near to it.
fn name_of(text: &str) -> Cow<'_, str> {
    if is_name(text) {
        return Cow::Borrowed(text);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mended: String = text.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let begins = mended.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    Cow::Owned(if begins { mended } else { format!("_{mended}") })
}
