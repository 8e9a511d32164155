//! A lead: a contact in a campaign, and what the source said about them.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub mod answers;
pub mod parts;

/// Characters of a text in an answer, a custom field or `compliance`, at most.
pub const TEXT_MAX: usize = 5_000;
/// Characters of a key of a question, a custom field or a file, at most.
pub const KEY_MAX: usize = 64;

/// Whether a text can be the last part of a field path.
pub fn is_key(text: &str) -> bool {
    (1..=KEY_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Whether a lead is worked on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum LeadStatus {
    /// The default of new leads; processed.
    Active,
    /// Successful; no longer processed.
    Qualified,
    /// Unsuccessful; no longer processed.
    Rejected,
    /// Like another lead, and still processed.
    Duplicate,
    /// Invalid; no longer processed.
    Deleted,
}

impl LeadStatus {
    /// The gate: only these leads go through the pipeline, automation and scoring.
    pub fn is_processed(self) -> bool {
        matches!(self, Self::Active | Self::Duplicate)
    }

    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Qualified => "qualified",
            Self::Rejected => "rejected",
            Self::Duplicate => "duplicate",
            Self::Deleted => "deleted",
        }
    }
}

/// One answer of a questionnaire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// What rules and payloads call it: `questionnaire.<key>`.
    pub key: String,
    /// The question as the person saw it; the key itself when the source gave none.
    pub question: String,
    /// Text, number, boolean or a list of these.
    #[schema(value_type = Object)]
    pub answer: Value,
}

/// What a source says about a person beyond name, email and phone. Every member may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub address: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questionnaire: Vec<Answer>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub custom_fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attribution: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub compliance: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Value>,
}

impl Details {
    /// Takes over answers by field path (`questionnaire.…`, `custom.…`): one that was there keeps its question.
    pub fn learn(&mut self, answers: &Map<String, Value>) {
        for (path, answer) in answers {
            if let Some(key) = path.strip_prefix("custom.") {
                self.custom_fields.insert(key.to_owned(), answer.clone());
            } else if let Some(key) = path.strip_prefix("questionnaire.") {
                match self.questionnaire.iter_mut().find(|known| known.key == key) {
                    Some(known) => known.answer = answer.clone(),
                    None => self.questionnaire.push(Answer {
                        key: key.to_owned(),
                        question: key.to_owned(),
                        answer: answer.clone(),
                    }),
                }
            }
        }
    }

    /// The document of this key.
    pub fn file(&self, key: &str) -> Option<&Value> {
        self.files.iter().find(|file| file_key(file) == Some(key))
    }

    /// Keeps a document: one that has its key stays where it is, and what is not said of it anew stays too.
    pub fn put_file(&mut self, file: Value) {
        let known = self.files.iter_mut().find(|one| file_key(one) == file_key(&file));
        match (known, file) {
            (Some(Value::Object(known)), Value::Object(said)) => known.extend(said),
            (Some(known), file) => *known = file,
            (None, file) => self.files.push(file),
        }
    }

    /// Takes over what `newer` says; lists of answers, documents and maps are merged by key.
    pub fn merge(&mut self, newer: Self) {
        for (mine, theirs) in [
            (&mut self.address, newer.address),
            (&mut self.custom_fields, newer.custom_fields),
            (&mut self.attribution, newer.attribution),
            (&mut self.compliance, newer.compliance),
        ] {
            mine.extend(theirs);
        }
        for answer in newer.questionnaire {
            match self.questionnaire.iter_mut().find(|mine| mine.key == answer.key) {
                Some(mine) => *mine = answer,
                None => self.questionnaire.push(answer),
            }
        }
        for file in newer.files {
            self.put_file(file);
        }
        self.notes.extend(newer.notes);
        self.date_of_birth = newer.date_of_birth.or(self.date_of_birth.take());
        self.country = newer.country.or(self.country.take());
        self.timezone = newer.timezone.or(self.timezone.take());
    }
}

/// What a kept document is known by among those of its lead.
fn file_key(file: &Value) -> Option<&str> {
    file.get("fileKey")?.as_str()
}

/// Name, email and phone, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub first_name: String,
    pub last_name: String,
    /// Lower case.
    pub email: String,
    /// E.164.
    pub phone: String,
}
