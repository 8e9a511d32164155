//! POST /jobs/retry and POST /jobs/discard: every failed job that matches, after a dry run.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::is_near,
};
use axum::extract::State;
use chrono::Datelike;
use serde::{Deserialize, Serialize};
use shared::store::jobs::{self, Bulk, CHUNK, JobFilter, JobState};
use std::sync::Arc;
use utoipa::ToSchema;

/// Transactions of one request: 20,000 jobs, so that a request ends well within its time limit.
const CHUNKS_MAX: usize = 40;
/// Groups that are counted at most; see [`jobs::groups`].
const GROUPS_MAX: usize = 200;

/// Which failed jobs to move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"filter": {"stage": "delivery", "fingerprint": "delivery:timeout"}, "dryRun": false}))]
pub struct BulkMove {
    /// Only failed jobs are moved; those that fail again meanwhile are left.
    #[serde(default)]
    pub filter: JobFilter,
    /// Only count what matches; true unless given.
    #[serde(default = "yes")]
    pub dry_run: bool,
}

fn yes() -> bool {
    true
}

/// What was counted or moved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkMoved {
    pub dry_run: bool,
    /// A dry run's count: how many would be moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<i64>,
    /// How many were moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<i64>,
    /// More match than were counted or moved; when moving, send the same request again.
    pub has_more: bool,
}

/// Retry all that match
///
/// A dry run counts; otherwise up to 20,000 failed jobs run again from their stage's first attempt. What is moved is moved for good, chunk by
/// chunk, so the request may be sent again until `hasMore` is false.
#[utoipa::path(
    post, path = "/jobs/retry", tag = "Operations", operation_id = "retryJobs",
    request_body = BulkMove,
    responses((status = 200, description = "How many.", body = Success<BulkMoved>), Guarded, Sent)
)]
pub async fn retry(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<BulkMoved>, ApiError> {
    run(&api, &caller, &body, Bulk::Retry).await
}

/// Discard all that match
///
/// As retrying, but their submissions end with the outcome `discarded`.
#[utoipa::path(
    post, path = "/jobs/discard", tag = "Operations", operation_id = "discardJobs",
    request_body = BulkMove,
    responses((status = 200, description = "How many.", body = Success<BulkMoved>), Guarded, Sent)
)]
pub async fn discard(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<BulkMoved>, ApiError> {
    run(&api, &caller, &body, Bulk::Discard).await
}

async fn run(
    api: &Api,
    caller: &Caller,
    body: &Body,
    bulk: Bulk,
) -> Result<Data<BulkMoved>, ApiError> {
    caller.require(Scope::Ops)?;
    let BulkMove { filter, dry_run } = body.read()?;
    if filter.state.is_some_and(|state| state != JobState::Failed) {
        let rule = "must be failed or absent; other jobs are not moved in bulk";
        return Err(ApiError::invalid_at("filter.state", rule));
    }
    for (path, time) in [("filter.from", filter.from), ("filter.until", filter.until)] {
        if time.is_some_and(|time| !is_near(time.year())) {
            return Err(ApiError::invalid_at(path, "must be a time between 1900 and 9998"));
        }
    }
    if dry_run {
        let groups = jobs::groups(&api.db, caller.workspace, &filter).await?;
        let matched = Some(groups.iter().map(|group| group.jobs).sum());
        let has_more = groups.len() >= GROUPS_MAX;
        return Ok(Data(BulkMoved { dry_run, matched, moved: None, has_more }));
    }
    let (by, at, db) = (caller.by(), api.clock.now(), caller.acting(&api.db));
    let (mut moved, mut has_more) = (0, true);
    for _ in 0..CHUNKS_MAX {
        let chunk = jobs::move_failed(&db, caller.workspace, &filter, bulk, (&by, at)).await?;
        if bulk == Bulk::Retry {
            for (id, stage, generation) in &chunk {
                api.push.push(*stage, *id, *generation);
            }
        }
        moved += chunk.len() as i64;
        has_more = chunk.len() as i64 == CHUNK;
        if !has_more {
            break;
        }
    }
    Ok(Data(BulkMoved { dry_run, matched: None, moved: Some(moved), has_more }))
}
