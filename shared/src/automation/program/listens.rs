//! What a program listens to.
use super::{Listens, Reaction, Workflow};
use crate::automation::config::Trigger;
use std::collections::BTreeSet;

impl Listens {
    pub(super) fn of(reactions: &[Reaction], workflows: &[Workflow]) -> Self {
        let mut listens = Self::default();
        let reactions = reactions.iter().map(|one| (&one.triggers, &one.reads));
        let workflows = workflows.iter().map(|one| (&one.triggers, &one.reads));
        for (triggers, reads) in reactions.chain(workflows) {
            triggers.iter().for_each(|trigger| listens.add(trigger, reads));
        }
        listens.points |= listens.fields.contains("lead.points");
        listens
    }

    fn add(&mut self, trigger: &Trigger, reads: &BTreeSet<String>) {
        match trigger {
            Trigger::Matches => self.fields.extend(reads.iter().cloned()),
            Trigger::Changed { fields } if fields.is_empty() => {
                self.fields.extend(reads.iter().cloned());
            }
            Trigger::Changed { fields } => self.fields.extend(fields.iter().cloned()),
            Trigger::Date { field, .. } => drop(self.fields.insert(field.clone())),
            Trigger::Created => self.created = true,
            Trigger::Activity { activity, .. } => drop(self.activities.insert(activity.clone())),
            Trigger::Points { .. } => self.points = true,
            Trigger::Status { .. } => self.status = true,
            Trigger::Outcome { .. } => self.outcome = true,
            Trigger::SegmentEntered { segment } | Trigger::SegmentLeft { segment } => {
                self.segments.insert(*segment);
            }
            // Whatever is heard of a contact only puts off the end of a silence, which is reckoned when it is due.
            Trigger::Inactivity { .. } => {}
        }
    }
}
