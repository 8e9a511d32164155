//! Stage 3: does any rule exclude it?
use super::{Scene, Verdict};
use crate::{campaign::config::NamedRule, submission::End};
use serde_json::{Value, json};

/// Any active rule that matches disqualifies; the first one is named.
pub fn decide(scene: Scene) -> Verdict {
    let rules = &scene.campaign.config.disqualification;
    match first_match(scene, rules) {
        Some((rule, because, details)) => {
            let reason = format!("rule “{rule}” excludes it: {because}");
            Verdict::refuse(End::Disqualified, "rule_matched", reason).with(details)
        }
        None if rules.is_empty() => Verdict::pass("no_rules", "no rule to check"),
        None => {
            let active = rules.iter().filter(|rule| rule.active).count();
            Verdict::pass("no_rule_matched", format!("none of {active} rules excludes it"))
        }
    }
}

/// The first active rule that matches: its name, why in a sentence, and the values compared.
pub fn first_match<'a>(scene: Scene, rules: &'a [NamedRule]) -> Option<(&'a str, String, Value)> {
    let facts = scene.facts();
    let hit = rules.iter().find(|rule| rule.active && rule.rule.matches(&facts))?;
    let evaluation = hit.rule.evaluate(&facts);
    let details = json!({ "rule": hit.name, "leaves": evaluation.leaves });
    Some((&hit.name, evaluation.because(), details))
}
