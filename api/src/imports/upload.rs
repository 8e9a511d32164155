//! PUT /imports/{id}/file: the file comes in slice by slice; memory holds one part of it.
use super::{answer::UploadedFile, key, plan, read, refused};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Receiving, Success},
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use shared::{
    ids::ImportId,
    import::{Limits, SplitError, mapping::suggest, split::FILE_BYTES_MAX},
    store::{
        StoreError,
        imports::{
            self, Key, Upload,
            receive::{NotTaken, Received, Receiver},
        },
        properties,
    },
};
use std::{sync::Arc, time::Duration};

/// The route, which takes as long as its file is on the way.
pub const ROUTE: &str = "/api/v1/imports/{importId}/file";

/// What is announced as a file of comma-separated values.
const KINDS: [&str; 2] = ["text/csv", "application/csv"];

/// What an upload may be like.
#[derive(Debug, Clone, Copy)]
pub struct Uploads {
    /// How long a file may be on its way without a byte.
    pub idle: Duration,
    pub limits: Limits,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), limits: Limits::default() }
    }
}

/// Upload an import's file
///
/// The body is the file itself: CSV with a line of column names, up to 1 GiB and 2,000,000 rows. Commas, semicolons, tabs and `|` between
/// cells are told apart, as are UTF-8 and UTF-16. An upload that breaks off leaves the import waiting for its file: send it again from its
/// beginning. So can one that is here, until the import is started.
#[utoipa::path(
    put, path = "/imports/{importId}/file", tag = "Imports", operation_id = "uploadImportFile",
    params(("importId" = ImportId, Path)),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "The file is here.", body = Success<UploadedFile>), Guarded, Absent, Conflicting, Receiving)
)]
pub async fn upload(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Data<UploadedFile>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    let import = read(&api, key).await?;
    announced(&headers, api.settings.uploads.limits)?;
    let begun = imports::begin_again(&api.db, key, &import.file_name, api.clock.now()).await;
    let upload = begun.map_err(storage)?.map_err(|why| refused(&why))?;
    let received = match take(&api, upload, body).await {
        Ok(received) => received,
        Err(error) => {
            give_room(&api, &upload).await;
            return Err(error);
        }
    };
    answer(&api, &caller, key, received).await.map(Data)
}

/// Refuses what is no such file, and what says that it is too long.
fn announced(headers: &HeaderMap, limits: Limits) -> Result<(), ApiError> {
    let said = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = said(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next());
    let kind = kind.unwrap_or_default().trim();
    if !KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let message = "send the file as it is, with Content-Type: text/csv";
        return Err(ApiError::new(Code::UnsupportedMediaType, message));
    }
    let length = said(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > limits.bytes => {
            let why = SplitError::TooManyBytes { most: limits.bytes };
            Err(ApiError::new(Code::BodyTooLarge, why.to_string()))
        }
        _ => Ok(()),
    }
}

async fn take(api: &Api, upload: Upload, mut body: Body) -> Result<Received, ApiError> {
    let uploads = api.settings.uploads;
    let mut receiver = Receiver::new(upload, uploads.limits);
    loop {
        let frame = tokio::time::timeout(uploads.idle, body.frame()).await;
        let frame = frame.map_err(|_| idle(uploads.idle))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| broken("the file broke off"))?;
        // Trailers, which are no part of the file, are left.
        let Ok(bytes) = frame.into_data() else { continue };
        receiver.feed(&api.db, &bytes, api.clock.now()).await.map_err(not_taken)?;
    }
    let config = read(api, upload.key()).await?.config.0;
    receiver.finish(&api.db, config, api.clock.now()).await.map_err(not_taken)
}

fn broken(what: &str) -> ApiError {
    let message = format!("{what}; nothing of it was kept: send it again from its beginning");
    ApiError::new(Code::Unreadable, message)
}

fn idle(limit: Duration) -> ApiError {
    broken(&format!("no byte of the file came for {} s", limit.as_secs()))
}

fn not_taken(why: NotTaken) -> ApiError {
    match why {
        NotTaken::Split(why @ SplitError::TooManyBytes { .. }) => {
            ApiError::new(Code::BodyTooLarge, why.to_string())
        }
        NotTaken::Split(why) => ApiError::new(Code::ValidationError, why.to_string()),
        NotTaken::Refused(why) => refused(&why),
        NotTaken::Store(error) => storage(error),
    }
}

/// A database without room is not one that is away: trying again does not help until somebody has made room.
fn storage(error: StoreError) -> ApiError {
    if !error.is_full() {
        return error.into();
    }
    tracing::error!(%error, "the database has no room for a file");
    let message = "the database has no room for this file, and nothing of it was kept: make room on its disk, then send the file again";
    ApiError::new(Code::StorageFull, message)
}

/// What came of a file that was not taken goes at once; should that fail too, it goes with the next upload, or after a day.
async fn give_room(api: &Api, upload: &Upload) {
    if let Err(error) = imports::give_up(&api.db, upload, api.clock.now()).await {
        tracing::warn!(import = %upload.import, %error, "what came of a broken upload is left for now");
    }
}

async fn answer(
    api: &Api,
    caller: &Caller,
    key: Key,
    received: Received,
) -> Result<UploadedFile, ApiError> {
    let import = read(api, key).await?;
    let config = &import.config.0;
    let kinds = properties::all(api.db.read(), caller.workspace).await?;
    let suggested = suggest(&received.header, config.kind, &kinds);
    let left_out = if config.mapping.is_empty() {
        suggested.left_out
    } else {
        let mapped = |column: &&String| config.mapping.iter().any(|one| one.column == **column);
        received.header.iter().filter(|column| !mapped(column)).cloned().collect()
    };
    let problems = plan(api, caller, config, &received.header).await?.err().unwrap_or_default();
    Ok(UploadedFile {
        import: import.into(),
        suggested_mapping: suggested.mapping,
        left_out,
        sample: received.sample,
        problems,
    })
}

// What the description of the route says.
const _: () = assert!(FILE_BYTES_MAX == 1 << 30);
