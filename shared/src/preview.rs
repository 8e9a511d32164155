//! What would be sent for a lead, without sending it: stages 4 to 7 as they would decide, none of them stopping the next.
use crate::{
    campaign::{Campaign, Endpoint, payload::FieldError, required::missing_fields},
    clock::Time,
    ids::SubmissionId,
    llm::LlmFacts,
    stages::{
        Change, Scene, Verdict, s4_dynamic_keys, s5_required_fields, s6_field_qualification,
        s7_payload,
    },
    submission::{Event, Stage, carry::Planned},
    value_set::Sets,
    view,
};
use serde_json::{Map, Value};

/// The stages that a preview runs.
const STAGES: [Stage; 4] =
    [Stage::DynamicKeys, Stage::RequiredFields, Stage::FieldQualification, Stage::Payload];

/// What the stages said, and what each endpoint would be sent.
#[derive(Debug)]
pub struct Preview<'a> {
    pub stages: Vec<(Stage, Verdict)>,
    /// The computed keys (stage 4).
    pub computed: Map<String, Value>,
    /// Values in the buyers' own words, by field path (stage 6).
    pub canonical: Map<String, Value>,
    pub endpoints: Vec<Would<'a>>,
}

/// What one endpoint would be sent, or every field that stands in the way.
#[derive(Debug)]
pub struct Would<'a> {
    pub endpoint: &'a Endpoint,
    pub sent: Result<Planned, Vec<FieldError>>,
}

impl Preview<'_> {
    /// The first stage that does not let the lead go on.
    pub fn stops_at(&self) -> Option<Stage> {
        let stops = |(_, verdict): &&(Stage, Verdict)| verdict.event != Event::Passed;
        self.stages.iter().find(stops).map(|(stage, _)| *stage)
    }
}

/// Asks the stages about a lead view, as it stands at `now`. A stage that refuses does not keep the later ones from being asked, so that
/// everything that is wrong comes to light.
pub fn of<'a>(
    campaign: &'a Campaign,
    (mut view, sets): (Value, &Sets),
    submission: SubmissionId,
    now: Time,
) -> Preview<'a> {
    let (mut computed, mut canonical, mut stages) = (Map::new(), Map::new(), Vec::new());
    for stage in STAGES {
        let scene = Scene { campaign, view: &view, sets, now };
        let verdict = match stage {
            Stage::DynamicKeys => s4_dynamic_keys::decide(scene),
            Stage::RequiredFields => s5_required_fields::decide(scene),
            Stage::FieldQualification => {
                s6_field_qualification::decide(scene, &nobody_asked(scene))
            }
            _ => s7_payload::decide(scene, submission),
        };
        match &verdict.change {
            Change::Computed(values) => {
                view::set(&mut view, "computed", Value::Object(values.clone()));
                computed.clone_from(values);
            }
            Change::Canonical(values) => {
                values.iter().for_each(|(path, value)| view::set(&mut view, path, value.clone()));
                canonical.clone_from(values);
            }
            _ => {}
        }
        stages.push((stage, verdict));
    }
    let scene = Scene { campaign, view: &view, sets, now };
    let would = |endpoint| Would { endpoint, sent: sent(endpoint, scene, submission) };
    let endpoints = campaign.endpoints.iter().map(would).collect();
    Preview { stages, computed, canonical, endpoints }
}

/// A preview asks no model; where the campaign would ask one, the stage says so.
fn nobody_asked(scene: Scene<'_>) -> LlmFacts {
    let would_ask = !s6_field_qualification::questions(scene).is_empty();
    let trouble = would_ask.then(|| "a preview asks no model".to_owned());
    LlmFacts { trouble, ..LlmFacts::default() }
}

fn sent(
    endpoint: &Endpoint,
    scene: Scene<'_>,
    submission: SubmissionId,
) -> Result<Planned, Vec<FieldError>> {
    let planned = s7_payload::plan(endpoint, scene, submission);
    let mut problems = planned.as_ref().err().cloned().unwrap_or_default();
    for missing in missing_fields(&scene.campaign.required, &endpoint.config.payload, scene.view) {
        let told = |problem: &FieldError| problem.source.as_ref() == Some(&missing.path);
        if !problems.iter().any(told) {
            problems.push(FieldError {
                path: missing.payload_path.unwrap_or_else(|| missing.path.clone()),
                source: Some(missing.path),
                message: "is required, and the lead does not have it".into(),
            });
        }
    }
    if problems.is_empty() { planned } else { Err(problems) }
}
