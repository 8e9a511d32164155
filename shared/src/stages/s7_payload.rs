//! Stage 7: what exactly is sent?
use super::{Change, Scene, Verdict};
use crate::{
    ids::SubmissionId,
    key,
    submission::{End, carry::Planned},
};
use serde_json::json;

/// Builds the body from the endpoint's tree, and the key under which every attempt is made.
pub fn decide(scene: Scene, submission: SubmissionId) -> Verdict {
    let Some(endpoint) = &scene.campaign.endpoint else {
        return Verdict::stuck("no_endpoint", "the campaign has no endpoint to deliver to");
    };
    match endpoint.config.payload.render(scene.view) {
        Ok(body) => {
            let planned = Planned {
                endpoint: endpoint.config.id.clone(),
                idempotency_key: idempotency_key(submission, &endpoint.config.id),
                body: body.to_string(),
            };
            Verdict::pass("built", format!("built for {}", endpoint.config.name))
                .changing(Change::Payload(planned))
        }
        Err(problems) => {
            let reason = problems
                .iter()
                .map(|problem| format!("{} {}", problem.path, problem.message))
                .collect::<Vec<_>>()
                .join("; ");
            Verdict::refuse(End::Disqualified, "payload_value", reason)
                .with(json!({ "problems": problems }))
        }
    }
}

/// The same submission at the same endpoint always has the same key, whoever computes it and however often.
fn idempotency_key(submission: SubmissionId, endpoint: &str) -> String {
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
