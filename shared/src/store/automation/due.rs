//! What the clock makes of leads: those that are due are looked at, oldest first, and nothing is read of those that are not.
use super::parts::{Parts, by_workspace, finish};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, Rows, StoreError, Tx,
        live::{self, Touched, What, definitions},
    },
};
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Leads of one transaction, at most.
pub const TOGETHER: usize = 500;
/// When one is looked at again that could not be.
pub const POSTPONED: TimeDelta = TimeDelta::minutes(5);
/// When one is looked at again that was, and is due all the same: that must not keep the clock busy.
const STILL_DUE: TimeDelta = TimeDelta::minutes(1);
/// Leads that cannot be looked at before a sweep stops looking for more.
pub(super) const BAD_MOST: usize = 20;

/// Looks at leads that are due, at most `limit`; answers how many were looked at. Those whose contact somebody else is at are left to
/// them, or to the next tick. Afterwards each is due later, or never: one that cannot be looked at in 5 minutes again.
pub async fn sweep(db: &Db, now: Time, limit: i64) -> Result<u64, StoreError> {
    let (mut looked, mut bad) = (0, 0);
    for (workspace, leads) in find(db, now, limit).await? {
        let mut parts = Parts::new(leads, TOGETHER);
        while let Some(part) = parts.next() {
            let failed = match look(db, (workspace, &part), now).await {
                Ok(some) => {
                    looked += some;
                    continue;
                }
                Err(error) => parts.failed(part, error)?,
            };
            let Some((lead, error)) = failed else { continue };
            tracing::warn!(%workspace, %lead, %error, "a lead that is due cannot be looked at; in five minutes it is tried again");
            postpone(db, (workspace, lead), now).await?;
            looked += 1;
            bad += 1;
            if bad >= BAD_MOST {
                return Ok(looked);
            }
        }
    }
    Ok(looked)
}

/// No table is gone through: the index of what is due is read from its beginning.
pub const FIND: &str =
    "SELECT workspace_id, lead_id FROM lead_automation WHERE due_at <= $1 AND due_at IS NOT NULL
    ORDER BY due_at LIMIT $2";

/// Leads that are due, oldest first within a workspace, and the workspace of the oldest first.
async fn find(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, Vec<LeadId>)>, StoreError> {
    let due: Vec<(WorkspaceId, LeadId)> = db.read().sql(FIND).bind(now).bind(limit).all().await?;
    Ok(by_workspace(due))
}

/// A lead that is due.
#[derive(sqlx::FromRow)]
struct Due {
    lead_id: LeadId,
    contact_id: ContactId,
    campaign_id: CampaignId,
    status: LeadStatus,
    campaign_state: String,
}

impl Due {
    fn is_processed(&self) -> bool {
        self.status.is_processed() && self.campaign_state == "active"
    }
}

/// Looks at some leads of a workspace in one transaction; says at how many.
async fn look(
    db: &Db,
    (workspace, leads): (WorkspaceId, &[LeadId]),
    now: Time,
) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let looked = look_in(&mut tx, (workspace, leads), now).await;
    finish(tx, looked).await
}

async fn look_in(
    tx: &mut Tx,
    (workspace, leads): (WorkspaceId, &[LeadId]),
    now: Time,
) -> Result<u64, StoreError> {
    let due = take(tx, (workspace, leads), now).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let definitions = definitions::of(tx, workspace).await?;
    let has_program = |one: &Due| definitions.programs.contains_key(&one.campaign_id);
    let (live, dead): (Vec<&Due>, Vec<&Due>) =
        due.iter().partition(|one| one.is_processed() && has_program(one));
    clear(tx, workspace, &dead, now).await?;
    let clock = |one: &&Due| {
        Touched::new(workspace, one.contact_id, What::nothing())
            .and(Happened::to_lead(one.lead_id, Occurrence::Clock))
    };
    live::reassess(tx, &live.iter().map(clock).collect::<Vec<_>>(), now).await?;
    still_due(tx, workspace, &live, now).await?;
    let silent = dead.iter().filter(|one| one.is_processed()).map(|one| one.campaign_id);
    super::passes::when_it_can_be_evaluated(tx, workspace, silent.collect(), now).await?;
    Ok(due.len() as u64)
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    lead_id: Uuid,
}

fn keys(workspace: WorkspaceId, leads: impl Iterator<Item = LeadId>) -> Rows {
    let key = |lead: LeadId| Key { workspace_id: workspace.0, lead_id: lead.0 };
    Rows::of(&leads.map(key).collect::<Vec<_>>())
}

/// Locks the contacts of those that are due, and answers those that are so still. A contact that somebody else is at is passed over, so
/// that nobody waits here, and two who sweep at once do half of it each.
async fn take(
    tx: &mut Tx,
    (workspace, leads): (WorkspaceId, &[LeadId]),
    now: Time,
) -> Result<Vec<Due>, StoreError> {
    let locked: Vec<(LeadId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT l.id, c.id FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             JOIN lead_automation a ON a.workspace_id = r.workspace_id AND a.lead_id = r.lead_id
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.lead_id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE a.due_at <= $2{pg:  FOR NO KEY UPDATE OF c SKIP LOCKED}",
        )
        .bind(keys(workspace, leads.iter().copied()))
        .bind(now)
        .all()
        .await?;
    if locked.is_empty() {
        return Ok(Vec::new());
    }
    // What was read before the lock may be old by now.
    let due: Vec<Due> = tx
        .ex()
        .sql(
            "SELECT l.id AS lead_id, l.contact_id, l.campaign_id, l.status, c.state AS campaign_state
             FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             JOIN lead_automation a ON a.workspace_id = r.workspace_id AND a.lead_id = r.lead_id
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.lead_id
             JOIN campaign c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
             WHERE a.due_at <= $2",
        )
        .bind(keys(workspace, locked.iter().map(|(lead, _)| *lead)))
        .bind(now)
        .all()
        .await?;
    let contacts: BTreeSet<ContactId> = locked.into_iter().map(|(_, contact)| contact).collect();
    Ok(due.into_iter().filter(|one| contacts.contains(&one.contact_id)).collect())
}

/// Nobody decides about these at present: the clock leaves them alone, and since when they have been due is kept for the day on which
/// somebody does, because the lead or its campaign opened again.
async fn clear(
    tx: &mut Tx,
    workspace: WorkspaceId,
    dead: &[&Due],
    now: Time,
) -> Result<(), StoreError> {
    if dead.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE lead_automation SET held_at = COALESCE(held_at, due_at), due_at = NULL
             FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             WHERE lead_automation.workspace_id = r.workspace_id AND lead_automation.lead_id = r.lead_id
                AND lead_automation.due_at <= $2",
        )
        .bind(keys(workspace, dead.iter().map(|one| one.lead_id)))
        .bind(now)
        .run()
        .await
        .map(drop)
}

/// A lead that was looked at is due later, or never. Should one be due still, it waits a minute.
async fn still_due(
    tx: &mut Tx,
    workspace: WorkspaceId,
    live: &[&Due],
    now: Time,
) -> Result<(), StoreError> {
    if live.is_empty() {
        return Ok(());
    }
    let still: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "UPDATE lead_automation SET due_at = $3 FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             WHERE lead_automation.workspace_id = r.workspace_id AND lead_automation.lead_id = r.lead_id
                AND lead_automation.due_at <= $2
             RETURNING lead_automation.lead_id",
        )
        .bind(keys(workspace, live.iter().map(|one| one.lead_id)))
        .bind(now)
        .bind(now + STILL_DUE)
        .all()
        .await?;
    for (lead,) in still {
        tracing::warn!(%workspace, %lead, "a lead was looked at and is due all the same; it waits a minute");
    }
    Ok(())
}

async fn postpone(
    db: &Db,
    (workspace, lead): (WorkspaceId, LeadId),
    now: Time,
) -> Result<(), StoreError> {
    db.write()
        .sql(
            // Since when it has been due is not forgotten: what fell due then is decided as of then.
            "UPDATE lead_automation SET held_at = COALESCE(held_at, due_at), due_at = $4
             WHERE workspace_id = $1 AND lead_id = $2 AND due_at <= $3",
        )
        .bind(workspace)
        .bind(lead)
        .bind(now)
        .bind(now + POSTPONED)
        .run()
        .await
        .map(drop)
}
