//! The end of a trip: everything since the load as one close.
use super::{Delays, Notes, Trip};
use shared::{
    clock::Time,
    held::{self, Held},
    store::{
        close::{AttemptEnd, Close, LeadMove, Place, Places, Query},
        notices::Notice,
    },
    submission::{End, Stage, State, Status},
};

impl Trip {
    /// Everything since the load, to be recorded in one transaction.
    pub fn close(&mut self, delays: Delays, now: Time) -> Close {
        let again_at = now + delays.redelivery;
        let notes_due = self.notes.due_at;
        let due_at = match self.state {
            State::InStage(_) | State::Queued => Some(self.notes.due_at.unwrap_or(again_at)),
            // Until the outside has been told that we wait, that is tried again.
            State::Parked => Some(self.parked_due(notes_due, again_at)),
            _ => None,
        };
        if let Some(child) = &mut self.notes.child {
            child.due_at = again_at;
        }
        let notes = std::mem::take(&mut self.notes);
        self.notes.end = notes.end;
        let (notices, query) = self.told(&notes, now);
        Close {
            workspace: self.loaded.workspace_id,
            submission: self.loaded.id,
            expected: self.generation - self.lines.len() as i64,
            place: Place {
                state: self.state,
                stage: self.stage_column(),
                generation: self.generation,
                attempt: self.attempt,
                due_at,
                campaign: self.loaded.campaign_id,
                revision: self.loaded.revision,
                end: notes.end,
                reason: notes.reason,
                carry: self.carry.clone(),
                error_fingerprint: notes.fingerprint,
            },
            events: std::mem::take(&mut self.lines),
            shown: notes.shown,
            learnt: notes.learnt,
            extend: notes.extend,
            park: notes.park,
            reach: notes.reach,
            unpark: notes.unpark,
            places: self.places(notes.attempt.as_ref()),
            attempt: notes.attempt,
            lead: self.lead(notes.child.is_some()),
            child: notes.child,
            notices,
            query,
            audited: None,
            at: now,
        }
    }

    /// Whom a hold is told: people, and later the buyer, who is asked.
    fn told(&self, notes: &Notes, now: Time) -> (Vec<Notice>, Query) {
        let planned = (self.state == State::Held).then_some(self.carry.payload.as_ref()).flatten();
        let (Some(planned), Some((code, reason))) = (planned, &notes.reason) else {
            return (Vec::new(), Query::None);
        };
        let held = Held {
            workspace: self.loaded.workspace_id,
            submission: self.loaded.id,
            campaign: &self.campaign,
            endpoint: &planned.endpoint,
            code,
            reason,
        };
        (vec![held::notice(held, now)], held::query(held, now))
    }

    /// What the end of the submission makes of its lead.
    fn lead(&self, handed_on: bool) -> LeadMove {
        let outcomes = self.campaign.config.lead_status.as_ref();
        let end = (self.state, Status::of(self.state, self.notes.end));
        LeadMove::of(outcomes, end, handed_on)
    }

    fn places(&self, attempt: Option<&AttemptEnd>) -> Places {
        // One that waits for its endpoint may hold a place for an attempt before: it was not tried now, so nothing is known anew.
        if !self.capped || self.waits {
            return Places::Keep;
        }
        let sold = self.state == State::Finished && self.notes.end.is_some_and(End::is_sold);
        Places::after(self.state, sold, attempt.map(|attempt| attempt.outcome))
    }

    /// A review waits for people; everything else is begun at once, and looked at again should its beginning be lost.
    fn parked_due(&self, due: Option<Time>, again_at: Time) -> Time {
        match (&self.notes.park, due) {
            (Some(park), _) if park.kind == "human_review" => park.deadline,
            (Some(park), _) => again_at.min(park.deadline),
            (None, Some(due)) => due,
            (None, None) => again_at,
        }
    }

    /// The stage to keep: the open one, or the one where it ended.
    fn stage_column(&self) -> Stage {
        match self.state {
            State::Finished => self
                .lines
                .last()
                .and_then(|line| Stage::parse(line.stage))
                .unwrap_or(self.loaded.stage),
            _ => self.stage(),
        }
    }
}
