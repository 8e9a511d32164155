//! GET /suppressions/summary: how many may not be reached, and why; who they are nobody can tell.
use crate::{
    Api,
    answer::{Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
};
use axum::extract::State;
use serde::Serialize;
use shared::store::suppressions::{self, Reach};
use std::sync::Arc;
use utoipa::ToSchema;

/// How many suppressions of a channel there are for a reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionCount {
    pub channel: Reach,
    pub reason: String,
    pub count: i64,
}

/// Count suppressions
///
/// What stands now, by channel and reason, the most frequent first, at most 100 lines. Numbers and addresses are kept hashed and are never
/// listed.
#[utoipa::path(
    get, path = "/suppressions/summary", tag = "Suppressions", operation_id = "countSuppressions",
    responses((status = 200, description = "The counts.", body = Success<Vec<SuppressionCount>>), Guarded)
)]
pub async fn summary(
    State(api): State<Arc<Api>>,
    caller: Caller,
) -> Result<Data<Vec<SuppressionCount>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let found = suppressions::summary(&api.db, caller.workspace, api.clock.now()).await?;
    let counts = found.into_iter().map(|one| SuppressionCount {
        channel: one.channel,
        reason: one.reason,
        count: one.count,
    });
    Ok(Data(counts.collect()))
}
