//! Campaigns and their revisions.
use super::{
    Db, Rows, StoreError, Tx, agents, audit,
    automation::{passes, programs},
    campaign_window::{self, Window},
    caps::wake_all,
    intake::CampaignRef,
    secrets,
};
use crate::{
    audit::Entry,
    campaign::config::named_secrets,
    clock::Time,
    ids::{CampaignId, WorkspaceId},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::BTreeSet;
use uuid::Uuid;

mod told;

use told::told;

/// A campaign with its newest configuration.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CampaignRow {
    pub workspace_id: WorkspaceId,
    pub id: CampaignId,
    pub code: String,
    pub name: String,
    pub state: String,
    pub revision: i64,
    pub config: Json<Value>,
    #[sqlx(flatten)]
    pub window: Window,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A campaign to store, or a change of one.
#[derive(Debug, Clone)]
pub struct Draft {
    pub workspace: WorkspaceId,
    pub id: CampaignId,
    pub code: String,
    pub name: String,
    pub dedup_days: Option<i64>,
    pub config: Value,
    pub at: Time,
}

/// Stores a new campaign, active, at revision 1. [`StoreError::is_taken`] when the code is used already,
/// [`StoreError::is_dangling`] when it names a secret or an agent that is not there.
pub async fn create(db: &Db, draft: &Draft) -> Result<(), StoreError> {
    create_dated(db, draft, Window::default()).await
}

/// [`create`] with a start and an end: one whose start lies ahead is paused until then.
pub async fn create_dated(db: &Db, draft: &Draft, window: Window) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let state = if window.starts_after(draft.at) { "paused" } else { "active" };
    tx.ex()
        .sql(
            "INSERT INTO campaign (workspace_id, id, code, name, state, revision, dedup_days, dedup_action, auto_qualify,
                created_at, updated_at)
             VALUES ($1, $2, $3, $4, $8, 1, $5, $7, $9, $6, $6)",
        )
        .bind(draft.workspace)
        .bind(draft.id)
        .bind(draft.code.as_str())
        .bind(draft.name.as_str())
        .bind(draft.dedup_days)
        .bind(draft.at)
        .bind(dedup_action(&draft.config))
        .bind(state)
        .bind(auto_qualify(&draft.config))
        .run()
        .await?;
    add_revision(&mut tx, draft, 1).await?;
    campaign_window::set(&mut tx, (draft.workspace, draft.id), window, draft.at).await?;
    let made = json!({ "code": draft.code, "name": draft.name, "state": state, "revision": 1 });
    let entry = Entry::new("campaign.created", "campaign", draft.id).to(made);
    audit::tell(&mut tx, draft.workspace, &[entry], draft.at).await?;
    tx.commit().await
}

/// Saves a change as the next revision if the campaign is still at `expected`; none when it is not.
pub async fn save(db: &Db, draft: &Draft, expected: i64) -> Result<Option<i64>, StoreError> {
    save_dated(db, draft, expected, None).await
}

/// [`save`] with another start and end, if any are given.
pub async fn save_dated(
    db: &Db,
    draft: &Draft,
    expected: i64,
    window: Option<Window>,
) -> Result<Option<i64>, StoreError> {
    let mut tx = db.begin().await?;
    programs::lock(&mut tx, (draft.workspace, draft.id)).await?;
    let before = told(&mut tx, (draft.workspace, draft.id)).await?;
    let saved: Option<(i64,)> = tx
        .ex()
        .sql(
            "UPDATE campaign SET name = $3, revision = revision + 1, dedup_days = $4, dedup_action = $7,
                auto_qualify = $8, updated_at = $5
             WHERE workspace_id = $1 AND id = $2 AND revision = $6
             RETURNING revision",
        )
        .bind(draft.workspace)
        .bind(draft.id)
        .bind(draft.name.as_str())
        .bind(draft.dedup_days)
        .bind(draft.at)
        .bind(expected)
        .bind(dedup_action(&draft.config))
        .bind(auto_qualify(&draft.config))
        .optional()
        .await?;
    let Some((revision,)) = saved else { return Ok(None) };
    add_revision(&mut tx, draft, revision).await?;
    if let Some(window) = window {
        campaign_window::set(&mut tx, (draft.workspace, draft.id), window, draft.at).await?;
    }
    wake_all(&mut tx, draft.workspace, draft.id, draft.at).await?;
    programs::campaign_saved(&mut tx, (draft.workspace, draft.id), draft.at).await?;
    let after = told(&mut tx, (draft.workspace, draft.id)).await?;
    let entry = Entry::new("campaign.saved", "campaign", draft.id).changed(&before, &after);
    audit::tell(&mut tx, draft.workspace, &[entry], draft.at).await?;
    tx.commit().await?;
    Ok(Some(revision))
}

/// What the configuration does with duplicates, as intake reads it.
fn dedup_action(config: &Value) -> &str {
    config.pointer("/duplicates/action").and_then(Value::as_str).unwrap_or("status")
}

/// Whether new leads are qualified at once, as intake reads it.
fn auto_qualify(config: &Value) -> bool {
    config.get("autoQualify").and_then(Value::as_bool).unwrap_or(false)
}

async fn add_revision(tx: &mut Tx, draft: &Draft, revision: i64) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO campaign_revision (workspace_id, campaign_id, revision, config, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(draft.workspace)
        .bind(draft.id)
        .bind(revision)
        .bind(Json(&draft.config))
        .bind(draft.at)
        .run()
        .await?;
    note_uses(tx, draft.workspace, draft.id, &draft.config).await
}

/// Notes what the newest revision of a campaign uses, and its automation.
pub(super) async fn note_uses(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: CampaignId,
    config: &Value,
) -> Result<(), StoreError> {
    let mut named: BTreeSet<String> =
        named_secrets(config).into_iter().map(|(_, name)| name).collect();
    named.extend(programs::secrets(tx, (workspace, id)).await?);
    secrets::note_uses(tx, workspace, id, &named).await?;
    agents::note_uses(tx, workspace, id, config).await
}

pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: CampaignId,
) -> Result<Option<CampaignRow>, StoreError> {
    db.read()
        .sql(
            "SELECT c.workspace_id, c.id, c.code, c.name, c.state, c.revision, v.config, c.starts_at, c.ends_at, c.created_at, c.updated_at
             FROM campaign c JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision
             WHERE c.workspace_id = $1 AND c.id = $2",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// A campaign by its id or its code.
pub async fn find(
    db: &Db,
    workspace: WorkspaceId,
    named: &CampaignRef,
) -> Result<Option<CampaignRow>, StoreError> {
    let id = match named {
        CampaignRef::Id(id) => Some((*id,)),
        CampaignRef::Code(code) => {
            db.read()
                .sql("SELECT id FROM campaign WHERE workspace_id = $1 AND code = $2")
                .bind(workspace)
                .bind(code.as_str())
                .optional()
                .await?
        }
    };
    match id {
        Some((id,)) => get(db, workspace, id).await,
        None => Ok(None),
    }
}

/// Some campaigns with their newest configurations; unknown ones are left out.
pub async fn some(
    db: &Db,
    workspace: WorkspaceId,
    ids: &[CampaignId],
) -> Result<Vec<CampaignRow>, StoreError> {
    let wanted: Vec<Wanted> = ids.iter().map(|id| Wanted { id: id.0 }).collect();
    db.read()
        .sql(
            "SELECT c.workspace_id, c.id, c.code, c.name, c.state, c.revision, v.config, c.starts_at, c.ends_at, c.created_at, c.updated_at
             FROM ROWS($2: id uuid) r JOIN campaign c ON c.workspace_id = $1 AND c.id = r.id
             JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await
}

/// Campaigns after `cursor`, oldest first, with or without archived ones.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    cursor: Option<CampaignId>,
    archived: bool,
    limit: i64,
) -> Result<Vec<CampaignRow>, StoreError> {
    db.read()
        .sql(
            "SELECT c.workspace_id, c.id, c.code, c.name, c.state, c.revision, v.config, c.starts_at, c.ends_at, c.created_at, c.updated_at
             FROM campaign c JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision
             WHERE c.workspace_id = $1 AND c.id > $2 AND (c.state <> 'archived' OR $3)
             ORDER BY c.id LIMIT $4",
        )
        .bind(workspace)
        .bind(cursor.unwrap_or(CampaignId(Uuid::nil())))
        .bind(archived)
        .bind(limit)
        .all()
        .await
}

/// Makes a campaign active, paused or archived; false when it is not there. One that comes back from the archive needs its secrets and
/// agents: [`StoreError::is_dangling`] when one is gone.
pub async fn set_state(
    db: &Db,
    workspace: WorkspaceId,
    id: CampaignId,
    state: &str,
    at: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let is_there = set_state_in(&mut tx, (workspace, id), state, at).await?;
    tx.commit().await?;
    Ok(is_there)
}

/// [`set_state`] within a transaction. One that becomes active catches up on what its segments did meanwhile, and looks at all its leads.
pub(super) async fn set_state_in(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, CampaignId),
    state: &str,
    at: Time,
) -> Result<bool, StoreError> {
    let before: Option<(String,)> = tx
        .ex()
        .sql("SELECT state FROM campaign WHERE workspace_id = $1 AND id = $2{pg:  FOR NO KEY UPDATE}")
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    let Some((before,)) = before else { return Ok(false) };
    let (revision,): (i64,) = tx
        .ex()
        .sql(
            "UPDATE campaign SET state = $3, updated_at = $4, members_from = NULL,
                members_due_at = CASE WHEN $3 = 'active' AND state <> 'active' AND EXISTS (SELECT 1 FROM campaign_segment s
                    WHERE s.workspace_id = campaign.workspace_id AND s.campaign_id = campaign.id)
                    THEN $4 ELSE members_due_at END
             WHERE workspace_id = $1 AND id = $2
             RETURNING revision",
        )
        .bind(workspace)
        .bind(id)
        .bind(state)
        .bind(at)
        .one()
        .await?;
    if state != "archived" {
        let (config,): (Json<Value>,) = tx
            .ex()
            .sql(
                "SELECT config FROM campaign_revision
                 WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3",
            )
            .bind(workspace)
            .bind(id)
            .bind(revision)
            .one()
            .await?;
        note_uses(tx, workspace, id, &config.0).await?;
    }
    wake_all(tx, workspace, id, at).await?;
    if state == "active" && before != "active" {
        passes::make_due(tx, (workspace, id), at).await?;
    }
    if before != state {
        let action = match state {
            "active" => "campaign.activated",
            "paused" => "campaign.paused",
            _ => "campaign.archived",
        };
        let entry = Entry::new(action, "campaign", id).status(&before, state);
        audit::tell(tx, workspace, &[entry], at).await?;
    }
    Ok(true)
}

/// The configuration of one revision. It never changes, so callers may keep it.
pub async fn revision(
    db: &Db,
    workspace: WorkspaceId,
    id: CampaignId,
    revision: i64,
) -> Result<Option<(String, String, Json<Value>)>, StoreError> {
    db.read()
        .sql(
            "SELECT c.code, c.name, v.config FROM campaign_revision v
             JOIN campaign c ON c.workspace_id = v.workspace_id AND c.id = v.campaign_id
             WHERE v.workspace_id = $1 AND v.campaign_id = $2 AND v.revision = $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(revision)
        .optional()
        .await
}

/// Whether a campaign takes leads now, and by which revision.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    pub id: CampaignId,
    pub code: String,
    pub name: String,
    pub state: String,
    pub revision: i64,
}

impl Standing {
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

/// The standings of some campaigns; unknown ones are left out.
pub async fn standings(
    db: &Db,
    workspace: WorkspaceId,
    ids: &[CampaignId],
) -> Result<Vec<Standing>, StoreError> {
    let wanted: Vec<Wanted> = ids.iter().map(|id| Wanted { id: id.0 }).collect();
    db.read()
        .sql(
            "SELECT c.id, c.code, c.name, c.state, c.revision FROM ROWS($2: id uuid) r
             JOIN campaign c ON c.workspace_id = $1 AND c.id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await
}
