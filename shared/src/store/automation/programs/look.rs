//! Looking at a document as saving would, without saving it: for dry runs, and to say all that is wrong at once.
use super::{Key, Put, around, get_in, put::own_config, zone_of};
use crate::{
    automation::{AutomationConfig, Program, program::since},
    clock::Time,
    plan::{self, Feature},
    store::{Db, StoreError, Tx, properties, value_sets, workspaces},
    value_set::Sets,
};
use std::collections::BTreeSet;

/// A document that could be saved.
#[derive(Debug, Clone)]
pub struct Draft {
    /// As it would be, were it saved now.
    pub now: Program,
    /// As it would be, had it been saved then.
    pub past: Program,
    /// The value sets that its conditions name.
    pub sets: Sets,
}

/// The document as it would be; else what saving would answer. Nothing is locked or written.
pub async fn look(
    db: &Db,
    key: Key,
    config: &AutomationConfig,
    (now, then): (Time, Time),
) -> Result<Result<Draft, Put>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    look_in(&mut tx, key, config, (now, then)).await
}

async fn look_in(
    tx: &mut Tx,
    key: Key,
    config: &AutomationConfig,
    (now, then): (Time, Time),
) -> Result<Result<Draft, Put>, StoreError> {
    let (workspace, campaign) = key;
    let Some(own) = own_config(tx, key).await? else { return Ok(Err(Put::NoSuchCampaign)) };
    let settings = workspaces::settings(tx.ex(), workspace).await?;
    let before = get_in(tx.ex(), key).await?;
    let known = before.as_ref().map(|saved| (&saved.config, &saved.since));
    let revision = before.as_ref().map_or(0, |saved| saved.revision) + 1;
    let zone = zone_of(own["timezone"].as_str(), settings.zone());
    let properties = properties::readable(tx.ex(), workspace).await?;
    let since = [since(config, known, now), since(config, None, then)];
    let [read, past] = since.map(|since| {
        Program::compile_named((campaign, revision), zone, config, &since, &properties)
    });
    let (now, past, names) = match (read, past) {
        (Ok((now, names)), Ok((past, _))) => (now, past, names),
        (Err(problems), _) | (_, Err(problems)) => return Ok(Err(Put::Refused(problems))),
    };
    let unknown = around::unknown(tx, workspace, &names).await?;
    if !unknown.is_empty() {
        return Ok(Err(Put::Refused(unknown)));
    }
    if names.reads_properties && !plan::allowed(settings.plan, Feature::PropertyFilters) {
        return Ok(Err(Put::NotInPlan(Feature::PropertyFilters)));
    }
    let wanted: BTreeSet<String> = names.sets.into_iter().map(|one| one.what).collect();
    let sets = value_sets::sets_in(tx.ex(), workspace, &wanted).await?;
    Ok(Ok(Draft { now, past, sets }))
}
