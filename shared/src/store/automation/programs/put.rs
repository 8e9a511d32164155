//! Saving an automation: looked at and written in one transaction, seen by every process from its end on.
use super::{Key, Saved, around, get_in, naming, zone_of};
use crate::{
    audit::Entry,
    automation::{
        AutomationConfig, Program,
        program::{Since, since},
    },
    clock::Time,
    plan::{self, Feature},
    rules::Problem,
    store::{
        Db, StoreError, Tx, audit, campaigns, live, properties, segments, workspaces::Settings,
    },
};
use serde_json::{Value, json};
use sqlx::types::Json;

/// What came of saving an automation.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It is so now. Saving what is there already changes nothing, and gives the same revision.
    Saved(Box<Saved>),
    NoSuchCampaign,
    /// Everything that is wrong with it.
    Refused(Vec<Problem>),
    /// The plan does not include something that it needs; see [`super::refusal`].
    NotInPlan(Feature),
    /// Somebody else saved it meanwhile: the revision that is there, 0 when there is none.
    Changed(i64),
}

/// Saves what a campaign does with its leads, as a whole. With `expected` only if that revision is there (0: none). All leads of the
/// campaign are looked at soon after. Whether this installation lets itself call the webhooks is asked by
/// [`uncallable`](crate::automation::program::uncallable).
pub async fn put(
    db: &Db,
    key: Key,
    config: &AutomationConfig,
    expected: Option<i64>,
    (by, now): (&str, Time),
) -> Result<Put, StoreError> {
    let mut tx = db.begin().await?;
    let put = put_in(&mut tx, key, config, expected, (by, now)).await?;
    match put {
        Put::Saved(_) => tx.commit().await?,
        _ => tx.rollback().await?,
    }
    Ok(put)
}

async fn put_in(
    tx: &mut Tx,
    key: Key,
    config: &AutomationConfig,
    expected: Option<i64>,
    (by, now): (&str, Time),
) -> Result<Put, StoreError> {
    let (workspace, campaign) = key;
    let settings = lock_both(tx, key).await?;
    let Some(own) = own_config(tx, key).await? else { return Ok(Put::NoSuchCampaign) };
    let before = get_in(tx.ex(), key).await?;
    let there = before.as_ref().map_or(0, |saved| saved.revision);
    if expected.is_some_and(|expected| expected != there) {
        return Ok(Put::Changed(there));
    }
    let known = before.as_ref().map(|saved| (&saved.config, &saved.since));
    let since = since(config, known, now);
    let zone = zone_of(own["timezone"].as_str(), settings.zone());
    let properties = properties::readable(tx.ex(), workspace).await?;
    let read = Program::compile_named((campaign, there + 1), zone, config, &since, &properties);
    let names = match read {
        Ok((_, names)) => names,
        Err(problems) => return Ok(Put::Refused(problems)),
    };
    let unknown = around::unknown(tx, workspace, &names).await?;
    if !unknown.is_empty() {
        return Ok(Put::Refused(unknown));
    }
    if names.reads_properties && !plan::allowed(settings.plan, Feature::PropertyFilters) {
        return Ok(Put::NotInPlan(Feature::PropertyFilters));
    }
    let revision = match &before {
        Some(saved) if saved.config == *config && saved.problem.is_none() => {
            return Ok(Put::Saved(Box::new(saved.clone())));
        }
        // It cannot be evaluated as it was, but now.
        Some(saved) if saved.config == *config => saved.revision,
        _ => there + 1,
    };
    write(tx, key, (config, &since), (revision, by, now)).await?;
    if revision != there {
        add_revision(tx, key, config, (revision, by, now)).await?;
    }
    campaigns::note_uses(tx, workspace, campaign, &own).await?;
    live::changed(tx, workspace).await?;
    let saved = get_in(tx.ex(), key).await?;
    let saved = saved.ok_or_else(|| StoreError::Inconsistent("an automation is gone".into()))?;
    let shown = |revision: i64, config: &AutomationConfig| json!({ "revision": revision, "config": config });
    let old = before.as_ref().map_or(json!({}), |saved| shown(saved.revision, &saved.config));
    let entry = Entry::new("automation.saved", "campaign", campaign)
        .changed(&old, &shown(saved.revision, &saved.config));
    audit::tell(tx, workspace, &[entry], now).await?;
    Ok(Put::Saved(Box::new(saved)))
}

/// Locks the automation, if there is one, and then the workspace: whoever takes both takes them in this order, and of two that make the
/// first one the second sees it.
async fn lock_both(tx: &mut Tx, key: Key) -> Result<Settings, StoreError> {
    naming::lock(tx, key).await?;
    segments::lock_workspace(tx, key.0).await
}

/// The campaign's own configuration; none: there is no such campaign.
pub(super) async fn own_config(
    tx: &mut Tx,
    (workspace, campaign): Key,
) -> Result<Option<Value>, StoreError> {
    let found: Option<(Json<Value>,)> = tx
        .ex()
        .sql(
            "SELECT v.config FROM campaign c
             JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision
             WHERE c.workspace_id = $1 AND c.id = $2",
        )
        .bind(workspace)
        .bind(campaign)
        .optional()
        .await?;
    Ok(found.map(|(config,)| config.0))
}

async fn write(
    tx: &mut Tx,
    (workspace, campaign): Key,
    (config, since): (&AutomationConfig, &Since),
    (revision, by, now): (i64, &str, Time),
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO automation (workspace_id, campaign_id, revision, config, since, enabled, pass_due_at, updated_by, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $8, $7, $8)
             ON CONFLICT (workspace_id, campaign_id) DO UPDATE SET revision = excluded.revision, config = excluded.config,
                since = excluded.since, enabled = excluded.enabled, problem = NULL, pass_due_at = excluded.pass_due_at,
                pass_after = NULL, updated_by = excluded.updated_by, updated_at = excluded.updated_at",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(revision)
        .bind(Json(config))
        .bind(Json(since))
        .bind(config.enabled)
        .bind(by)
        .bind(now)
        .run()
        .await
        .map(drop)
}

async fn add_revision(
    tx: &mut Tx,
    (workspace, campaign): Key,
    config: &AutomationConfig,
    (revision, by, now): (i64, &str, Time),
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO automation_revision (workspace_id, campaign_id, revision, config, saved_by, saved_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(revision)
        .bind(Json(config))
        .bind(by)
        .bind(now)
        .run()
        .await
        .map(drop)
}
