//! Stage 7: what exactly is sent?

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::date::Date;
use super::view::{is_blank, lookup, scalar_text};

/// The payload as an operator lays it out. The tree says what is sent; how it is written (JSON, XML, form or
/// multipart) is the endpoint's body format: `payload_body.rs`. No nodes means: the default document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PayloadTree {
    pub nodes: Vec<Node>,
}

/// One node. Items of an array have no key, all others must.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Node {
    Field(Field),
    Object {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        children: Vec<Node>,
    },
    Array {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        items: Vec<Node>,
    },
}

/// A leaf: either read from the lead view (`source`) or hard-coded (`value`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(default, rename = "type")]
    pub field_type: FieldType,
    #[serde(default)]
    pub required: bool,
    /// strftime, only with type `date`; without it a day is `2026-01-31`, a moment RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Leaves the key out when there is nothing to send; otherwise null is sent.
    #[serde(default)]
    pub omit_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldType {
    #[default]
    String,
    Number,
    Boolean,
    Date,
    /// A lead's file (`file.<key>`): its URL is sent. Leadrail never fetches files.
    File,
}

/// Why a field could not be sent. `path` is the payload's (`applicant.tags[1]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldError {
    pub path: String,
    pub source: Option<String>,
    pub message: String,
}

impl FieldError {
    /// What is wrong with the payload as a whole.
    pub fn of_whole(message: String) -> Self {
        Self { path: "payload".into(), source: None, message }
    }
}

impl Node {
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Field(field) => field.key.as_deref(),
            Self::Object { key, .. } | Self::Array { key, .. } => key.as_deref(),
        }
    }

    pub(super) fn children(&self) -> &[Node] {
        match self {
            Self::Field(_) => &[],
            Self::Object { children, .. } => children,
            Self::Array { items, .. } => items,
        }
    }
}

/// `applicant.tags[1]`: the payload path of a node below `at`.
pub(super) fn below(at: &str, node: &Node, index: usize, in_array: bool) -> String {
    match node.key().filter(|_| !in_array) {
        Some(key) if at.is_empty() => key.to_owned(),
        Some(key) => format!("{at}.{key}"),
        None => format!("{at}[{index}]"),
    }
}

impl PayloadTree {
    /// What is sent for this lead, or every field that stands in the way. The tree must have been validated:
    /// that bounds its depth.
    pub fn render(&self, view: &Value) -> Result<Value, Vec<FieldError>> {
        if self.nodes.is_empty() {
            return Ok(default_document(view));
        }
        let mut errors = Vec::new();
        let sent = render_object(&self.nodes, "", view, &mut errors);
        if errors.is_empty() { Ok(Value::Object(sent)) } else { Err(errors) }
    }

    /// The sources of all fields marked required, each with its payload path.
    pub fn required_sources(&self) -> Vec<(&str, String)> {
        let mut found = Vec::new();
        collect_required(&self.nodes, "", false, &mut found);
        found
    }
}

fn collect_required<'a>(
    nodes: &'a [Node],
    at: &str,
    in_array: bool,
    found: &mut Vec<(&'a str, String)>,
) {
    for (i, node) in nodes.iter().enumerate() {
        let here = below(at, node, i, in_array);
        match node {
            Node::Field(Field { required: true, source: Some(source), .. }) => {
                found.push((source, here));
            }
            _ => {
                let array = matches!(node, Node::Array { .. });
                collect_required(node.children(), &here, array, found);
            }
        }
    }
}

fn render_object(
    nodes: &[Node],
    at: &str,
    view: &Value,
    errors: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let mut sent = Map::new();
    for (i, node) in nodes.iter().enumerate() {
        let value = render_node(node, &below(at, node, i, false), view, errors);
        if let (Some(key), Some(value)) = (node.key(), value) {
            sent.insert(key.to_owned(), value);
        }
    }
    sent
}

/// None means: leave it out.
fn render_node(node: &Node, at: &str, view: &Value, errors: &mut Vec<FieldError>) -> Option<Value> {
    match node {
        Node::Object { children, .. } => {
            Some(Value::Object(render_object(children, at, view, errors)))
        }
        Node::Array { items, .. } => {
            let render = |(i, item)| render_node(item, &below(at, item, i, true), view, errors);
            Some(Value::Array(items.iter().enumerate().filter_map(render).collect()))
        }
        Node::Field(field) => field.render(view).unwrap_or_else(|message| {
            errors.push(FieldError { path: at.to_owned(), source: field.source.clone(), message });
            None
        }),
    }
}

impl Field {
    fn render(&self, view: &Value) -> Result<Option<Value>, String> {
        let given = match (&self.source, &self.value) {
            (Some(source), _) => lookup(view, source),
            (None, value) => value.as_ref(),
        };
        match given {
            Some(value) if !is_blank(given) => self.convert(value).map(Some),
            _ if self.required => Err("is required, but there is nothing to send".to_owned()),
            _ if self.omit_empty => Ok(None),
            _ => Ok(Some(Value::Null)),
        }
    }

    /// A value in the type that the buyer was promised, or what is wrong with it.
    pub(super) fn convert(&self, value: &Value) -> Result<Value, String> {
        if self.field_type == FieldType::File {
            return file_url(value).map(Value::String);
        }
        let Some(text) = scalar_text(value) else {
            let hint = "write a computed key, such as {{ questionnaire.x | join(\", \") }}";
            return Err(format!("is a list or an object, which is no single value; {hint}"));
        };
        match (self.field_type, value) {
            (FieldType::String, _) => Ok(Value::String(text)),
            (FieldType::Number, Value::Number(_)) | (FieldType::Boolean, Value::Bool(_)) => {
                Ok(value.clone())
            }
            (FieldType::Number, _) => read_number(&text)
                .map(Value::Number)
                .ok_or_else(|| format!("{value} is not a number")),
            (FieldType::Boolean, _) => read_boolean(&text)
                .map(Value::Bool)
                .ok_or_else(|| format!("{value} is neither true nor false")),
            (FieldType::Date, _) => self.write_date(&text).map(Value::String),
            (FieldType::File, _) => file_url(value).map(Value::String),
        }
    }

    fn write_date(&self, text: &str) -> Result<String, String> {
        let date = Date::read(text).ok_or_else(|| format!("\"{text}\" is not an ISO date"))?;
        match &self.format {
            Some(format) => date.write(format).map_err(|e| e.to_string()),
            None => Ok(text.trim().to_owned()),
        }
    }
}

/// Where a file lies: the `documentUrl` of a lead's file, or a text that is a URL itself.
fn file_url(value: &Value) -> Result<String, String> {
    let url = value.get("documentUrl").unwrap_or(value).as_str().map(str::trim);
    let is_web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let wrong = "is no file: that is an object with a documentUrl, or an http or https URL";
    url.filter(is_web).map(str::to_owned).ok_or_else(|| wrong.to_owned())
}

/// Reads a plain decimal number (`-12.50`), whole ones as integers; no signs for thousands or money.
pub(super) fn read_number(text: &str) -> Option<Number> {
    let text = text.trim();
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.')) {
        return None;
    }
    // 10.0 is 10, as long as a float holds whole numbers exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < EXACT;
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => Some(Number::from(number)),
        (_, Ok(number)) if whole(&number) => Some(Number::from(number as i64)),
        (_, Ok(number)) => Number::from_f64(number),
        _ => None,
    }
}

/// Reads the words that forms use for a tick box.
pub(super) fn read_boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "on" => Some(true),
        "false" | "no" | "n" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// What is sent when a campaign lays out no payload: who the lead is, where, what was answered and consented to,
/// and where it came from. Never scores, internal status, other campaigns or the contact's history.
pub fn default_document(view: &Value) -> Value {
    const LEAD: [&str; 9] = [
        "id",
        "firstName",
        "lastName",
        "email",
        "phone",
        "country",
        "dateOfBirth",
        "isTest",
        "createdAt",
    ];
    let part = |root: &str| view.get(root).filter(|part| !is_blank(Some(part))).cloned();
    let chosen = |root: &str, keys: &[&str]| {
        let part = view.get(root)?.as_object()?;
        let pick = |key: &&str| Some(((*key).to_owned(), part.get(*key)?.clone()));
        Some(Value::Object(keys.iter().filter_map(pick).collect())).filter(|v| !is_blank(Some(v)))
    };
    let parts = [
        ("lead", chosen("lead", &LEAD)),
        ("address", part("address")),
        ("questionnaire", part("questionnaire")),
        ("custom", part("custom")),
        ("compliance", part("compliance")),
        ("attribution", part("attribution")),
    ];
    let mut sent = Map::new();
    for (name, part) in parts {
        sent.insert(name.to_owned(), part.unwrap_or_else(|| json!({})));
    }
    Value::Object(sent)
}
