//! What reactions do outside the lead's own row: statuses, tags, segments, other campaigns, notices, and jobs for the outside.
//!
//! All of it is done in the transaction that records the firings, before they are recorded: what could not be done is said in the firing's
//! action, as `"left": "why"`. Each kind is written by a few statements, however many leads there are.
use super::Decided;
use crate::{
    automation::{Effect, LeadState, Want},
    clock::Time,
    ids::{AutomationJobId, LeadId},
    lead::LeadStatus,
    store::{
        StoreError, Tx,
        live::{Definitions, Touched},
    },
};
use serde_json::{Value, json};

mod campaigns;
mod notify;
mod outside;
mod segments;
mod status;
mod tags;

/// Does what was decided, and notes in the firings what was left, and why. Answers what changed by it, for segments and campaigns to be
/// asked about again, the leads' own changes of status among it. The contacts are locked.
pub async fn apply(
    tx: &mut Tx,
    definitions: &Definitions,
    decided: &mut [Decided],
    now: Time,
) -> Result<Vec<Touched>, StoreError> {
    let mut done = Done::default();
    tags::apply(tx, definitions.workspace, decided, (&mut done, now)).await?;
    segments::apply(tx, definitions, decided, (&mut done, now)).await?;
    status::apply(tx, definitions.workspace, decided, (&mut done, now)).await?;
    campaigns::apply(tx, definitions.workspace, decided, (&mut done, now)).await?;
    notify::apply(tx, decided, now).await?;
    outside::apply(tx, definitions, decided, (&mut done, now)).await?;
    for (place, note) in done.notes {
        write_down(&mut decided[place.lead], place.effect, note);
    }
    Ok(done.touched)
}

/// What came of it so far.
#[derive(Default)]
struct Done {
    touched: Vec<Touched>,
    notes: Vec<(Place, Note)>,
}

impl Done {
    fn left(&mut self, place: Place, why: impl Into<String>) {
        self.notes.push((place, Note::Left(why.into())));
    }
}

/// An effect: of which of the leads, and which of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    lead: usize,
    effect: usize,
}

/// What a firing's action says of an effect.
enum Note {
    Left(String),
    /// The lead's status is this one, whatever was decided.
    Stands(LeadStatus, String),
    /// A lead of another campaign.
    Lead(LeadId),
    Job(AutomationJobId),
}

/// An effect that is to be carried out, and what of it.
struct Wanted<'a, T> {
    place: Place,
    state: &'a LeadState,
    effect: &'a Effect,
    what: T,
}

impl<T> Wanted<'_, T> {
    /// Who does it, in histories.
    fn by(&self) -> String {
        format!("automation:{}", self.effect.rule_id)
    }

    /// Why, in histories.
    fn reason(&self) -> String {
        format!("rule \"{}\"", self.effect.rule_name)
    }
}

/// The effects of a kind, in order.
fn wanted<'a, T>(
    decided: &'a [Decided],
    pick: impl Fn(&'a Want) -> Option<T>,
) -> Vec<Wanted<'a, T>> {
    let all = decided.iter().enumerate().flat_map(|(lead, one)| {
        let effects = one.outcome.effects.iter().enumerate();
        effects.map(move |(number, effect)| (Place { lead, effect: number }, &one.state, effect))
    });
    all.filter_map(|(place, state, effect)| {
        pick(&effect.want).map(|what| Wanted { place, state, effect, what })
    })
    .collect()
}

fn write_down(decided: &mut Decided, effect: usize, note: Note) {
    let Effect { firing, action, .. } = &decided.outcome.effects[effect];
    let (firing, action) = (*firing, usize::try_from(*action).unwrap_or(usize::MAX));
    let firings = &mut decided.outcome.firings;
    let Some(at) = firings.iter().position(|one| one.number == firing) else { return };
    if let Some(Value::Object(said)) = firings[at].actions.get_mut(action) {
        let (key, value) = match &note {
            Note::Left(why) | Note::Stands(_, why) => ("left", json!(why)),
            Note::Lead(lead) => ("leadId", json!(lead)),
            Note::Job(job) => ("jobId", json!(job)),
        };
        said.insert(key.to_owned(), value);
    }
    if let Note::Stands(status, _) = note {
        stand(decided, (at, effect), status);
    }
}

/// The lead has this status from a firing on, up to the next effect on its status.
fn stand(decided: &mut Decided, (at, effect): (usize, usize), status: LeadStatus) {
    let later = &decided.outcome.effects[effect + 1..];
    let next = later.iter().find(|one| matches!(one.want, Want::Status { .. }));
    let next = next.map(|one| one.firing);
    for (n, firing) in decided.outcome.firings[at..].iter_mut().enumerate() {
        if n > 0 {
            firing.status_before = status;
        }
        if next == Some(firing.number) {
            return;
        }
        firing.status_after = status;
    }
    decided.state.status = status;
}
