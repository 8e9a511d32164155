//! Lead statuses: changed only with a line of the lead's history, in one transaction, and only from where the decision expects them.
use super::{
    Db, Rows, StoreError, Tx, audit,
    live::{self, Touched, What},
    rows::time,
};
use crate::{
    audit::Entry,
    automation::{Happened, Occurrence},
    clock::Time,
    contact::ContactStatus,
    ids::{ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::LeadStatus,
    webhook::{About, Event, Facts, Told},
};
use serde::Serialize;
use std::{borrow::Cow, collections::BTreeMap};
use uuid::Uuid;

mod stopped;

pub use stopped::wake_stopped;

/// A change of a lead's status.
#[derive(Debug, Clone)]
pub struct Change {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    /// The statuses that it may be changed from; a lead with another one is left alone.
    pub from: &'static [LeadStatus],
    pub to: LeadStatus,
    /// Why, in a stable code and in a sentence.
    pub code: Cow<'static, str>,
    pub reason: String,
    /// Who decided: a key's name, or the part of the program.
    pub by: String,
    /// The submission whose outcome it follows from, if any.
    pub submission: Option<SubmissionId>,
    pub at: Time,
}

/// A change that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    pub contact: ContactId,
    pub from: LeadStatus,
    pub to: LeadStatus,
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    workspace_id: Uuid,
    lead_id: Uuid,
    from_status: LeadStatus,
    to_status: LeadStatus,
    reason_code: &'a str,
    reason: &'a str,
    changed_by: &'a str,
    submission_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Makes the changes whose leads have one of the statuses they may be changed from, and says which. Of several changes of one lead the
/// first counts. A change to the status that the lead has is none.
pub async fn change(tx: &mut Tx, changes: &[Change]) -> Result<Vec<Changed>, StoreError> {
    // In the order of the leads, so that of two transactions that meet one simply waits for the other.
    let mut wanted: BTreeMap<(Uuid, Uuid), &Change> = BTreeMap::new();
    for change in changes {
        wanted.entry((change.workspace.0, change.lead.0)).or_insert(change);
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<LeadKey> = wanted
        .keys()
        .map(|(workspace_id, id)| LeadKey { workspace_id: *workspace_id, id: *id })
        .collect();
    if wanted.values().any(|change| live::reacts(change.workspace)) {
        // Whoever reacts to what happens holds the contact, then changes its leads.
        let contacts = contacts(tx, &keys).await?;
        live::lock_contacts(tx, contacts.into_iter()).await?;
    }
    let standing = lock(tx, &keys).await?;
    let made = standing.into_iter().filter_map(|(workspace, lead, status, contact)| {
        let change = *wanted.get(&(workspace.0, lead.0))?;
        let is_made = change.from.contains(&status) && change.to != status;
        is_made.then(|| (row(change, status), changed(change, contact, status)))
    });
    let (rows, changed): (Vec<ChangeRow>, Vec<Changed>) = made.unzip();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    write(tx, &rows).await?;
    tx.tell(rows.iter().map(told));
    audited(tx, &rows).await?;
    Ok(changed)
}

fn row(change: &Change, from: LeadStatus) -> ChangeRow<'_> {
    ChangeRow {
        workspace_id: change.workspace.0,
        lead_id: change.lead.0,
        from_status: from,
        to_status: change.to,
        reason_code: &change.code,
        reason: &change.reason,
        changed_by: &change.by,
        submission_id: change.submission.map(|id| id.0),
        at: change.at,
    }
}

/// What others may want to be told of a change.
fn told(row: &ChangeRow<'_>) -> Told {
    let facts = Facts {
        status: row.to_status.word().into(),
        previous_status: Some(row.from_status.word().into()),
        reason_code: Some(row.reason_code.to_owned().into()),
        ..Facts::default()
    };
    Told {
        workspace: WorkspaceId(row.workspace_id),
        event: Event::LeadStatusChanged,
        about: About::Lead(LeadId(row.lead_id)),
        facts,
        at: row.at,
    }
}

fn changed(change: &Change, contact: ContactId, from: LeadStatus) -> Changed {
    Changed { workspace: change.workspace, lead: change.lead, contact, from, to: change.to }
}

/// The lines of the audit log, if somebody did it.
async fn audited(tx: &mut Tx, rows: &[ChangeRow<'_>]) -> Result<(), StoreError> {
    let told = rows.iter().map(|row| {
        let entry = Entry::new("lead.status_changed", "lead", LeadId(row.lead_id))
            .status(row.from_status.word(), row.to_status.word());
        (WorkspaceId(row.workspace_id), entry, row.at)
    });
    audit::tell_all(tx, told).await
}

#[derive(Serialize)]
struct LeadKey {
    workspace_id: Uuid,
    id: Uuid,
}

/// Locks the leads and reads what they are now. The lock lets rows that only point to a lead come in meanwhile.
async fn lock(
    tx: &mut Tx,
    keys: &[LeadKey],
) -> Result<Vec<(WorkspaceId, LeadId, LeadStatus, ContactId)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.workspace_id, l.id, l.status, l.contact_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id{pg:  FOR NO KEY UPDATE OF l}",
        )
        .bind(Rows::of(keys))
        .all()
        .await
}

async fn write(tx: &mut Tx, rows: &[ChangeRow<'_>]) -> Result<(), StoreError> {
    let rows = Rows::of(rows);
    tx.ex()
        .sql(
            "UPDATE lead SET status = r.to_status, updated_at = r.at
             FROM ROWS($1: workspace_id uuid, lead_id uuid, to_status text, at timestamptz) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.lead_id",
        )
        .bind(rows.clone())
        .run()
        .await?;
    // The lead is locked by now, so nobody else gives out its next number.
    tx.ex()
        .sql(
            "INSERT INTO lead_status_change (workspace_id, lead_id, number, from_status, to_status, reason_code, reason,
                changed_by, submission_id, at)
             SELECT r.workspace_id, r.lead_id,
                (SELECT COALESCE(MAX(c.number), 0) + 1 FROM lead_status_change c
                 WHERE c.workspace_id = r.workspace_id AND c.lead_id = r.lead_id),
                r.from_status, r.to_status, r.reason_code, r.reason, r.changed_by, r.submission_id, r.at
             FROM ROWS($1: workspace_id uuid, lead_id uuid, from_status text, to_status text, reason_code text, reason text,
                changed_by text, submission_id uuid, at timestamptz) r",
        )
        .bind(rows)
        .run()
        .await?;
    Ok(())
}

/// A new lead of a campaign that qualifies its leads at once.
pub(super) fn born_qualified(workspace: WorkspaceId, lead: LeadId, at: Time) -> Change {
    Change {
        workspace,
        lead,
        from: &[LeadStatus::Active],
        to: LeadStatus::Qualified,
        code: "auto_qualify".into(),
        reason: "the campaign qualifies new leads at once".to_owned(),
        by: "the campaign".to_owned(),
        submission: None,
        at,
    }
}

/// A new lead of a contact that is not worked with.
pub(super) fn born_rejected(
    workspace: WorkspaceId,
    lead: LeadId,
    contact: ContactStatus,
    at: Time,
) -> Change {
    Change {
        workspace,
        lead,
        from: &[LeadStatus::Active, LeadStatus::Duplicate],
        to: LeadStatus::Rejected,
        code: "contact_inactive".into(),
        reason: format!("the contact is {}", contact.word()),
        by: "the contact's status".to_owned(),
        submission: None,
        at,
    }
}

/// The contacts of leads.
async fn contacts(
    tx: &mut Tx,
    keys: &[LeadKey],
) -> Result<Vec<(WorkspaceId, ContactId)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.workspace_id, l.contact_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        )
        .bind(Rows::of(keys))
        .all()
        .await
}

impl Changed {
    /// What campaigns react to of it.
    pub(super) fn happened(&self) -> Happened {
        Happened::to_lead(self.lead, Occurrence::Status { from: self.from, to: self.to })
    }
}

/// The contacts whose leads changed, once for each lead: what rules read of them has changed, and campaigns react to it.
pub(super) fn touched(changed: &[Changed]) -> Vec<Touched> {
    let touched =
        |one: &Changed| Touched::new(one.workspace, one.contact, What::leads()).and(one.happened());
    changed.iter().map(touched).collect()
}

/// A line of a lead's history.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HistoryRow {
    pub number: i64,
    pub from_status: LeadStatus,
    pub to_status: LeadStatus,
    pub reason_code: String,
    pub reason: String,
    pub changed_by: String,
    pub submission_id: Option<SubmissionId>,
    pub at: Time,
}

/// How a lead came to its status, first to last.
pub async fn history(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<HistoryRow>, StoreError> {
    db.read()
        .sql(
            "SELECT number, from_status, to_status, reason_code, reason, changed_by, submission_id, at
             FROM lead_status_change WHERE workspace_id = $1 AND lead_id = $2 ORDER BY number",
        )
        .bind(workspace)
        .bind(lead)
        .all()
        .await
}
