//! A contact: a person, once per workspace. What is known of them, how it is compared, and the document that rules read.
use crate::{
    clock::Time,
    ids::{ContactId, WorkspaceId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::types::Json;

pub mod diff;
pub mod doc;
pub mod fold;
pub mod form;
pub mod property;

/// Whether a person can be worked with.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ContactStatus {
    Active,
    /// Nobody works with them; their leads are rejected.
    Inactive,
    /// Mail to them comes back; their leads are rejected.
    Bounced,
    Spam,
    /// Kept, hidden; their leads are deleted.
    Deleted,
}

impl ContactStatus {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Bounced => "bounced",
            Self::Spam => "spam",
            Self::Deleted => "deleted",
        }
    }
}

/// What is known of a person. Texts are trimmed; what is blank is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub salutation: Option<String>,
    pub title: Option<String>,
    pub company: Option<String>,
    pub website: Option<String>,
    pub industry: Option<String>,
    pub number_of_employees: Option<i64>,
    pub annual_revenue: Option<i64>,
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// Two capital letters.
    pub country: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// How they came.
    pub source: Option<String>,
    /// By key; see [`PropertyKind`] for the form of each.
    pub properties: Json<Map<String, Value>>,
    /// Sorted, each once.
    pub tags: Json<Vec<String>>,
    pub opt_out_email: bool,
    pub opt_out_sms: bool,
    pub opt_out_phone: bool,
    pub opt_out_push: bool,
    pub do_not_contact_until: Option<Time>,
}

/// A contact as it is in the database.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Contact {
    pub workspace_id: WorkspaceId,
    pub id: ContactId,
    pub status: ContactStatus,
    #[sqlx(flatten)]
    pub profile: Profile,
    /// The words of names, email, company and notes; see [`fold::words`].
    pub words: String,
    pub revision: i64,
    pub merged_into: Option<ContactId>,
    pub erased_at: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The type of a property, and how its values are kept.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PropertyKind {
    /// A text, trimmed, not blank.
    Text,
    /// A JSON number: finite, whole ones up to 2^53.
    Number,
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339 in UTC with six digits of a second and `Z`: sorts as text.
    Datetime,
    Boolean,
    /// A list of texts, not empty.
    List,
}
