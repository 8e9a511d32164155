//! What must hold of a campaign's configuration before it is saved.
use super::{
    CampaignConfig, ENDPOINTS_MAX, FALLBACKS_MAX, NamedRule, RULES_MAX, endpoint_checks::endpoint,
    first_action_checks::first_action, room_checks::room,
};
use crate::{
    campaign::{
        computed::validate_keys, computed_lookup::validate_lookups, guard::GuardPolicy,
        problem::Problem, required::REQUIRED_MAX,
    },
    ids::CampaignId,
    person,
    rules::Field,
};

/// Characters of a rule's or endpoint's name, at most.
const NAME_MAX: usize = 120;

pub(super) type Problems = Vec<Problem>;

pub(super) fn say(problems: &mut Problems, path: impl Into<String>, message: impl Into<String>) {
    problems.push(Problem { path: path.into(), message: message.into() });
}

pub(super) fn campaign(
    config: &CampaignConfig,
    own: Option<CampaignId>,
    policy: &GuardPolicy,
    problems: &mut Problems,
) {
    if let Some(zone) = &config.timezone
        && let Err(why) = person::timezone(zone)
    {
        say(problems, "timezone", why);
    }
    if let Some(duplicates) = &config.duplicates
        && !(1..=365).contains(&duplicates.window_days)
    {
        say(problems, "duplicates.windowDays", "must be 1 to 365 days");
    }
    if config.auto_qualify && !(config.endpoints.is_empty() && config.first_action.is_none()) {
        let why =
            "leads that are qualified at once go nowhere: leave out `endpoints` and `firstAction`";
        say(problems, "autoQualify", why);
    }
    routing(config, own, problems);
    named_rules("hardStops", &config.hard_stops, problems);
    named_rules("disqualification", &config.disqualification, problems);
    if let Some(action) = &config.first_action {
        first_action(action, policy, problems);
    }
    validate_lookups(&config.lookups, "lookups", problems);
    validate_keys(&config.computed_keys, &config.lookups, "computedKeys", problems);
    count("acceptedValues", config.accepted_values.len(), RULES_MAX, problems);
    count("requiredFields", config.required_fields.len(), REQUIRED_MAX, problems);
    for (at, path) in config.required_fields.iter().enumerate() {
        if let Err(why) = Field::parse(path) {
            say(problems, format!("requiredFields[{at}]"), why);
        }
    }
    for (at, list) in config.accepted_values.iter().enumerate() {
        list.validate(&format!("acceptedValues[{at}]"), problems);
    }
    if let Some(ai) = &config.ai {
        super::ai::check(ai, policy, problems);
    }
    if let Some(outcomes) = &config.lead_status {
        outcomes.validate(problems);
    }
    room(config, own, problems);
    if config.endpoints.len() > ENDPOINTS_MAX {
        say(problems, "endpoints", format!("at most {ENDPOINTS_MAX} endpoints a campaign"));
    }
    for (at, one) in config.endpoints.iter().enumerate() {
        if config.endpoints[..at].iter().any(|before| before.id == one.id) {
            say(problems, format!("endpoints[{at}].id"), "is used by an endpoint above");
        }
        endpoint(one, &format!("endpoints[{at}]"), policy, problems);
    }
    fallback(config, own, problems);
}

pub(super) fn name(given: &str, path: String, problems: &mut Problems) {
    match given.trim().chars().count() {
        0 => say(problems, path, "must not be empty"),
        n if n > NAME_MAX => say(problems, path, format!("at most {NAME_MAX} characters")),
        _ => {}
    }
}

pub(super) fn count(path: &str, given: usize, most: usize, problems: &mut Problems) {
    if given > most {
        say(problems, path, format!("has {given} entries; at most {most} are allowed"));
    }
}

fn routing(config: &CampaignConfig, own: Option<CampaignId>, problems: &mut Problems) {
    count("routing", config.routing.len(), RULES_MAX, problems);
    for (at, rule) in config.routing.iter().enumerate() {
        name(&rule.name, format!("routing[{at}].name"), problems);
        if Some(rule.to) == own {
            say(problems, format!("routing[{at}].to"), "is the campaign itself; name another one");
        }
    }
}

fn named_rules(path: &str, rules: &[NamedRule], problems: &mut Problems) {
    count(path, rules.len(), RULES_MAX, problems);
    for (at, rule) in rules.iter().enumerate() {
        name(&rule.name, format!("{path}[{at}].name"), problems);
    }
}

fn fallback(config: &CampaignConfig, own: Option<CampaignId>, problems: &mut Problems) {
    let list = &config.fallback.campaigns;
    count("fallback.campaigns", list.len(), FALLBACKS_MAX, problems);
    for (at, id) in list.iter().enumerate() {
        let path = format!("fallback.campaigns[{at}]");
        if Some(*id) == own {
            say(problems, path, "is the campaign itself; name another one");
        } else if list[..at].contains(id) {
            say(problems, path, "is in the list already; each campaign is tried once");
        }
    }
}
