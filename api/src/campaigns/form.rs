//! The body of a campaign: a name and a configuration, checked so that every problem is told at once.
use crate::{
    Api, body,
    caller::Caller,
    error::{ApiError, Detail},
    rules::rehearsal::unknown_sets,
    scan::Object,
};
use serde_json::{Value, json};
use shared::{
    campaign::{CampaignConfig, config::named_secrets},
    ids::{CampaignId, WorkspaceId},
    outreach::agent::Channel,
    rules::Rule,
    store::{
        Db, StoreError,
        agents::{self, NamedAgent},
        campaigns, secrets,
    },
};
use std::collections::HashSet;

/// Characters of a campaign's name, at most.
pub const NAME_MAX: usize = 120;
/// Characters of a code that is made up.
pub const CODE_LEN: usize = 3;
/// Lists of the configuration whose entries have a `rule`.
const RULE_LISTS: [&str; 3] = ["routing", "hardStops", "disqualification"];

/// Checks name, configuration and the campaigns that it names. `own` is the campaign itself, once it has an id.
pub async fn check(
    api: &Api,
    caller: &Caller,
    own: Option<CampaignId>,
    (name, config): (&str, Value),
    mut problems: Vec<Detail>,
) -> Result<CampaignConfig, ApiError> {
    match name.trim().chars().count() {
        1..=NAME_MAX => {}
        n => {
            let rule = format!("has {n} characters; 1 to {NAME_MAX} are allowed");
            problems.push(Detail::new("name", rule));
        }
    }
    check_config(api, caller, own, config, problems).await
}

/// Checks a configuration and what it names; `problems` are those found before.
pub async fn check_config(
    api: &Api,
    caller: &Caller,
    own: Option<CampaignId>,
    config: Value,
    mut problems: Vec<Detail>,
) -> Result<CampaignConfig, ApiError> {
    let Some(config) = read(config, &mut problems) else {
        return Err(ApiError::invalid(problems));
    };
    for problem in config.problems(own, &api.settings.guard) {
        problems.push(Detail::new(format!("config.{}", problem.path), problem.message));
    }
    strangers(&api.db, caller.workspace, &config, &mut problems).await?;
    let written = serde_json::to_value(&config).expect("a configuration is plain data");
    unknown_secrets(&api.db, caller.workspace, &written, &mut problems).await?;
    unfit_agents(&api.db, caller.workspace, &written, &mut problems).await?;
    let sets = config.named_sets().into_iter();
    let sets: Vec<(String, String)> =
        sets.map(|(path, set)| (format!("config.{path}"), set.to_owned())).collect();
    problems.extend(unknown_sets(&api.db, caller.workspace, &sets).await?);
    if problems.is_empty() { Ok(config) } else { Err(ApiError::invalid(problems)) }
}

/// Reads a configuration. Each bad rule is noted and then replaced, so that what is wrong elsewhere comes to light as well.
fn read(mut config: Value, problems: &mut Vec<Detail>) -> Option<CampaignConfig> {
    for list in RULE_LISTS {
        let entries = config.get_mut(list).and_then(Value::as_array_mut);
        for (at, entry) in entries.into_iter().flatten().enumerate() {
            let Some(rule) = entry.get_mut("rule") else { continue };
            let Err(found) = Rule::parse(rule) else { continue };
            for problem in found {
                let dot = if problem.path.is_empty() { "" } else { "." };
                let path = format!("config.{list}[{at}].rule{dot}{}", problem.path);
                problems.push(Detail::new(path, problem.message));
            }
            *rule = json!({"field": "lead.email", "operator": "isNotEmpty"});
        }
    }
    match serde_path_to_error::deserialize(config) {
        Ok(Object(config)) => Some(config),
        Err(error) => {
            let inner = body::detail(&error.path().to_string(), error.inner());
            let dot = if inner.path.is_empty() { "" } else { "." };
            problems.push(Detail::new(format!("config{dot}{}", inner.path), inner.message));
            None
        }
    }
}

/// Notes named campaigns that the workspace does not have.
async fn strangers(
    db: &Db,
    workspace: WorkspaceId,
    config: &CampaignConfig,
    problems: &mut Vec<Detail>,
) -> Result<(), StoreError> {
    let named = config.named_campaigns();
    let ids: HashSet<CampaignId> = named.iter().map(|(_, id)| *id).collect();
    let ids: Vec<CampaignId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = campaigns::standings(db, workspace, &ids).await?;
    for (path, id) in named {
        if !found.iter().any(|standing| standing.id == id) {
            let path = format!("config.{path}");
            problems.push(Detail::new(path, "there is no such campaign in this workspace"));
        }
    }
    Ok(())
}

/// Notes named secrets that the workspace does not have.
async fn unknown_secrets(
    db: &Db,
    workspace: WorkspaceId,
    config: &Value,
    problems: &mut Vec<Detail>,
) -> Result<(), StoreError> {
    let named = named_secrets(config);
    let wanted = named.iter().map(|(_, name)| name.as_str());
    let unknown = secrets::unknown(db, workspace, wanted).await?;
    for (path, name) in named.iter().filter(|(_, name)| unknown.contains(name)) {
        let why = format!(
            "there is no secret {name:?} in this workspace; keep it with PUT /api/v1/secrets"
        );
        problems.push(Detail::new(format!("config.{path}.secret"), why));
    }
    Ok(())
}

/// Notes named agents that the workspace does not have, or that cannot do what they are named for.
async fn unfit_agents(
    db: &Db,
    workspace: WorkspaceId,
    config: &Value,
    problems: &mut Vec<Detail>,
) -> Result<(), StoreError> {
    let named = agents::named(config);
    if named.is_empty() {
        return Ok(());
    }
    let known = agents::list(db, workspace).await?;
    for NamedAgent { path, channel, name } in named {
        let found = known.iter().find(|row| row.name == name);
        let why = match found.map(|row| row.config.provider.channel()) {
            Some(does) if does == channel => continue,
            Some(Channel::Voice) => format!("the agent {name:?} calls; one that texts is needed"),
            Some(Channel::Sms) => format!("the agent {name:?} texts; one that calls is needed"),
            None => format!(
                "there is no agent {name:?} in this workspace; keep it with PUT /api/v1/agents"
            ),
        };
        problems.push(Detail::new(format!("config.{path}"), why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_for_a_bad_rule_is_a_good_one() {
        let mut problems = Vec::new();
        let bad = json!({"field": "lead.shoeSize", "operator": "roughly", "value": 1});
        let config = json!({"disqualification": [{"name": "a", "rule": bad}], "timezone": 5});
        assert!(read(config, &mut problems).is_none());
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert!(paths.contains(&"config.disqualification[0].rule.operator"), "{problems:?}");
        assert!(paths.contains(&"config.timezone"), "{problems:?}");
    }
}
