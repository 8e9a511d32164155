//! What one row of a file says, checked and normalised.
use crate::{
    contact::Profile,
    ids::{ContactId, LeadId},
    lead::Details,
    store::intake::CampaignRef,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a row says. What it does not say is none or empty: an empty cell says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The number of the record in the file; 1 is the first after the header.
    pub row: i64,
    /// As the row says it; none: it says nothing, the fallback campaign takes it.
    pub campaign: Option<CampaignRef>,
    pub lead_id: Option<LeadId>,
    pub contact_id: Option<ContactId>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub is_test: bool,
    /// Of a lead.
    pub details: Details,
    /// Of a contact: what [`Draft::says`] names of it. For imports of contacts.
    pub profile: Profile,
    /// The fields that the row says something about, as the mapping names them.
    pub says: BTreeSet<String>,
}

/// Why a row is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportProblem)]
pub struct Problem {
    /// The column as the file names it; none: the row as a whole.
    pub column: Option<String>,
    /// What the column means.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}
