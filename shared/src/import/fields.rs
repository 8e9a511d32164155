//! What a column can mean: the fields of leads and of contacts.
use super::ImportKind;
use crate::{
    contact::{PropertyKind, form, property::Kinds},
    lead::{
        is_key,
        parts::{ADDRESS_FIELDS, ATTRIBUTION_FIELDS, key_rule},
    },
};

/// A field, as the reader of rows needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    CampaignId,
    LeadId,
    ContactId,
    FirstName,
    LastName,
    Email,
    Phone,
    DateOfBirth,
    Country,
    Timezone,
    IsTest,
    Notes,
    Address(String),
    Answer(String),
    Custom(String),
    Attribution(String),
    Param(String),
    Compliance(String),
    File(String),
    /// Of a contact, by its name in JSON.
    Profile(String),
    /// Of a contact, by its key.
    Property(String, PropertyKind),
}

/// The fields of leads that have no prefix.
const LEAD: [(&str, Target); 11] = [
    ("campaignId", Target::CampaignId),
    ("leadId", Target::LeadId),
    ("firstName", Target::FirstName),
    ("lastName", Target::LastName),
    ("email", Target::Email),
    ("phone", Target::Phone),
    ("dateOfBirth", Target::DateOfBirth),
    ("country", Target::Country),
    ("timezone", Target::Timezone),
    ("isTest", Target::IsTest),
    ("notes", Target::Notes),
];

impl Target {
    /// The field of that name; the error says what would be right.
    pub(super) fn read(field: &str, kind: ImportKind, properties: &Kinds) -> Result<Self, String> {
        match kind {
            ImportKind::Leads => Self::of_lead(field),
            ImportKind::Contacts => Self::of_contact(field, properties),
        }
    }

    fn of_lead(field: &str) -> Result<Self, String> {
        if let Some((_, target)) = LEAD.iter().find(|(name, _)| *name == field) {
            return Ok(target.clone());
        }
        if let Some(key) = field.strip_prefix("attribution.params.") {
            return keyed(key).map(Self::Param);
        }
        let (group, key) = field.split_once('.').unwrap_or_default();
        match group {
            "address" => return member(key, &ADDRESS_FIELDS).map(Self::Address),
            "attribution" => return member(key, &ATTRIBUTION_FIELDS).map(Self::Attribution),
            "questionnaire" => return keyed(key).map(Self::Answer),
            "custom" => return keyed(key).map(Self::Custom),
            "compliance" => return keyed(key).map(Self::Compliance),
            "file" => return keyed(key).map(Self::File),
            _ => {}
        }
        let names = LEAD.iter().map(|(name, _)| *name);
        let others = "`address.…`, `questionnaire.<key>`, `custom.<key>`, `attribution.…`, `attribution.params.<key>`, \
                      `compliance.<key>`, `file.<key>`";
        Err(format!("is no field of a lead; known here: {}, {others}", listed(names)))
    }

    fn of_contact(field: &str, properties: &Kinds) -> Result<Self, String> {
        if field == "contactId" {
            return Ok(Self::ContactId);
        }
        if let Some(key) = field.strip_prefix("property.") {
            let kind = properties.get(key).ok_or("there is no such property in this workspace")?;
            return Ok(Self::Property(key.to_owned(), *kind));
        }
        if form::fields().any(|name| name == field) {
            return Ok(Self::Profile(field.to_owned()));
        }
        let names = listed(form::fields());
        Err(format!("is no field of a contact; known here: `contactId`, {names}, `property.<key>`"))
    }
}

fn member(name: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("there is no `{name}` in it; known here: {}", listed(known.iter().copied())))
}

fn keyed(key: &str) -> Result<String, String> {
    if is_key(key) { Ok(key.to_owned()) } else { Err(key_rule()) }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
