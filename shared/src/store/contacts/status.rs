//! Whether a contact is worked with, and what that makes of its leads: one transaction for the contact, all its leads, and their
//! submissions that wait.
use super::write::{self, Why, Written};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus},
    ids::{ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, Rows, StoreError, Tx, lead_status,
        live::{self, Touched, What},
    },
};
use serde::Serialize;

/// The reason code of leads that follow their contact.
pub const REASON_CODE: &str = "contact_status";
/// How often the transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// What somebody wants a contact to be.
#[derive(Debug, Clone)]
pub struct StatusChange {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub to: ContactStatus,
    pub reason: String,
    pub by: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    /// The contact as it is now, and how many of its leads followed.
    Yes {
        contact: Box<Contact>,
        leads: usize,
    },
    Unknown,
    /// A contact that was merged into another, or erased, keeps its status.
    Merged(ContactId),
    Erased,
}

/// Sets a contact's status, and that of its leads.
pub async fn change(db: &Db, change: &StatusChange, now: Time) -> Result<Set, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, change, now).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(db: &Db, change: &StatusChange, now: Time) -> Result<Set, StoreError> {
    let mut tx = db.begin().await?;
    let mut touched = Vec::new();
    let set = set_status(&mut tx, change, &mut touched, now).await?;
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    Ok(set)
}

/// The same within a transaction that does more than that; what to tell [`live::reassess`] is added to `touched`.
pub async fn set_status(
    tx: &mut Tx,
    change: &StatusChange,
    touched: &mut Vec<Touched>,
    now: Time,
) -> Result<Set, StoreError> {
    let locked = write::lock(tx, change.workspace, &[change.contact]).await?;
    let Some(before) = locked.into_iter().next() else { return Ok(Set::Unknown) };
    if let Some(into) = before.merged_into {
        return Ok(Set::Merged(into));
    }
    if before.erased_at.is_some() {
        return Ok(Set::Erased);
    }
    let after = Contact { status: change.to, ..before.clone() };
    let why = Why { reason: change.reason.clone(), by: change.by.clone(), ..Why::default() };
    let mut contact = after.clone();
    let written = write::write(tx, &[Written { before, after, why }], now).await?;
    if !written.is_empty() {
        contact.revision += 1;
        contact.updated_at = now;
    }
    touched.extend(written);
    let changed = cascade(tx, change, now).await?;
    let leads = changed.len();
    if leads > 0 {
        let happened = changed.iter().map(lead_status::Changed::happened).collect();
        let told = Touched::new(change.workspace, change.contact, What::leads());
        touched.push(Touched { happened, ..told });
    }
    Ok(Set::Yes { contact: Box::new(contact), leads })
}

/// What a contact's status makes of its leads: from which statuses to which. Leads that are qualified are done with and stay so, unless
/// the contact is deleted; deleted ones are never revived; an active contact's leads stay what they are.
fn of_leads(status: ContactStatus) -> Option<(&'static [LeadStatus], LeadStatus)> {
    use LeadStatus::{Active, Deleted, Duplicate, Qualified, Rejected};
    match status {
        ContactStatus::Active => None,
        ContactStatus::Inactive | ContactStatus::Bounced | ContactStatus::Spam => {
            Some((&[Active, Duplicate], Rejected))
        }
        ContactStatus::Deleted => Some((&[Active, Duplicate, Qualified, Rejected], Deleted)),
    }
}

/// Changes the leads of a contact, which is locked, as its status asks, and stops their submissions. Says which leads changed.
pub async fn cascade(
    tx: &mut Tx,
    change: &StatusChange,
    now: Time,
) -> Result<Vec<lead_status::Changed>, StoreError> {
    let Some((from, to)) = of_leads(change.to) else { return Ok(Vec::new()) };
    let leads = leads_in(tx, change, from).await?;
    let reason = match change.reason.as_str() {
        "" => format!("the contact became {}", change.to.word()),
        why => format!("the contact became {}: {why}", change.to.word()),
    };
    let changes: Vec<lead_status::Change> = leads
        .into_iter()
        .map(|lead| lead_status::Change {
            workspace: change.workspace,
            lead,
            from,
            to,
            code: REASON_CODE.into(),
            reason: reason.clone(),
            by: change.by.clone(),
            submission: None,
            at: now,
        })
        .collect();
    let changed = lead_status::change(tx, &changes).await?;
    lead_status::wake_stopped(tx, &changed, now).await?;
    Ok(changed)
}

#[derive(Serialize)]
struct StatusRow {
    status: LeadStatus,
}

async fn leads_in(
    tx: &mut Tx,
    change: &StatusChange,
    statuses: &[LeadStatus],
) -> Result<Vec<LeadId>, StoreError> {
    let statuses: Vec<StatusRow> =
        statuses.iter().map(|status| StatusRow { status: *status }).collect();
    let found: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT l.id FROM lead l WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE
               AND l.status IN (SELECT r.status FROM ROWS($3: status text) r)",
        )
        .bind(change.workspace)
        .bind(change.contact)
        .bind(Rows::of(&statuses))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
