//! What somebody says of a contact, read from JSON: every field may be absent (it stays), null or blank (it is cleared). All problems at
//! once, each with its place.
use super::{
    Profile,
    property::{self, Kinds, NUMBER_MAX},
};
use crate::{clock::Time, ids::ContactId, person, rules::Problem};
use serde_json::{Map, Value};

/// Characters of a text of the profile that is a word or two, at most.
pub const SHORT_TEXT_MAX: usize = 100;
/// Characters of company and street, at most.
pub const LINE_MAX: usize = 200;
/// Characters of a website, at most.
pub const WEBSITE_MAX: usize = 500;
/// Tags of a contact, at most.
pub const TAGS_MAX: usize = 100;
/// Characters of a tag, at most.
pub const TAG_MAX: usize = 64;

/// The texts that need no more than to be short enough.
const TEXTS: [(&str, usize); 11] = [
    ("salutation", SHORT_TEXT_MAX),
    ("title", SHORT_TEXT_MAX),
    ("company", LINE_MAX),
    ("website", WEBSITE_MAX),
    ("industry", SHORT_TEXT_MAX),
    ("gender", SHORT_TEXT_MAX),
    ("street", LINE_MAX),
    ("city", SHORT_TEXT_MAX),
    ("state", SHORT_TEXT_MAX),
    ("zip", SHORT_TEXT_MAX),
    ("source", SHORT_TEXT_MAX),
];
/// The other fields; a reader of an error sees all of them.
const OTHERS: [&str; 14] = [
    "contactId",
    "revision",
    "firstName",
    "lastName",
    "email",
    "phone",
    "country",
    "timezone",
    "dateOfBirth",
    "numberOfEmployees",
    "annualRevenue",
    "properties",
    "tags",
    "doNotContactUntil",
];

/// The fields of a profile that a form can set, but for the properties.
pub fn fields() -> impl Iterator<Item = &'static str> {
    let others = OTHERS.into_iter();
    let others = others.filter(|name| !["contactId", "revision", "properties"].contains(name));
    others.chain(TEXTS.iter().map(|(name, _)| *name))
}

/// What is needed to read a form.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub properties: &'a Kinds,
    /// The country of the contact, for a phone number without `+` when the form names none.
    pub country: Option<&'a str>,
    pub now: Time,
}

/// What somebody says of a contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// Which contact they mean, if they know it by its id.
    pub id: Option<ContactId>,
    /// The revision that they have read; when the contact has moved on since, nothing is written.
    pub revision: Option<i64>,
    pub patch: Patch,
}

/// A change of a profile: null clears, what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// By the names of [`Profile`] in JSON, normalised.
    pub fields: Map<String, Value>,
    /// By key, normalised.
    pub properties: Map<String, Value>,
}

impl Patch {
    /// A text that it sets.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// The profile with the change made.
    pub fn apply(&self, profile: &Profile) -> Profile {
        let mut members = match serde_json::to_value(profile) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        for (field, value) in &self.fields {
            members.insert(field.clone(), value.clone());
        }
        // Everything was read by kind before, so it fits.
        let mut changed: Profile =
            serde_json::from_value(Value::Object(members)).unwrap_or_else(|_| profile.clone());
        for (key, value) in &self.properties {
            if value.is_null() {
                changed.properties.remove(key);
            } else {
                changed.properties.insert(key.clone(), value.clone());
            }
        }
        changed
    }
}

/// Reads a form. Lists every problem.
pub fn read(given: &Map<String, Value>, known: Known<'_>) -> Result<Form, Vec<Problem>> {
    let mut reader = Reader { form: Form::default(), problems: Vec::new(), known };
    reader.country(given.get("country"));
    for (field, value) in given {
        reader.field(field, value);
    }
    if reader.problems.is_empty() { Ok(reader.form) } else { Err(reader.problems) }
}

struct Reader<'a> {
    form: Form,
    problems: Vec<Problem>,
    known: Known<'a>,
}

impl Reader<'_> {
    /// First of all, for the phone number is read by it.
    fn country(&mut self, given: Option<&Value>) {
        if let Some(value) = given {
            let read = blank_or(value, |text| person::country_code(&text.to_ascii_uppercase()));
            self.set("country", read);
        }
    }

    fn field(&mut self, field: &str, value: &Value) {
        let today = self.known.now.date_naive();
        match field {
            "country" => {}
            "contactId" => self.id(value),
            "revision" => match value.as_i64() {
                Some(revision) => self.form.revision = Some(revision),
                None if value.is_null() => {}
                None => self.refuse(field, "must be a whole number"),
            },
            "firstName" | "lastName" => self.set(field, blank_or(value, person::name)),
            "email" => self.set(field, blank_or(value, person::email)),
            "phone" => self.phone(value),
            "timezone" => self.set(field, blank_or(value, person::timezone)),
            "dateOfBirth" => {
                self.set(field, blank_or(value, |text| person::date_of_birth(text, today)));
            }
            "numberOfEmployees" | "annualRevenue" => self.set(field, amount(value)),
            "properties" => self.properties(value),
            "tags" => self.tags(value),
            "doNotContactUntil" => self.until(value),
            _ => match TEXTS.iter().find(|(name, _)| *name == field) {
                Some(_) if value.is_null() => self.set(field, Ok(Value::Null)),
                Some((_, max)) => self.set(field, property::text(value, *max)),
                None => self.unknown(field),
            },
        }
    }

    fn refuse(&mut self, path: &str, why: impl Into<String>) {
        self.problems.push(Problem::new(path, why));
    }

    fn set(&mut self, field: &str, read: Result<Value, String>) {
        match read {
            Ok(value) => drop(self.form.patch.fields.insert(field.to_owned(), value)),
            Err(why) => self.refuse(field, why),
        }
    }

    fn unknown(&mut self, field: &str) {
        let texts = TEXTS.iter().map(|(name, _)| *name);
        let mut names: Vec<&str> = OTHERS.into_iter().chain(texts).collect();
        names.sort_unstable();
        let hint = match field {
            "status" => "; POST /contacts/{contactId}/status sets it",
            "consent" => "; PUT /contacts/{contactId}/consent sets it",
            _ => "",
        };
        let known = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        self.refuse(field, format!("is not a known field{hint}; known here: {known}"));
    }

    fn id(&mut self, value: &Value) {
        match value.as_str().map(ContactId::parse) {
            Some(Ok(id)) => self.form.id = Some(id),
            Some(Err(bad)) => self.refuse("contactId", bad.to_string()),
            None if value.is_null() => {}
            None => self.refuse("contactId", "must be a text"),
        }
    }

    fn phone(&mut self, value: &Value) {
        let own = self.form.patch.text("country").map(str::to_owned);
        let country = own.as_deref().or(self.known.country);
        let read = blank_or(value, |text| person::phone(text, country));
        self.set("phone", read);
    }

    fn properties(&mut self, value: &Value) {
        let Some(given) = value.as_object() else {
            if !value.is_null() {
                self.refuse("properties", "must be an object");
            }
            return;
        };
        for (key, value) in given {
            let path = format!("properties.{key}");
            let Some(kind) = self.known.properties.get(key) else {
                self.refuse(&path, "there is no such property in this workspace");
                continue;
            };
            match property::value(*kind, value) {
                Ok(value) => drop(self.form.patch.properties.insert(key.clone(), value)),
                Err(why) => self.refuse(&path, why),
            }
        }
    }

    fn tags(&mut self, value: &Value) {
        let tags = match value {
            Value::Null => Ok(Vec::new()),
            given => tags(given),
        };
        self.set("tags", tags.map(Value::from));
    }

    fn until(&mut self, value: &Value) {
        if value.is_null() {
            return self.set("doNotContactUntil", Ok(Value::Null));
        }
        match property::moment(value) {
            Ok(until) if until > self.known.now => {
                // As the profile writes a time, so that the same moment is the same value.
                let value = serde_json::to_value(until).unwrap_or_default();
                self.set("doNotContactUntil", Ok(value));
            }
            Ok(_) => self.refuse("doNotContactUntil", "must be in the future"),
            Err(why) => self.refuse("doNotContactUntil", why),
        }
    }
}

/// Tags as they are kept: trimmed, each once without regard to case, sorted.
pub fn tags(given: &Value) -> Result<Vec<String>, String> {
    let mut tags = property::texts(given, TAGS_MAX, TAG_MAX)?;
    tags.sort_unstable();
    Ok(tags)
}

/// Null and blank texts clear a field.
fn blank_or(value: &Value, read: impl Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::String(text) => read(text.trim()).map(Value::String),
        _ => Err("must be a text".into()),
    }
}

/// A whole number that is not negative.
fn amount(value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let number = property::number(value).ok().and_then(|number| number.as_i64());
    match number {
        Some(number) if number >= 0 => Ok(number.into()),
        _ => Err(format!("must be a whole number from 0 to {NUMBER_MAX}")),
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
