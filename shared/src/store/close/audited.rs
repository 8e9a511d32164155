//! What the audit log tells of a submission that somebody moves.
use super::{Close, lead::word};
use crate::{
    audit::{Actor, Entry},
    store::{audit::Told, load::Loaded},
    submission::{State, Status},
};
use serde_json::json;

impl Close {
    /// The same, done by somebody: a line of the audit log goes with it. `loaded` is what it was before.
    pub fn by(mut self, actor: Actor, action: &'static str, loaded: &Loaded) -> Self {
        let entry = moved(action, loaded, &self);
        let told = Told { workspace: self.workspace, actor, entry, at: self.at };
        self.audited = Some(Box::new(told));
        self
    }
}

/// A line about a submission that goes from where `loaded` has it to where the close brings it.
pub fn moved(action: &'static str, loaded: &Loaded, close: &Close) -> Entry {
    let from = State::from_columns(&loaded.run, loaded.stage).unwrap_or(State::Finished);
    let before = word(Status::of(from, loaded.outcome));
    let place = &close.place;
    let after = word(close.shown.unwrap_or_else(|| Status::of(place.state, place.end)));
    Entry::new(action, "submission", close.submission)
        .from(json!({ "run": loaded.run, "stage": loaded.stage, "status": before }))
        .to(json!({ "run": place.state.run(), "stage": place.stage, "status": after }))
}
