//! POST /campaigns/{id}/preview: what would be sent for a lead. Sends nothing, writes nothing.
use super::{form, show::read};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::Id,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    campaign::{
        Campaign, CampaignConfig, compiled::Name, config::auth::HeaderText, payload::FieldError,
        view::ROOTS,
    },
    ids::{CampaignId, LeadId, SubmissionId},
    preview::{self, Would},
    store::{campaigns::CampaignRow, imagine, value_sets},
    submission::{Event, Stage},
    view,
};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// Shown in the place of a value that may be a credential.
const MASK: &str = "•••";
/// A header whose name holds one of these may carry a credential.
const SECRET: [&str; 9] =
    ["auth", "key", "token", "secret", "pass", "cookie", "session", "signature", "credential"];

/// Which lead, and by which configuration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewForm {
    /// A stored lead. Either this or `view`.
    pub lead_id: Option<LeadId>,
    /// A made-up lead, as rules and payloads see one: an object for each part, such as `{"lead": {"firstName": "Ada"}, "questionnaire": {}}`.
    #[schema(value_type = Option<Object>)]
    pub view: Option<Map<String, Value>>,
    /// A configuration that is not saved; absent: the campaign's newest revision.
    #[schema(value_type = Option<CampaignConfig>)]
    pub config: Option<Value>,
    /// Only this endpoint, by its id.
    pub endpoint: Option<String>,
}

/// What would be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayloadPreview {
    pub campaign_id: CampaignId,
    /// Null when the configuration is not saved.
    pub revision: Option<i64>,
    /// Whether stages 4 to 7 let the lead go on to delivery.
    pub would_be_sent: bool,
    /// The first stage that does not; the later ones were asked all the same.
    pub stops_at: Option<Stage>,
    /// The computed keys.
    #[schema(value_type = Object)]
    pub computed: Map<String, Value>,
    /// Values as the accepted values spell them, by field path.
    #[schema(value_type = Object)]
    pub canonical: Map<String, Value>,
    pub stages: Vec<PreviewStage>,
    pub endpoints: Vec<PreviewEndpoint>,
}

/// What a stage says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewStage {
    pub stage: Stage,
    /// `passed`, `refused` or `stuck`.
    pub verdict: &'static str,
    pub code: String,
    pub reason: String,
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

/// What an endpoint would be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewEndpoint {
    pub endpoint: String,
    pub name: String,
    #[schema(example = "POST")]
    pub method: &'static str,
    pub url: String,
    /// Values of headers that may carry credentials are masked.
    pub headers: BTreeMap<String, String>,
    /// Null when there is no body.
    pub content_type: Option<String>,
    /// The body, byte for byte; null when there are problems.
    pub body: Option<String>,
    /// Every field that stands in the way.
    pub problems: Vec<PreviewProblem>,
}

/// A field that stands in the way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewProblem {
    /// Where in the payload.
    pub path: String,
    /// Where in the lead.
    pub source: Option<String>,
    pub message: String,
}

impl From<FieldError> for PreviewProblem {
    fn from(error: FieldError) -> Self {
        Self { path: error.path, source: error.source, message: error.message }
    }
}

/// Preview what is sent
///
/// Runs the stages dynamic keys, required fields, field qualification (without asking anybody) and payload on a lead, and shows what each
/// endpoint would be sent. Sends nothing and writes nothing. Wants the scopes `campaigns:read` and `leads:read`.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/preview", tag = "Campaigns", operation_id = "previewPayload",
    params(("campaignId" = CampaignId, Path)),
    request_body = PreviewForm,
    responses((status = 200, description = "What would be sent.", body = Success<PayloadPreview>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn preview(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<PayloadPreview>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    caller.require(Scope::LeadsRead)?;
    let stored = read(&api.db, caller.workspace, id).await?;
    let form: PreviewForm = body.read()?;
    let is_draft = form.config.is_some();
    let campaign = compiled(&api, &caller, stored, form.config.clone()).await?;
    if let Some(wanted) = &form.endpoint
        && campaign.endpoint(wanted).is_none()
    {
        return Err(ApiError::invalid_at("endpoint", "is no endpoint of this campaign"));
    }
    let subject = subject(&api, &caller, &campaign, form.lead_id, form.view).await?;
    let sets = value_sets::sets(&api.db, caller.workspace, &campaign.sets).await?;
    let about = (subject.view, &sets);
    let found = preview::of(&campaign, about, subject.submission, api.clock.now());
    let wanted = form.endpoint.as_deref();
    let shown = |would: &&Would| wanted.is_none_or(|id| would.endpoint.config.id == id);
    let shown = found.endpoints.iter().filter(shown);
    Ok(Data(PayloadPreview {
        campaign_id: id,
        revision: (!is_draft).then_some(campaign.revision),
        would_be_sent: found.stops_at().is_none(),
        stops_at: found.stops_at(),
        endpoints: shown.map(|would| endpoint(would, subject.is_submitted)).collect(),
        stages: found.stages.into_iter().map(stage).collect(),
        computed: found.computed,
        canonical: found.canonical,
    }))
}

/// The stored campaign, or the draft in its place.
async fn compiled(
    api: &Api,
    caller: &Caller,
    stored: CampaignRow,
    draft: Option<Value>,
) -> Result<Campaign, ApiError> {
    let CampaignRow { id, code, name, revision, config, .. } = stored;
    let config = match draft {
        None => config.0,
        Some(draft) => {
            let checked = form::check(api, caller, Some(id), (&name, draft), Vec::new()).await?;
            serde_json::to_value(checked).expect("a configuration is plain data")
        }
    };
    Campaign::compile(Name { id, code, name, revision }, config)
        .map_err(|error| ApiError::new(Code::Conflict, error.to_string()))
}

struct Subject {
    view: Value,
    submission: SubmissionId,
    is_submitted: bool,
}

/// The lead that the preview is about.
async fn subject(
    api: &Api,
    caller: &Caller,
    campaign: &Campaign,
    lead: Option<LeadId>,
    view: Option<Map<String, Value>>,
) -> Result<Subject, ApiError> {
    let lead = match (lead, view) {
        (Some(lead), None) => lead,
        (None, Some(view)) => {
            let (view, submission) = (made_up(view)?, SubmissionId::new());
            return Ok(Subject { view, submission, is_submitted: false });
        }
        (None, None) => {
            return Err(ApiError::invalid_at("leadId", "is missing; give it or `view`"));
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid_at("view", "is given beside leadId; give one"));
        }
    };
    let (db, now) = (&api.db, api.clock.now());
    let place = (campaign.id, campaign.revision);
    let found = imagine::submission(db, caller.workspace, lead, place, now).await?;
    let found = found.ok_or_else(|| ApiError::not_found("lead").at("leadId"))?;
    let view = view::of(&found.loaded, campaign, now);
    Ok(Subject { view, submission: found.loaded.id, is_submitted: found.is_submitted })
}

fn made_up(view: Map<String, Value>) -> Result<Value, ApiError> {
    let mut problems = Vec::new();
    for (root, part) in &view {
        let path = format!("view.{root}");
        if !ROOTS.contains(&root.as_str()) {
            let known = ROOTS.join("`, `");
            problems.push(Detail::new(path, format!("is no part of a lead; parts are `{known}`")));
        } else if !part.is_object() {
            problems.push(Detail::new(path, "must be an object"));
        }
    }
    if problems.is_empty() { Ok(Value::Object(view)) } else { Err(ApiError::invalid(problems)) }
}

fn stage((stage, verdict): (Stage, shared::stages::Verdict)) -> PreviewStage {
    let word = match verdict.event {
        Event::Passed => "passed",
        Event::Refused => "refused",
        _ => "stuck",
    };
    let (code, reason) = (verdict.code.into_owned(), verdict.reason);
    PreviewStage { stage, verdict: word, code, reason, details: verdict.details }
}

fn endpoint(would: &Would<'_>, is_submitted: bool) -> PreviewEndpoint {
    let config = &would.endpoint.config;
    let mut headers: BTreeMap<String, String> = config.headers.iter().map(masked).collect();
    headers.extend(config.auth.header().map(|name| (name, MASK.to_owned())));
    let planned = would.sent.as_ref().ok();
    if let Some(planned) = planned {
        let key = &planned.idempotency_key;
        let key = if is_submitted { key } else { "made when the lead is submitted" };
        headers.insert("idempotency-key".into(), key.to_owned());
        headers.extend(planned.content_type.clone().map(|kind| ("content-type".into(), kind)));
    }
    let problems = would.sent.as_ref().err().cloned().unwrap_or_default();
    PreviewEndpoint {
        endpoint: config.id.clone(),
        name: config.name.clone(),
        method: config.method.name(),
        url: planned.map_or_else(|| config.url.clone(), |planned| planned.url(&config.url)),
        headers,
        content_type: planned.and_then(|planned| planned.content_type.clone()),
        body: planned.map(|planned| planned.body.clone()),
        problems: problems.into_iter().map(PreviewProblem::from).collect(),
    }
}

fn masked((name, value): (&String, &HeaderText)) -> (String, String) {
    let lower = name.to_ascii_lowercase();
    let value = match value {
        HeaderText::Secret(secret) => format!("{}{MASK}", secret.prefix),
        HeaderText::Plain(_) if SECRET.iter().any(|word| lower.contains(word)) => MASK.to_owned(),
        HeaderText::Plain(text) => text.clone(),
    };
    (name.clone(), value)
}
