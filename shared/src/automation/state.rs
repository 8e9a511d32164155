//! What is known of a lead beside its contact: where it stands, its points, what reactions remember of it.
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A lead as the engine changes it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadState {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    pub contact: ContactId,
    pub campaign: CampaignId,
    pub status: LeadStatus,
    pub created_at: Time,
    pub points: i64,
    /// The number of its last firing.
    pub number: i64,
    pub memory: Memory,
    /// By workflow.
    pub positions: BTreeMap<String, Position>,
    /// When it is looked at next, as it is stored.
    pub due_at: Option<Time>,
    /// The reactions that have fired in this transaction: each does so once at most. The empty id says that what had fallen due is decided.
    pub fired: BTreeSet<String>,
}

/// What is remembered of a lead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// By the reaction's id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, Remembered>,
    /// When points last faded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decayed_at: Option<Time>,
    /// When its status last let it be processed again: what came before that is not its business any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    /// When all conditions are asked, because a turn ended before they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_at: Option<Time>,
}

/// What is remembered of a reaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// How often it fired.
    #[serde(skip_serializing_if = "is_zero")]
    pub times: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Time>,
    /// Whether its condition held when it was last asked (trigger `matches`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
    /// By trigger: the date, or the beginning of the silence, that has been handled.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Where a lead waits in a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub step: String,
    /// Where in the list the step was.
    pub step_number: i64,
    pub due_at: Time,
    pub entered_at: Time,
    pub moved_at: Time,
}

impl LeadState {
    /// A lead of which nothing is remembered yet.
    pub fn new(
        (workspace, lead): (WorkspaceId, LeadId),
        (contact, campaign): (ContactId, CampaignId),
        (status, created_at): (LeadStatus, Time),
    ) -> Self {
        Self {
            workspace,
            lead,
            contact,
            campaign,
            status,
            created_at,
            points: 0,
            number: 0,
            memory: Memory::default(),
            positions: BTreeMap::new(),
            due_at: None,
            fired: BTreeSet::new(),
        }
    }
}
