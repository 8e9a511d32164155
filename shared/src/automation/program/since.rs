//! Since when each reaction and workflow has been there as it is: what was before is not its business.
use super::super::{
    AutomationConfig,
    config::{RuleConfig, ScoringRule, Trigger, WorkflowConfig},
};
use crate::clock::Time;
use std::collections::BTreeMap;

/// By the id of a reaction or workflow that is on: when it appeared, was switched on, or its triggers were changed.
pub type Since = BTreeMap<String, Time>;

/// The triggers of a rule whose list is empty.
const MATCHES: &[Trigger] = &[Trigger::Matches];
/// The triggers of a workflow whose list is empty.
const CREATED: &[Trigger] = &[Trigger::Created];

impl ScoringRule {
    /// What it reacts to.
    pub fn triggers(&self) -> &[Trigger] {
        if self.on.is_empty() { MATCHES } else { &self.on }
    }
}

impl RuleConfig {
    /// What it reacts to.
    pub fn triggers(&self) -> &[Trigger] {
        if self.on.is_empty() { MATCHES } else { &self.on }
    }
}

impl WorkflowConfig {
    /// What a lead enters by.
    pub fn triggers(&self) -> &[Trigger] {
        if self.on.is_empty() { CREATED } else { &self.on }
    }
}

/// What is to be kept with a document that is saved now in the place of another.
pub fn since(
    config: &AutomationConfig,
    before: Option<(&AutomationConfig, &Since)>,
    now: Time,
) -> Since {
    let known = before.map(|(before, since)| (running(before), since));
    let began = |id: &str, triggers: &[Trigger]| {
        let (before, since) = known.as_ref()?;
        let is_same = before.get(id).is_some_and(|own| *own == triggers);
        is_same.then(|| since.get(id).copied()).flatten()
    };
    let running = running(config).into_iter();
    running.map(|(id, triggers)| (id.to_owned(), began(id, triggers).unwrap_or(now))).collect()
}

/// What is on, by id, and what it reacts to.
fn running(config: &AutomationConfig) -> BTreeMap<&str, &[Trigger]> {
    if !config.enabled {
        return BTreeMap::new();
    }
    let scoring = config.scoring.rules.iter().filter(|one| one.enabled);
    let scoring = scoring.map(|one| (one.id.as_str(), one.triggers()));
    let rules = config.rules.iter().filter(|one| one.enabled);
    let rules = rules.map(|one| (one.id.as_str(), one.triggers()));
    let workflows = config.workflows.iter().filter(|one| one.enabled);
    let workflows = workflows.map(|one| (one.id.as_str(), one.triggers()));
    scoring.chain(rules).chain(workflows).collect()
}
