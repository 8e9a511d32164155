//! What rehearsals have in common: a campaign as it would run, and value sets that must be there.
use crate::error::{ApiError, Code, Detail};
use serde_json::Value;
use shared::{
    campaign::{Campaign, compiled::Name},
    ids::WorkspaceId,
    store::{Db, StoreError, campaigns::CampaignRow, value_sets},
};
use std::{collections::HashSet, sync::Arc};

/// The campaign with a configuration, compiled.
pub fn compiled(
    row: &CampaignRow,
    revision: i64,
    config: Value,
) -> Result<Arc<Campaign>, ApiError> {
    let name = Name { id: row.id, code: row.code.clone(), name: row.name.clone(), revision };
    let compiled = Campaign::compile(name, config);
    compiled.map(Arc::new).map_err(|why| ApiError::new(Code::Conflict, why.to_string()))
}

/// Notes each value set that was named, with its place, and that the workspace does not have.
pub async fn unknown_sets(
    db: &Db,
    workspace: WorkspaceId,
    named: &[(String, String)],
) -> Result<Vec<Detail>, StoreError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let names: HashSet<&String> = named.iter().map(|(_, name)| name).collect();
    let found = value_sets::standings(db, workspace, names).await?;
    let is_there = |name: &str| found.iter().any(|set| set.name == name && !set.is_deleted);
    let unknown = named.iter().filter(|(_, name)| !is_there(name));
    let detail = |(path, name): &(String, String)| {
        Detail::new(path, format!("there is no value set `{name}` in this workspace"))
    };
    Ok(unknown.map(detail).collect())
}
