//! What a program listens to.
use super::{Listens, Reaction, Workflow};
use crate::{
    automation::config::{Repeat, Trigger},
    rules::Rule,
};
use std::collections::BTreeSet;

const TIMEZONE: &str = "contact.timezone";
const LAST_ACTIVITY: &str = "contact.lastActivityAt";

impl Listens {
    pub(super) fn of(reactions: &[Reaction], workflows: &[Workflow]) -> Self {
        let mut listens = Self::default();
        // A silence after which another one counts, or that does not count: then an activity begins the one that does.
        let another = |repeat: Repeat, existing_leads: bool, when: &Option<Rule>| {
            repeat == Repeat::Each || !existing_leads || when.is_some()
        };
        let reactions = reactions.iter().map(|one| {
            (&one.triggers, &one.reads, another(one.repeat, one.existing_leads, &one.when))
        });
        let workflows = workflows.iter().map(|one| {
            (&one.triggers, &one.reads, another(one.repeat, one.existing_leads, &one.when))
        });
        for (triggers, reads, another) in reactions.chain(workflows) {
            triggers.iter().for_each(|trigger| listens.add(trigger, reads));
            if another && triggers.iter().any(|one| matches!(one, Trigger::Inactivity { .. })) {
                listens.fields.insert(LAST_ACTIVITY.to_owned());
            }
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
            // In another zone a day, and a silence of days, ends at another time.
            Trigger::Date { field, .. } => {
                self.fields.extend([field.clone(), TIMEZONE.to_owned()]);
            }
            Trigger::Created => self.created = true,
            Trigger::Activity { activity, .. } => drop(self.activities.insert(activity.clone())),
            Trigger::Points { .. } => self.points = true,
            Trigger::Status { .. } => self.status = true,
            Trigger::Outcome { .. } => self.outcome = true,
            Trigger::SegmentEntered { segment } | Trigger::SegmentLeft { segment } => {
                self.segments.insert(*segment);
            }
            // Whatever is heard of a contact only puts off the end of a silence, which is reckoned when it is due. For those that have
            // ended see `of`.
            Trigger::Inactivity { .. } => drop(self.fields.insert(TIMEZONE.to_owned())),
        }
    }
}
