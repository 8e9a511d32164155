//! Stage 5: is every field that the endpoint needs there?
use super::{Scene, Verdict};
use crate::{
    campaign::{payload::PayloadTree, required::missing_fields},
    submission::End,
};
use serde_json::json;

/// Looks for the fields the campaign lists and those its endpoint's payload marks as required; a blank one is missing.
pub fn decide(scene: Scene) -> Verdict {
    let nothing = PayloadTree::default();
    let endpoint = scene.campaign.endpoint.as_ref();
    let payload = endpoint.map_or(&nothing, |endpoint| &endpoint.config.payload);
    let missing = missing_fields(&scene.campaign.required, payload, scene.view);
    if missing.is_empty() {
        return Verdict::pass("complete", "every required field is there");
    }
    let names: Vec<&str> = missing.iter().map(|field| field.path.as_str()).collect();
    let reason = format!("missing: {}", names.join(", "));
    Verdict::refuse(End::MissingData, "missing_fields", reason).with(json!({ "missing": missing }))
}
