//! What a caller is told when it did not work: one code, one sentence, and every problem with its path.
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use shared::{
    campaign::Problem,
    store::StoreError,
    submission::{IllegalMove, State},
};
use utoipa::ToSchema;

/// Seconds after which a caller may try again when the database was away.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What went wrong, in a word that stays the same:
///
/// - `MALFORMED_JSON` (400): the body is not JSON; the message names line and column.
/// - `UNREADABLE` (400): the webhook is its provider's own and cannot be read; of a file: it broke off.
/// - `VALIDATION_ERROR` (422): the request is understood and not allowed; `details` lists every problem.
/// - `UNAUTHORIZED` (401): no key, or none that is valid; of a webhook: no signature, or none that fits.
/// - `FORBIDDEN` (403): the key lacks the scope that the message names.
/// - `PLAN_REQUIRED` (403): the workspace's plan does not include it; the message names the plan that does.
/// - `NOT_FOUND` (404): there is no such thing in the key's workspace, or no such URL.
/// - `METHOD_NOT_ALLOWED` (405): the URL exists and does not take this method.
/// - `CONFLICT` (409): not possible as things are now.
/// - `CAMPAIGN_CLOSED` (409): the campaign is paused or archived and takes no leads.
/// - `LEAD_CLOSED` (409): the lead is no longer processed.
/// - `DUPLICATE` (409): the campaign refuses duplicates; the message names the lead that it has already.
/// - `REVISION_CONFLICT` (409): someone else has saved the campaign since it was read.
/// - `IDEMPOTENCY_KEY_REUSED` (422): the Idempotency-Key was used before with another body.
/// - `BODY_TOO_LARGE` (413): the body is longer than the route takes.
/// - `UNSUPPORTED_MEDIA_TYPE` (415): the body is not announced as application/json; of a file: as text/csv.
/// - `UNAVAILABLE` (503): nothing is known to have happened; try again after `Retry-After` seconds.
/// - `STORAGE_FULL` (507): the database has no room for the file, and nothing of it was kept; make room first.
/// - `INTERNAL` (500): our fault; the log has the cause under the answer's `X-Request-Id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    MalformedJson,
    Unreadable,
    ValidationError,
    Unauthorized,
    Forbidden,
    PlanRequired,
    NotFound,
    MethodNotAllowed,
    Conflict,
    CampaignClosed,
    LeadClosed,
    Duplicate,
    RevisionConflict,
    IdempotencyKeyReused,
    BodyTooLarge,
    UnsupportedMediaType,
    Unavailable,
    StorageFull,
    Internal,
}

impl Code {
    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::ValidationError | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::PlanRequired => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict
            | Self::CampaignClosed
            | Self::LeadClosed
            | Self::Duplicate
            | Self::RevisionConflict => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// One problem with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// Where: a body's field such as `address.state`, a query parameter or a header; empty for the whole body.
    #[schema(example = "questionnaire[2].key")]
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Detail {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiError {
    pub code: Code,
    /// For people.
    pub message: String,
    /// Every problem found; often empty.
    pub details: Vec<Detail>,
}

/// The envelope of everything that did not work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    /// Always false.
    #[serde(serialize_with = "never")]
    #[schema(value_type = bool, example = false)]
    pub success: (),
    pub error: ApiError,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn never<S: Serializer>((): &(), s: S) -> Result<S::Ok, S::Error> {
    s.serialize_bool(false)
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// The request has these problems.
    pub fn invalid(details: Vec<Detail>) -> Self {
        let message = match details.as_slice() {
            [one] if one.path.is_empty() => format!("the request {}", one.message),
            [one] => format!("{} {}", one.path, one.message),
            several => format!("the request has {} problems", several.len()),
        };
        Self { code: Code::ValidationError, message, details }
    }

    /// The request has one problem.
    pub fn invalid_at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Detail::new(path, message)])
    }

    /// There is no such `what` in the caller's workspace.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// The workspace's plan does not include it; `why` names the plans that do.
    pub fn plan(why: impl Into<String>) -> Self {
        Self::new(Code::PlanRequired, why)
    }

    /// The same refusal, with the field that caused it.
    pub fn at(mut self, path: &str) -> Self {
        self.details.push(Detail::new(path, self.message.clone()));
        self
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_outage() || error.is_conflict() {
            tracing::warn!(%error, "the database did not answer");
            return Self::new(Code::Unavailable, "the database cannot be reached; try again");
        }
        if error.is_dangling() {
            return Self::new(Code::Conflict, "something that is named was deleted a moment ago");
        }
        tracing::error!(error = %chain(&error), "a request failed");
        Self::new(Code::Internal, "an internal error; the log has the cause")
    }
}

impl From<IllegalMove> for ApiError {
    fn from(illegal: IllegalMove) -> Self {
        let is = match illegal.from {
            State::InStage(stage) => format!("on its way, in {stage}"),
            State::Parked => "parked; resume it".to_owned(),
            State::Queued => "queued until its campaign has room".to_owned(),
            State::Held => "held; settle it".to_owned(),
            State::Failed(stage) => format!("failed, in {stage}"),
            State::Finished => "finished".to_owned(),
        };
        Self::new(Code::Conflict, format!("not possible: the submission is {is}"))
    }
}

impl From<Problem> for Detail {
    fn from(problem: Problem) -> Self {
        Self::new(problem.path, problem.message)
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        line = format!("{line}: {next}");
        cause = next.source();
    }
    line
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code;
        let mut response =
            (code.status(), Json(Failure { success: (), error: self })).into_response();
        let headers = response.headers_mut();
        if code == Code::Unavailable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
