//! What contacts do: an activity as it is told, checked and stored; visits of browsers; sums for rules.
use crate::{
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
};
use serde_json::{Map, Value};

pub mod draft;
pub mod page;
pub mod sum;
pub mod visit;

pub use draft::Draft;
pub use visit::Visit;

/// The types that every workspace has.
pub const KNOWN_TYPES: [&str; 6] =
    ["page_visit", "email_opened", "email_clicked", "form_submitted", "call", "sms_reply"];
/// A page was looked at.
pub const PAGE_VISIT: &str = "page_visit";
/// Types of activities that a workspace may use, those that every workspace has included.
pub const TYPES_MAX: usize = 200;
/// Characters of a type, at most.
pub const TYPE_MAX: usize = 64;
/// Characters of what exactly was done, at most.
pub const NAME_MAX: usize = 200;
/// Bytes of an activity's data as JSON, at most.
pub const DATA_BYTES_MAX: usize = 4_096;
/// Characters of a sender's own id, at most.
pub const KEY_MAX: usize = 200;
/// How sender's own ids must not begin: ours do.
pub const OWN_KEY: &str = "visit:";
/// An activity is this old at most, in days: what is older than the widest window of a rule concerns nobody.
pub const AGE_DAYS_MAX: i64 = 3_660;
/// How far the sender's clock may be ahead, in seconds.
pub const AHEAD_SECONDS_MAX: i64 = 60;
/// Activities of one request, at most.
pub const BATCH_MAX: usize = 1_000;
/// A contact that was merged is followed to the one that it became, this many times at most.
pub const MERGES_FOLLOWED_MAX: usize = 8;

/// Whose activity it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    Contact(ContactId),
    /// Lower case.
    Email(String),
    /// E.164.
    Phone(String),
}

impl Whose {
    /// The field of a request that names it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contactId",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
        }
    }
}

/// An activity that is fit to be stored, if there is such a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    pub workspace: WorkspaceId,
    pub whose: Whose,
    pub lead: Option<LeadId>,
    pub kind: String,
    pub name: String,
    pub data: Map<String, Value>,
    pub key: Option<String>,
    pub at: Time,
    pub received_at: Time,
}
