//! Actions: what they change of the lead, what is logged, and what they want of others.
use super::{
    super::{Effect, Firing, POINTS_MAX, Want, config::Action, doc, outcome::FiringKind},
    Look,
};
use crate::lead::LeadStatus;
use serde_json::{Map, Value, json};

const CLOSED: &str = "the lead is no longer processed";

/// A firing while its actions are done.
pub(super) struct Doing {
    pub number: i64,
    kind: FiringKind,
    rule_id: String,
    rule_name: String,
    pub cause: Value,
    pub facts: Map<String, Value>,
    /// The step whose actions these are.
    pub step: Option<String>,
    points: i64,
    status_before: LeadStatus,
    lines: Vec<Value>,
}

impl Doing {
    /// Takes the next number.
    pub fn begin(look: &mut Look<'_, '_>, (kind, id, name): (FiringKind, &str, &str)) -> Self {
        look.state.number += 1;
        look.outcome.changed = true;
        Self {
            number: look.state.number,
            kind,
            rule_id: id.to_owned(),
            rule_name: name.to_owned(),
            cause: Value::Null,
            facts: Map::new(),
            step: None,
            points: 0,
            status_before: look.state.status,
            lines: Vec::new(),
        }
    }

    /// Adds a line about an action, or about a step.
    pub fn line(&mut self, mut line: Value) {
        if let Some(step) = &self.step {
            line["step"] = json!(step);
        }
        self.lines.push(line);
    }
}

impl Look<'_, '_> {
    pub fn log(&mut self, doing: Doing) {
        self.outcome.firings.push(Firing {
            number: doing.number,
            kind: doing.kind,
            rule_id: doing.rule_id,
            rule_name: doing.rule_name,
            cause: doing.cause,
            facts: Value::Object(doing.facts),
            points: doing.points,
            points_after: self.state.points,
            status_before: doing.status_before,
            status_after: self.state.status,
            actions: doing.lines,
            at: self.at,
        });
    }

    pub fn act(&mut self, doing: &mut Doing, action: &Action) {
        let line = serde_json::to_value(action).unwrap_or_default();
        if let Some(why) = self.why_left(doing, action) {
            return doing.line(left(line, why));
        }
        let want = match action {
            Action::SetStatus { status } => return self.set_status(doing, *status, line),
            Action::RemoveFromCampaign => {
                return self.set_status(doing, LeadStatus::Deleted, line);
            }
            Action::AddPoints { points } => return self.add_points(doing, *points),
            Action::StartWorkflow { workflow } => return self.start(doing, workflow, line),
            Action::StopWorkflow { workflow } => return self.stop(doing, workflow, line),
            Action::AddToSegment { segment } => Want::Segment { segment: *segment, add: true },
            Action::RemoveFromSegment { segment } => {
                Want::Segment { segment: *segment, add: false }
            }
            Action::AddToCampaign { campaign } => Want::Campaign(*campaign),
            Action::AddTag { tag } => Want::Tag { tag: tag.clone(), add: true },
            Action::RemoveTag { tag } => Want::Tag { tag: tag.clone(), add: false },
            Action::Repost => Want::Repost,
            Action::Webhook(webhook) => Want::Webhook(webhook.clone()),
            Action::Notify { message } => Want::Notify { message: message.clone() },
            Action::CrmPush => Want::CrmPush,
        };
        self.want(doing, want);
        // Headers may hold what is nobody's business.
        let line = match action {
            Action::Webhook(webhook) => json!({"type": "webhook", "url": webhook.url}),
            _ => line,
        };
        doing.line(line);
    }

    /// Why an action is not done, if so. A list that closes the lead goes on: what it adds in points is still added.
    fn why_left(&self, doing: &Doing, action: &Action) -> Option<&'static str> {
        let changes_lead = match action {
            Action::SetStatus { .. }
            | Action::StartWorkflow { .. }
            | Action::Repost
            | Action::RemoveFromCampaign => true,
            Action::AddPoints { .. } => !doing.status_before.is_processed(),
            _ => false,
        };
        (changes_lead && !self.is_open()).then_some(CLOSED)
    }

    /// Wants something of others; call it before the action's line is added.
    fn want(&mut self, doing: &Doing, want: Want) {
        self.outcome.effects.push(Effect {
            firing: doing.number,
            action: doing.lines.len() as i64,
            rule_id: doing.rule_id.clone(),
            rule_name: doing.rule_name.clone(),
            want,
        });
    }

    fn set_status(&mut self, doing: &mut Doing, to: LeadStatus, mut line: Value) {
        let before = self.state.status;
        if before == to {
            return doing.line(left(line, "already"));
        }
        self.want(doing, Want::Status { to });
        self.state.status = to;
        self.ended = true;
        doc::set_lead(&mut self.subject.doc, self.program, self.state);
        if let Some(map) = line.as_object_mut() {
            map.remove("status");
        }
        line["before"] = json!(before);
        line["after"] = json!(to);
        doing.line(line);
    }

    /// Adds points as far as they may go, and logs what was really added.
    pub fn add_points(&mut self, doing: &mut Doing, points: i64) {
        let before = self.state.points;
        let after = before.saturating_add(points).clamp(-POINTS_MAX, POINTS_MAX);
        let line = json!({"type": "addPoints", "points": after - before, "before": before, "after": after});
        if after == before {
            let why = if points == 0 { "already" } else { "at the limit of points" };
            return doing.line(left(line, why));
        }
        self.state.points = after;
        self.outcome.changed = true;
        doing.points += after - before;
        doc::set_lead(&mut self.subject.doc, self.program, self.state);
        doing.line(line);
    }

    fn start(&mut self, doing: &mut Doing, id: &str, line: Value) {
        let program = self.program;
        match program.workflows.iter().find(|one| one.id == id) {
            None => doing.line(left(line, "there is no such workflow, or it is switched off")),
            Some(workflow) => {
                self.enter(workflow);
                doing.line(line);
            }
        }
    }

    fn stop(&mut self, doing: &mut Doing, id: &str, line: Value) {
        self.fresh.remove(id);
        match self.state.positions.remove(id) {
            None => doing.line(left(line, "the lead is not in it")),
            Some(_) => {
                self.outcome.changed = true;
                doing.line(line);
            }
        }
    }
}

fn left(mut line: Value, why: &str) -> Value {
    if line["type"] == "webhook"
        && let Some(map) = line.as_object_mut()
    {
        map.remove("headers");
    }
    line["left"] = json!(why);
    line
}
