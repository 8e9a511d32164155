//! The members of a lead's body that are objects themselves, and their limits.
use super::{KEY_MAX, TEXT_MAX, is_key};
use crate::{clock::Time, rules::Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Characters of the notes, at most.
pub const NOTES_MAX: usize = 10_000;
/// Characters of a line of an address, at most.
pub const ADDRESS_LINE_MAX: usize = 200;
/// Characters of a named attribution value, a link or an attribution parameter, at most.
pub const ATTRIBUTION_TEXT_MAX: usize = 2_000;
/// Attribution parameters, at most.
pub const ATTRIBUTION_PARAMS_MAX: usize = 100;
/// Custom fields, at most.
pub const CUSTOM_FIELDS_MAX: usize = 200;
/// Members of `compliance`, at most.
pub const COMPLIANCE_MAX: usize = 50;
/// Files, at most.
pub const FILES_MAX: usize = 50;

/// The lines of an address, as [`Address`] has them.
pub const ADDRESS_FIELDS: [&str; 6] = ["street", "unit", "city", "state", "zip", "country"];
/// The named values of an attribution, as [`Attribution`] has them.
pub const ATTRIBUTION_FIELDS: [&str; 16] = [
    "captureUrl",
    "referrer",
    "ipAddress",
    "userAgent",
    "gclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "fbc",
    "fbp",
    "ttclid",
    "ttp",
    "msclkid",
    "tblci",
    "adPlatform",
    "capturePlatform",
];

/// Every problem found so far.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn say(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(path, message));
    }

    /// The value, or its problem noted.
    pub fn take<T>(&mut self, path: &str, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|why| self.say(path, why)).ok()
    }

    pub fn at_most(&mut self, path: &str, given: usize, most: usize, what: &str) {
        if given > most {
            self.say(path, format!("has {given} {what}; at most {most} are allowed"));
        }
    }

    /// Every text within the value has at most `most` characters.
    pub fn texts(&mut self, path: &str, value: &Value, most: usize) {
        match value {
            Value::String(text) => self.at_most(path, text.chars().count(), most, "characters"),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.texts(&format!("{path}[{at}]"), item, most);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.texts(&format!("{path}.{key}"), item, most);
                }
            }
            _ => {}
        }
    }

    /// Every text of a struct's members, by their JSON names; absent ones are left out of the map.
    fn members(&mut self, path: &str, given: &impl Serialize, most: usize) -> Map<String, Value> {
        let value = serde_json::to_value(given).expect("a part of a lead is plain data");
        self.texts(path, &value, most);
        if let Value::Object(map) = value { map } else { Map::new() }
    }

    /// A map with good keys and texts that are not too long.
    pub fn map(&mut self, path: &str, map: &Map<String, Value>, most: usize) {
        self.at_most(path, map.len(), most, "members");
        for (key, value) in map {
            let at = format!("{path}.{key}");
            if !is_key(key) {
                self.say(&at, key_rule());
            }
            self.texts(&at, value, TEXT_MAX);
        }
    }
}

/// What is said of a key that is none.
pub fn key_rule() -> String {
    format!("is no key; a key is 1 to {KEY_MAX} letters, digits, `_` or `-`")
}

/// Where a person lives.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "CA")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "US")]
    pub country: Option<String>,
}

impl Address {
    pub fn check(&self, problems: &mut Problems) -> Map<String, Value> {
        problems.members("address", self, ADDRESS_LINE_MAX)
    }
}

/// Where a lead came from.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Attribution {
    /// UTM and other parameters, at most 100 of at most 2,000 characters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object, example = json!({"utm_source": "google"}))]
    pub params: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gbraid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wbraid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttclid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msclkid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tblci: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture_platform: Option<String>,
}

impl Attribution {
    pub fn check(&self, problems: &mut Problems) -> Map<String, Value> {
        problems.at_most(
            "attribution.params",
            self.params.len(),
            ATTRIBUTION_PARAMS_MAX,
            "members",
        );
        for (key, value) in &self.params {
            if value.is_object() || value.is_array() {
                let rule = "must be text, a number or a boolean";
                problems.say(format!("attribution.params.{key}"), rule);
            }
        }
        problems.members("attribution", self, ATTRIBUTION_TEXT_MAX)
    }
}

/// A document that lies elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// What rules and payloads call it: `file.<fileKey>`.
    #[schema(example = "id_card")]
    pub file_key: String,
    pub file_name: String,
    /// The file name's extension.
    #[schema(example = "pdf")]
    pub file_type: String,
    /// An http or https URL. Leadrail does not fetch it.
    pub document_url: String,
    #[serde(default)]
    pub status: FileStatus,
}

/// How far a document is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    #[default]
    Pending,
    Uploaded,
    Viewed,
    InProgress,
    Signed,
    Verified,
    Expired,
    Declined,
    Failed,
}

/// Checks the files of a lead.
pub fn files(given: &[&Attachment], problems: &mut Problems) -> Vec<Value> {
    problems.at_most("files", given.len(), FILES_MAX, "entries");
    let mut kept = Vec::with_capacity(given.len());
    for (at, file) in given.iter().enumerate() {
        let path = format!("files[{at}]");
        if !is_key(&file.file_key) {
            problems.say(format!("{path}.fileKey"), key_rule());
        } else if given[..at].iter().any(|other| other.file_key == file.file_key) {
            problems
                .say(format!("{path}.fileKey"), "is in the list already; each key names one file");
        }
        if !is_web(&file.document_url) {
            problems.say(format!("{path}.documentUrl"), "is not an http or https URL");
        }
        kept.push(Value::Object(problems.members(&path, file, ATTRIBUTION_TEXT_MAX)));
    }
    kept
}

/// Whether a document can be there.
pub fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// A note as it is kept.
pub fn note(text: &str, by: &str, at: Time) -> Value {
    serde_json::json!({ "text": text, "createdAt": at, "createdBy": by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_fields_are_those_of_the_structs() {
        let known = |wrong: serde_json::Error| {
            let wrong = wrong.to_string();
            let names = wrong.split('`').skip(3).step_by(2).map(str::to_owned);
            names.collect::<Vec<_>>()
        };
        let odd = serde_json::json!({"-": 1});
        let address = serde_json::from_value::<Address>(odd.clone()).unwrap_err();
        assert_eq!(known(address), ADDRESS_FIELDS);
        let attribution = serde_json::from_value::<Attribution>(odd).unwrap_err();
        assert_eq!(known(attribution)[1..], ATTRIBUTION_FIELDS);
    }
}
