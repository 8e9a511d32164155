//! The body that keeps a document.
use super::members;
use crate::{error::ApiError, params::is_near};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    evidence::exactly,
    ids::{LeadId, SubmissionId},
    lead::{
        is_key,
        parts::{ATTRIBUTION_TEXT_MAX, FileStatus, Problems, key_rule},
    },
};
use utoipa::ToSchema;

/// Members of a document's `metadata`, at most.
pub const METADATA_MAX: usize = 50;

/// Where a document comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FileProvider)]
pub enum Provider {
    Docuseal,
    ManualUpload,
    SystemGenerated,
    CsvImport,
}

/// A document of a lead, or what changed of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "leadId": "lead_06dqpamgdqvavct6zp2bwzf7qg", "fileKey": "retainer", "fileName": "Retainer.pdf", "fileType": "pdf",
    "documentUrl": "https://files.example.com/7/retainer.pdf", "status": "signed", "signedAt": "2026-11-24T12:00:00Z"
}))]
pub struct NewFile {
    pub lead_id: LeadId,
    /// Its name among the lead's documents: 1 to 64 letters, digits, `_` or `-`.
    pub file_key: String,
    pub file_name: String,
    /// The file name's extension.
    pub file_type: String,
    /// A public http or https URL, at most 2,000 characters.
    pub document_url: String,
    /// Where the person signs it: an http or https URL.
    pub signing_url: Option<String>,
    pub provider: Option<Provider>,
    pub provider_document_id: Option<String>,
    /// `pending` for a new document unless given.
    pub status: Option<FileStatus>,
    pub signed_at: Option<DateTime<Utc>>,
    /// A submission of this lead.
    pub created_by_submission_id: Option<SubmissionId>,
    /// At most 50 members of your own.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

impl NewFile {
    /// The document as it is kept; every problem at once.
    pub fn check(&self) -> Result<Value, ApiError> {
        let mut problems = Problems::default();
        if !is_key(&self.file_key) {
            problems.say("fileKey", key_rule());
        }
        for (name, text) in [
            ("fileName", Some(&self.file_name)),
            ("fileType", Some(&self.file_type)),
            ("providerDocumentId", self.provider_document_id.as_ref()),
        ] {
            let Some(text) = text else { continue };
            problems.at_most(name, text.chars().count(), ATTRIBUTION_TEXT_MAX, "characters");
            if text.trim().is_empty() {
                problems.say(name, "is empty");
            }
        }
        for (name, url) in
            [("documentUrl", Some(&self.document_url)), ("signingUrl", self.signing_url.as_ref())]
        {
            let Some(url) = url else { continue };
            problems.at_most(name, url.chars().count(), ATTRIBUTION_TEXT_MAX, "characters");
            if !is_web(url) {
                problems.say(name, "is not an http or https URL");
            }
        }
        if let Some(metadata) = &self.metadata {
            problems.map("metadata", metadata, METADATA_MAX);
        }
        if self.signed_at.is_some_and(|at| !is_near(at.year())) {
            problems.say("signedAt", "is too far away");
        }
        if problems.0.is_empty() {
            return Ok(self.kept());
        }
        Err(ApiError::invalid(problems.0.into_iter().map(Into::into).collect()))
    }

    fn kept(&self) -> Value {
        members([
            ("fileKey", Some(json!(self.file_key))),
            ("fileName", Some(json!(self.file_name))),
            ("fileType", Some(json!(self.file_type))),
            ("documentUrl", Some(json!(self.document_url))),
            ("signingUrl", self.signing_url.as_ref().map(|url| json!(url))),
            ("provider", self.provider.map(|provider| json!(provider))),
            ("providerDocumentId", self.provider_document_id.as_ref().map(|id| json!(id))),
            ("status", self.status.map(|status| json!(status))),
            ("signedAt", self.signed_at.map(|at| json!(exactly(at)))),
            ("createdBySubmissionId", self.created_by_submission_id.map(|id| json!(id))),
            ("metadata", self.metadata.as_ref().map(|map| json!(map))),
        ])
    }
}

fn is_web(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
