//! POST /segments, PATCH and DELETE /segments/{id}, POST /segments/{id}/rebuild: what a segment is.
use super::{
    answer::{MadeSegment, Segment, SegmentSummary, whole},
    form::{ChangedSegment, NewSegment, SEGMENT_BYTES_MAX},
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
    segment::check::Refusal,
    store::segments::{self, By, FillFrom},
};
use std::sync::Arc;

/// Create a segment
///
/// A static one holds whom you add; `from` fills it at once with everybody who matches, as far as the answer's `filled` says. A dynamic
/// one holds those who match its rule or search, always: it is built in the background and is `ready` then. Dynamic segments, and
/// filters on custom properties, depend on the plan. A repeated request is refused, because the name is taken.
#[utoipa::path(
    post, path = "/segments", tag = "Segments", operation_id = "createSegment",
    request_body = NewSegment,
    responses(
        (status = 201, description = "The segment.", body = Success<MadeSegment>),
        Guarded, Planned, Sent, Conflicting
    )
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<SEGMENT_BYTES_MAX>,
) -> Result<(StatusCode, Data<MadeSegment>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let form: NewSegment = body.read()?;
    let (draft, from) = form.read().map_err(|found| refused(Refusal::Invalid(found).into()))?;
    let (workspace, at) = (caller.workspace, api.clock.now());
    let from = match &from {
        None => None,
        Some(source) => {
            let zone = (draft.timezone.as_deref(), "from.");
            let wanted = segments::wanted(&api.db, workspace, source, zone).await;
            Some(wanted.map_err(refused)?)
        }
    };
    let made =
        segments::create(&caller.acting(&api.db), workspace, &draft, at).await.map_err(refused)?;
    ring(&api, &made);
    let by = By { who: &caller.by(), at };
    let filled = match &from {
        None => None,
        Some(wanted) => {
            let from = FillFrom::Matching(wanted);
            let filled =
                segments::fill(&caller.acting(&api.db), (workspace, made.id), from, None, by).await;
            Some(filled.map_err(refused)?.into())
        }
    };
    let segment = whole(&api.db, workspace, made).await?;
    Ok((StatusCode::CREATED, Data(MadeSegment { segment, filled })))
}

/// Change a segment
///
/// What is absent stays. Another rule stops a build that is under way; members are those of the old rule until the new build is done. A
/// static segment becomes dynamic with `kind` and a rule; a dynamic one becomes static with `kind`, and keeps the members that it has.
/// Saving a frozen or broken one has it built, if it may be now.
#[utoipa::path(
    patch, path = "/segments/{segmentId}", tag = "Segments", operation_id = "changeSegment",
    params(("segmentId" = SegmentId, Path)),
    request_body = ChangedSegment,
    responses(
        (status = 200, description = "The segment as it is now.", body = Success<Segment>),
        Guarded, Planned, Absent, Sent, Conflicting
    )
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    body: Body<SEGMENT_BYTES_MAX>,
) -> Result<Data<Segment>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let form: ChangedSegment = body.read()?;
    let change = form.read().map_err(|problem| refused(Refusal::Invalid(vec![problem]).into()))?;
    let (key, at) = ((caller.workspace, id), api.clock.now());
    let saved =
        segments::change(&caller.acting(&api.db), key, &change, at).await.map_err(refused)?;
    ring(&api, &saved);
    Ok(Data(whole(&api.db, caller.workspace, saved).await?))
}

/// Delete a segment
///
/// Refused while a campaign or another segment's rule names it; the message says which. Its members are members no more, and its name
/// is free.
#[utoipa::path(
    delete, path = "/segments/{segmentId}", tag = "Segments", operation_id = "deleteSegment",
    params(("segmentId" = SegmentId, Path)),
    responses(
        (status = 200, description = "The segment as it was.", body = Success<SegmentSummary>),
        Guarded, Absent, Conflicting
    )
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
) -> Result<Data<SegmentSummary>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let workspace = caller.workspace;
    let found = segments::get(api.db.read(), workspace, id).await?;
    let was = found.ok_or_else(|| ApiError::not_found("segment"))?;
    let was = whole(&api.db, workspace, was).await?.summary;
    segments::delete(&caller.acting(&api.db), (workspace, id), api.clock.now())
        .await
        .map_err(refused)?;
    Ok(Data(was))
}

/// Build a segment again
///
/// A dynamic segment is kept right without; this makes its members anew from its rule, in the background. One that waits already, or is
/// being built, is left alone.
#[utoipa::path(
    post, path = "/segments/{segmentId}/rebuild", tag = "Segments", operation_id = "rebuildSegment",
    params(("segmentId" = SegmentId, Path)),
    responses(
        (status = 200, description = "The segment, which waits to be built.", body = Success<Segment>),
        Guarded, Planned, Absent, Conflicting
    )
)]
pub async fn rebuild(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
) -> Result<Data<Segment>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let key = (caller.workspace, id);
    let due =
        segments::rebuild(&caller.acting(&api.db), key, api.clock.now()).await.map_err(refused)?;
    ring(&api, &due);
    Ok(Data(whole(&api.db, caller.workspace, due).await?))
}
