//! The catalogues: the fields that rules about leads, and rules about contacts, may read.
use super::field::Kind;
use serde::Serialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// One entry of a catalogue: a field, or with `.<key>` at its end a root that is open for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldRow {
    pub path: &'static str,
    pub kind: Kind,
}

const fn row(path: &'static str, kind: Kind) -> FieldRow {
    FieldRow { path, kind }
}

/// What a rule is about: it decides which fields there are.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// A lead on its way through the pipeline.
    Lead,
    /// A contact, with the properties of its workspace.
    Contact(&'a Properties),
    /// A lead that a campaign's automation looks at: all of its contact, its own part, and the activity that it reacts to.
    Automation(&'a Properties),
}

/// The properties that rules may read, by key. One that is not indexed is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, Kind>);

impl About<'_> {
    /// The fields, without those of properties.
    pub fn rows(self) -> &'static [FieldRow] {
        match self {
            Self::Lead => LEAD,
            Self::Contact(_) => CONTACT,
            Self::Automation(_) => &AUTOMATION,
        }
    }

    /// The properties that there are, where a rule may read any.
    pub(super) fn properties(&self) -> Option<&Properties> {
        match self {
            Self::Lead => None,
            Self::Contact(properties) | Self::Automation(properties) => Some(properties),
        }
    }

    /// The kind of `property.<key>`.
    pub(super) fn property(self, path: &str) -> Option<Kind> {
        self.properties()?.0.get(path.strip_prefix(PROPERTY)?).copied()
    }
}

/// How the paths begin of what a lead's visit told, of consent, and of documents: an automation reads them as other rules do.
const ALSO_OF_AUTOMATION: [&str; 3] = ["attribution.", "compliance.", "file."];
/// How the paths of the activity that is reacted to begin.
pub const ACTIVITY: &str = "activity.";
/// How the paths of properties begin.
pub const PROPERTY: &str = "property.";
/// How an open root ends in a catalogue.
pub(super) const OPEN: &str = "<key>";
/// Reckoned from the date of birth, so they grow on a birthday although nobody wrote them.
pub(super) const AGES: [&str; 2] = ["lead.age", "contact.age"];

static LEAD: &[FieldRow] = &[
    row("lead.firstName", Kind::Text),
    row("lead.lastName", Kind::Text),
    row("lead.email", Kind::Text),
    row("lead.phone", Kind::Text),
    row("lead.country", Kind::Text),
    row("lead.dateOfBirth", Kind::Date),
    row("lead.age", Kind::Number),
    row("lead.timezone", Kind::Text),
    row("lead.status", Kind::Text),
    row("lead.source", Kind::Text),
    row("lead.isTest", Kind::Boolean),
    row("lead.isDuplicate", Kind::Boolean),
    row("lead.createdAt", Kind::DateTime),
    row("lead.submissionCount", Kind::Number),
    row("address.street", Kind::Text),
    row("address.unit", Kind::Text),
    row("address.city", Kind::Text),
    row("address.state", Kind::Text),
    row("address.zip", Kind::Text),
    row("address.country", Kind::Text),
    row("questionnaire.<key>", Kind::Any),
    row("custom.<key>", Kind::Any),
    row("attribution.captureUrl", Kind::Text),
    row("attribution.referrer", Kind::Text),
    row("attribution.ipAddress", Kind::Text),
    row("attribution.userAgent", Kind::Text),
    row("attribution.gclid", Kind::Text),
    row("attribution.gbraid", Kind::Text),
    row("attribution.wbraid", Kind::Text),
    row("attribution.fbclid", Kind::Text),
    row("attribution.fbc", Kind::Text),
    row("attribution.fbp", Kind::Text),
    row("attribution.ttclid", Kind::Text),
    row("attribution.ttp", Kind::Text),
    row("attribution.msclkid", Kind::Text),
    row("attribution.tblci", Kind::Text),
    row("attribution.adPlatform", Kind::Text),
    row("attribution.capturePlatform", Kind::Text),
    row("attribution.params.<key>", Kind::Any),
    row("compliance.<key>", Kind::Any),
    row("contact.firstName", Kind::Text),
    row("contact.lastName", Kind::Text),
    row("contact.email", Kind::Text),
    row("contact.phone", Kind::Text),
    row("contact.country", Kind::Text),
    row("contact.state", Kind::Text),
    row("contact.city", Kind::Text),
    row("contact.zip", Kind::Text),
    row("contact.timezone", Kind::Text),
    row("contact.status", Kind::Text),
    row("contact.points", Kind::Number),
    row("contact.tags", Kind::List),
    row("contact.createdAt", Kind::DateTime),
    row("contact.lastActivityAt", Kind::DateTime),
    row("computed.<key>", Kind::Any),
    row("campaign.id", Kind::Text),
    row("campaign.code", Kind::Text),
    row("campaign.name", Kind::Text),
    row("submission.number", Kind::Number),
    row("submission.kind", Kind::Text),
    row("submission.createdAt", Kind::DateTime),
    row("file.<key>", Kind::File),
];

static CONTACT: &[FieldRow] = &[
    row("contact.firstName", Kind::Text),
    row("contact.lastName", Kind::Text),
    row("contact.email", Kind::Text),
    row("contact.phone", Kind::Text),
    row("contact.salutation", Kind::Text),
    row("contact.title", Kind::Text),
    row("contact.company", Kind::Text),
    row("contact.website", Kind::Text),
    row("contact.industry", Kind::Text),
    row("contact.numberOfEmployees", Kind::Number),
    row("contact.annualRevenue", Kind::Number),
    row("contact.gender", Kind::Text),
    row("contact.dateOfBirth", Kind::Date),
    row("contact.age", Kind::Number),
    row("contact.street", Kind::Text),
    row("contact.city", Kind::Text),
    row("contact.state", Kind::Text),
    row("contact.zip", Kind::Text),
    row("contact.country", Kind::Text),
    row("contact.timezone", Kind::Text),
    row("contact.status", Kind::Text),
    row("contact.source", Kind::Text),
    row("contact.tags", Kind::List),
    row("contact.optOutEmail", Kind::Boolean),
    row("contact.optOutSms", Kind::Boolean),
    row("contact.optOutPhone", Kind::Boolean),
    row("contact.optOutPush", Kind::Boolean),
    row("contact.doNotContactUntil", Kind::DateTime),
    row("contact.createdAt", Kind::DateTime),
    row("contact.updatedAt", Kind::DateTime),
    row("contact.firstSeenAt", Kind::DateTime),
    row("contact.lastActivityAt", Kind::DateTime),
    // The words of names, email, company and notes.
    row("contact.words", Kind::Text),
    row("contact.segments", Kind::Members),
    // Campaigns in which the contact has a lead that is not deleted, and those in which it has one of that status.
    row("contact.campaigns", Kind::Members),
    row("contact.activeIn", Kind::Members),
    row("contact.qualifiedIn", Kind::Members),
    row("contact.rejectedIn", Kind::Members),
    row("event.<key>", Kind::Events),
];

/// The lead's own part of what an automation reads, and the activity that it reacts to: empty unless it is one.
static LEAD_OF_AUTOMATION: &[FieldRow] = &[
    row("lead.status", Kind::Text),
    row("lead.points", Kind::Number),
    row("lead.stars", Kind::Number),
    row("lead.source", Kind::Text),
    row("lead.isTest", Kind::Boolean),
    row("lead.isDuplicate", Kind::Boolean),
    row("lead.createdAt", Kind::DateTime),
    // How its last submission ended: a status such as `accepted`.
    row("lead.outcome", Kind::Text),
    row("questionnaire.<key>", Kind::Any),
    row("custom.<key>", Kind::Any),
    row("activity.type", Kind::Text),
    row("activity.name", Kind::Text),
    row("activity.at", Kind::DateTime),
    row("activity.data.<key>", Kind::Any),
];

static AUTOMATION: LazyLock<Vec<FieldRow>> = LazyLock::new(|| {
    let is_also =
        |row: &&FieldRow| ALSO_OF_AUTOMATION.iter().any(|root| row.path.starts_with(root));
    let also = LEAD.iter().filter(is_also);
    CONTACT.iter().chain(LEAD_OF_AUTOMATION).chain(also).copied().collect()
});

/// Every field that a rule about a lead may read, in the order of the lead view.
pub fn catalogue() -> &'static [FieldRow] {
    LEAD
}
