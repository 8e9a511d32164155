//! Whether an endpoint's body format, its settings, its method and its payload fit together.
use super::config::{EndpointConfig, Method};
use super::payload::Node;
use super::payload_body::{Format, XmlSettings};
use super::payload_xml::{ATTRIBUTE, is_name};
use super::problem::{Problem, refuse};

/// Attributes of the root element, at most.
pub const XML_ATTRIBUTES_MAX: usize = 20;

/// Longest name of an element or attribute and longest value of an attribute, in bytes.
pub const XML_TEXT_MAX_BYTES: usize = 500;

const NAME_RULE: &str = "is no XML name: a letter or `_`, then letters, digits, `_`, `-`, `.`, and \
                         at most one `:`; not beginning with xml";

pub(super) fn check_body(one: &EndpointConfig, at: &str, problems: &mut Vec<Problem>) {
    let format = one.format.name();
    if one.method == Method::Get && one.format != Format::Form {
        let why =
            format!("is `{format}`; a GET carries its fields in the URL, so set it to `form`");
        refuse(problems, format!("{at}.format"), why);
    }
    if one.form.is_some() && !matches!(one.format, Format::Form | Format::Multipart) {
        let why = format!("is for the formats `form` and `multipart`, not for `{format}`");
        refuse(problems, format!("{at}.form"), why);
    }
    match &one.xml {
        Some(_) if one.format != Format::Xml => {
            let why = format!("is for the format `xml`, not for `{format}`");
            refuse(problems, format!("{at}.xml"), why);
        }
        Some(settings) => check_settings(settings, &format!("{at}.xml"), problems),
        None => {}
    }
    if one.format == Format::Xml {
        check_names(&one.payload.nodes, &format!("{at}.payload.nodes"), problems);
        check_twice(one, at, problems);
    }
}

fn check_settings(settings: &XmlSettings, at: &str, problems: &mut Vec<Problem>) {
    let item = settings.item_name.as_deref().map(|name| ("itemName", name));
    for (member, name) in [("root", settings.root.as_str())].into_iter().chain(item) {
        if !is_element(name) {
            refuse(problems, format!("{at}.{member}"), format!("\"{}\" {NAME_RULE}", brief(name)));
        }
    }
    if settings.attributes.len() > XML_ATTRIBUTES_MAX {
        let why = format!("has more than {XML_ATTRIBUTES_MAX} entries");
        refuse(problems, format!("{at}.attributes"), why);
    }
    for (name, value) in &settings.attributes {
        let here = format!("{at}.attributes.{}", brief(name));
        if !is_name(name) || name.len() > XML_TEXT_MAX_BYTES {
            refuse(problems, here, "is no XML name");
        } else if value.len() > XML_TEXT_MAX_BYTES || value.chars().any(char::is_control) {
            let why = format!("has at most {XML_TEXT_MAX_BYTES} bytes, no control characters");
            refuse(problems, here, why);
        }
    }
}

fn check_names(nodes: &[Node], at: &str, problems: &mut Vec<Problem>) {
    for (i, node) in nodes.iter().enumerate() {
        let here = format!("{at}[{i}]");
        if let Some(key) = node.key().filter(|key| !key.trim().is_empty()) {
            check_key(node, key, &format!("{here}.key"), problems);
        }
        let list = if matches!(node, Node::Array { .. }) { "items" } else { "children" };
        check_names(node.children(), &format!("{here}.{list}"), problems);
    }
}

fn check_key(node: &Node, key: &str, at: &str, problems: &mut Vec<Problem>) {
    match key.strip_prefix(ATTRIBUTE) {
        Some(_) if !matches!(node, Node::Field(_)) => {
            refuse(problems, at, "begins with @: an attribute is a field, not an object or array");
        }
        Some(name) if !is_name(name) => {
            refuse(problems, at, "is no XML name behind its @");
        }
        None if !is_element(key) => {
            refuse(problems, at, format!("\"{}\" {NAME_RULE}", brief(key)));
        }
        Some(_) | None => {}
    }
}

/// An attribute of the root stands either in the settings or in the tree.
fn check_twice(one: &EndpointConfig, at: &str, problems: &mut Vec<Problem>) {
    let Some(settings) = &one.xml else { return };
    for (i, node) in one.payload.nodes.iter().enumerate() {
        let name = node.key().and_then(|key| key.strip_prefix(ATTRIBUTE));
        if name.is_some_and(|name| settings.attributes.contains_key(name)) {
            let here = format!("{at}.payload.nodes[{i}].key");
            refuse(problems, here, "is an attribute that xml.attributes sets already");
        }
    }
}

fn is_element(name: &str) -> bool {
    let reserved = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
    is_name(name) && !reserved && name.len() <= XML_TEXT_MAX_BYTES
}

fn brief(name: &str) -> String {
    name.chars().take(40).collect()
}
