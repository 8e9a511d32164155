//! Automations as they are saved, and as they are evaluated.
use crate::{
    automation::{AutomationConfig, Program, program::Since},
    clock::Time,
    ids::{CampaignId, WorkspaceId},
    plan::{self, Feature, Plan},
    rules::Properties,
    store::{Db, Ex, StoreError, Tx},
};
use chrono_tz::Tz;
use serde_json::Value;
use sqlx::types::Json;
use std::{collections::HashMap, sync::Arc};

mod around;
mod look;
mod naming;
mod put;
mod standing;

pub use look::{Draft, look};
pub use naming::{Naming, campaign_saved, lock, lock_all, look_again, secrets};
pub use put::{Put, put};
pub use standing::report;

/// A workspace's campaign.
pub type Key = (WorkspaceId, CampaignId);

/// An automation as it is in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    pub revision: i64,
    pub config: AutomationConfig,
    /// Since when each reaction and workflow has been there as it is, for [`Program::compile`].
    pub since: Since,
    /// Why it cannot be evaluated, if so: then nothing of it runs.
    pub problem: Option<String>,
    /// When all leads of the campaign are to be looked at because of the last save; none: that is done.
    pub pass_due_at: Option<Time>,
    pub updated_by: String,
    pub updated_at: Time,
}

#[derive(sqlx::FromRow)]
struct SavedRow {
    revision: i64,
    config: Json<Value>,
    since: Json<Since>,
    problem: Option<String>,
    pass_due_at: Option<Time>,
    updated_by: String,
    updated_at: Time,
}

impl SavedRow {
    fn read(self) -> Result<Saved, StoreError> {
        let config = serde_json::from_value(self.config.0)
            .map_err(|error| StoreError::Inconsistent(format!("an automation: {error}")))?;
        Ok(Saved {
            revision: self.revision,
            config,
            since: self.since.0,
            problem: self.problem,
            pass_due_at: self.pass_due_at,
            updated_by: self.updated_by,
            updated_at: self.updated_at,
        })
    }
}

/// What a campaign reacts to; none: nothing was ever saved.
pub async fn get(db: &Db, key: Key) -> Result<Option<Saved>, StoreError> {
    get_in(db.read(), key).await
}

/// [`get`] within a transaction.
pub async fn get_in(ex: Ex<'_>, (workspace, campaign): Key) -> Result<Option<Saved>, StoreError> {
    let row: Option<SavedRow> = ex
        .sql(
            "SELECT revision, config, since, problem, pass_due_at, updated_by, updated_at FROM automation
             WHERE workspace_id = $1 AND campaign_id = $2",
        )
        .bind(workspace)
        .bind(campaign)
        .optional()
        .await?;
    row.map(SavedRow::read).transpose()
}

/// What an automation was at some time.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Revision {
    pub revision: i64,
    pub config: Json<Value>,
    pub saved_by: String,
    pub saved_at: Time,
}

/// The revisions of an automation before one of them, the newest first, at most `limit`.
pub async fn revisions(
    db: &Db,
    (workspace, campaign): Key,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Revision>, StoreError> {
    db.read()
        .sql(
            "SELECT revision, config, saved_by, saved_at FROM automation_revision
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision < $3 ORDER BY revision DESC LIMIT $4",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .all()
        .await
}

/// One revision of an automation.
pub async fn revision(
    db: &Db,
    (workspace, campaign): Key,
    revision: i64,
) -> Result<Option<Revision>, StoreError> {
    db.read()
        .sql(
            "SELECT revision, config, saved_by, saved_at FROM automation_revision
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(revision)
        .optional()
        .await
}

/// What the workspace's campaigns react to, where it is switched on, and whose standing is another than the rows say.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Those that can be evaluated.
    pub programs: HashMap<CampaignId, Arc<Program>>,
    pub turned: Vec<Turned>,
}

/// An automation that cannot be evaluated any more, or can be again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    pub campaign: CampaignId,
    /// The campaign's code.
    pub code: String,
    pub revision: i64,
    /// None: it can be evaluated again.
    pub problem: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    campaign_id: CampaignId,
    code: String,
    revision: i64,
    config: Json<Value>,
    since: Json<Since>,
    problem: Option<String>,
    timezone: Option<String>,
}

/// Reads what the workspace's campaigns react to. `zone` is the workspace's. Say what has turned with [`report`], once nothing but
/// segments' rows is locked after it.
pub async fn load(
    tx: &mut Tx,
    workspace: WorkspaceId,
    properties: &Properties,
    zone: Tz,
) -> Result<Loaded, StoreError> {
    let rows: Vec<Row> = tx
        .ex()
        .sql(
            "SELECT a.campaign_id, c.code, a.revision, a.config, a.since, a.problem, CAST(v.config->>'timezone' AS text) AS timezone
             FROM automation a JOIN campaign c ON c.workspace_id = a.workspace_id AND c.id = a.campaign_id
             JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision
             WHERE a.workspace_id = $1 AND a.enabled ORDER BY a.campaign_id",
        )
        .bind(workspace)
        .all()
        .await?;
    let mut loaded = Loaded::default();
    if rows.is_empty() {
        return Ok(loaded);
    }
    let plan: Plan =
        tx.ex().sql("SELECT plan FROM workspace WHERE id = $1").bind(workspace).scalar().await?;
    for row in rows {
        let read = compile(&row, (plan, zone), properties);
        let problem = read.as_ref().err();
        if problem != row.problem.as_ref() {
            loaded.turned.push(Turned {
                campaign: row.campaign_id,
                code: row.code.clone(),
                revision: row.revision,
                problem: problem.cloned(),
            });
        }
        if let Ok(program) = read {
            loaded.programs.insert(row.campaign_id, Arc::new(program));
        }
    }
    Ok(loaded)
}

fn compile(
    row: &Row,
    (plan, zone): (Plan, Tz),
    properties: &Properties,
) -> Result<Program, String> {
    let config: AutomationConfig =
        serde_json::from_value(row.config.0.clone()).map_err(|error| error.to_string())?;
    let zone = zone_of(row.timezone.as_deref(), zone);
    let key = (row.campaign_id, row.revision);
    let (program, names) = Program::compile_named(key, zone, &config, &row.since.0, properties)
        .map_err(|problems| {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            said.join("; ")
        })?;
    match names.reads_properties.then(|| refusal(plan)).flatten() {
        Some(why) => Err(why),
        None => Ok(program),
    }
}

/// The zone of a campaign: its own, else the workspace's.
fn zone_of(own: Option<&str>, workspace: Tz) -> Tz {
    // It was checked when it was saved; a zone that a newer table lacks is better than no automation at all.
    own.and_then(|name| name.parse().ok()).unwrap_or(workspace)
}

/// Why the plan does not allow conditions on properties, for people; none when it does.
pub fn refusal(plan: Plan) -> Option<String> {
    plan::refusal_of(plan, Feature::PropertyFilters, "conditions on custom properties")
}
