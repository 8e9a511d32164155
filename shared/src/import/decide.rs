//! What becomes of a row, given who was found for it; and how that is taken back.
use super::{Draft, Plan, Problem};
use crate::{
    contact::Profile,
    lead::{Details, Person},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an import writes of a lead.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadBody {
    /// What is not known is empty.
    pub person: Person,
    pub details: Details,
}

/// What becomes of a row. `T` is [`LeadBody`] or [`Profile`].
#[derive(Debug, Clone, PartialEq)]
pub enum Act<T> {
    Create(T),
    /// `to` is the whole of it as it is to be; `fields` are those that change.
    Update {
        to: T,
        fields: Fields,
    },
    /// It says nothing new.
    Unchanged,
    Skip(Skip),
    Refuse(Vec<Problem>),
}

/// Why a row is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Only new ones are wanted, and it is known.
    Known,
    /// Only known ones are wanted, and it is new.
    New,
}

/// Fields as the mapping names them, with what they were and what an import made of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub BTreeMap<String, Change>);

/// What a field was and what it became. For `notes` and `tags`, which only grow, `to` is what came in addition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// None: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    pub to: Value,
}

impl Fields {
    /// Takes in what a later row changed of the same lead or contact: the first `from` and the last `to` stay.
    pub fn absorb(&mut self, later: Self) {
        let _ = later;
    }
}

/// What becomes of a row of a file of leads.
pub fn lead(plan: &Plan, draft: &Draft, found: Option<&LeadBody>) -> Act<LeadBody> {
    let _ = (plan, draft, found);
    Act::Unchanged
}

/// What becomes of a row of a file of contacts.
pub fn contact(plan: &Plan, draft: &Draft, found: Option<&Profile>) -> Act<Profile> {
    let _ = (plan, draft, found);
    Act::Unchanged
}

/// What undoing comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone<T> {
    /// As it is to be; none: nothing of the import is left in it.
    pub to: Option<T>,
    /// The fields that somebody else has changed since; they stay.
    pub left: Vec<String>,
}

/// Takes back what an import made of a lead or contact, as far as it still stands. `T` is [`LeadBody`] or [`Profile`].
pub fn undo<T: Body>(now: &T, fields: &Fields) -> Undone<T> {
    let _ = fields;
    Undone { to: Some(now.clone()), left: Vec::new() }
}

/// Something whose fields an import names.
pub trait Body: Clone {}

impl Body for LeadBody {}
impl Body for Profile {}
