//! Stage 6: does each value fit what the endpoint accepts?
use super::{Change, Scene, Verdict};
use crate::{
    campaign::{accepted::Fit, view::lookup},
    submission::End,
};
use serde_json::{Map, Value, json};

/// Fits each listed field to the endpoint's accepted values, deterministically: the value as the endpoint spells it is what is sent.
pub fn decide(scene: Scene) -> Verdict {
    let matchers = &scene.campaign.accepted;
    if matchers.is_empty() {
        return Verdict::pass("any_value", "every value is accepted");
    }
    let mut canonical = Map::new();
    let mut compared: Vec<Value> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for matcher in matchers {
        let field = matcher.field();
        let given = lookup(scene.view, field);
        match matcher.judge(scene.view) {
            Fit::Skipped => {}
            Fit::Accepted { value, how } => {
                compared
                    .push(json!({ "field": field, "given": given, "accepted": value, "how": how }));
                canonical.insert(field.to_owned(), value);
            }
            Fit::Refused { why } => {
                compared.push(json!({ "field": field, "given": given, "refused": why }));
                refused.push(why);
            }
        }
    }
    let details = json!({ "fields": compared });
    if refused.is_empty() {
        let reason = format!("{} of {} listed fields fit", canonical.len(), matchers.len());
        Verdict::pass("values_fit", reason).with(details).changing(Change::Canonical(canonical))
    } else {
        Verdict::refuse(End::Disqualified, "value_refused", refused.join("; ")).with(details)
    }
}
