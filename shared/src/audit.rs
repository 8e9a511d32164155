//! The audit log: who did what to what, when, and what it was before and after.
use crate::ids::KeyId;
use serde_json::{Value, json};

mod diff;

pub use diff::diff;

/// Objects that a bulk change names one by one in the audit log, at most; what was done to more is told by its counts.
pub const NAMED_MAX: usize = 1_000;

/// Who does something: a key, or a command on the machine. What the program does by itself is told by journeys, histories and firings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `key NAME` or `command NAME`.
    pub name: String,
    pub key: Option<KeyId>,
    /// The request, as log lines name it.
    pub request: Option<String>,
}

impl Actor {
    /// Somebody on the machine, by the command that they gave: `command keys create`.
    pub fn command(words: &str) -> Self {
        Self { name: format!("command {words}"), key: None, request: None }
    }
}

/// What stands before the dot of an action: what it is about.
pub fn area(action: &str) -> &str {
    action.split_once('.').map_or(action, |(area, _)| area)
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `<kind>.<what was done>`: `campaign.saved`, `key.revoked`, `leads.exported`.
    pub action: &'static str,
    /// What it was done to: the word of its kind, and its id as the API shows it.
    pub object: (&'static str, String),
    /// What changed only; no secrets, and nothing that says who a person is.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Entry {
    pub fn new(action: &'static str, kind: &'static str, id: impl ToString) -> Self {
        Self { action, object: (kind, id.to_string()), before: None, after: None }
    }

    pub fn from(mut self, before: Value) -> Self {
        self.before = Some(before);
        self
    }

    pub fn to(mut self, after: Value) -> Self {
        self.after = Some(after);
        self
    }

    /// A status that became another.
    pub fn status(self, before: impl AsRef<str>, after: impl AsRef<str>) -> Self {
        self.from(json!({ "status": before.as_ref() })).to(json!({ "status": after.as_ref() }))
    }

    /// What differs between two documents, by path; see [`diff`].
    pub fn changed(self, before: &Value, after: &Value) -> Self {
        let (before, after) = diff(before, after);
        self.from(before).to(after)
    }
}
