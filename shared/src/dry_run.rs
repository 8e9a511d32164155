//! A lead's way through stages 1 to 7 without doing anything: what the stages would decide, on stored data, at one moment.
//!
//! Left out is what the stages before delivery do not decide by themselves: caps, schedule, a model's answer, the wait of a first
//! action (the lead goes on as if the answer had been yes), the buyer, and fallback.
use crate::{
    campaign::Campaign,
    clock::Time,
    ids::CampaignId,
    llm::LlmFacts,
    stages::{
        Change, Scene, Verdict, s1_routing, s1_routing::Standings, s2_first_action,
        s3_disqualification, s4_dynamic_keys, s5_required_fields, s6_field_qualification,
        s7_payload,
    },
    store::load::Loaded,
    submission::{Carry, End, Event, Kind, Stage, carry::Planned},
    value_set::Sets,
    view,
};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// What the stages may look at besides the lead.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub campaign: &'a Arc<Campaign>,
    /// The campaigns that routing may lead to.
    pub others: &'a HashMap<CampaignId, Arc<Campaign>>,
    pub standings: &'a Standings,
    /// Those that any of the campaigns names.
    pub sets: &'a Sets,
    pub now: Time,
}

/// What would become of the lead.
#[derive(Debug)]
pub struct Outcome {
    /// The campaign whose stages decided: where routing led.
    pub campaign: CampaignId,
    pub revision: i64,
    /// The stages that were asked, in order; the last one decided.
    pub steps: Vec<(Stage, Verdict)>,
    /// What the lead would wait for first.
    pub waits_for: Option<&'static str>,
    pub computed: Map<String, Value>,
    pub canonical: Map<String, Value>,
    /// What would be sent, endpoint by endpoint.
    pub planned: Vec<Planned>,
}

const ASKED: [Stage; 7] = [
    Stage::Routing,
    Stage::FirstAction,
    Stage::Disqualification,
    Stage::DynamicKeys,
    Stage::RequiredFields,
    Stage::FieldQualification,
    Stage::Payload,
];

/// Walks the stages until one does not let the lead pass. Of what earlier runs found only the answers of actions are used.
pub fn dry_run(loaded: &Loaded, around: Surroundings) -> Outcome {
    let answers = loaded.carry.0.answers.clone();
    let mut loaded = loaded.clone();
    loaded.carry.0 = Carry { answers, ..Carry::default() };
    let mut campaign = around.campaign;
    let mut view = view::of(&loaded, campaign, around.now);
    let mut outcome = Outcome::begin(campaign);
    for stage in ASKED {
        let scene = Scene { campaign, view: &view, sets: around.sets, now: around.now };
        let mut verdict = ask(stage, scene, &loaded, around.standings);
        let event = verdict.event;
        let change = std::mem::replace(&mut verdict.change, Change::Nothing);
        if let Change::End(end) = change {
            verdict.change = Change::End(end);
        }
        outcome.steps.push((stage, verdict));
        match change {
            Change::Campaign { id, revision } => {
                (outcome.campaign, outcome.revision) = (id, revision);
                let Some(other) = around.others.get(&id) else { break };
                campaign = other;
                view = view::of(&loaded, campaign, around.now);
            }
            Change::Park { kind, .. } => outcome.waits_for = Some(kind),
            Change::Computed(computed) => {
                view::set(&mut view, "computed", Value::Object(computed.clone()));
                outcome.computed = computed;
            }
            Change::Canonical(canonical) => {
                canonical
                    .iter()
                    .for_each(|(path, value)| view::set(&mut view, path, value.clone()));
                outcome.canonical = canonical;
            }
            Change::Payload { first, later } => {
                outcome.planned = std::iter::once(*first).chain(later).collect();
            }
            _ => {}
        }
        if !matches!(event, Event::Passed | Event::Parked) {
            break;
        }
    }
    outcome
}

fn ask(stage: Stage, scene: Scene, loaded: &Loaded, standings: &Standings) -> Verdict {
    match stage {
        Stage::Routing if loaded.kind == Kind::Fallback => {
            Verdict::pass("fallback", "stays: a fallback is not routed again")
        }
        Stage::Routing => s1_routing::decide(scene, standings),
        Stage::FirstAction => s2_first_action::decide(scene),
        Stage::Disqualification => s3_disqualification::decide(scene),
        Stage::DynamicKeys => s4_dynamic_keys::decide(scene),
        Stage::RequiredFields => s5_required_fields::decide(scene),
        Stage::FieldQualification => s6_field_qualification::decide(scene, &LlmFacts::default()),
        Stage::Payload | Stage::Delivery | Stage::Fallback => s7_payload::decide(scene, loaded.id),
    }
}

impl Outcome {
    fn begin(campaign: &Campaign) -> Self {
        Self {
            campaign: campaign.id,
            revision: campaign.revision,
            steps: Vec::with_capacity(ASKED.len()),
            waits_for: None,
            computed: Map::new(),
            canonical: Map::new(),
            planned: Vec::new(),
        }
    }

    /// The stage that decided, and what it said.
    pub fn last(&self) -> Option<&(Stage, Verdict)> {
        self.steps.last()
    }

    /// What it comes to in a word: `sent`, how the submission would end, `routed` (to a campaign that was not looked into) or `error`.
    pub fn word(&self) -> String {
        match self.last() {
            Some((_, Verdict { event: Event::Refused, change: Change::End(end), .. })) => {
                word(*end)
            }
            Some((Stage::Payload, Verdict { event: Event::Passed, .. })) => "sent".to_owned(),
            Some((Stage::Routing, Verdict { event: Event::Passed, .. })) => "routed".to_owned(),
            _ => "error".to_owned(),
        }
    }
}

fn word(end: End) -> String {
    let word = serde_json::to_value(end).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
