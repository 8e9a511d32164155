//! How a submission came to its campaign: the record that routing left in its journey.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{ids::CampaignId, journey::JourneyEvent, submission::Carry};
use utoipa::ToSchema;

/// Which campaign was chosen, and why no other.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    pub was_routed: bool,
    /// The campaign whose rules were asked.
    pub original_campaign_id: CampaignId,
    /// Null when the lead stays.
    pub routed_to_campaign_id: Option<CampaignId>,
    pub routing_reason: String,
    /// `rule`: a routing rule chose the campaign. `original`: the lead stays where it was submitted. `fallback`: it came by fallback and is
    /// not routed.
    pub routing_method: &'static str,
    pub routing_rule_name: Option<String>,
    /// The candidates in the order of their rules, the first 25 and the chosen one.
    pub alternative_campaigns: Vec<Alternative>,
    pub routing_evaluated_at: DateTime<Utc>,
}

/// A candidate campaign, and its first failing check.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    pub campaign_id: CampaignId,
    /// Null when the campaign is not there.
    pub campaign_name: Option<String>,
    /// Whether its rule matched and it takes leads.
    pub qualified: bool,
    /// The rule's place in the list, from 1.
    pub priority: u64,
    pub rule_name: String,
    /// `chosen`; `not_needed` (a rule before it matched; it is asked for this record only); or its first failing check: `no_match` (the
    /// rule), `not_active` or `not_there` (the campaign).
    pub result: String,
    pub reason: String,
    /// The condition that said no, with `field`, `operator`, `expected` and `actual`.
    #[schema(value_type = Option<Object>)]
    pub failed: Option<Value>,
}

/// A candidate as stage 1 records it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    priority: u64,
    rule: String,
    campaign: CampaignId,
    campaign_name: Option<String>,
    result: String,
    because: String,
    failed: Option<Value>,
}

impl From<Recorded> for Alternative {
    fn from(one: Recorded) -> Self {
        let why = match one.result.as_str() {
            "not_active" => ", but the campaign takes no leads",
            "not_there" => ", but the campaign is not there",
            "not_needed" => ", but a rule before it did too",
            _ => "",
        };
        Self {
            campaign_id: one.campaign,
            campaign_name: one.campaign_name,
            qualified: matches!(one.result.as_str(), "chosen" | "not_needed"),
            priority: one.priority,
            rule_name: one.rule,
            reason: format!("{}{why}", one.because),
            result: one.result,
            failed: one.failed,
        }
    }
}

impl Routing {
    /// Reads the record; none while routing has not decided. `at`: the campaign where the submission is.
    pub fn of<'e>(
        events: impl IntoIterator<Item = &'e JourneyEvent>,
        at: CampaignId,
        carry: &Carry,
    ) -> Option<Self> {
        let decided = |event: &&JourneyEvent| event.stage == "routing" && event.verdict == "passed";
        let event = events.into_iter().filter(decided).last()?;
        let candidates = event.details.as_ref().and_then(|details| details.get("candidates"));
        // A record of an earlier release has other members; then there is none.
        let recorded: Vec<Recorded> =
            candidates.and_then(|all| serde_json::from_value(all.clone()).ok()).unwrap_or_default();
        let rule = recorded.iter().find(|one| one.result == "chosen").map(|one| one.rule.clone());
        let was_routed = event.reason_code == "routed";
        Some(Self {
            was_routed,
            original_campaign_id: carry
                .routed_from
                .last()
                .copied()
                .filter(|_| was_routed)
                .unwrap_or(at),
            routed_to_campaign_id: was_routed.then_some(at),
            routing_reason: event.reason.clone(),
            routing_method: match event.reason_code.as_str() {
                "routed" => "rule",
                "fallback" => "fallback",
                _ => "original",
            },
            routing_rule_name: rule,
            alternative_campaigns: recorded.into_iter().map(Alternative::from).collect(),
            routing_evaluated_at: event.at,
        })
    }
}
