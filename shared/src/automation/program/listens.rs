//! What a program listens to.
use super::{Listens, Reaction, Workflow};
use crate::{
    automation::config::{Repeat, Trigger},
    rules::Rule,
};
use std::collections::BTreeSet;

impl Listens {
    pub(super) fn of(reactions: &[Reaction], workflows: &[Workflow]) -> Self {
        let mut listens = Self::default();
        let again = |repeat: Repeat, when: &Option<Rule>| repeat == Repeat::Each || when.is_some();
        let reactions =
            reactions.iter().map(|one| (&one.triggers, (&one.reads, again(one.repeat, &one.when))));
        let workflows =
            workflows.iter().map(|one| (&one.triggers, (&one.reads, again(one.repeat, &one.when))));
        for (triggers, asked) in reactions.chain(workflows) {
            triggers.iter().for_each(|trigger| listens.add(trigger, asked));
        }
        listens.points |= listens.fields.contains("lead.points");
        listens
    }

    /// What a trigger listens to, by what its condition reads and whether it may be met by more than one silence.
    fn add(&mut self, trigger: &Trigger, (reads, again): (&BTreeSet<String>, bool)) {
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
            // A silence that has ended is followed by another one, whose end is to be known.
            Trigger::Inactivity { .. } if again => {
                self.fields.insert("contact.lastActivityAt".to_owned());
            }
            // Else whatever is heard of a contact only puts off the end of the one silence, which is reckoned when it is due.
            Trigger::Inactivity { .. } => {}
        }
    }
}
