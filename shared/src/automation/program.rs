//! A campaign's automation as it is evaluated: rules read, ids resolved, and what it listens to known.
use super::{
    AutomationConfig,
    config::{Action, Decay, Repeat, Trigger, WaitUntil},
    distance::Distance,
    happened::Occurrence,
};
use crate::{
    clock::Time,
    ids::{CampaignId, SegmentId},
    rules::{Clocks, Problem, Properties, Rule},
};
use chrono_tz::Tz;
use std::collections::BTreeSet;

mod actions;
pub mod limits;
mod listens;
mod names;
mod read;
mod since;
mod steps;
#[cfg(test)]
mod tests;
mod triggers;

pub use actions::uncallable;
pub use names::{Named, Names};
pub use since::{Since, since};
pub use steps::{DAYS, END};
pub use triggers::clock;

/// What a campaign reacts to. Only what is enabled is here.
#[derive(Debug, Clone)]
pub struct Program {
    pub campaign: CampaignId,
    pub revision: i64,
    /// The campaign's zone.
    pub zone: Tz,
    pub points_per_star: i64,
    pub decay: Option<Decay>,
    /// Scoring rules, then automation rules: the order in which they are asked.
    pub reactions: Vec<Reaction>,
    pub workflows: Vec<Workflow>,
    /// What any of it listens to.
    pub listens: Listens,
}

/// A scoring rule or an automation rule.
#[derive(Debug, Clone)]
pub struct Reaction {
    pub is_scoring: bool,
    pub id: String,
    pub name: String,
    /// Never empty.
    pub triggers: Vec<Trigger>,
    pub when: Option<Rule>,
    /// What of the condition moves with the clock.
    pub clocks: Clocks,
    /// The fields whose change may change the condition's answer.
    pub reads: BTreeSet<String>,
    pub actions: Vec<Action>,
    pub repeat: Repeat,
    pub existing_leads: bool,
    /// When it was added or switched on, or its triggers were changed: dates before that are not its business.
    pub since: Time,
}

#[derive(Debug, Clone)]
pub struct Workflow {
    pub id: String,
    pub name: String,
    /// Never empty.
    pub triggers: Vec<Trigger>,
    pub when: Option<Rule>,
    pub clocks: Clocks,
    pub reads: BTreeSet<String>,
    pub repeat: Repeat,
    pub existing_leads: bool,
    pub since: Time,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub id: String,
    pub kind: StepKind,
}

#[derive(Debug, Clone)]
pub enum StepKind {
    Wait(Distance),
    WaitUntil(WaitUntil),
    If { rule: Rule, otherwise: Otherwise },
    Do(Vec<Action>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    End,
    /// The place of the step in the list.
    GoTo(usize),
}

/// What a program listens to, so that what nobody hears costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Listens {
    /// Fields that conditions of `matches`, and triggers `changed` and `date` read; `contact.lastActivityAt` where one silence after
    /// another matters. Where only the first does, an activity only puts off its end.
    pub fields: BTreeSet<String>,
    /// Types of activities.
    pub activities: BTreeSet<String>,
    pub segments: BTreeSet<SegmentId>,
    pub created: bool,
    pub points: bool,
    pub status: bool,
    pub outcome: bool,
}

impl Program {
    /// Reads a document, or says everything that is wrong with it: paths such as `rules[2].on[0].name`, at most
    /// [`limits::PROBLEMS_MAX`] problems. What is off is looked at, too, and left out; whether the document as a whole is on is not
    /// asked. `since` is what [`since`] gave when it was saved; of what is not in it nothing is too old.
    pub fn compile(
        (campaign, revision): (CampaignId, i64),
        zone: Tz,
        config: &AutomationConfig,
        since: &Since,
        properties: &Properties,
    ) -> Result<Self, Vec<Problem>> {
        Self::compile_named((campaign, revision), zone, config, since, properties)
            .map(|(program, _)| program)
    }

    /// The same with what the document names, for who looks whether it is there.
    pub fn compile_named(
        (campaign, revision): (CampaignId, i64),
        zone: Tz,
        config: &AutomationConfig,
        since: &Since,
        properties: &Properties,
    ) -> Result<(Self, Names), Vec<Problem>> {
        read::read((campaign, revision), zone, config, since, properties)
    }

    /// All its conditions.
    pub fn conditions(&self) -> impl Iterator<Item = &Rule> {
        let reactions = self.reactions.iter().filter_map(|one| one.when.as_ref());
        let workflows = self.workflows.iter().filter_map(|one| one.when.as_ref());
        let steps = self.workflows.iter().flat_map(|one| &one.steps);
        let steps = steps.filter_map(|step| match &step.kind {
            StepKind::If { rule, .. } => Some(rule),
            _ => None,
        });
        reactions.chain(workflows).chain(steps)
    }

    /// Whether members of this segment that come and go matter.
    pub fn watches(&self, segment: SegmentId) -> bool {
        self.listens.segments.contains(&segment) || self.listens.fields.contains("contact.segments")
    }

    /// Whether it may react to this.
    pub fn hears(&self, what: &Occurrence) -> bool {
        match what {
            // A new lead's dates and silences are noted.
            Occurrence::Created => true,
            Occurrence::Fields { fields } => {
                fields.iter().any(|field| self.listens.fields.contains(field))
            }
            Occurrence::Activity { kind, .. } => self.listens.activities.contains(kind),
            // One that is closed stands in no workflow any more; one that is opened begins anew.
            Occurrence::Status { from, to } => {
                self.listens.status
                    || self.listens.fields.contains("lead.status")
                    || from.is_processed() != to.is_processed()
            }
            Occurrence::Outcome { .. } => {
                self.listens.outcome || self.listens.fields.contains("lead.outcome")
            }
            Occurrence::Segment { segment, .. } => self.watches(*segment),
            Occurrence::Everything
            | Occurrence::Points { .. }
            | Occurrence::Clock
            | Occurrence::Saved => true,
        }
    }
}
