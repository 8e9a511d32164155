//! GET /segments/{id}, and POST /segments/{id}/check: are its members those who belong?
use super::answer::{Segment, whole};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use serde::Serialize;
use shared::{
    ids::{ContactId, SegmentId},
    store::{
        live::check::{self, Apart, Checked},
        segments,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

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

/// How the members of a segment compare with those who belong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentCheck {
    /// Whether nobody is missing and nobody is too many.
    pub is_right: bool,
    /// Who belongs and is no member.
    pub missing: Difference,
    /// Who is a member and does not belong.
    pub extra: Difference,
}

/// Contacts in which a segment differs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    pub count: u64,
    /// The first of them, at most 10.
    pub sample: Vec<ContactId>,
}

impl From<Apart> for Difference {
    fn from(apart: Apart) -> Self {
        Self { count: apart.count, sample: apart.sample }
    }
}

impl From<Checked> for SegmentCheck {
    fn from(checked: Checked) -> Self {
        Self {
            is_right: checked.is_right(),
            missing: checked.missing.into(),
            extra: checked.extra.into(),
        }
    }
}

/// Check a segment
///
/// Reckons the members of a dynamic segment from scratch and compares. Nothing is written; `rebuild` mends what differs. Whom the clock has
/// changed a moment ago, and no sweep has seen, counts as a difference.
#[utoipa::path(
    post, path = "/segments/{segmentId}/check", tag = "Segments", operation_id = "checkSegment",
    params(("segmentId" = SegmentId, Path)),
    responses(
        (status = 200, description = "How it compares.", body = Success<SegmentCheck>),
        Guarded, Absent, Conflicting
    )
)]
pub async fn check(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
) -> Result<Data<SegmentCheck>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let workspace = caller.workspace;
    if segments::get(api.db.read(), workspace, id).await?.is_none() {
        return Err(ApiError::not_found("segment"));
    }
    let checked = check::check(&api.db, workspace, id, api.clock.now()).await?;
    let message =
        "the segment is not kept right by a rule now: it is static, off, broken or frozen";
    let checked = checked.ok_or_else(|| ApiError::new(Code::Conflict, message))?;
    Ok(Data(checked.into()))
}
