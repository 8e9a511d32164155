//! Stage 1: which campaign should take this lead?
use super::{Change, Scene, Verdict};
use crate::{
    campaign::config::RoutingRule, ids::CampaignId, rules::Evaluation, store::campaigns::Standing,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The standings of the campaigns that the rules name; unknown ones are not in it.
pub type Standings = HashMap<CampaignId, Standing>;

/// Candidates that are recorded with a lead, at most: the first ones, and the chosen one wherever it stands.
pub const CANDIDATES_RECORDED_MAX: usize = 25;

/// A rule's campaign, and why it took the lead or did not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    /// The rule's place in the list, from 1.
    priority: usize,
    rule: &'a str,
    campaign: CampaignId,
    campaign_name: Option<&'a str>,
    result: Found,
    because: String,
    /// The leaf that said no.
    failed: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    Chosen,
    /// Its first failing check: the rule.
    NoMatch,
    /// Its first failing check: the campaign is paused or archived.
    NotActive,
    /// Its first failing check: the campaign is not there.
    NotThere,
    /// It would have taken the lead; a rule before it did.
    NotNeeded,
}

/// Rules in priority order, first match wins. A rule whose campaign takes no leads counts as not matching. Rules after the first match
/// are asked for the record only. The chosen campaign's own routing rules are not asked, so no lead goes round in a ring.
pub fn decide(scene: Scene, standings: &Standings) -> Verdict {
    let config = &scene.campaign.config;
    if !config.auto_routing {
        return Verdict::pass("routing_off", "stays: automatic routing is off");
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    let (mut chosen, mut more) = (None, 0);
    for (at, rule) in config.routing.iter().enumerate().filter(|(_, rule)| rule.active) {
        if chosen.is_some() && candidates.len() >= CANDIDATES_RECORDED_MAX {
            more += 1;
            continue;
        }
        let standing = standings.get(&rule.to);
        let candidate = judge(scene, (at, rule), standing, chosen.is_some());
        if candidate.result == Found::Chosen {
            chosen = standing.map(|standing| (rule, standing));
        } else if candidates.len() >= CANDIDATES_RECORDED_MAX {
            more += 1;
            continue;
        }
        candidates.push(candidate);
    }
    let verdict = match chosen {
        Some((rule, standing)) => {
            let reason = format!("routed to {} by rule “{}”", standing.name, rule.name);
            Verdict::pass("routed", reason)
                .changing(Change::Campaign { id: rule.to, revision: standing.revision })
        }
        None => Verdict::pass("no_route", "stays: no routing rule matched"),
    };
    match candidates.is_empty() {
        true => verdict,
        false => verdict.with(json!({ "candidates": candidates, "more": more })),
    }
}

fn judge<'a>(
    scene: Scene,
    (at, rule): (usize, &'a RoutingRule),
    standing: Option<&'a Standing>,
    is_settled: bool,
) -> Candidate<'a> {
    let evaluation = rule.rule.evaluate(&scene.facts());
    let result = match standing {
        _ if !evaluation.matched => Found::NoMatch,
        None => Found::NotThere,
        Some(standing) if !standing.is_active() => Found::NotActive,
        Some(_) if is_settled => Found::NotNeeded,
        Some(_) => Found::Chosen,
    };
    Candidate {
        priority: at + 1,
        rule: &rule.name,
        campaign: rule.to,
        campaign_name: standing.map(|standing| standing.name.as_str()),
        result,
        because: evaluation.because(),
        failed: if evaluation.matched { None } else { failed(&evaluation) },
    }
}

/// The first of the leaves that made the rule say no, with the values compared.
fn failed(evaluation: &Evaluation) -> Option<Value> {
    let leaf = evaluation.leaves.get(*evaluation.decided_by.first()?)?;
    serde_json::to_value(leaf.short()).ok()
}
