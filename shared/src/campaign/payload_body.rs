//! How a payload is written: JSON, XML, form or multipart; and the query of a GET.
use super::payload_form::{self, pairs};
use super::payload_xml;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest query that a GET may carry, in bytes: most servers take 8 KiB of URL.
pub const QUERY_MAX_BYTES: usize = 6 * 1024;

/// What most APIs read, and what a carry of earlier releases holds without saying so.
pub const JSON_TYPE: &str = "application/json";

/// How the payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Json,
    Xml,
    /// `application/x-www-form-urlencoded`; for a GET the query of the URL.
    Form,
    /// `multipart/form-data`. Every part is a text: files are sent as their URLs.
    Multipart,
}

impl Format {
    /// The word in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Form => "form",
            Self::Multipart => "multipart",
        }
    }
}

/// How XML is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct XmlSettings {
    /// Name of the root element.
    pub root: String,
    /// Wraps the items of an array into an element with the array's key, each item in one of this name. Without it the element with the
    /// array's key is repeated, once for each item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_name: Option<String>,
    /// Whether `<?xml version="1.0" encoding="UTF-8"?>` comes first.
    pub declaration: bool,
    /// Attributes of the root element, such as `xmlns`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub content_type: XmlType,
}

impl Default for XmlSettings {
    fn default() -> Self {
        Self {
            root: "lead".into(),
            item_name: None,
            declaration: true,
            attributes: BTreeMap::new(),
            content_type: XmlType::default(),
        }
    }
}

/// What XML is announced as. SOAP 1.1 wants `text/xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub enum XmlType {
    #[default]
    #[serde(rename = "application/xml")]
    Application,
    #[serde(rename = "text/xml")]
    Text,
}

/// How the names of nested fields are written in forms, in multipart and in queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FormSettings {
    pub nesting: Nesting,
    pub arrays: Arrays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nesting {
    /// `home[zip]`
    #[default]
    Brackets,
    /// `home.zip`
    Dots,
}

/// How the values of an array are named. Objects in an array always carry their position: `cars[0][make]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrays {
    /// `tags=a&tags=b`
    #[default]
    Repeat,
    /// `tags[]=a&tags[]=b`
    Brackets,
}

/// How one endpoint's payload is written.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    pub format: Format,
    /// The fields go into the query.
    pub in_query: bool,
    pub xml: Option<&'a XmlSettings>,
    pub form: FormSettings,
}

/// A payload as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// None when there is no body.
    pub content_type: Option<String>,
    pub text: String,
    /// What is added to the URL.
    pub query: Option<String>,
}

impl Writing<'_> {
    /// Writes it. The same document and key give the same bytes, always. Fails, with the reason, only when a query is too long.
    pub fn write(self, document: &Value, key: &str) -> Result<Body, String> {
        if self.in_query {
            let query = payload_form::urlencoded(&pairs(document, self.form));
            if query.len() > QUERY_MAX_BYTES {
                let (is, most) = (query.len(), QUERY_MAX_BYTES);
                return Err(format!("makes a query of {is} bytes; a GET carries at most {most}"));
            }
            return Ok(Body { content_type: None, text: String::new(), query: Some(query) });
        }
        let (content_type, text) = match self.format {
            Format::Json => (JSON_TYPE.to_owned(), document.to_string()),
            Format::Xml => {
                let default = XmlSettings::default();
                let settings = self.xml.unwrap_or(&default);
                let kind = match settings.content_type {
                    XmlType::Application => "application/xml",
                    XmlType::Text => "text/xml",
                };
                (format!("{kind}; charset=utf-8"), payload_xml::write(document, settings))
            }
            Format::Form => {
                let text = payload_form::urlencoded(&pairs(document, self.form));
                ("application/x-www-form-urlencoded".to_owned(), text)
            }
            Format::Multipart => payload_form::multipart(&pairs(document, self.form), key),
        };
        Ok(Body { content_type: Some(content_type), text, query: None })
    }
}

#[cfg(test)]
#[path = "payload_body_tests.rs"]
mod tests;
