//! Stage 7: what exactly is sent?
use super::{Change, Scene, Verdict};
use crate::{
    campaign::{Endpoint, payload::FieldError},
    ids::SubmissionId,
    key,
    submission::{End, carry::Planned},
};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Builds the body of each endpoint from its tree, and the key under which every attempt is made. An endpoint whose payload cannot be
/// built is passed over.
pub fn decide(scene: Scene, submission: SubmissionId) -> Verdict {
    let (mut plans, mut passed_over) = (VecDeque::new(), Vec::new());
    for endpoint in &scene.campaign.endpoints {
        match plan(endpoint, scene, submission) {
            Ok(planned) => plans.push_back(planned),
            Err(problems) => passed_over.push((endpoint.config.id.as_str(), problems)),
        }
    }
    let Some(first) = plans.pop_front() else { return nothing_built(&passed_over) };
    let buyer = scene.campaign.endpoint(&first.endpoint).map_or("", |e| e.config.name.as_str());
    let reason = match plans.len() {
        0 => format!("built for {buyer}"),
        more => format!("built for {buyer} and {more} more"),
    };
    let verdict = Verdict::pass("built", reason)
        .changing(Change::Payload { first: Box::new(first), later: plans.into() });
    if passed_over.is_empty() { verdict } else { verdict.with(told(&passed_over)) }
}

/// What one endpoint is sent for this lead, or every field that stands in the way.
pub fn plan(
    endpoint: &Endpoint,
    scene: Scene,
    submission: SubmissionId,
) -> Result<Planned, Vec<FieldError>> {
    let config = &endpoint.config;
    let document = config.payload.render(scene.view)?;
    let idempotency_key = idempotency_key(submission, &config.id);
    let written = config.writing().write(&document, &idempotency_key);
    let body = written.map_err(|message| vec![FieldError::of_whole(message)])?;
    Ok(Planned {
        endpoint: config.id.clone(),
        idempotency_key,
        body: body.text,
        content_type: body.content_type,
        query: body.query,
    })
}

type PassedOver<'a> = [(&'a str, Vec<FieldError>)];

fn nothing_built(passed_over: &PassedOver<'_>) -> Verdict {
    let Some((_, problems)) = passed_over.first() else {
        return Verdict::stuck("no_endpoint", "the campaign has no endpoint to deliver to");
    };
    let reason: Vec<String> =
        problems.iter().map(|problem| format!("{} {}", problem.path, problem.message)).collect();
    Verdict::refuse(End::Disqualified, "payload_value", reason.join("; ")).with(told(passed_over))
}

fn told(passed_over: &PassedOver<'_>) -> Value {
    let one =
        |(endpoint, problems): &(&str, _)| json!({"endpoint": endpoint, "problems": problems});
    json!({ "passedOver": passed_over.iter().map(one).collect::<Vec<_>>() })
}

/// The same submission at the same endpoint always has the same key, whoever computes it and however often.
pub fn idempotency_key(submission: SubmissionId, endpoint: &str) -> String {
    let digest = key::hash(format!("{submission}|{endpoint}"));
    format!("lr_{}", &digest[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_depends_on_submission_and_endpoint_and_on_nothing_else() {
        let (a, b) = (SubmissionId::new(), SubmissionId::new());
        assert_eq!(idempotency_key(a, "main"), idempotency_key(a, "main"));
        assert_ne!(idempotency_key(a, "main"), idempotency_key(b, "main"));
        assert_ne!(idempotency_key(a, "main"), idempotency_key(a, "other"));
    }
}
