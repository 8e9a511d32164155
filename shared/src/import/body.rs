//! Leads and contacts by the names that a mapping has for their fields.
use super::decide::LeadBody;
use crate::{contact::Profile, lead::Answer};
use serde_json::{Map, Value};

/// Something whose fields an import names.
pub trait Body: Clone + PartialEq {
    /// The value of a field; none: it is not there.
    fn get(&self, field: &str) -> Option<Value>;
    /// Sets a field, or takes it away.
    fn put(&mut self, field: &str, value: Option<Value>);
    /// Takes a field over from another one.
    fn take(&mut self, field: &str, from: &Self) {
        self.put(field, from.get(field));
    }
}

/// Lists that an import only adds to.
pub(super) fn grows(field: &str) -> bool {
    matches!(field, "notes" | "tags")
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Sets a member or takes it away; the others keep their order.
fn member(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(map.insert(key.to_owned(), value)),
        None => drop(map.shift_remove(key)),
    }
}

const PARAMS: &str = "params";

impl LeadBody {
    /// The text of the person that a field names.
    fn person(&mut self, field: &str) -> Option<&mut String> {
        match field {
            "firstName" => Some(&mut self.person.first_name),
            "lastName" => Some(&mut self.person.last_name),
            "email" => Some(&mut self.person.email),
            "phone" => Some(&mut self.person.phone),
            _ => None,
        }
    }

    fn detail(&mut self, field: &str) -> Option<&mut Option<String>> {
        match field {
            "dateOfBirth" => Some(&mut self.details.date_of_birth),
            "country" => Some(&mut self.details.country),
            "timezone" => Some(&mut self.details.timezone),
            _ => None,
        }
    }

    fn put_answer(&mut self, key: &str, value: Option<Value>) {
        let answers = &mut self.details.questionnaire;
        let at = answers.iter().position(|answer| answer.key == key);
        match (at, value) {
            (Some(at), Some(value)) => answers[at].answer = value,
            (Some(at), None) => drop(answers.remove(at)),
            (None, Some(answer)) => {
                let (key, question) = (key.to_owned(), key.to_owned());
                answers.push(Answer { key, question, answer });
            }
            (None, None) => {}
        }
    }

    fn put_file(&mut self, key: &str, value: Option<Value>) {
        let files = &mut self.details.files;
        let at = files.iter().position(|file| file["fileKey"] == key);
        match (at, value) {
            (Some(at), Some(value)) => files[at] = value,
            (Some(at), None) => drop(files.remove(at)),
            (None, Some(value)) => files.push(value),
            (None, None) => {}
        }
    }

    fn put_param(&mut self, key: &str, value: Option<Value>) {
        let attribution = &mut self.details.attribution;
        let params = attribution.entry(PARAMS).or_insert_with(|| Value::Object(Map::new()));
        if let Some(params) = params.as_object_mut() {
            member(params, key, value);
            if params.is_empty() {
                attribution.shift_remove(PARAMS);
            }
        }
    }
}

impl Body for LeadBody {
    fn get(&self, field: &str) -> Option<Value> {
        let (person, details) = (&self.person, &self.details);
        let known = |text: &String| (!text.is_empty()).then(|| Value::from(text.as_str()));
        match field {
            "firstName" => return known(&person.first_name),
            "lastName" => return known(&person.last_name),
            "email" => return known(&person.email),
            "phone" => return known(&person.phone),
            "dateOfBirth" => return details.date_of_birth.clone().map(Value::from),
            "country" => return details.country.clone().map(Value::from),
            "timezone" => return details.timezone.clone().map(Value::from),
            "notes" => return (!details.notes.is_empty()).then(|| details.notes.clone().into()),
            _ => {}
        }
        if let Some(key) = field.strip_prefix("attribution.params.") {
            return details.attribution.get(PARAMS)?.get(key).cloned();
        }
        let (group, key) = field.split_once('.')?;
        match group {
            "address" => details.address.get(key).cloned(),
            "custom" => details.custom_fields.get(key).cloned(),
            "attribution" => details.attribution.get(key).cloned(),
            "compliance" => details.compliance.get(key).cloned(),
            "questionnaire" => {
                let mut answers = details.questionnaire.iter();
                answers.find(|answer| answer.key == key).map(|answer| answer.answer.clone())
            }
            "file" => details.files.iter().find(|file| file["fileKey"] == key).cloned(),
            _ => None,
        }
    }

    fn put(&mut self, field: &str, value: Option<Value>) {
        if let Some(own) = self.person(field) {
            *own = text(value);
        } else if let Some(own) = self.detail(field) {
            *own = value.map(|value| text(Some(value)));
        } else if field == "notes" {
            self.details.notes = list(value);
        } else if let Some(key) = field.strip_prefix("attribution.params.") {
            self.put_param(key, value);
        } else if let Some((group, key)) = field.split_once('.') {
            match group {
                "address" => member(&mut self.details.address, key, value),
                "custom" => member(&mut self.details.custom_fields, key, value),
                "attribution" => member(&mut self.details.attribution, key, value),
                "compliance" => member(&mut self.details.compliance, key, value),
                "questionnaire" => self.put_answer(key, value),
                "file" => self.put_file(key, value),
                _ => {}
            }
        }
    }

    fn take(&mut self, field: &str, from: &Self) {
        let is_new = self.get(field).is_none();
        self.put(field, from.get(field));
        // Who is known keeps the question as they saw it.
        if let Some(key) = field.strip_prefix("questionnaire.").filter(|_| is_new) {
            let mut theirs = from.details.questionnaire.iter();
            let mut own = self.details.questionnaire.iter_mut();
            if let (Some(theirs), Some(own)) =
                (theirs.find(|one| one.key == key), own.find(|one| one.key == key))
            {
                own.question.clone_from(&theirs.question);
            }
        }
    }
}

/// The texts of a profile by their names, in either of two kinds of reference.
macro_rules! texts {
    ($profile:expr, $field:expr, $($reference:tt)+) => {
        match $field {
            "firstName" => Some($($reference)+ $profile.first_name),
            "lastName" => Some($($reference)+ $profile.last_name),
            "email" => Some($($reference)+ $profile.email),
            "phone" => Some($($reference)+ $profile.phone),
            "salutation" => Some($($reference)+ $profile.salutation),
            "title" => Some($($reference)+ $profile.title),
            "company" => Some($($reference)+ $profile.company),
            "website" => Some($($reference)+ $profile.website),
            "industry" => Some($($reference)+ $profile.industry),
            "gender" => Some($($reference)+ $profile.gender),
            "dateOfBirth" => Some($($reference)+ $profile.date_of_birth),
            "street" => Some($($reference)+ $profile.street),
            "city" => Some($($reference)+ $profile.city),
            "state" => Some($($reference)+ $profile.state),
            "zip" => Some($($reference)+ $profile.zip),
            "country" => Some($($reference)+ $profile.country),
            "timezone" => Some($($reference)+ $profile.timezone),
            "source" => Some($($reference)+ $profile.source),
            _ => None,
        }
    };
}

impl Body for Profile {
    fn get(&self, field: &str) -> Option<Value> {
        if let Some(text) = texts!(self, field, &) {
            return text.clone().map(Value::from);
        }
        match field {
            "numberOfEmployees" => self.number_of_employees.map(Value::from),
            "annualRevenue" => self.annual_revenue.map(Value::from),
            "doNotContactUntil" => serde_json::to_value(self.do_not_contact_until?).ok(),
            "tags" => (!self.tags.is_empty()).then(|| self.tags.0.clone().into()),
            _ => self.properties.get(field.strip_prefix("property.")?).cloned(),
        }
    }

    fn put(&mut self, field: &str, value: Option<Value>) {
        if let Some(own) = texts!(self, field, &mut) {
            *own = value.map(|value| text(Some(value)));
            return;
        }
        match field {
            "numberOfEmployees" => {
                self.number_of_employees = value.and_then(|value| value.as_i64());
            }
            "annualRevenue" => self.annual_revenue = value.and_then(|value| value.as_i64()),
            "doNotContactUntil" => {
                self.do_not_contact_until =
                    value.and_then(|value| serde_json::from_value(value).ok());
            }
            "tags" => {
                self.tags.0 = list(value).into_iter().map(|tag| text(Some(tag))).collect();
                self.tags.0.sort_unstable();
            }
            _ => {
                if let Some(key) = field.strip_prefix("property.") {
                    member(&mut self.properties, key, value);
                }
            }
        }
    }
}
