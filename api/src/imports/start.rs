//! POST /imports/{id}/check, /start, /cancel and /undo.
use super::{
    answer::{Checked, Import},
    key, plan, read, refused,
};
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Query},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, de};
use shared::{
    ids::ImportId,
    push::IMPORTS,
    queue::Job,
    store::imports::{
        Key, State as Stands, by_hand,
        rehearse::{self, ROWS, ROWS_MAX},
    },
};
use std::{sync::Arc, time::Duration};
use utoipa::IntoParams;

/// How much is tried out.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CheckQuery {
    /// The first rows that are looked at, 1 to 10,000; 1,000 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 10_000)]
    pub rows: RowLimit,
}

/// How many rows are looked at: 1 to [`ROWS_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct RowLimit(i64);

impl Default for RowLimit {
    fn default() -> Self {
        Self(ROWS)
    }
}

impl<'de> Deserialize<'de> for RowLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.parse() {
            Ok(rows @ 1..=ROWS_MAX) => Ok(Self(rows)),
            _ => Err(de::Error::custom(format!("must be a number from 1 to {ROWS_MAX}"))),
        }
    }
}

/// Try an import out
///
/// What the first rows would come to, and the first of them that would not be taken. Nothing is changed.
#[utoipa::path(
    post, path = "/imports/{importId}/check", tag = "Imports", operation_id = "checkImport",
    params(("importId" = ImportId, Path), CheckQuery),
    responses((status = 200, description = "What they would come to.", body = Success<Checked>), Guarded, Absent, Conflicting, Asked)
)]
pub async fn check(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
    Query(query): Query<CheckQuery>,
) -> Result<Data<Checked>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    fits(&api, &caller, key).await?;
    let checked = rehearse::rehearse(&api.db, key, query.rows.0, api.clock.now()).await?;
    checked.map(|rehearsed| Data(rehearsed.into())).map_err(|why| refused(&why))
}

/// Refuses an import whose columns do not mean what is needed. Whether its state allows what is asked for is the store's to say.
async fn fits(api: &Api, caller: &Caller, key: Key) -> Result<(), ApiError> {
    let import = read(api, key).await?;
    if matches!(import.state, Stands::Ready | Stands::Failed) {
        let planned = plan(api, caller, &import.config.0, &import.header.0).await?;
        planned.map_err(ApiError::invalid)?;
    }
    Ok(())
}

/// Start an import
///
/// 202 means that the order is on disk: a worker brings the rows in, and no crash stops it for good. An import without a mapping takes
/// what the names of its columns suggest. One that has failed goes on where it was.
#[utoipa::path(
    post, path = "/imports/{importId}/start", tag = "Imports", operation_id = "startImport",
    params(("importId" = ImportId, Path)),
    responses((status = 202, description = "It runs.", body = Success<Import>), Guarded, Absent, Conflicting, Asked)
)]
pub async fn start(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    fits(&api, &caller, key).await?;
    let started = by_hand::start(&api.db, key, &caller.actor(), api.clock.now()).await?;
    ring(&api, started.map_err(|why| refused(&why))?);
    now(&api, key, StatusCode::ACCEPTED).await
}

/// The bell rings after the commit. Should it be lost, the sweep makes it up.
fn ring(api: &Api, job: Job) {
    api.push.ring(IMPORTS, job, Duration::ZERO);
}

async fn now(api: &Api, key: Key, status: StatusCode) -> Result<Response, ApiError> {
    let import = read(api, key).await?;
    Ok((status, Data(Import::from(import))).into_response())
}

/// Stop an import
///
/// What is in stays; the rest of the file is forgotten.
#[utoipa::path(
    post, path = "/imports/{importId}/cancel", tag = "Imports", operation_id = "cancelImport",
    params(("importId" = ImportId, Path)),
    responses((status = 200, description = "It is stopped.", body = Success<Import>), Guarded, Absent, Conflicting)
)]
pub async fn cancel(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    let cancelled = by_hand::cancel(&api.db, key, &caller.actor(), api.clock.now()).await?;
    cancelled.map_err(|why| refused(&why))?;
    now(&api, key, StatusCode::OK).await
}

/// Undo an import
///
/// Takes back what it did, as far as nobody has worked with it since: leads that were submitted, and values that were changed
/// afterwards, stay.
#[utoipa::path(
    post, path = "/imports/{importId}/undo", tag = "Imports", operation_id = "undoImport",
    params(("importId" = ImportId, Path)),
    responses((status = 202, description = "It is being undone.", body = Success<Import>), Guarded, Absent, Conflicting)
)]
pub async fn undo(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    let begun = by_hand::undo(&api.db, key, &caller.actor(), api.clock.now()).await?;
    ring(&api, begun.map_err(|why| refused(&why))?);
    now(&api, key, StatusCode::ACCEPTED).await
}
