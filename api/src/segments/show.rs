//! GET /segments/{id}.
use super::answer::{Segment, whole};
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use shared::{ids::SegmentId, store::segments};
use std::sync::Arc;

/// Show a segment
///
/// Its definition as a rule and as a search, how it stands, and who names it. Its members are counted.
#[utoipa::path(
    get, path = "/segments/{segmentId}", tag = "Segments", operation_id = "getSegment",
    params(("segmentId" = SegmentId, Path)),
    responses((status = 200, description = "The segment.", body = Success<Segment>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
) -> Result<Data<Segment>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let found = segments::get(api.db.read(), caller.workspace, id).await?;
    let row = found.ok_or_else(|| ApiError::not_found("segment"))?;
    Ok(Data(whole(&api.db, caller.workspace, row).await?))
}
