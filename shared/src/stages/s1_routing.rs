//! Stage 1: which campaign should take this lead?
use super::{Change, Scene, Verdict};
use crate::{ids::CampaignId, store::campaigns::Standing};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The standings of the campaigns that the rules name; unknown ones are not in it.
pub type Standings = HashMap<CampaignId, Standing>;

/// Rules in priority order, first match wins. A rule whose campaign takes no leads counts as not matching. The chosen campaign's own
/// routing rules are not asked, so no lead goes round in a ring.
pub fn decide(scene: Scene, standings: &Standings) -> Verdict {
    let config = &scene.campaign.config;
    if !config.auto_routing {
        return Verdict::pass("routing_off", "stays: automatic routing is off");
    }
    let mut candidates: Vec<Value> = Vec::new();
    for rule in config.routing.iter().filter(|rule| rule.active) {
        let evaluation = rule.rule.evaluate(&scene.facts());
        let standing = standings.get(&rule.to).filter(|standing| standing.is_active());
        let candidate = json!({
            "rule": rule.name,
            "campaign": rule.to,
            "matched": evaluation.matched,
            "because": evaluation.because(),
            "takesLeads": standing.is_some(),
        });
        candidates.push(candidate);
        let (true, Some(standing)) = (evaluation.matched, standing) else { continue };
        let reason = format!("routed to {} by rule “{}”", standing.name, rule.name);
        return Verdict::pass("routed", reason)
            .with(json!({ "candidates": candidates }))
            .changing(Change::Campaign { id: rule.to, revision: standing.revision });
    }
    let verdict = Verdict::pass("no_route", "stays: no routing rule matched");
    if candidates.is_empty() { verdict } else { verdict.with(json!({ "candidates": candidates })) }
}
