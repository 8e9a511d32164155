//! Members of campaigns: the contacts of a campaign's segments have a lead in it, each one lead, and lose it with the last of them;
//! and people who were added by hand.
use super::{
    StoreError, Tx,
    lead_status::{self, Change},
    live::{Touched, What},
};
use crate::{
    automation::Happened,
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
};
use std::collections::BTreeSet;

mod by_automation;
mod by_hand;
mod look;
mod plan;
mod segments;
mod steps;
mod write;

pub(super) use by_automation::{Wish, add_each};
pub use by_hand::{Added, By, Member, NotAdded, add, of_contacts};
pub use segments::{Assigned, Fed, NotAssigned, SEGMENTS_MAX, assign, forget_segment, segments};
pub use steps::{STEP, Step, due, settle_all, step};

/// How a lead came in that a segment brought.
pub const BY_SEGMENT: &str = "segment";
/// How a lead came in that was added by hand.
pub const BY_HAND: &str = "manual";
/// How a lead came in that another campaign's automation added.
pub const BY_AUTOMATION: &str = "automation";
/// Why a lead was deleted whose contact has left the last segment.
pub const LEFT: &str = "segment_left";
/// Why it is there again.
const BACK: &str = "segment_joined";
/// Who does what segments say.
const SEGMENTS: &str = "the campaign's segments";

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settled {
    /// Leads that were made.
    pub made: usize,
    /// Leads that had left with their segments and came back with one.
    pub revived: usize,
    /// Leads that left with the last segment.
    pub left: usize,
    /// The contacts whose leads changed, each once: what rules read of them has changed
    /// ([`What::leads`](super::live::What::leads)).
    pub contacts: Vec<ContactId>,
    /// What happened to their leads, for campaigns that react to it; not kept when settlings are added up.
    pub happened: Vec<(ContactId, Happened)>,
}

impl Settled {
    /// For [`live::reassess`](super::live::reassess).
    pub fn touched(&self, workspace: WorkspaceId) -> Vec<Touched> {
        let touched = |contact: &ContactId| {
            let mine = self.happened.iter().filter(|(whose, _)| whose == contact);
            let happened = mine.map(|(_, happened)| happened.clone()).collect();
            Touched { happened, ..Touched::new(workspace, *contact, What::leads()) }
        };
        self.contacts.iter().map(touched).collect()
    }

    fn and(mut self, more: Self) -> Self {
        self.made += more.made;
        self.revived += more.revived;
        self.left += more.left;
        let contacts: BTreeSet<ContactId> =
            self.contacts.into_iter().chain(more.contacts).collect();
        self.contacts = contacts.into_iter().collect();
        self.happened = Vec::new();
        self
    }
}

/// A campaign that takes members now.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Campaign {
    id: CampaignId,
    auto_qualify: bool,
    dedup_days: Option<i64>,
}

/// Brings the leads of these contacts into line with the segments that feed the workspace's active campaigns. Call it after the
/// members of segments have changed, in the same transaction. Paused and archived campaigns catch up when they become active.
pub async fn settle(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    now: Time,
) -> Result<Settled, StoreError> {
    if contacts.is_empty() {
        return Ok(Settled::default());
    }
    let campaigns = look::fed_campaigns(tx, workspace).await?;
    bring(tx, (workspace, &campaigns), contacts, now).await
}

/// [`settle`] for these campaigns. The contacts are locked meanwhile, so that two of these at once never make two leads of one.
async fn bring(
    tx: &mut Tx,
    (workspace, campaigns): (WorkspaceId, &[Campaign]),
    contacts: &[ContactId],
    now: Time,
) -> Result<Settled, StoreError> {
    if campaigns.is_empty() || contacts.is_empty() {
        return Ok(Settled::default());
    }
    let people = look::lock_people(tx, workspace, contacts).await?;
    let members = look::members(tx, (workspace, campaigns), contacts).await?;
    let leads = look::leads(tx, (workspace, campaigns), contacts).await?;
    let plan = plan::by_segments(campaigns, &people, &members, &leads, now);
    let made = write::leads(tx, (workspace, campaigns), &plan.make, (BY_SEGMENT, now)).await?;
    let back = changes(workspace, &plan.revive, LeadStatus::Active, now);
    let gone = changes(workspace, &plan.leave, LeadStatus::Deleted, now);
    let changed = lead_status::change(tx, &[back, gone].concat()).await?;
    lead_status::wake_stopped(tx, &changed, now).await?;
    write::look_again(tx, workspace, &plan.held).await?;
    let of = |lead: LeadId| leads.iter().find(|one| one.id == lead).map(|one| one.contact_id);
    let moved = changed.iter().filter_map(|one| Some((of(one.lead)?, one.happened())));
    let happened: Vec<(ContactId, Happened)> =
        made.iter().flat_map(write::Made::happened).chain(moved).collect();
    let touched: BTreeSet<ContactId> = happened.iter().map(|(contact, _)| *contact).collect();
    let revived = changed.iter().filter(|changed| changed.to == LeadStatus::Active).count();
    Ok(Settled {
        made: made.len(),
        revived,
        left: changed.len() - revived,
        contacts: touched.into_iter().collect(),
        happened,
    })
}

fn changes(workspace: WorkspaceId, leads: &[LeadId], to: LeadStatus, at: Time) -> Vec<Change> {
    let (from, code, reason): (&'static [LeadStatus], _, _) = match to {
        LeadStatus::Active => (&[LeadStatus::Deleted], BACK, "the contact is in a segment again"),
        _ => (&[LeadStatus::Active], LEFT, "the contact has left the last segment"),
    };
    let change = |lead: &LeadId| Change {
        workspace,
        lead: *lead,
        from,
        to,
        code: code.into(),
        reason: reason.to_owned(),
        by: SEGMENTS.to_owned(),
        submission: None,
        at,
    };
    leads.iter().map(change).collect()
}
