//! Points that fade while nothing is heard of the contact.
use super::{super::outcome::FiringKind, Look, act::Doing, event::Cursor};
use crate::{clock::Time, contact::doc::moment};
use serde_json::json;

impl Look<'_, '_> {
    /// When something was last heard of the contact, or when the lead came or was opened again, whichever is later.
    pub fn silent_since(&self) -> Time {
        let heard = self.subject.last_activity_at.into_iter();
        let since = heard.chain(self.state.memory.opened_at).max();
        since.map_or(self.state.created_at, |since| since.max(self.state.created_at))
    }

    fn fading_since(&self) -> Time {
        let since = self.silent_since();
        self.state.memory.decayed_at.map_or(since, |decayed| decayed.max(since))
    }

    /// When points fade next, if there are any.
    pub fn fades_at(&self) -> Option<Time> {
        let decay = self.program.decay.filter(|_| self.state.points > 0)?;
        decay.every.after(self.fading_since(), self.subject.zone)
    }

    /// Takes what fades by now.
    pub fn fade(&mut self, cursor: Cursor) {
        let is_due = |due: &Time| *due > cursor.after && *due <= self.at;
        let Some((_, decay)) = self.fades_at().filter(is_due).zip(self.program.decay) else {
            return;
        };
        let points = (self.state.points * decay.percent.clamp(0, 100) + 99) / 100;
        let mut doing = Doing::begin(self, (FiringKind::Decay, "decay", "decay"));
        doing.cause = json!({"type": "decay", "since": moment(self.fading_since()), "every": decay.every, "percent": decay.percent});
        self.state.memory.decayed_at = Some(self.at);
        self.add_points(&mut doing, -points);
        self.log(doing);
    }

    /// Points that came (or decay that was switched on) after a long silence begin to fade now.
    pub fn begin_fading(&mut self) {
        if self.fades_at().is_some_and(|due| due <= self.at) {
            self.state.memory.decayed_at = Some(self.at);
            self.outcome.changed = true;
        }
    }
}
