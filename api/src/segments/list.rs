//! GET /segments, GET /segments/{id}/history.
use super::answer::{SegmentCount, SegmentSummary};
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use shared::{
    ids::SegmentId,
    segment::{SegmentKind, SegmentState},
    store::segments::{self, Count, Filter, Segment as Row},
};
use std::sync::Arc;
use utoipa::IntoParams;

/// Which segments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SegmentQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<SegmentId>,
    pub kind: Option<SegmentKind>,
    pub state: Option<SegmentState>,
}

/// List segments
///
/// Oldest first, without their definitions. The members of static ones are counted; the count of a dynamic one is that of its last build.
#[utoipa::path(
    get, path = "/segments", tag = "Segments", operation_id = "listSegments",
    params(SegmentQuery),
    responses((status = 200, description = "A page of segments.", body = Success<Page<SegmentSummary>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<SegmentQuery>,
) -> Result<Data<Page<SegmentSummary>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (workspace, limit) = (caller.workspace, query.limit.0);
    let filter = Filter { kind: query.kind, state: query.state };
    let mut rows =
        segments::list(api.db.read(), workspace, filter, query.cursor, limit + 1).await?;
    let shown = rows.iter().take(limit as usize);
    let fixed: Vec<SegmentId> =
        shown.filter(|row| row.kind == SegmentKind::Static).map(|row| row.id).collect();
    let counts = segments::counts(api.db.read(), workspace, &fixed).await?;
    for row in &mut rows {
        row.member_count = counts.get(&row.id).copied().unwrap_or(row.member_count);
    }
    Ok(Data(Page::of(rows, limit as usize, |row: &Row| row.id.to_string())))
}

/// Which counts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<DateTime<Utc>>,
}

/// Show how many members a segment had
///
/// One line for each build of a dynamic segment, and for each time a static one was filled from a search; newest first.
#[utoipa::path(
    get, path = "/segments/{segmentId}/history", tag = "Segments", operation_id = "getSegmentHistory",
    params(("segmentId" = SegmentId, Path), HistoryQuery),
    responses((status = 200, description = "A page of counts.", body = Success<Page<SegmentCount>>), Guarded, Absent, Asked)
)]
pub async fn history(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    Query(query): Query<HistoryQuery>,
) -> Result<Data<Page<SegmentCount>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (workspace, limit) = (caller.workspace, query.limit.0);
    if segments::get(api.db.read(), workspace, id).await?.is_none() {
        return Err(ApiError::not_found("segment"));
    }
    // A clock that was put back has left counts behind that are later than now, by less than a day.
    let before = query.cursor.unwrap_or_else(|| api.clock.now() + TimeDelta::days(1));
    let rows = segments::history(api.db.read(), (workspace, id), before, limit + 1).await?;
    let cursor = |count: &Count| count.at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    Ok(Data(Page::of(rows, limit as usize, cursor)))
}
