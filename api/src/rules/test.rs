//! POST /rules/test: what a rule says about one lead, and why.
use super::rehearsal;
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::{self, Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    leads::form::{Checked, LeadForm},
    scan::Object,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    ids::LeadId,
    rules::{Evaluation, Facts, LeafResult, Rule},
    store::{
        campaigns::{self, CampaignRow},
        intake::{CampaignRef, Who},
        load::Loaded,
        recent::{self, Sample},
        value_sets,
    },
    view,
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A rule, and the lead to ask it about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "rule": {"field": "address.state", "operator": "in", "value": ["CA", "NV"]},
    "lead": {"campaignId": "SOL", "firstName": "Maria", "lastName": "Diaz", "email": "maria@example.com",
        "phone": "(415) 555-0100", "address": {"state": "CA"}}
}))]
pub struct RuleTest {
    /// A condition tree, or the two-level shape with `subRules`.
    #[schema(value_type = Object)]
    pub rule: Value,
    /// A stored lead. Answers that an action brought are seen; what stages computed is not.
    pub lead_id: Option<LeadId>,
    /// Or a sample in the form of `POST /leads/submit`; nothing is stored.
    #[schema(value_type = Option<LeadForm>)]
    pub lead: Option<Map<String, Value>>,
    /// The campaign, by id or code, whose zone and name the rule sees; the lead's own when absent.
    pub campaign_id: Option<String>,
}

/// What the rule says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleTested {
    pub matched: bool,
    /// In a sentence.
    pub because: String,
    /// Every condition with the values compared, those too that the rule need not ask.
    pub leaves: Vec<LeafTested>,
}

/// What one condition says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeafTested {
    /// Where it stands in the tree.
    #[schema(example = "rules[1].rules[0]")]
    pub path: String,
    pub field: String,
    #[schema(value_type = String)]
    pub operator: shared::rules::Operator,
    /// What the rule says: the value, or the value set's name.
    #[schema(value_type = Object)]
    pub expected: Value,
    /// What the lead says; null if missing.
    #[schema(value_type = Object)]
    pub actual: Value,
    pub matched: bool,
    /// Whether it settled the rule's answer.
    pub decided: bool,
    /// What was out of the ordinary, such as an empty field.
    pub note: Option<String>,
}

/// Test a rule
///
/// Asks a rule about a stored lead or a sample. A rule that is wrong is refused with the place of every problem. Writes nothing.
#[utoipa::path(
    post, path = "/rules/test", tag = "Rules", operation_id = "testRule",
    request_body = RuleTest,
    responses((status = 200, description = "What the rule says.", body = Success<RuleTested>), Guarded, Sent, crate::answer::Absent)
)]
pub async fn test(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<RuleTested>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let form: RuleTest = body.read()?;
    if form.lead_id.is_some() {
        caller.require(Scope::LeadsRead)?;
    }
    let rule = Rule::parse(&form.rule).map_err(|problems| {
        let below = |path: &str| format!("rule{}{path}", if path.is_empty() { "" } else { "." });
        let problems = problems.into_iter();
        ApiError::invalid(problems.map(|p| Detail::new(below(&p.path), p.message)).collect())
    })?;
    let named = rule.sets().into_iter().map(|(path, set)| (format!("rule{path}"), set.to_owned()));
    let named: Vec<(String, String)> = named.collect();
    let unknown = rehearsal::unknown_sets(&api.db, caller.workspace, &named).await?;
    if !unknown.is_empty() {
        return Err(ApiError::invalid(unknown));
    }
    let names: Vec<&String> = named.iter().map(|(_, name)| name).collect();
    let sets = value_sets::sets(&api.db, caller.workspace, names).await?;
    let (loaded, row) = subject(&api, &caller, form).await?;
    let (revision, config) = (row.revision, row.config.0.clone());
    let campaign = rehearsal::compiled(&row, revision, config)?;
    let now = api.clock.now();
    let doc = view::of(&loaded, &campaign, now);
    let facts = Facts { doc: &doc, now, tz: campaign.zone, value_sets: &sets };
    let evaluation = rule.evaluate(&facts);
    Ok(Data(RuleTested::of(&evaluation, rule.ask_all(&facts))))
}

impl RuleTested {
    /// An answer, and what every leaf says.
    pub(crate) fn of(evaluation: &Evaluation, leaves: Vec<LeafResult>) -> Self {
        let deciding: Vec<&str> =
            evaluation.decided_by.iter().map(|at| evaluation.leaves[*at].path.as_str()).collect();
        let leaf = |leaf: LeafResult| LeafTested {
            decided: deciding.contains(&leaf.path.as_str()),
            path: leaf.path,
            field: leaf.field,
            operator: leaf.operator,
            expected: leaf.expected,
            actual: leaf.actual,
            matched: leaf.matched,
            note: leaf.note,
        };
        Self {
            matched: evaluation.matched,
            because: evaluation.because(),
            leaves: leaves.into_iter().map(leaf).collect(),
        }
    }
}

/// The lead to ask about, as the stages would see it at its beginning, and its campaign.
async fn subject(
    api: &Api,
    caller: &Caller,
    form: RuleTest,
) -> Result<(Loaded, CampaignRow), ApiError> {
    let named = form.campaign_id.as_deref().map(CampaignRef::read).transpose();
    let named = named.map_err(|why| ApiError::invalid_at("campaignId", why))?;
    let (mut loaded, named) = match (form.lead_id, form.lead) {
        (Some(id), None) => {
            let loaded = recent::lead(&api.db, caller.workspace, id).await?;
            let mut loaded = loaded.ok_or_else(|| ApiError::not_found("lead").at("leadId"))?;
            loaded.carry.0.computed.clear();
            loaded.carry.0.canonical.clear();
            let own = CampaignRef::Id(loaded.campaign_id);
            (loaded, named.unwrap_or(own))
        }
        (None, Some(lead)) => {
            let (sample, own) = sample(api, caller, lead, form.campaign_id)?;
            (sample, named.unwrap_or(own))
        }
        _ => {
            let rule = "give either leadId, a stored lead, or lead, a sample";
            return Err(ApiError::invalid_at("lead", rule));
        }
    };
    let row = campaigns::find(&api.db, caller.workspace, &named).await?;
    let row = row.ok_or_else(|| ApiError::not_found("campaign").at("campaignId"))?;
    loaded.campaign_id = row.id;
    Ok((loaded, row))
}

/// Checks a sample like a lead that is submitted; paths begin with `lead.`.
fn sample(
    api: &Api,
    caller: &Caller,
    mut lead: Map<String, Value>,
    campaign: Option<String>,
) -> Result<(Loaded, CampaignRef), ApiError> {
    if let Some(campaign) = campaign {
        lead.entry("campaignId").or_insert(json!(campaign));
    }
    let below = |error: ApiError| {
        let details = error.details.into_iter();
        let below = |one: Detail| Detail::new(format!("lead.{}", one.path), one.message);
        ApiError::invalid(details.map(below).collect())
    };
    let form: Result<Object<LeadForm>, _> = serde_path_to_error::deserialize(Value::Object(lead));
    let form = form.map_err(|error| {
        below(ApiError::invalid(vec![body::detail(&error.path().to_string(), error.inner())]))
    })?;
    let now = api.clock.now();
    let Checked { campaign, who, is_test } = form.0.check(&caller.by(), now).map_err(below)?;
    let Who::New { person, details } = who else {
        let rule = "is for POST /api/v1/leads/submit; give the stored lead as leadId beside rule";
        return Err(
            ApiError::new(Code::ValidationError, format!("lead.leadId {rule}")).at("lead.leadId")
        );
    };
    let placeholder = shared::ids::CampaignId::new(); // known once the campaign is found
    let workspace = caller.workspace;
    let sample = Sample { workspace, campaign: placeholder, person, details, is_test, at: now };
    Ok((sample.loaded(), campaign))
}
