//! Stage 6: does each value fit what the endpoint accepts?
use super::{Change, Scene, Verdict};
use crate::{
    campaign::{
        accepted::{AcceptedMatcher, Fit, How},
        config::Ai,
        view::lookup,
    },
    llm::{Choice, LlmFacts, Question, question::REQUEST_VALUES_MAX},
    submission::End,
};
use serde_json::{Map, Value, json};

/// What a model must be asked before [`decide`] can be: the fields that do not fit by themselves. Empty when the campaign asks no model,
/// when everything fits, and when a field that no model may be asked about refuses the lead anyway.
pub fn questions(scene: Scene) -> Vec<Question> {
    if asked_for(scene).is_none() {
        return Vec::new();
    }
    let mut questions = Vec::new();
    for (at, matcher) in scene.campaign.accepted.iter().enumerate() {
        if matches!(matcher.judge(scene.view, scene.sets), Fit::Refused { .. }) {
            let Some(question) = matcher.question(at, scene.view) else { return Vec::new() };
            questions.push(question);
        }
    }
    let values: usize = questions.iter().map(|question| question.allowed.len()).sum();
    if values > REQUEST_VALUES_MAX { Vec::new() } else { questions }
}

fn asked_for(scene: Scene<'_>) -> Option<&Ai> {
    scene.campaign.config.ai.as_ref().filter(|ai| ai.enabled)
}

/// Fits each listed field to the endpoint's accepted values: the value as the endpoint spells it is what is sent. A model's choice counts
/// where the lists and formats do not fit, and only if it is on the list or keeps the format.
pub fn decide(scene: Scene, facts: &LlmFacts) -> Verdict {
    let matchers = &scene.campaign.accepted;
    if matchers.is_empty() {
        return Verdict::pass("any_value", "every value is accepted");
    }
    let mut canonical = Map::new();
    let mut compared: Vec<Value> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for (at, matcher) in matchers.iter().enumerate() {
        let field = matcher.field();
        let fit = matcher.judge(scene.view, scene.sets);
        if fit == Fit::Skipped {
            continue;
        }
        let (fit, model) = second_opinion(scene, facts, (at, matcher), fit);
        let mut line = json!({ "field": field, "given": lookup(scene.view, field) });
        match fit {
            Fit::Skipped => {}
            Fit::Accepted { value, how } => {
                line["accepted"] = value.clone();
                line["how"] = json!(how);
                canonical.insert(field.to_owned(), value);
            }
            Fit::Refused { why } => {
                line["refused"] = json!(why);
                refused.push(why);
            }
        }
        if let Some(choice) = model {
            line["model"] = json!({"value": choice.value, "confidence": choice.confidence, "cached": choice.cached});
        }
        compared.push(line);
    }
    let details = details(compared, facts);
    if refused.is_empty() {
        let reason = format!("{} of {} listed fields fit", canonical.len(), matchers.len());
        Verdict::pass("values_fit", reason).with(details).changing(Change::Canonical(canonical))
    } else {
        Verdict::refuse(End::Disqualified, "value_refused", refused.join("; ")).with(details)
    }
}

/// What a model makes of a value that does not fit by itself.
fn second_opinion<'a>(
    scene: Scene,
    facts: &'a LlmFacts,
    (at, matcher): (usize, &AcceptedMatcher),
    fit: Fit,
) -> (Fit, Option<&'a Choice>) {
    let Fit::Refused { why } = fit else { return (fit, None) };
    let Some(ai) = asked_for(scene) else { return (Fit::Refused { why }, None) };
    let Some(choice) = facts.choices.get(&at) else {
        let why = match &facts.trouble {
            Some(trouble) if matcher.question(at, scene.view).is_some() => {
                format!("{why} (the model was no help: {trouble})")
            }
            _ => why,
        };
        return (Fit::Refused { why }, None);
    };
    let doubt = match &choice.value {
        None => "the model sees none of them in it".to_owned(),
        Some(_) if choice.confidence < ai.min_confidence => {
            format!(
                "the model is not sure: {} is less than {}",
                choice.confidence, ai.min_confidence
            )
        }
        Some(chosen) => match matcher.admit(chosen, scene.view) {
            Ok(value) => return (Fit::Accepted { value, how: How::Model }, Some(choice)),
            Err(doubt) => doubt,
        },
    };
    (Fit::Refused { why: format!("{why} ({doubt})") }, Some(choice))
}

fn details(compared: Vec<Value>, facts: &LlmFacts) -> Value {
    let mut details = json!({ "fields": compared });
    if let Some(usage) = &facts.usage {
        details["model"] = json!(usage);
    }
    if let Some(trouble) = &facts.trouble {
        details["modelTrouble"] = json!(trouble);
    }
    details
}

#[cfg(test)]
#[path = "field_qualification_tests.rs"]
mod tests;
