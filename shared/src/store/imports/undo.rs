//! Taking an import back, in steps: first what it changed, then the leads and contacts that it made. What others have touched since stays.
//!
//! Each step is one transaction that says how far it came, so that one who goes on after a crash does nothing twice.
use super::{
    Db, StoreError, Tx,
    apply::Stop,
    work::{Claim, Worked},
};
use crate::{
    clock::{Clock, Time},
    ids::{ContactId, LeadId},
    store::live::{self, Touched},
};
use uuid::Uuid;

mod changes;
mod contacts;
mod leads;

/// Leads, contacts or changes of a step.
const STEP: i64 = 500;
/// How often a step is tried that meets another transaction.
const TRIES: usize = 5;

/// What a step came to.
#[derive(Debug, Default)]
struct Taken {
    undone: i64,
    kept: i64,
    touched: Vec<Touched>,
    /// Up to which of the leads or contacts that it made it has come.
    lead: Option<LeadId>,
    contact: Option<ContactId>,
}

/// Takes steps until nothing is left, or the worker's turn is over.
pub(super) async fn drive(db: &Db, claim: &Claim, clock: &Clock) -> Result<Worked, Stop> {
    let mut tries = 1;
    loop {
        match step(db, claim, clock.now()).await {
            Ok(Some(worked)) => return Ok(worked),
            Ok(None) => tries = 1,
            Err(error) if (error.is_conflict() || error.is_taken()) && tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
        if claim.is_over() {
            return claim.release(db, clock.now()).await;
        }
    }
}

/// None: there is more.
async fn step(db: &Db, claim: &Claim, now: Time) -> Result<Option<Worked>, StoreError> {
    let mut tx = db.begin().await?;
    if !claim.hold(&mut tx).await? {
        tx.rollback().await?;
        return Ok(Some(Worked::Nothing));
    }
    let Some(taken) = take(&mut tx, claim, now).await? else {
        return claim.end(tx, super::State::Undone, None, now).await.map(Some);
    };
    count(&mut tx, claim, &taken, now).await?;
    live::reassess(&mut tx, &taken.touched, now).await?;
    tx.commit().await?;
    Ok(None)
}

/// The next step of whatever is left.
async fn take(tx: &mut Tx, claim: &Claim, now: Time) -> Result<Option<Taken>, StoreError> {
    if let Some(taken) = changes::take(tx, claim.key, now).await? {
        return Ok(Some(taken));
    }
    let (lead, contact): (Option<Uuid>, Option<Uuid>) = tx
        .ex()
        .sql("SELECT undone_lead, undone_contact FROM import WHERE workspace_id = $1 AND id = $2")
        .bind(claim.key.0)
        .bind(claim.key.1)
        .one()
        .await?;
    if let Some(taken) = leads::take(tx, claim.key, lead.unwrap_or_default()).await? {
        return Ok(Some(taken));
    }
    contacts::take(tx, claim.key, contact.unwrap_or_default()).await
}

async fn count(tx: &mut Tx, claim: &Claim, taken: &Taken, now: Time) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE import SET undone = undone + $3, kept = kept + $4, undone_lead = COALESCE($5, undone_lead),
                undone_contact = COALESCE($6, undone_contact), attempt = 0, problem = NULL, due_at = $7, updated_at = $8
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(claim.key.0)
        .bind(claim.key.1)
        .bind(taken.undone)
        .bind(taken.kept)
        .bind(taken.lead)
        .bind(taken.contact)
        .bind(now + super::LEASE)
        .bind(now)
        .run()
        .await
        .map(drop)
}
