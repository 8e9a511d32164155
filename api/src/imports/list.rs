//! GET /imports, GET /imports/{id}: how far imports are.
use super::{answer::Import, key, read};
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    ids::ImportId,
    store::imports::{self, Import as Row},
};
use std::sync::Arc;
use utoipa::IntoParams;

/// Which imports.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ImportId>,
}

/// List imports
///
/// Newest first.
#[utoipa::path(
    get, path = "/imports", tag = "Imports", operation_id = "listImports",
    params(ImportQuery),
    responses((status = 200, description = "A page of imports.", body = Success<Page<Import>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
) -> Result<Data<Page<Import>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let limit = query.limit.0;
    let rows = imports::list(&api.db, caller.workspace, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &Row| row.id.to_string())))
}

/// Show an import
///
/// Its settings, how far it is, and what became of the rows so far.
#[utoipa::path(
    get, path = "/imports/{importId}", tag = "Imports", operation_id = "getImport",
    params(("importId" = ImportId, Path)),
    responses((status = 200, description = "The import.", body = Success<Import>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<Data<Import>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    read(&api, key(&caller, id)).await.map(|import| Data(import.into()))
}
