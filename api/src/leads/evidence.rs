//! GET and POST /leads/{leadId}/evidence, GET /contacts/{contactId}/evidence: what proves that a person agreed to be reached.
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    contacts,
    error::{ApiError, Code},
    params::{Id, Limit, Query, is_near},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    evidence::{self as proof, Kind, REFERENCE_MAX, Said},
    ids::{ContactId, EvidenceId, LeadId},
    lead::parts::{COMPLIANCE_MAX, Problems},
    store::{
        evidence::{self, Added, EVIDENCE_MAX, New},
        leads,
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Everything about evidence.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(of_lead, add)).routes(routes!(of_contact))
}

/// One piece of evidence. It is never changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub evidence_id: EvidenceId,
    pub lead_id: LeadId,
    pub kind: Kind,
    /// The certificate's URL, or the token, as it was said.
    pub reference: Option<String>,
    /// Why the reference or the time is not what it should be; null when it is.
    pub malformed: Option<String>,
    /// What was said with it: consent, text, page, address, browser.
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
    /// When the person agreed, as the source said.
    pub captured_at: Option<DateTime<Utc>>,
    pub recorded_at: DateTime<Utc>,
    /// `api`, `create` or `import` for what came with the lead; else who added it.
    pub recorded_by: String,
}

impl From<evidence::Evidence> for Evidence {
    fn from(row: evidence::Evidence) -> Self {
        Self {
            evidence_id: row.id,
            lead_id: row.lead_id,
            kind: row.kind,
            reference: row.reference,
            malformed: row.malformed,
            detail: row.detail.0,
            captured_at: row.captured_at,
            recorded_at: row.recorded_at,
            recorded_by: row.recorded_by,
        }
    }
}

/// Evidence to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"kind": "jornaya", "reference": "0FE1A2B3-C4D5-E6F7-0809-0A0B0C0D0E0F"}))]
pub struct NewEvidence {
    pub kind: Kind,
    /// A certificate's URL or a token; required for `trustedform` and `jornaya`. At most 2,000 characters.
    pub reference: Option<String>,
    /// When the person agreed.
    pub captured_at: Option<DateTime<Utc>>,
    /// What else there is to it, at most 50 members.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
}

impl NewEvidence {
    fn check(self) -> Result<Said, ApiError> {
        let mut problems = Problems::default();
        problems.map("detail", &self.detail, COMPLIANCE_MAX);
        let reference = self.reference.as_deref().map(str::trim).filter(|text| !text.is_empty());
        match (self.kind, reference) {
            (Kind::Trustedform | Kind::Jornaya, None) => {
                problems.say("reference", "is missing; the certificate is what proves it");
            }
            (Kind::Tcpa | Kind::Other, None) if self.detail.is_empty() => {
                problems.say("detail", "is empty, and there is no reference: nothing is said");
            }
            (kind, Some(text)) => {
                problems.at_most("reference", text.chars().count(), REFERENCE_MAX, "characters");
                if let Err(why) = proof::check(kind, text) {
                    problems.say("reference", why);
                }
            }
            _ => {}
        }
        if self.captured_at.is_some_and(|at| !is_near(at.year())) {
            problems.say("capturedAt", "is too far away");
        }
        if !problems.0.is_empty() {
            return Err(ApiError::invalid(problems.0.into_iter().map(Into::into).collect()));
        }
        let captured_at = self.captured_at.map(proof::exactly);
        Ok(Said::new(self.kind, reference, self.detail.clone(), captured_at))
    }
}

/// Which evidence.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<EvidenceId>,
}

fn page(found: Vec<evidence::Evidence>, query: &EvidenceQuery) -> Page<Evidence> {
    Page::of(found, query.limit.0 as usize, |row| row.id.to_string())
}

async fn must_be_there(api: &Api, caller: &Caller, lead: LeadId) -> Result<(), ApiError> {
    let found = leads::get(&api.db, caller.workspace, lead).await?;
    found.map(drop).ok_or_else(|| ApiError::not_found("lead"))
}

/// List a lead's evidence of consent
///
/// What its source said in `compliance`, each time it did, and what was added later; newest first.
#[utoipa::path(
    get, path = "/leads/{leadId}/evidence", tag = "Leads", operation_id = "listEvidence",
    params(("leadId" = LeadId, Path), EvidenceQuery),
    responses((status = 200, description = "A page of evidence.", body = Success<Page<Evidence>>), Guarded, Absent, Asked)
)]
pub async fn of_lead(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    Query(query): Query<EvidenceQuery>,
) -> Result<Data<Page<Evidence>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    must_be_there(&api, &caller, lead).await?;
    let of = (caller.workspace, lead);
    let found = evidence::of_lead(&api.db, of, query.cursor, query.limit.0 + 1).await?;
    Ok(Data(page(found, &query)))
}

/// List a contact's evidence of consent
///
/// That of all its leads, newest first.
#[utoipa::path(
    get, path = "/contacts/{contactId}/evidence", tag = "Contacts", operation_id = "listContactEvidence",
    params(("contactId" = ContactId, Path), EvidenceQuery),
    responses((status = 200, description = "A page of evidence.", body = Success<Page<Evidence>>), Guarded, Absent, Asked)
)]
pub async fn of_contact(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
    Query(query): Query<EvidenceQuery>,
) -> Result<Data<Page<Evidence>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    contacts::show::read(&api, &caller, contact).await?;
    let of = (caller.workspace, contact);
    let found = evidence::of_contact(&api.db, of, query.cursor, query.limit.0 + 1).await?;
    Ok(Data(page(found, &query)))
}

/// Add evidence of consent
///
/// Evidence is added and never changed. What the lead's evidence says already is not added again: it is answered. A certificate must be one:
/// `https://cert.trustedform.com/<id>`, or a LeadiD of 36 characters.
#[utoipa::path(
    post, path = "/leads/{leadId}/evidence", tag = "Leads", operation_id = "addEvidence",
    params(("leadId" = LeadId, Path)),
    request_body = NewEvidence,
    responses((status = 201, description = "The evidence.", body = Success<Evidence>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let said = body.read::<NewEvidence>()?.check()?;
    let (workspace, at, by) = (caller.workspace, api.clock.now(), caller.by());
    match evidence::add_one(&api.db, New { workspace, lead, said, at, by: &by }).await? {
        Added::Kept(kept) => Ok((StatusCode::CREATED, Data(Evidence::from(*kept))).into_response()),
        Added::NoSuchLead => Err(ApiError::not_found("lead")),
        Added::Deleted => Err(ApiError::new(Code::LeadClosed, "the lead is deleted")),
        Added::Full => {
            let message = format!("the lead has {EVIDENCE_MAX} pieces of evidence already");
            Err(ApiError::new(Code::Conflict, message))
        }
    }
}
