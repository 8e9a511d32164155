//! What fields are called in search texts.
use crate::rules::{About, Field, Kind, PROPERTY, Properties};

const CONTACT: &str = "contact.";

/// Shorter names than a field's own; each field's own name does, too.
const SHORT: [(&str, &str); 9] = [
    ("created", "contact.createdAt"),
    ("updated", "contact.updatedAt"),
    ("firstSeen", "contact.firstSeenAt"),
    ("lastActivity", "contact.lastActivityAt"),
    ("lastSeen", "contact.lastActivityAt"),
    ("tag", "contact.tags"),
    ("segment", "contact.segments"),
    ("campaign", "contact.campaigns"),
    ("dob", "contact.dateOfBirth"),
];

/// Names that begin a form of their own.
pub const HAS: &str = "has";
pub const EVENT: &str = "event";
pub const BIRTHDAY: &str = "birthday";
pub const DATE_OF_BIRTH: &str = "contact.dateOfBirth";

/// Which end of a range a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// `ageFrom`.
    From,
    /// `ageTo`.
    To,
}

/// The path that a name stands for. A name that stands for none becomes a path that the rule parser refuses, with its hint.
pub fn path(name: &str, properties: &Properties) -> (String, Option<Edge>) {
    if let Some(path) = known(name, properties) {
        return (path, None);
    }
    for (ending, edge) in [("from", Edge::From), ("to", Edge::To)] {
        let cut = name.len().saturating_sub(ending.len());
        let (Some(stem), Some(end)) = (name.get(..cut), name.get(cut..)) else { continue };
        if end.eq_ignore_ascii_case(ending)
            && let Some(path) = known(stem, properties)
        {
            return (path, Some(edge));
        }
    }
    let dot = if name.contains('.') { "" } else { CONTACT };
    (format!("{dot}{name}"), None)
}

/// The type of the field with this path; text if there is none.
pub fn kind(path: &str, properties: &Properties) -> Kind {
    Field::parse_about(path, About::Contact(properties)).map_or(Kind::Text, |field| field.kind())
}

fn known(name: &str, properties: &Properties) -> Option<String> {
    if let Some((root, key)) = name.split_once('.') {
        return match root.to_ascii_lowercase().as_str() {
            "contact" => built_in(key),
            "property" => property(key, properties),
            "event" => Some(format!("event.{key}")),
            _ => None,
        };
    }
    let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    let short = short.map(|(_, path)| (*path).to_owned());
    short.or_else(|| built_in(name)).or_else(|| property(name, properties))
}

fn built_in(name: &str) -> Option<String> {
    let own =
        |path: &&str| path.strip_prefix(CONTACT).is_some_and(|own| own.eq_ignore_ascii_case(name));
    let none = Properties::default();
    About::Contact(&none).rows().iter().map(|row| row.path).find(own).map(str::to_owned)
}

fn property(key: &str, properties: &Properties) -> Option<String> {
    let lower = key.to_ascii_lowercase();
    let found = [key, lower.as_str()].into_iter().find(|key| properties.0.contains_key(*key))?;
    Some(format!("{PROPERTY}{found}"))
}

/// The shortest name that stands for a path; none for fields of leads.
pub fn name(path: &str) -> Option<&str> {
    if let Some((short, _)) = SHORT.iter().find(|(_, own)| *own == path && *own != DATE_OF_BIRTH) {
        return Some(short);
    }
    if let Some(own) = path.strip_prefix(CONTACT) {
        return Some(own);
    }
    if let Some(key) = path.strip_prefix(PROPERTY) {
        let short = key.starts_with(|c: char| c.is_ascii_alphabetic()) && !key.contains('.');
        let taken = !short || [HAS, EVENT, BIRTHDAY].contains(&key.to_ascii_lowercase().as_str());
        let none = Properties::default();
        return Some(if taken || known(key, &none).is_some() { path } else { key });
    }
    path.starts_with("event.").then_some(path)
}
