//! A workspace's leads from end to end, and the names of what their sources said.
use super::{WINDOW, Walk};
use crate::{
    ids::{LeadId, WorkspaceId},
    store::{
        Db, StoreError, Tx,
        leads::{LeadFilter, LeadRow, lead_columns, lead_conditions, lead_source},
    },
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The walk over all leads that there are now.
pub async fn walk(db: &Db, workspace: WorkspaceId) -> Result<Walk, StoreError> {
    let newest: Option<(LeadId,)> = db
        .read()
        .sql("SELECT id FROM lead WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1")
        .bind(workspace)
        .optional()
        .await?;
    Ok(Walk::to(newest.map(|(id,)| id.0)))
}

/// The next leads that match, oldest first: at most `limit`, or none although there are more. The filter's own cursor and limit say
/// nothing here.
pub async fn next(
    db: &Db,
    workspace: WorkspaceId,
    filter: &LeadFilter,
    walk: &mut Walk,
    limit: usize,
) -> Result<Vec<LeadRow>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    open(&mut tx, workspace, filter, walk).await?;
    let query = tx
        .ex()
        .sql(concat!(
            lead_columns!(),
            "WHERE l.workspace_id = $1 AND l.id > $2 AND l.id <= $10 AND ",
            lead_conditions!(),
            "ORDER BY l.id LIMIT $11"
        ))
        .bind(workspace)
        .bind(walk.after);
    let query = filter.bind(query).bind(walk.window).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<LeadRow> = query.all().await?;
    tx.rollback().await?;
    walk.found(rows.last().map(|row| row.id.0), rows.len() == limit);
    Ok(rows)
}

/// The columns that the next leads that match have beyond those that every lead has, as imports call them.
pub async fn names(
    db: &Db,
    workspace: WorkspaceId,
    filter: &LeadFilter,
    walk: &mut Walk,
) -> Result<BTreeSet<String>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    open(&mut tx, workspace, filter, walk).await?;
    let query = tx.ex().sql(concat!(
        "WITH found AS MATERIALIZED (SELECT l.details AS d ",
        lead_source!(),
        "WHERE l.workspace_id = $1 AND l.id > $2 AND l.id <= $10 AND ",
        lead_conditions!(),
        ")
         SELECT 'questionnaire.' || (k.value->>'key')
         FROM found f, {pg: jsonb_array_elements(f.d->'questionnaire') k(value)}{lite: json_each(f.d, '$.questionnaire') k}
         UNION SELECT 'file.' || (k.value->>'fileKey')
         FROM found f, {pg: jsonb_array_elements(f.d->'files') k(value)}{lite: json_each(f.d, '$.files') k}
         UNION SELECT 'custom.' || k.key
         FROM found f, {pg: jsonb_object_keys(f.d->'customFields') k(key)}{lite: json_each(f.d, '$.customFields') k}
         UNION SELECT 'attribution.params.' || k.key
         FROM found f, {pg: jsonb_object_keys(f.d->'attribution'->'params') k(key)}{lite: json_each(f.d, '$.attribution.params') k}
         UNION SELECT 'attribution.' || k.key
         FROM found f, {pg: jsonb_object_keys(f.d->'attribution') k(key)}{lite: json_each(f.d, '$.attribution') k}
         WHERE k.key <> 'params'
         UNION SELECT 'compliance.' || k.key
         FROM found f, {pg: jsonb_object_keys(f.d->'compliance') k(key)}{lite: json_each(f.d, '$.compliance') k}"
    ));
    let query = filter.bind(query.bind(workspace).bind(walk.after)).bind(walk.window);
    let names: Vec<(String,)> = query.all().await?;
    tx.rollback().await?;
    walk.found(None, false);
    Ok(names.into_iter().map(|(name,)| name).collect())
}

/// Opens the next window, when the last one has been read.
async fn open(
    tx: &mut Tx,
    workspace: WorkspaceId,
    filter: &LeadFilter,
    walk: &mut Walk,
) -> Result<(), StoreError> {
    if walk.after < walk.window {
        return Ok(());
    }
    let end: Option<(Uuid,)> = tx
        .ex()
        .sql(
            // PostgreSQL goes by the campaign's own index; SQLite would look for its leads one by one.
            "SELECT l.id FROM lead l WHERE l.workspace_id = $1 AND l.id > $2 AND l.id <= $4
                {pg: AND COALESCE($3, l.campaign_id) = l.campaign_id}
             ORDER BY l.id LIMIT 1 OFFSET $5",
        )
        .bind(workspace)
        .bind(walk.after)
        .bind(filter.campaign)
        .bind(walk.last)
        .bind(WINDOW - 1)
        .optional()
        .await?;
    walk.window = end.map_or(walk.last, |(id,)| id);
    Ok(())
}
