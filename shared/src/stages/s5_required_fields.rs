//! Stage 5: is every field that the endpoint needs there?
use super::{Scene, Verdict};
use crate::{
    campaign::{
        payload::PayloadTree,
        required::{MissingField, missing_fields},
    },
    submission::End,
};
use serde_json::json;

/// Looks for the fields the campaign lists and those its endpoints' payloads mark as required; a blank one is missing. Of several
/// endpoints one that can be served is enough: stage 7 passes the others over.
pub fn decide(scene: Scene) -> Verdict {
    let missing = missing(scene);
    if missing.is_empty() {
        return Verdict::pass("complete", "every required field is there");
    }
    let names: Vec<&str> = missing.iter().map(|field| field.path.as_str()).collect();
    let reason = format!("missing: {}", names.join(", "));
    Verdict::refuse(End::MissingData, "missing_fields", reason).with(json!({ "missing": missing }))
}

fn missing(scene: Scene) -> Vec<MissingField> {
    let ask = |payload| missing_fields(&scene.campaign.required, payload, scene.view);
    let endpoints = scene.campaign.endpoints.iter();
    let mut each: Vec<_> = endpoints.map(|endpoint| ask(&endpoint.config.payload)).collect();
    if each.is_empty() {
        each.push(ask(&PayloadTree::default()));
    }
    if each.iter().any(Vec::is_empty) { Vec::new() } else { each.swap_remove(0) }
}
