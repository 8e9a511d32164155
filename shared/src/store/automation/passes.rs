//! A pass looks at all leads of a campaign, after its automation was saved or the campaign opened again: in steps, each a transaction,
//! and how far it has come is kept with the automation.
use super::parts::Parts;
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, Rows, StoreError, Tx,
        dialect::Engine,
        live::{self, Touched, What, definitions},
    },
};
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Leads of one step, at most.
pub const STEP: i64 = 500;
/// When one looks again whether an automation can be evaluated that cannot be now.
const BROKEN_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Campaigns whose leads are to be looked at, in all workspaces.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, CampaignId)>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, campaign_id FROM automation WHERE pass_due_at <= $1 AND pass_due_at IS NOT NULL
             ORDER BY pass_due_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Leads that were looked at.
    pub leads: u64,
    /// Nothing is left to do, or somebody else does it.
    pub is_last: bool,
}

const NOTHING_TO_DO: Step = Step { leads: 0, is_last: true };

/// The campaign opened again: its leads are looked at. Call it last in the transaction; nothing is waited for while the row is held.
pub async fn make_due(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE automation SET pass_due_at = $3, pass_after = NULL
             WHERE workspace_id = $1 AND campaign_id = $2 AND enabled",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await
        .map(drop)
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Place {
    revision: i64,
    enabled: bool,
    pass_due_at: Time,
    pass_after: Option<Uuid>,
    campaign_state: CampaignState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum CampaignState {
    Active,
    Paused,
    Archived,
}

/// Does the next step. Of two at once one is done. A lead that cannot be looked at is passed over: the others are not kept waiting.
pub async fn step(db: &Db, key: (WorkspaceId, CampaignId), now: Time) -> Result<Step, StoreError> {
    match try_step(db, key, now).await {
        Err(error) if !error.is_outage() && !error.is_conflict() => one_by_one(db, key, now).await,
        other => other,
    }
}

/// All of a step together.
async fn try_step(db: &Db, key: (WorkspaceId, CampaignId), now: Time) -> Result<Step, StoreError> {
    let mut tx = db.begin().await?;
    let Some((place, leads)) = begin(&mut tx, key, now).await? else {
        tx.commit().await?;
        return Ok(NOTHING_TO_DO);
    };
    tell(&mut tx, key.0, &leads, now).await?;
    let is_last = keep(&mut tx, key, place, &leads).await?;
    tx.commit().await?;
    Ok(Step { leads: leads.len() as u64, is_last })
}

/// The leads of a step in halves, and their halves, until the one is found that cannot be looked at.
async fn one_by_one(
    db: &Db,
    key: (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Step, StoreError> {
    let mut tx = db.begin().await?;
    let Some((place, leads)) = begin(&mut tx, key, now).await? else {
        tx.commit().await?;
        return Ok(NOTHING_TO_DO);
    };
    tx.rollback().await?;
    let mut parts = Parts::new(leads.clone(), leads.len().div_ceil(2).max(1));
    while let Some(part) = parts.next() {
        let mut tx = db.begin().await?;
        let failed = match tell(&mut tx, key.0, &part, now).await {
            Ok(()) => {
                tx.commit().await?;
                continue;
            }
            Err(error) => {
                tx.rollback().await?;
                parts.failed(part, error)?
            }
        };
        if let Some((lead, error)) = failed {
            tracing::warn!(campaign = %key.1, lead = %lead.id, %error, "a lead cannot be looked at; the pass goes on without it");
        }
    }
    let mut tx = db.begin().await?;
    let is_last = keep(&mut tx, key, place, &leads).await?;
    tx.commit().await?;
    Ok(Step { leads: leads.len() as u64, is_last })
}

/// The leads of the next step; none if there is nothing to do now.
async fn begin(
    tx: &mut Tx,
    key: (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Option<(Place, Vec<Lead>)>, StoreError> {
    if !alone(tx, key.1).await? {
        return Ok(None);
    }
    let Some(place) = place(tx, key, now).await? else { return Ok(None) };
    let is_open = place.enabled && place.campaign_state == CampaignState::Active;
    if !is_open {
        // When it opens again, or is switched on, the pass is due again.
        end(tx, key, place, None).await?;
        return Ok(None);
    }
    if !definitions::of(tx, key.0).await?.programs.contains_key(&key.1) {
        end(tx, key, place, Some(now + BROKEN_AGAIN)).await?;
        return Ok(None);
    }
    Ok(Some((place, leads(tx, key, place.pass_after).await?)))
}

/// Whether nobody else is at this campaign; nobody will be before the transaction ends. Not by a lock of the row: that would be held
/// while contacts are waited for, and whoever saves or opens the campaign would wait for it.
async fn alone(tx: &mut Tx, campaign: CampaignId) -> Result<bool, StoreError> {
    if tx.ex().engine() == Engine::Sqlite {
        return Ok(true);
    }
    let (high, low) = campaign.0.as_u64_pair();
    tx.ex()
        .sql("SELECT {pg: pg_try_advisory_xact_lock($1)}{lite: $1 IS NOT NULL}")
        .bind((high.rotate_left(16) ^ low).cast_signed())
        .scalar()
        .await
}

async fn place(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Option<Place>, StoreError> {
    tx.ex()
        .sql(
            "SELECT a.revision, a.enabled, a.pass_due_at, a.pass_after, c.state AS campaign_state FROM automation a
             JOIN campaign c ON c.workspace_id = a.workspace_id AND c.id = a.campaign_id
             WHERE a.workspace_id = $1 AND a.campaign_id = $2 AND a.pass_due_at <= $3",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .optional()
        .await
}

#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Lead {
    id: LeadId,
    contact_id: ContactId,
    status: LeadStatus,
}

async fn leads(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    after: Option<Uuid>,
) -> Result<Vec<Lead>, StoreError> {
    tx.ex()
        .sql(
            "SELECT id, contact_id, status FROM lead WHERE campaign_id = $2 AND id > $3 AND (workspace_id = $1) IS TRUE
             ORDER BY id LIMIT $4",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(after.unwrap_or(Uuid::nil()))
        .bind(STEP)
        .all()
        .await
}

/// Lets the campaign look at these leads. Whether one is still processed is asked again when its contact is locked.
async fn tell(
    tx: &mut Tx,
    workspace: WorkspaceId,
    leads: &[Lead],
    now: Time,
) -> Result<(), StoreError> {
    let saved = |lead: &Lead| {
        Touched::new(workspace, lead.contact_id, What::nothing())
            .and(Happened::to_lead(lead.id, Occurrence::Saved))
    };
    let touched: Vec<Touched> =
        leads.iter().filter(|lead| lead.status.is_processed()).map(saved).collect();
    live::reassess(tx, &touched, now).await
}

/// Notes how far it has come; says whether that was all. A pass that was ordered meanwhile begins at the beginning: then nothing is noted.
async fn keep(
    tx: &mut Tx,
    key: (WorkspaceId, CampaignId),
    place: Place,
    leads: &[Lead],
) -> Result<bool, StoreError> {
    let Some(last) = leads.last().filter(|_| leads.len() as i64 == STEP) else {
        return end(tx, key, place, None).await;
    };
    tx.ex()
        .sql(
            "UPDATE automation SET pass_after = $6
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3 AND pass_due_at = $4
                AND pass_after IS NOT DISTINCT FROM $5",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(place.revision)
        .bind(place.pass_due_at)
        .bind(place.pass_after)
        .bind(last.id)
        .run()
        .await?;
    Ok(false)
}

/// Nothing is to be done before `next`; says whether that is so: not if a pass was ordered meanwhile.
async fn end(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    place: Place,
    next: Option<Time>,
) -> Result<bool, StoreError> {
    let ended = tx
        .ex()
        .sql(
            "UPDATE automation SET pass_due_at = $6, pass_after = NULL
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3 AND pass_due_at = $4
                AND pass_after IS NOT DISTINCT FROM $5",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(place.revision)
        .bind(place.pass_due_at)
        .bind(place.pass_after)
        .bind(next)
        .run()
        .await?;
    Ok(ended == 1)
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    campaign_id: Uuid,
}

/// Leads of these campaigns were due, and nobody decides about them, for what the campaigns react to cannot be evaluated, or is not
/// switched on. Where it is switched on, all are looked at when it can be again.
pub(super) async fn when_it_can_be_evaluated(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaigns: BTreeSet<CampaignId>,
    now: Time,
) -> Result<(), StoreError> {
    if campaigns.is_empty() {
        return Ok(());
    }
    let key = |id: &CampaignId| Key { workspace_id: workspace.0, campaign_id: id.0 };
    tx.ex()
        .sql(
            "UPDATE automation SET pass_due_at = $2, pass_after = NULL FROM ROWS($1: workspace_id uuid, campaign_id uuid) r
             WHERE automation.workspace_id = r.workspace_id AND automation.campaign_id = r.campaign_id
                AND automation.enabled AND automation.pass_due_at IS NULL",
        )
        .bind(Rows::of(&campaigns.iter().map(key).collect::<Vec<_>>()))
        .bind(now + BROKEN_AGAIN)
        .run()
        .await
        .map(drop)
}
