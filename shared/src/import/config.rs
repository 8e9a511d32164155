//! What an import is to do: purpose, identifier, reach, and which column means what.
use crate::ids::{CampaignId, SegmentId};
use serde::{Deserialize, Serialize};

/// What the rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// Each row a lead of a campaign, and the contact behind it.
    #[default]
    Leads,
    /// Each row a contact; no leads.
    Contacts,
}

/// What becomes of rows that are known, and of those that are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportPurpose)]
pub enum Purpose {
    /// Known ones are updated, new ones are added.
    #[default]
    AddAndUpdate,
    /// Known ones are skipped.
    AddNew,
    /// New ones are skipped.
    UpdateExisting,
    /// Every row is a new lead, whoever it is. For leads only.
    AddAll,
}

/// By what a row is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportIdentifier)]
pub enum Identifier {
    #[default]
    Email,
    Phone,
    LeadId,
    /// For contacts only.
    ContactId,
}

/// Where a lead is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportReach)]
pub enum Reach {
    /// Among the leads of the row's campaign.
    #[default]
    Campaign,
    /// Among all leads of the workspace; the newest is the one.
    Workspace,
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ImportColumn)]
pub struct Mapped {
    /// The column's name in the header, as it stands there.
    pub column: String,
    /// `firstName`, `lastName`, `email`, `phone`, `leadId`, `campaignId`, `address.…`, `dateOfBirth`, `country`, `timezone`,
    /// `questionnaire.<key>`, `custom.<key>`, `attribution.…`, `compliance.<key>`, `file.<key>`, `notes`, `isTest`;
    /// for contacts `contactId`, the fields of contacts and `property.<key>`.
    pub field: String,
    /// A value that is there already stays.
    #[serde(default)]
    pub do_not_overwrite: bool,
}

/// What an import is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImportConfig {
    pub kind: ImportKind,
    pub purpose: Purpose,
    pub identifier: Identifier,
    pub reach: Reach,
    /// Where rows go that name no campaign, or one that takes no leads. Leads without one are refused.
    pub fallback_campaign_id: Option<CampaignId>,
    /// A static segment to which the contacts are added.
    pub segment_id: Option<SegmentId>,
    /// Columns that are not here are left out. Empty: what the header suggests.
    pub mapping: Vec<Mapped>,
    /// The country of phone numbers that begin with no `+`: two capital letters; US unless given.
    pub country: Option<String>,
    /// The same file may be brought in again.
    pub again: bool,
}
