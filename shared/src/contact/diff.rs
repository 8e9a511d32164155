//! What differs between a contact as it was and as it is to be.
use super::{Contact, Profile};
use serde_json::{Map, Value};

/// What sort of change a field's change is, in the contact's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Status,
    Consent,
    Tags,
    Fields,
}

/// A field that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// What rules call it: `contact.firstName`, `property.tier`.
    pub path: String,
    pub sort: Sort,
    pub from: Value,
    pub to: Value,
}

/// The fields that differ, those of the profile in the order of their names.
pub fn changed(before: &Contact, after: &Contact) -> Vec<Changed> {
    let mut changed = Vec::new();
    if before.status != after.status {
        changed.push(Changed {
            path: "contact.status".into(),
            sort: Sort::Status,
            from: before.status.word().into(),
            to: after.status.word().into(),
        });
    }
    if before.profile != after.profile {
        let (mut was, mut is) = (members(&before.profile), members(&after.profile));
        let properties = (was.remove("properties"), is.remove("properties"));
        compare("contact.", &was, &is, &mut changed);
        if let (Some(Value::Object(was)), Some(Value::Object(is))) = properties {
            compare("property.", &was, &is, &mut changed);
        }
    }
    changed
}

fn members(profile: &Profile) -> Map<String, Value> {
    match serde_json::to_value(profile) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn compare(
    root: &str,
    was: &Map<String, Value>,
    is: &Map<String, Value>,
    changed: &mut Vec<Changed>,
) {
    let gone = was.keys().filter(|key| !is.contains_key(*key));
    for key in is.keys().chain(gone) {
        let value = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        let (from, to) = (value(was), value(is));
        if from != to {
            let path = format!("{root}{key}");
            changed.push(Changed { sort: sort(&path), path, from, to });
        }
    }
}

fn sort(path: &str) -> Sort {
    match path {
        "contact.tags" => Sort::Tags,
        "contact.doNotContactUntil" => Sort::Consent,
        path if path.starts_with("contact.optOut") => Sort::Consent,
        _ => Sort::Fields,
    }
}
