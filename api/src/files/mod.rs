//! Documents of leads: POST /files keeps one by its key, GET /files/{leadId} lists them.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use form::{NewFile, Provider};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    ids::{LeadId, SubmissionId},
    lead::{
        Details,
        parts::{FILES_MAX, FileStatus},
    },
    store::{
        files::{self, Kept},
        leads,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

mod form;

/// Everything about documents.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(keep)).routes(routes!(list)).routes(routes!(show))
}

/// A document of a lead. Those that came with the lead itself say no times.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct File {
    pub lead_id: Option<LeadId>,
    /// Its name among the lead's documents.
    pub file_key: String,
    pub file_name: String,
    pub file_type: String,
    pub document_url: String,
    pub signing_url: Option<String>,
    pub provider: Option<Provider>,
    pub provider_document_id: Option<String>,
    pub status: FileStatus,
    pub signed_at: Option<DateTime<Utc>>,
    pub created_by_submission_id: Option<SubmissionId>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            lead_id: None,
            file_key: String::new(),
            file_name: String::new(),
            file_type: String::new(),
            document_url: String::new(),
            signing_url: None,
            provider: None,
            provider_document_id: None,
            status: FileStatus::default(),
            signed_at: None,
            created_by_submission_id: None,
            metadata: Map::new(),
            created_at: None,
            updated_at: None,
        }
    }
}

impl File {
    /// What is kept, read leniently: what does not fit is left out.
    fn read(lead: LeadId, kept: &Value) -> Self {
        let mut members = Map::new();
        for (name, value) in kept.as_object().into_iter().flatten() {
            let one = Map::from_iter([(name.clone(), value.clone())]);
            if serde_json::from_value::<Self>(Value::Object(one)).is_ok() {
                members.insert(name.clone(), value.clone());
            }
        }
        let file: Self = serde_json::from_value(Value::Object(members)).unwrap_or_default();
        Self { lead_id: Some(lead), ..file }
    }
}

/// A lead's documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    pub lead_id: LeadId,
    /// In the order in which they came.
    pub files: Vec<File>,
    pub count: usize,
}

/// Keep a document
///
/// The document itself stays where it lies: Leadrail keeps its URL and how far it is, and never fetches it. One that the lead has under this
/// key already is changed: members that are absent stay. Rules and payloads read it as `file.<fileKey>`, and automation hears of the change.
/// Sending the same again changes nothing.
#[utoipa::path(
    post, path = "/files", tag = "Files", operation_id = "keepFile",
    request_body = NewFile,
    responses(
        (status = 201, description = "The new document.", body = Success<File>),
        (status = 200, description = "The document as it is now; it was known.", body = Success<File>),
        Guarded, Absent, Sent, Conflicting
    )
)]
pub async fn keep(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: NewFile = body.read()?;
    let (lead, key) = (given.lead_id, given.file_key.clone());
    let file = given.check()?;
    of_this_lead(&api, &caller, lead, given.created_by_submission_id).await?;
    let (workspace, at) = (caller.workspace, api.clock.now());
    let new = files::NewFile { workspace, lead, key, file, at };
    match files::keep(&api.db, &new, FILES_MAX).await? {
        Kept::Yes { file, is_new } => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Data(File::read(lead, &file))).into_response())
        }
        Kept::NoSuchLead => Err(ApiError::not_found("lead").at("leadId")),
        Kept::Deleted => Err(ApiError::new(Code::LeadClosed, "the lead is deleted").at("leadId")),
        Kept::Full => {
            let message = format!("the lead has {FILES_MAX} documents already");
            Err(ApiError::new(Code::Conflict, message))
        }
    }
}

/// The submission that made it, if one is named, is the lead's.
async fn of_this_lead(
    api: &Api,
    caller: &Caller,
    lead: LeadId,
    submission: Option<SubmissionId>,
) -> Result<(), ApiError> {
    let Some(id) = submission else { return Ok(()) };
    let found = leads::submission(&api.db, caller.workspace, id).await?;
    if found.is_some_and(|found| found.lead_id == lead) {
        return Ok(());
    }
    Err(ApiError::invalid_at("createdBySubmissionId", "is no submission of this lead"))
}

async fn details(api: &Api, caller: &Caller, lead: LeadId) -> Result<Details, ApiError> {
    let row = leads::get(&api.db, caller.workspace, lead).await?;
    Ok(row.ok_or_else(|| ApiError::not_found("lead"))?.details.0)
}

/// List a lead's documents
#[utoipa::path(
    get, path = "/files/{leadId}", tag = "Files", operation_id = "listFiles",
    params(("leadId" = LeadId, Path)),
    responses((status = 200, description = "All of them.", body = Success<Files>), Guarded, Absent)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
) -> Result<Data<Files>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let kept = details(&api, &caller, lead).await?.files;
    let files: Vec<File> = kept.iter().map(|file| File::read(lead, file)).collect();
    Ok(Data(Files { lead_id: lead, count: files.len(), files }))
}

/// Show a document
#[utoipa::path(
    get, path = "/files/{leadId}/{fileKey}", tag = "Files", operation_id = "getFile",
    params(("leadId" = LeadId, Path), ("fileKey" = String, Path)),
    responses((status = 200, description = "The document.", body = Success<File>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path((lead, key)): Path<(String, String)>,
) -> Result<Data<File>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let lead = LeadId::parse(&lead).map_err(|_| ApiError::not_found("lead"))?;
    let details = details(&api, &caller, lead).await?;
    let file = details.file(&key).ok_or_else(|| ApiError::not_found("file"))?;
    Ok(Data(File::read(lead, file)))
}

/// The members that were given, by their names.
fn members(given: [(&str, Option<Value>); 11]) -> Value {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    json!(Map::from_iter(given))
}
