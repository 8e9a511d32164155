//! How a file is read: what is to be done with it, checked against its columns.
use super::{Identifier, ImportConfig, ImportKind, Purpose, Reach, fields::Target, suggest};
use crate::{
    clock::Time,
    contact::property::Kinds,
    lead::{
        answers::ANSWERS_MAX,
        parts::{ATTRIBUTION_PARAMS_MAX, COMPLIANCE_MAX, CUSTOM_FIELDS_MAX, FILES_MAX},
    },
    person,
    rules::Problem,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is needed to make a plan.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Of the workspace.
    pub properties: &'a Kinds,
    /// When the rows are read: dates of birth lie before it.
    pub now: Time,
    /// Who is noted beside notes.
    pub by: &'a str,
}

/// How the rows of a file are read: made once, used for every part.
#[derive(Debug, Clone)]
pub struct Plan {
    /// With the mapping that is used.
    pub config: ImportConfig,
    /// The fields whose values stay when they are there already.
    pub kept: BTreeSet<String>,
    /// By their place in the file; none: left out.
    pub(super) columns: Vec<Option<Column>>,
    pub(super) properties: Kinds,
    pub(super) now: Time,
    pub(super) by: String,
}

/// A column that means something.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub field: String,
    pub target: Target,
}

/// How many fields of a group a lead may have.
const GROUPS: [(&str, usize); 5] = [
    ("questionnaire.", ANSWERS_MAX),
    ("custom.", CUSTOM_FIELDS_MAX),
    ("attribution.params.", ATTRIBUTION_PARAMS_MAX),
    ("compliance.", COMPLIANCE_MAX),
    ("file.", FILES_MAX),
];

impl Plan {
    /// Checks what is to be done with a file of these columns. Problems have paths such as `mapping[3].field`. An empty mapping stands for
    /// what the columns suggest.
    pub fn new(
        config: &ImportConfig,
        header: &[String],
        known: &Known<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let mut config = config.clone();
        if config.mapping.is_empty() {
            config.mapping = suggest(header, config.kind, known.properties).mapping;
        }
        let mut check = Check { config: &config, problems: Vec::new() };
        let columns = check.columns(header, known.properties);
        check.groups();
        check.choices();
        check.is_enough();
        if !check.problems.is_empty() {
            return Err(check.problems);
        }
        let kept = config.mapping.iter().filter(|mapped| mapped.do_not_overwrite);
        Ok(Self {
            kept: kept.map(|mapped| mapped.field.clone()).collect(),
            columns,
            properties: known.properties.clone(),
            now: known.now,
            by: known.by.to_owned(),
            config,
        })
    }
}

struct Check<'a> {
    config: &'a ImportConfig,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn say(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// Every mapped column is there, every field is known, and each is named once.
    fn columns(&mut self, header: &[String], properties: &Kinds) -> Vec<Option<Column>> {
        let mut columns: Vec<Option<Column>> = vec![None; header.len()];
        let mut seen: [BTreeMap<&str, usize>; 2] = Default::default();
        for (at, mapped) in self.config.mapping.iter().enumerate() {
            let place = header.iter().position(|name| *name == mapped.column);
            if place.is_none() {
                let rule = format!("`{}` is no column of the file", mapped.column);
                self.say(format!("mapping[{at}].column"), rule);
            }
            let target = Target::read(&mapped.field, self.config.kind, properties);
            if let Err(why) = &target {
                let rule = format!("`{}`: {why}", mapped.field);
                self.say(format!("mapping[{at}].field"), rule);
            }
            let named = [("column", &mapped.column), ("field", &mapped.field)];
            for ((what, name), seen) in named.into_iter().zip(&mut seen) {
                if let Some(first) = seen.insert(name, at) {
                    let rule = format!("`{name}` is in mapping[{first}] already");
                    self.say(format!("mapping[{at}].{what}"), rule);
                }
            }
            if let (Some(place), Ok(target)) = (place, target) {
                let (name, field) = (mapped.column.clone(), mapped.field.clone());
                columns[place] = Some(Column { name, field, target });
            }
        }
        columns
    }

    fn groups(&mut self) {
        for (prefix, most) in GROUPS {
            let fields = self.config.mapping.iter();
            let count = fields.filter(|mapped| mapped.field.starts_with(prefix)).count();
            if count > most {
                let rule = format!("names {count} fields `{prefix}…`; at most {most} are allowed");
                self.say("mapping", rule);
            }
        }
    }

    /// Kind, purpose, identifier and the rest go together.
    fn choices(&mut self) {
        let config = self.config;
        match (config.kind, config.identifier) {
            (ImportKind::Leads, Identifier::ContactId) => {
                self.say(
                    "identifier",
                    "contact_id is for contacts; leads have lead_id, email or phone",
                );
            }
            (ImportKind::Contacts, Identifier::LeadId) => {
                self.say(
                    "identifier",
                    "lead_id is for leads; contacts have contact_id, email or phone",
                );
            }
            (_, Identifier::LeadId) if config.purpose == Purpose::AddAll => {
                self.say(
                    "identifier",
                    "lead_id recognises leads, which add_all does not; leave it out",
                );
            }
            _ => {}
        }
        if config.kind == ImportKind::Contacts && config.purpose == Purpose::AddAll {
            let rule =
                "add_all is for leads: a contact is there once; add_and_update would be right";
            self.say("purpose", rule);
        }
        if config.kind == ImportKind::Contacts && config.fallback_campaign_id.is_some() {
            self.say("fallbackCampaignId", "is for leads; leave it out");
        }
        if let Some(Err(why)) = config.country.as_deref().map(person::country_code) {
            self.say("country", why);
        }
    }

    /// What is needed of each row has a column.
    fn is_enough(&mut self) {
        let config = self.config;
        let has = |field: &str| config.mapping.iter().any(|mapped| mapped.field == field);
        let identifier = match config.identifier {
            Identifier::Email => "email",
            Identifier::Phone => "phone",
            Identifier::LeadId => "leadId",
            Identifier::ContactId => "contactId",
        };
        if config.purpose != Purpose::AddAll && !has(identifier) {
            let rule = format!("no column means `{identifier}`, by which rows are recognised");
            self.say("identifier", rule);
        }
        let adds = config.purpose != Purpose::UpdateExisting;
        if adds && !has("email") && !has("phone") {
            self.say("mapping", "no column means `email` or `phone`; one of them is needed");
        }
        let looks_in_one =
            config.reach == Reach::Campaign && config.identifier != Identifier::LeadId;
        let needs_campaign = config.kind == ImportKind::Leads && (adds || looks_in_one);
        if needs_campaign && config.fallback_campaign_id.is_none() && !has("campaignId") {
            let rule =
                "is needed, for no column means `campaignId`: the campaign that takes the leads";
            self.say("fallbackCampaignId", rule);
        }
    }
}
