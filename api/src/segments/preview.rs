//! POST /segments/preview: whom a segment would hold. Nothing is written.
use super::{
    answer::ContactBrief,
    form::{Previewed, SEGMENT_BYTES_MAX, source},
    refused,
};
use crate::{
    Api,
    answer::{Data, Guarded, Planned, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
};
use axum::extract::State;
use serde::Serialize;
use shared::{
    segment::check::{self, Refusal},
    store::{
        contacts::search::{self, Among, Search},
        segments,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Contacts that a preview shows, at most.
const SHOWN: usize = 10;
/// A preview counts so far.
pub const COUNTED_MAX: u64 = 1_000_000;

/// Whom a segment would hold.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentPreview {
    /// How many it would hold now.
    pub count: u64,
    /// False: it would hold more than a million, and `count` is where counting stopped.
    pub is_exact: bool,
    /// The newest of them, at most 10.
    pub contacts: Vec<ContactBrief>,
}

/// Preview a segment
///
/// Whom a dynamic segment with this rule or search would hold now: active contacts that match, or, if it asks about `contact.status`, those of
/// every status but deleted. Nothing is written. A filter on custom properties depends on the plan.
#[utoipa::path(
    post, path = "/segments/preview", tag = "Segments", operation_id = "previewSegment",
    request_body = Previewed,
    responses((status = 200, description = "Whom it would hold.", body = Success<SegmentPreview>), Guarded, Planned, Sent)
)]
pub async fn preview(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<SEGMENT_BYTES_MAX>,
) -> Result<Data<SegmentPreview>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let Previewed { rule, search, timezone } = body.read()?;
    let mut problems: Vec<_> = timezone.as_deref().and_then(check::zone).into_iter().collect();
    let source = source(rule, search, "").map_err(|found| {
        problems.extend(found);
        std::mem::take(&mut problems)
    });
    let source = source
        .and_then(|source| if problems.is_empty() { Ok(source) } else { Err(problems) })
        .map_err(|found| refused(Refusal::Invalid(found).into()))?;
    let zone = (timezone.as_deref(), "");
    let wanted = segments::wanted(&api.db, caller.workspace, &source, zone);
    let wanted = wanted.await.map_err(refused)?;
    let rule = &wanted.meant.rule;
    let search = Search {
        workspace: caller.workspace,
        rule: Some(rule),
        now: api.clock.now(),
        zone: wanted.zone,
        among: Among::of_segment(rule.reads().contains("contact.status")),
    };
    let (count, is_exact) = search::count(&api.db, &search, COUNTED_MAX).await?;
    let contacts = search::page(&api.db, &search, None, SHOWN).await?;
    let contacts = contacts.into_iter().map(ContactBrief::from).collect();
    Ok(Data(SegmentPreview { count, is_exact, contacts }))
}
