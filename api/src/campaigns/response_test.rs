//! Trying response rules on an answer: what it would come to, and what the delivery would do. Sends nothing, writes nothing.
use super::show::read;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
};
use axum::extract::{Path, State, rejection::PathRejection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    campaign::{
        Campaign, Endpoint,
        compiled::Name,
        response::{Answer, ResponseRules},
    },
    clock::Time,
    exchange::Exchange,
    ids::CampaignId,
    stages::s8_delivery::{Tries, decide, or_next_endpoint},
    submission::Event,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// A buyer's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampleAnswer {
    /// 100 to 599.
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// As text.
    #[serde(default)]
    pub body: String,
}

/// An answer to try an endpoint's saved rules on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TryAnswer {
    pub answer: SampleAnswer,
}

/// Rules that need not be saved, and an answer to try them on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TryRules {
    /// An endpoint's `response`.
    #[schema(value_type = Object)]
    pub rules: ResponseRules,
    pub answer: SampleAnswer,
    /// Whether the endpoint recognises repeats.
    #[serde(default)]
    pub idempotent: bool,
}

/// What an answer comes to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedAnswer {
    /// `accepted`, `delivered`, `rejected`, `duplicate`, `retry`, `failed`, or `unclassified`: no rule knows it.
    #[schema(value_type = String)]
    pub outcome: shared::campaign::response::Outcome,
    /// The rule that decided, from 0; null if none did.
    pub rule_index: Option<usize>,
    pub reason: Option<String>,
    pub buyer_lead_id: Option<String>,
    /// In minor units.
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    /// Only with a retry for which the buyer named a time.
    pub retry_after_seconds: Option<u64>,
    /// What an operator should know, such as a price that cannot be read.
    pub notes: Vec<String>,
    /// Every rule and whether it holds; the first that does decides.
    pub rules: Vec<TriedRule>,
    pub delivery: TriedDelivery,
}

/// A rule and whether it holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedRule {
    #[schema(value_type = String)]
    pub outcome: shared::campaign::response::RuleOutcome,
    pub holds: bool,
}

/// What the delivery would do after its first try.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedDelivery {
    /// `sold`; `refused`; `next`: the campaign's next endpoint is asked; `held`: a person must find out; `retry`: tried again later; `failed`:
    /// an operator must look.
    pub does: &'static str,
    pub code: String,
    pub reason: String,
}

/// Try an endpoint's response rules
///
/// Says what an answer would come to, by the newest revision. Sends nothing and writes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/endpoints/{endpointId}/test-response", tag = "Campaigns", operation_id = "testResponse",
    params(("campaignId" = CampaignId, Path), ("endpointId" = String, Path)),
    request_body = TryAnswer,
    responses((status = 200, description = "What it comes to.", body = Success<TriedAnswer>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn of_endpoint(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<TriedAnswer>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let Path((id, endpoint)) = path.map_err(|_| ApiError::not_found("endpoint"))?;
    let id = CampaignId::parse(&id).map_err(|_| ApiError::not_found("campaign"))?;
    let row = read(&api.db, caller.workspace, id).await?;
    let name = Name { id, code: row.code, name: row.name, revision: row.revision };
    let campaign = Campaign::compile(name, row.config.0)
        .map_err(|error| ApiError::new(Code::Conflict, error.to_string()))?;
    let at = campaign.endpoints.iter().position(|one| one.config.id == endpoint);
    let at = at.ok_or_else(|| ApiError::not_found("endpoint"))?;
    let TryAnswer { answer } = body.read()?;
    let has_next = at + 1 < campaign.endpoints.len();
    tried(&campaign.endpoints[at], answer, has_next, api.clock.now()).map(Data)
}

/// Try unsaved response rules
///
/// Says what an answer would come to, as if an endpoint with these rules were the campaign's only one. Sends nothing and writes nothing.
#[utoipa::path(
    post, path = "/response-rules/test", tag = "Campaigns", operation_id = "testResponseRules",
    request_body = TryRules,
    responses((status = 200, description = "What it comes to.", body = Success<TriedAnswer>), Guarded, Sent)
)]
pub async fn of_rules(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<TriedAnswer>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let TryRules { rules, answer, idempotent } = body.read()?;
    let mut problems = Vec::new();
    rules.validate("rules", &mut problems);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems.into_iter().map(Detail::from).collect()));
    }
    let config = json!({
        "id": "unsaved", "name": "the buyer", "url": "", "idempotent": idempotent, "response": rules,
    });
    let config = serde_json::from_value(config).expect("an endpoint needs no more");
    let endpoint = Endpoint::compile(&config).expect("the rules were checked");
    tried(&endpoint, answer, false, api.clock.now()).map(Data)
}

fn tried(
    endpoint: &Endpoint,
    sample: SampleAnswer,
    has_next: bool,
    now: Time,
) -> Result<TriedAnswer, ApiError> {
    if !(100..=599).contains(&sample.status) {
        return Err(ApiError::invalid_at("answer.status", "must be 100 to 599"));
    }
    let headers = sample.headers.into_iter();
    let answer = Answer {
        status: sample.status,
        headers: headers.map(|(name, value)| (name.to_lowercase(), value)).collect(),
        body: sample.body.into(),
        cut: false,
    };
    let said = endpoint.response.classify(&answer, now);
    let held = endpoint.response.held(&answer);
    let rules = endpoint.config.response.rules.iter().zip(held);
    let exchange = Exchange::Answered(answer, Duration::ZERO);
    let (verdict, _) = decide(endpoint, &exchange, 1, Tries { attempt: 0, seed: 0, now });
    let verdict = or_next_endpoint(verdict, has_next);
    let (price_minor, currency) =
        said.price.map(|price| (price.minor_units, price.currency)).unzip();
    Ok(TriedAnswer {
        outcome: said.outcome,
        rule_index: said.rule_index,
        reason: said.reason,
        buyer_lead_id: said.buyer_lead_id,
        price_minor,
        currency,
        retry_after_seconds: said.retry_after.map(|pause| pause.as_secs()),
        notes: said.notes,
        rules: rules.map(|(rule, holds)| TriedRule { outcome: rule.outcome, holds }).collect(),
        delivery: TriedDelivery {
            does: does(verdict.event),
            code: verdict.code.into_owned(),
            reason: verdict.reason,
        },
    })
}

fn does(event: Event) -> &'static str {
    match event {
        Event::Sold => "sold",
        Event::Refused => "refused",
        Event::NextEndpoint => "next",
        Event::Unknown => "held",
        Event::Again => "retry",
        _ => "failed",
    }
}
