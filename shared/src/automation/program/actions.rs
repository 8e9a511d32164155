//! What must hold of an action.
use super::{
    limits::{ACTIONS_MAX, HEADERS_MAX, MESSAGE_MAX},
    names::Named,
    read::Reader,
};
use crate::{
    automation::{
        AutomationConfig,
        config::{Action, WebhookConfig},
    },
    campaign::{
        config::{CREDENTIAL_HEADERS, SIGNATURE_HEADERS, header_of, is_secret_name},
        guard::{GuardPolicy, check_url},
    },
    contact::form,
    ids::SegmentId,
    rules::Problem,
};
use serde_json::json;

impl Reader<'_> {
    /// The actions with their texts as they are kept.
    pub(super) fn actions(&mut self, given: &[Action], at: &str) -> Vec<Action> {
        if given.is_empty() {
            self.say(at, "must have at least one action");
        }
        self.count(at, given.len(), ACTIONS_MAX);
        let given = given.iter().take(ACTIONS_MAX).enumerate();
        given.map(|(nth, one)| self.action(one, &format!("{at}[{nth}]"))).collect()
    }

    fn action(&mut self, one: &Action, at: &str) -> Action {
        match one {
            Action::SetStatus { .. }
            | Action::RemoveFromCampaign
            | Action::Repost
            | Action::CrmPush => {}
            Action::AddPoints { points } => self.points(*points, at),
            Action::AddToSegment { segment } | Action::RemoveFromSegment { segment } => {
                self.own_segment(*segment, at);
            }
            Action::AddToCampaign { campaign } => {
                let path = format!("{at}.campaign");
                if *campaign == self.campaign {
                    self.say(path.as_str(), "is the campaign itself; name another one");
                }
                self.names.campaigns.push(Named { path, what: *campaign });
            }
            Action::AddTag { tag } => return Action::AddTag { tag: self.tag(tag, at) },
            Action::RemoveTag { tag } => return Action::RemoveTag { tag: self.tag(tag, at) },
            Action::Webhook(webhook) => self.webhook(webhook, at),
            Action::Notify { message } => {
                self.text(message, MESSAGE_MAX, format!("{at}.message"));
            }
            Action::StartWorkflow { workflow } | Action::StopWorkflow { workflow } => {
                if !self.workflows.contains(workflow.as_str()) {
                    self.say(format!("{at}.workflow"), "is no workflow of this document");
                }
            }
        }
        one.clone()
    }

    fn own_segment(&mut self, what: SegmentId, at: &str) {
        self.names.static_segments.push(Named { path: format!("{at}.segment"), what });
    }

    fn tag(&mut self, given: &str, at: &str) -> String {
        match form::tags(&json!([given])).map(|tags| tags.into_iter().next()) {
            Ok(Some(tag)) => return tag,
            Ok(None) => self.say(format!("{at}.tag"), "must not be empty"),
            Err(why) => self.say(format!("{at}.tag"), why.trim_start_matches("[0] ")),
        }
        given.to_owned()
    }

    fn webhook(&mut self, one: &WebhookConfig, at: &str) {
        if let Err(why) = check_url(&one.url, &any_host()) {
            self.say(format!("{at}.url"), why.to_string());
        }
        self.count(&format!("{at}.headers"), one.headers.len(), HEADERS_MAX);
        for (header, value) in one.headers.iter().take(HEADERS_MAX) {
            let path = format!("{at}.headers.{header}");
            let lower = header.to_ascii_lowercase();
            if SIGNATURE_HEADERS.contains(&lower.as_str()) {
                self.say(path, "is set by the signature; name its key in `signingSecret`");
            } else if CREDENTIAL_HEADERS.contains(&lower.as_str()) {
                self.say(path, "holds a credential, which must not be kept here in clear");
            } else {
                header_of((header, value), path, &mut self.problems);
            }
        }
        let Some(secret) = &one.signing_secret else { return };
        let path = format!("{at}.signingSecret");
        if is_secret_name(secret) {
            self.names.secrets.push(Named { path, what: secret.clone() });
        } else {
            self.say(path, "is no secret's name: 1 to 64 letters, digits, `.`, `_` or `-`");
        }
    }
}

/// Whom an installation lets itself call is its own matter: it may change after a document was saved, and is asked at each call.
fn any_host() -> GuardPolicy {
    GuardPolicy { allow_private: true, allow_http: true, extra_ports: Vec::new() }
}

/// The webhooks that this installation would not call, with their places: for whoever saves a document.
pub fn uncallable(config: &AutomationConfig, policy: &GuardPolicy) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut look = |actions: &[Action], at: &str| {
        for (nth, action) in actions.iter().enumerate() {
            let Action::Webhook(webhook) = action else { continue };
            if let Err(why) = check_url(&webhook.url, policy) {
                problems.push(Problem::new(format!("{at}[{nth}].url"), why.to_string()));
            }
        }
    };
    for (nth, rule) in config.rules.iter().enumerate() {
        look(&rule.r#do, &format!("rules[{nth}].do"));
    }
    for (nth, workflow) in config.workflows.iter().enumerate() {
        for (step, one) in workflow.steps.iter().enumerate() {
            let actions = one.actions.as_deref().unwrap_or_default();
            look(actions, &format!("workflows[{nth}].steps[{step}].do"));
        }
    }
    problems
}
