//! Lists as files: /leads/export, /contacts/export, /submissions/export and /segments/{id}/export, streamed row by row.
use crate::{
    Api,
    answer::{Absent, Asked, Guarded, Planned},
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::{Id, Query},
};
use ask::{Asker, ContactExport, LeadExport, MemberExport, SubmissionExport};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Version, header},
    response::Response,
};
use futures_util::stream;
use run::{Export, Order, Piece};
use shared::ids::SegmentId;
use std::{io, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa_axum::{router::OpenApiRouter, routes};

pub mod ask;
pub mod run;
pub mod source;

/// Exports at once in one process, at most.
pub const EXPORTS_MAX: usize = 2;
/// How long a caller may leave a piece of an export unread.
pub const IDLE_MAX: Duration = Duration::from_secs(60);
/// Pieces that wait to be read, at most.
const PIECES_MAX: usize = 1;

/// The places of exports.
#[derive(Debug, Clone)]
pub struct Exports {
    places: Arc<Semaphore>,
    pub idle: Duration,
}

impl Default for Exports {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(EXPORTS_MAX)), idle: IDLE_MAX }
    }
}

impl Exports {
    fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            let why = format!("{EXPORTS_MAX} exports are under way; try again when one has ended");
            ApiError::new(Code::Unavailable, why)
        })
    }
}

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(leads))
        .routes(routes!(contacts))
        .routes(routes!(submissions))
        .routes(routes!(members))
}

/// Export leads
///
/// All leads that the list shows with the same filters, oldest first, as CSV (a header and a record for each) or NDJSON (the list's objects,
/// one a line). Leads that come in meanwhile are not in it. Columns are called as imports call their fields, so that the file can be brought
/// in again. In CSV a `'` stands before what a spreadsheet would run (`=`, `+`, `-`, `@`, …, also phone numbers), unless `raw` is asked for;
/// imports take it away. When something goes wrong on the way, the connection breaks off: a file that ended well is whole. Who exported what
/// is in the audit log.
#[utoipa::path(
    get, path = "/leads/export", tag = "Exports", operation_id = "exportLeads",
    params(LeadExport),
    responses((status = 200, description = "The file.", content((String = "text/csv"), (String = "application/x-ndjson"))), Guarded, Asked)
)]
pub async fn leads(
    State(api): State<Arc<Api>>,
    caller: Caller,
    version: Version,
    Query(query): Query<LeadExport>,
) -> Result<Response, ApiError> {
    let (asker, place) = admit(&api, &caller, version)?;
    send(&api, asker.leads(&api.db, query).await?, place).await
}

/// Export contacts
///
/// All contacts, or those that a search text finds, oldest first. Otherwise like the export of leads.
#[utoipa::path(
    get, path = "/contacts/export", tag = "Exports", operation_id = "exportContacts",
    params(ContactExport),
    responses(
        (status = 200, description = "The file.", content((String = "text/csv"), (String = "application/x-ndjson"))),
        Guarded, Planned, Asked
    )
)]
pub async fn contacts(
    State(api): State<Arc<Api>>,
    caller: Caller,
    version: Version,
    Query(query): Query<ContactExport>,
) -> Result<Response, ApiError> {
    let (asker, place) = admit(&api, &caller, version)?;
    send(&api, asker.contacts(&api.db, query).await?, place).await
}

/// Export submissions
///
/// All submissions of the workspace or those that the filters leave, oldest first; in CSV without what their stages found (`carry`).
/// Otherwise like the export of leads.
#[utoipa::path(
    get, path = "/submissions/export", tag = "Exports", operation_id = "exportSubmissions",
    params(SubmissionExport),
    responses((status = 200, description = "The file.", content((String = "text/csv"), (String = "application/x-ndjson"))), Guarded, Asked)
)]
pub async fn submissions(
    State(api): State<Arc<Api>>,
    caller: Caller,
    version: Version,
    Query(query): Query<SubmissionExport>,
) -> Result<Response, ApiError> {
    let (asker, place) = admit(&api, &caller, version)?;
    send(&api, asker.submissions(&api.db, query).await?, place).await
}

/// Export a segment
///
/// Its members, static or dynamic, as contacts, in the order in which they came to the workspace. Otherwise like the export of leads.
#[utoipa::path(
    get, path = "/segments/{segmentId}/export", tag = "Exports", operation_id = "exportSegment",
    params(("segmentId" = SegmentId, Path), MemberExport),
    responses(
        (status = 200, description = "The file.", content((String = "text/csv"), (String = "application/x-ndjson"))),
        Guarded, Absent, Asked
    )
)]
pub async fn members(
    State(api): State<Arc<Api>>,
    caller: Caller,
    version: Version,
    Id(segment): Id<SegmentId>,
    Query(query): Query<MemberExport>,
) -> Result<Response, ApiError> {
    let (asker, place) = admit(&api, &caller, version)?;
    send(&api, asker.members(&api.db, segment, query).await?, place).await
}

/// Whether the caller may have a file now.
fn admit(
    api: &Api,
    caller: &Caller,
    version: Version,
) -> Result<(Asker, OwnedSemaphorePermit), ApiError> {
    caller.require(Scope::LeadsRead)?;
    if version < Version::HTTP_11 {
        // Its end would look like a break, and a break like its end.
        let why = "an export needs HTTP/1.1, in which a break can be told from the end";
        return Err(ApiError::invalid_at("", why));
    }
    let place = api.exports.place()?;
    let asker = Asker { workspace: caller.workspace, actor: caller.actor(), at: api.clock.now() };
    Ok((asker, place))
}

/// Begins the export and answers with its pieces as they come. The time limit of requests ends here; from now on the reader's patience with
/// us and ours with the reader count.
async fn send(api: &Api, order: Order, place: OwnedSemaphorePermit) -> Result<Response, ApiError> {
    let order = Order { idle: Some(api.exports.idle), ..order };
    let export = Export::begin(&api.db, &api.clock, order).await?;
    let day = api.clock.now().format("%Y-%m-%d");
    let name = format!("{}-{day}.{}", export.what().word(), export.format().ending());
    let (id, media_type) = (export.id, export.format().media_type());
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    tokio::spawn(async move {
        // What went wrong is in the audit log and the log; the reader sees the break.
        let _ = export.run(sender).await;
        drop(place);
    });
    let disposition = format!("attachment; filename=\"{name}\"");
    let text = |text: String| HeaderValue::try_from(text).expect("plain ASCII is a header value");
    let mut response = Response::new(body(receiver));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_DISPOSITION, text(disposition));
    headers.insert("x-export-id", text(id.to_string()));
    Ok(response)
}

/// The pieces; without their end it is an error, whatever became of who sent them.
fn body(receiver: mpsc::Receiver<Piece>) -> Body {
    Body::from_stream(stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the export broke off")), None)),
        }
    }))
}
