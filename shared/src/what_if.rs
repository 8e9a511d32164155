//! What would change for leads if a campaign's configuration were another one: two dry runs a lead, compared and counted.
use crate::{
    campaign::Campaign,
    clock::Time,
    dry_run::{Outcome, Surroundings, dry_run},
    ids::{CampaignId, LeadId},
    stages::s1_routing::Standings,
    store::load::Loaded,
    submission::Stage,
    value_set::Sets,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};
use utoipa::ToSchema;

/// Leads that are told one by one, at most; and of those that change in the same way.
pub const SAMPLES_MAX: usize = 25;
pub const SAMPLES_ALIKE_MAX: usize = 5;
/// Bytes of a value that is shown of a sample, at most; a longer one is cut.
pub const SHOWN_BYTES_MAX: usize = 8 * 1024;

/// The configuration in use, the other one, and all that both may look at.
#[derive(Debug)]
pub struct Question {
    pub before: Arc<Campaign>,
    pub after: Arc<Campaign>,
    /// The campaigns that routing may lead to.
    pub others: HashMap<CampaignId, Arc<Campaign>>,
    pub standings: Standings,
    pub sets: Sets,
    pub now: Time,
}

/// What becomes of a lead, as far as leads are counted by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The campaign whose stages decide: where routing leads.
    pub campaign_id: CampaignId,
    /// `sent`, how the submission would end (`disqualified`, `missing_data`, …), `routed` (to a campaign that was not looked into), or
    /// `error`.
    #[schema(example = "sent")]
    pub outcome: String,
    /// The stage that decides.
    pub stage: Stage,
    /// Its word for the reason.
    pub code: String,
    /// The first action that the lead waits for; its answer is taken for yes.
    pub waits_for: Option<String>,
}

/// Leads that change in the same way, or do not change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Count {
    pub before: Summary,
    pub after: Summary,
    pub leads: u64,
}

/// One side of a lead that changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    #[serde(flatten)]
    pub summary: Summary,
    pub reason: String,
    /// The values that the deciding stage compared.
    #[schema(value_type = Object)]
    pub details: Option<Value>,
    /// What routing said about each candidate campaign.
    #[schema(value_type = Object)]
    pub routing: Option<Value>,
}

/// Something that is one thing before and another after; null where it is not there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// The endpoint, the computed key or the field.
    pub name: String,
    #[schema(value_type = Object)]
    pub before: Value,
    #[schema(value_type = Object)]
    pub after: Value,
}

/// A lead that changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub lead_id: LeadId,
    pub before: Side,
    pub after: Side,
    /// By endpoint.
    pub payloads: Vec<Difference>,
    pub computed: Vec<Difference>,
    /// Values in the endpoint's own words, by field.
    pub canonical: Vec<Difference>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub leads: u64,
    /// Leads with any difference.
    pub changed: u64,
    pub outcome_changed: u64,
    pub payload_changed: u64,
    pub computed_changed: u64,
    counts: HashMap<(Summary, Summary), u64>,
    pub samples: Vec<Sample>,
}

impl Question {
    /// Asks about leads until all are done or the time is over, and adds the answers. False when the time is over.
    pub fn ask(&self, leads: &[Loaded], end: Instant, tally: &mut Tally) -> bool {
        leads.iter().all(|lead| {
            let in_time = Instant::now() < end;
            if in_time {
                tally.add(
                    lead.lead_id,
                    &self.side(&self.before, lead),
                    &self.side(&self.after, lead),
                );
            }
            in_time
        })
    }

    fn side(&self, campaign: &Arc<Campaign>, lead: &Loaded) -> Outcome {
        let Self { others, standings, sets, now, .. } = self;
        dry_run(lead, Surroundings { campaign, others, standings, sets, now: *now })
    }
}

impl Tally {
    fn add(&mut self, lead: LeadId, before: &Outcome, after: &Outcome) {
        let key = (summary(before), summary(after));
        let outcome = key.0 != key.1;
        let computed = differences(&before.computed, &after.computed);
        let canonical = differences(&before.canonical, &after.canonical);
        let payloads = differences(&bodies(before), &bodies(after));
        self.leads += 1;
        self.outcome_changed += u64::from(outcome);
        self.payload_changed += u64::from(!payloads.is_empty());
        self.computed_changed += u64::from(!computed.is_empty());
        let alike = self.counts.entry(key.clone()).or_default();
        *alike += 1;
        if !outcome && computed.is_empty() && canonical.is_empty() && payloads.is_empty() {
            return;
        }
        self.changed += 1;
        let alike = self
            .samples
            .iter()
            .filter(|one| (&one.before.summary, &one.after.summary) == (&key.0, &key.1));
        if alike.count() < SAMPLES_ALIKE_MAX && self.samples.len() < SAMPLES_MAX {
            let (before, after) = (side(key.0, before), side(key.1, after));
            self.samples.push(Sample {
                lead_id: lead,
                before,
                after,
                payloads,
                computed,
                canonical,
            });
        }
    }

    /// The counts, those of leads that change first, then by number.
    pub fn counts(&mut self) -> Vec<Count> {
        let mut counts: Vec<Count> = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|((before, after), leads)| Count { before, after, leads })
            .collect();
        counts.sort_by_key(|count| (count.before == count.after, std::cmp::Reverse(count.leads)));
        counts
    }
}

fn summary(outcome: &Outcome) -> Summary {
    let (stage, code) = match outcome.last() {
        Some((stage, verdict)) => (*stage, verdict.code.to_string()),
        None => (Stage::Routing, String::new()),
    };
    Summary {
        campaign_id: outcome.campaign,
        outcome: outcome.word(),
        stage,
        code,
        waits_for: outcome.waits_for.map(str::to_owned),
    }
}

fn side(summary: Summary, outcome: &Outcome) -> Side {
    let last = outcome.last().map(|(_, verdict)| verdict);
    let routing = outcome.steps.first().and_then(|(_, verdict)| verdict.details.clone());
    Side {
        reason: last.map_or_else(String::new, |verdict| verdict.reason.clone()),
        details: last.and_then(|verdict| verdict.details.clone()).map(shown),
        routing: routing.map(shown),
        summary,
    }
}

/// What would be sent, by endpoint; JSON as such, anything else as text.
fn bodies(outcome: &Outcome) -> Map<String, Value> {
    let body = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    outcome.planned.iter().map(|planned| (planned.endpoint.clone(), body(&planned.body))).collect()
}

fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let side =
        |map: &Map<String, Value>, name: &String| map.get(name).cloned().unwrap_or(Value::Null);
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Difference {
            name: name.clone(),
            before: shown(side(before, name)),
            after: shown(side(after, name)),
        })
        .collect()
}

/// A value as it is shown: a text of its beginning when it is long.
fn shown(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= SHOWN_BYTES_MAX {
        return value;
    }
    let end = (0..=SHOWN_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    json!(format!("{}…", &text[..end]))
}
