//! POST /segments/{id}/copy: the same segment under another name.
use super::{
    answer::{MadeSegment, whole},
    form::CopyName,
    refused, ring,
};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Planned, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::{extract::State, http::StatusCode};
use shared::{
    ids::SegmentId,
    segment::SegmentKind,
    store::segments::{self, By, FillFrom},
};
use std::sync::Arc;

/// Copy a segment
///
/// A dynamic one with its rule, a static one with its members, as far as the answer's `filled` says; go on with
/// `POST /segments/{segmentId}/members/from-search` and the `segmentId` of the segment that was copied.
#[utoipa::path(
    post, path = "/segments/{segmentId}/copy", tag = "Segments", operation_id = "copySegment",
    params(("segmentId" = SegmentId, Path)),
    request_body = CopyName,
    responses(
        (status = 201, description = "The copy.", body = Success<MadeSegment>),
        Guarded, Planned, Absent, Sent, Conflicting
    )
)]
pub async fn copy(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    body: Body,
) -> Result<(StatusCode, Data<MadeSegment>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let (workspace, at) = (caller.workspace, api.clock.now());
    let found = segments::get(api.db.read(), workspace, id).await?;
    let original = found.ok_or_else(|| ApiError::not_found("segment"))?;
    let CopyName { name } = body.read()?;
    let draft = segments::copied(&original, name.trim());
    let made =
        segments::create(&caller.acting(&api.db), workspace, &draft, at).await.map_err(refused)?;
    ring(&api, &made);
    let by = By { who: &caller.by(), at };
    let filled = match original.kind {
        SegmentKind::Dynamic => None,
        SegmentKind::Static => {
            let from = FillFrom::Members((workspace, id));
            let filled =
                segments::fill(&caller.acting(&api.db), (workspace, made.id), from, None, by).await;
            Some(filled.map_err(refused)?.into())
        }
    };
    let segment = whole(&api.db, workspace, made).await?;
    Ok((StatusCode::CREATED, Data(MadeSegment { segment, filled })))
}
