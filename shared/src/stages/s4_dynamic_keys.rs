//! Stage 4: which fields are computed or transformed?
use super::{Change, Scene, Verdict};
use serde_json::json;

/// Computes the campaign's keys in order. A key whose expression fails for this lead is empty and says why; whether that matters is for
/// the required fields to tell.
pub fn decide(scene: Scene) -> Verdict {
    if scene.campaign.config.computed_keys.is_empty() {
        return Verdict::pass("no_keys", "nothing to compute");
    }
    let done = scene.campaign.computed.evaluate(scene.view, scene.now, scene.campaign.zone);
    let (all, failed) = (done.values.len(), done.failures.len());
    let verdict = if failed == 0 {
        Verdict::pass("computed", format!("{all} computed"))
    } else {
        let reason = format!("{all} computed, {failed} of them empty because they failed");
        Verdict::pass("computed", reason).with(json!({ "failures": done.failures }))
    };
    verdict.changing(Change::Computed(done.values))
}
