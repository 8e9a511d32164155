//! The order in which things are decided: what is overdue, then what happened; and where a turn ends.
use super::{
    super::{Occurrence, config::Trigger, doc, outcome::FiringKind},
    CLOCK, Look, OVERDUE_MAX, PAUSE, TICK,
    act::Doing,
    event::{Cursor, Event},
};
use crate::clock::Time;
use serde_json::json;

/// Entries that are remembered of reactions that fired and are there no longer, at most.
const FORGOTTEN_MAX: usize = 100;

impl Look<'_, '_> {
    pub fn run(&mut self, occurrences: &[Occurrence], now: Time) {
        doc::set_lead(&mut self.subject.doc, self.program, self.state);
        self.drop_lost_positions();
        if self.is_open() {
            let saved = occurrences.contains(&Occurrence::Saved);
            if !self.is_opened(occurrences, now) {
                self.catch_up(saved, now);
            }
        }
        self.be_at(now);
        self.begin_turn();
        self.take_all(occurrences);
        self.end_turn();
        if self.is_open() {
            self.mark_passed_dates(occurrences);
            self.outcome.due_at = self.next_due(Cursor { after: now, saved: false });
        } else {
            self.leave_all();
        }
        if self.outcome.changed {
            self.forget();
        }
    }

    /// A lead that is processed again begins anew: whatever it waited for before is over.
    fn is_opened(&mut self, occurrences: &[Occurrence], now: Time) -> bool {
        let is_opened = occurrences.iter().any(|what| match what {
            Occurrence::Status { from, to } => !from.is_processed() && to.is_processed(),
            _ => false,
        });
        if is_opened {
            self.state.memory.opened_at = Some(now);
            self.state.memory.ask_at = None;
            self.state.positions.clear();
            self.outcome.changed = true;
        }
        is_opened
    }

    /// Decides what has fallen due, each as of its time.
    fn catch_up(&mut self, saved: bool, now: Time) {
        let positions = self.state.positions.values().map(|position| position.due_at);
        let first = positions.chain(self.state.due_at).filter(|due| *due <= now).min();
        if (first.is_none() && !saved) || self.state.fired.contains(CLOCK) {
            return;
        }
        let mut cursor = Cursor { after: first.map_or(now, |first| first - TICK), saved };
        for step in 0..=OVERDUE_MAX {
            let due = self.next_due(cursor).filter(|due| *due <= now && self.is_open());
            let Some(mut due) = due else { break };
            if step == OVERDUE_MAX {
                due = now;
            }
            self.fall_due(cursor, due);
            cursor.after = cursor.after.max(due);
        }
        self.state.fired.insert(CLOCK.to_owned());
    }

    /// What is due at one moment is a chain of its own: each reaction may fire in it.
    fn fall_due(&mut self, cursor: Cursor, at: Time) {
        self.be_at(at);
        self.subject.doc["activity"] = serde_json::Value::Null;
        let before = std::mem::take(&mut self.state.fired);
        self.begin_turn();
        self.fade(cursor);
        let all = self.state.memory.ask_at.is_some_and(|ask_at| ask_at <= at);
        self.tell(Event::Due { cursor, all });
        self.follow();
        self.end_turn();
        self.state.fired.extend(before);
    }

    fn be_at(&mut self, at: Time) {
        self.at = at;
        doc::set_age(&mut self.subject.doc, at, self.program.zone);
    }

    fn begin_turn(&mut self) {
        self.told = self.state.points;
        self.ended = false;
        self.walked = 0;
    }

    fn end_turn(&mut self) {
        self.begin_fading();
        if self.is_open()
            && self.ended
            && self.state.memory.ask_at.is_none()
            && self.has_conditions()
        {
            self.state.memory.ask_at = Some(self.at + PAUSE);
            self.outcome.changed = true;
        }
    }

    fn has_conditions(&self) -> bool {
        let is_condition = |triggers: &[Trigger]| triggers.contains(&Trigger::Matches);
        self.program.reactions.iter().any(|one| is_condition(&one.triggers))
            || self.program.workflows.iter().any(|one| is_condition(&one.triggers))
    }

    /// Each thing that happened is a chain of its own, in which a reaction fires once: two visits that came together count as two. A
    /// change of fields belongs to what came before it. What came from outside begins a turn, too.
    fn take_all(&mut self, occurrences: &[Occurrence]) {
        let before = self.state.fired.clone();
        let mut all = before.clone();
        for occurrence in occurrences {
            self.state.fired = match occurrence {
                Occurrence::Fields { .. } | Occurrence::Everything => all.clone(),
                _ => before.clone(),
            };
            if begins_turn(occurrence) {
                self.end_turn();
                self.begin_turn();
            }
            self.take(occurrence);
            all.extend(std::mem::take(&mut self.state.fired));
        }
        self.state.fired = all;
    }

    /// One thing that happened, and what follows from it.
    fn take(&mut self, what: &Occurrence) {
        self.walked = 0;
        doc::set_activity(&mut self.subject.doc, what);
        let is_over = self.ended || !self.is_open();
        match what {
            Occurrence::Status { .. } | Occurrence::Outcome { .. } if is_over => {
                self.tell_end(what)
            }
            _ if is_over => {}
            // What had fallen due is decided already.
            Occurrence::Clock => {}
            Occurrence::Points { points, reason, by } => self.by_hand(*points, reason, by),
            _ => self.tell(Event::Told(what)),
        }
        self.follow();
        self.begin_fading();
    }

    /// Points that cross numbers, until none do any more. Each reaction fires once at most, so that it ends.
    fn follow(&mut self) {
        while self.is_open() && !self.ended && self.state.points != self.told {
            let (before, after) = (self.told, self.state.points);
            self.told = after;
            self.tell(Event::Points { before, after });
        }
    }

    fn tell(&mut self, event: Event<'_>) {
        let program = self.program;
        for reaction in &program.reactions {
            if self.ended {
                break;
            }
            self.ask(reaction, event);
        }
        for workflow in &program.workflows {
            if self.ended {
                break;
            }
            self.ask_to_enter(workflow, event);
        }
        if self.is_open() {
            self.walk_all();
        }
        let asks_all = match event {
            Event::Due { all, .. } => all,
            Event::Told(what) => matches!(
                what,
                Occurrence::Status { .. } | Occurrence::Saved | Occurrence::Everything
            ),
            Event::Points { .. } => false,
        };
        if asks_all && self.state.memory.ask_at.take().is_some() {
            self.outcome.changed = true;
        }
    }

    /// Nobody but `status` and `outcome` triggers.
    fn tell_end(&mut self, what: &Occurrence) {
        let program = self.program;
        for reaction in &program.reactions {
            if reaction.triggers.iter().any(sees_ends) {
                self.ask_about_end(reaction, what);
            }
        }
        self.walk_all();
    }

    fn by_hand(&mut self, points: i64, reason: &str, by: &str) {
        let mut doing = Doing::begin(self, (FiringKind::ByHand, "", ""));
        doing.cause = json!({"type": "byHand", "reason": reason, "by": by});
        self.add_points(&mut doing, points);
        self.log(doing);
    }

    /// Workflows that are gone have nobody in them.
    fn drop_lost_positions(&mut self) {
        let program = self.program;
        let before = self.state.positions.len();
        self.state.positions.retain(|id, _| program.workflows.iter().any(|one| one.id == *id));
        self.outcome.changed |= self.state.positions.len() != before;
    }

    /// A lead that is not processed stands nowhere, and waits for nothing.
    fn leave_all(&mut self) {
        self.outcome.changed |= !self.state.positions.is_empty();
        self.state.positions.clear();
        self.outcome.changed |= self.state.memory.ask_at.take().is_some();
        self.outcome.due_at = None;
    }

    /// What reactions remember goes with them; but that one has fired stays known, so that switching it off and on again is not a way to
    /// fire twice.
    fn forget(&mut self) {
        let program = self.program;
        let is_known = |id: &String| {
            program.reactions.iter().any(|one| one.id == *id)
                || program.workflows.iter().any(|one| one.id == *id)
        };
        let rules = &mut self.state.memory.rules;
        rules.retain(|id, entry| is_known(id) || entry.times > 0);
        let gone = rules.iter().filter(|(id, _)| !is_known(id));
        let mut gone: Vec<_> = gone.map(|(id, entry)| (entry.last_at, id.clone())).collect();
        gone.sort();
        for (_, id) in gone.iter().rev().skip(FORGOTTEN_MAX) {
            rules.remove(id);
        }
    }
}

/// Triggers that see leads that are no longer processed: what the end of a lead is may be told to others.
pub(super) fn sees_ends(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Status { .. } | Trigger::Outcome { .. })
}

fn begins_turn(what: &Occurrence) -> bool {
    matches!(
        what,
        Occurrence::Activity { .. } | Occurrence::Outcome { .. } | Occurrence::Points { .. }
    )
}
