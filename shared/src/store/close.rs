//! Closing a run of stages: the submission's new place, its journey and whatever the move brings, in one transaction, if nobody
//! was faster.
use super::{
    Db, Rows, StoreError, Tx,
    audit::{self, Told},
    batch::{Batcher, Shape},
    live,
    notices::{self, Notice},
    rows::{time, time_or_null},
};
use crate::{
    clock::Time,
    ids::{CampaignId, LeadId, ParkId, SubmissionId, WorkspaceId},
    submission::{Carry, End, Stage, State, Status},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

mod attempt;
mod audited;
mod child;
mod lead;
mod learnt;
mod park;
pub(super) mod places;
mod query;
mod reach;
mod starter;
mod told;

pub use attempt::{AttemptEnd, Outcome};
pub use audited::moved;
pub use lead::LeadMove;
pub(super) use lead::word;
pub use places::Places;
pub use reach::{Planned, Reach};
pub use starter::{AttemptStart, Needs, Started, Starter};

/// Closes that share a transaction, at most.
const MOST: usize = 128;

/// What becomes of a submission after one or more stages.
#[derive(Debug, Clone)]
pub struct Close {
    pub workspace: WorkspaceId,
    pub submission: SubmissionId,
    /// The generation that must still be there.
    pub expected: i64,
    pub place: Place,
    /// One event a move; the last one's generation is the new one.
    pub events: Vec<Event>,
    /// The word to show while it waits, if it is not the state's own.
    pub shown: Option<Status>,
    /// The open park's new deadline.
    pub extend: Option<Time>,
    pub park: Option<NewPark>,
    /// The call or the text that the open park asks for.
    pub reach: Option<Reach>,
    /// How the open park ended.
    pub unpark: Option<ParkEnd>,
    pub attempt: Option<AttemptEnd>,
    /// What becomes of its places under caps.
    pub places: Places,
    pub child: Option<NewChild>,
    /// What was brought to light of the person, by field path; it is kept with the lead.
    pub learnt: Map<String, Value>,
    /// What the submission's end makes of its lead.
    pub lead: LeadMove,
    /// What people must know of it.
    pub notices: Vec<Notice>,
    pub query: Query,
    /// What the audit log tells of it, if somebody does it; see [`Close::by`].
    pub audited: Option<Box<Told>>,
    pub at: Time,
}

/// What becomes of the question whether the buyer has the lead.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Query {
    /// There is none, before and after.
    #[default]
    None,
    /// The submission is held, and the endpoint can be asked.
    Begin { endpoint: String, due_at: Time },
    /// The submission is no longer held.
    End,
}

/// Where a submission is now.
#[derive(Debug, Clone)]
pub struct Place {
    pub state: State,
    /// The open stage, or the last one.
    pub stage: Stage,
    pub generation: i64,
    pub attempt: i64,
    /// Some exactly when the state is in a stage or parked.
    pub due_at: Option<Time>,
    pub campaign: CampaignId,
    pub revision: i64,
    pub end: Option<End>,
    pub reason: Option<(Cow<'static, str>, String)>,
    pub carry: Carry,
    /// Some exactly when the state is failed.
    pub error_fingerprint: Option<String>,
}

/// A line of the journey.
#[derive(Debug, Clone)]
pub struct Event {
    pub generation: i64,
    pub stage: &'static str,
    pub verdict: &'static str,
    pub reason_code: Cow<'static, str>,
    pub reason: String,
    pub attempt: i64,
    pub details: Option<Value>,
    pub duration_us: i64,
    pub at: Time,
}

/// A wait that begins.
#[derive(Debug, Clone)]
pub struct NewPark {
    pub id: ParkId,
    pub kind: &'static str,
    pub deadline: Time,
    pub on_deadline: &'static str,
    /// How urgent a human review is, from 0, and why it is asked for.
    pub review: Option<(i64, Option<String>)>,
}

/// How a wait ended.
#[derive(Debug, Clone)]
pub struct ParkEnd {
    pub resolution: &'static str,
    /// What kind of decider: token, person, deadline.
    pub by: &'static str,
    /// Who it was, and why they decided so.
    pub decider: Option<String>,
    pub reason: Option<String>,
}

/// A submission that fallback opens.
#[derive(Debug, Clone)]
pub struct NewChild {
    pub id: SubmissionId,
    pub lead: LeadId,
    /// The first submission of the family.
    pub root: SubmissionId,
    pub campaign: CampaignId,
    pub revision: i64,
    pub carry: Carry,
    pub reason: String,
    pub due_at: Time,
}

/// Closes submissions, many at once.
#[derive(Debug, Clone)]
pub struct Closer(Batcher<Close, bool>);

impl Closer {
    pub fn start(db: Db) -> Self {
        let shape = Shape { name: "close", most: MOST, at_once: 1 };
        Self(Batcher::start(shape, move |closes: Arc<[Close]>| record(db.clone(), closes)))
    }

    /// Records the close; false when the submission has moved since (someone else was faster): then nothing was written.
    pub async fn close(&self, close: Close) -> Result<bool, StoreError> {
        self.0.call(close).await
    }
}

async fn record(db: Db, closes: Arc<[Close]>) -> Result<Vec<bool>, StoreError> {
    let mut tx = db.begin().await?;
    let moved = record_in(&mut tx, &closes).await?;
    tx.commit().await?;
    Ok(closes.iter().map(|close| moved.contains(&close.submission)).collect())
}

/// Records closes within a transaction that does more than that; says which submissions moved.
pub async fn record_in(tx: &mut Tx, closes: &[Close]) -> Result<HashSet<SubmissionId>, StoreError> {
    let moved = submissions(tx, closes).await?;
    let won: Vec<&Close> = closes.iter().filter(|c| moved.contains(&c.submission)).collect();
    events(tx, &won).await?;
    attempt::end(tx, &won).await?;
    places::end(tx, &won).await?;
    park::end(tx, &won).await?;
    park::begin(tx, &won).await?;
    park::extend(tx, &won).await?;
    reach::plan(tx, &won).await?;
    child::open(tx, &won).await?;
    learnt::merge(tx, &won).await?;
    let touched = lead::change(tx, &won).await?;
    query::begin(tx, &won).await?;
    query::end(tx, &won).await?;
    tx.tell(won.iter().flat_map(|close| told::of(close)));
    let raised: Vec<Notice> = won.iter().flat_map(|close| close.notices.clone()).collect();
    notices::raise(tx, &raised).await?;
    audit::add_all(tx, won.iter().filter_map(|close| close.audited.as_deref())).await?;
    if let Some(first) = closes.first() {
        live::reassess(tx, &touched, first.at).await?;
    }
    Ok(moved)
}

fn state_word<S: Serializer>(state: &State, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(state.run())
}

#[derive(Serialize)]
struct SubmissionRow<'a> {
    workspace_id: uuid::Uuid,
    id: uuid::Uuid,
    expected: i64,
    #[serde(serialize_with = "state_word")]
    run: State,
    stage: Stage,
    generation: i64,
    attempt: i64,
    #[serde(serialize_with = "time_or_null")]
    due_at: Option<Time>,
    campaign_id: uuid::Uuid,
    revision: i64,
    status: Status,
    outcome: Option<End>,
    reason_code: Option<&'a str>,
    reason: Option<&'a str>,
    carry: &'a Carry,
    error_fingerprint: Option<&'a str>,
    #[serde(serialize_with = "time")]
    at: Time,
    #[serde(serialize_with = "time_or_null")]
    finished_at: Option<Time>,
}

fn submission_row(close: &Close) -> SubmissionRow<'_> {
    let place = &close.place;
    SubmissionRow {
        workspace_id: close.workspace.0,
        id: close.submission.0,
        expected: close.expected,
        run: place.state,
        stage: place.stage,
        generation: place.generation,
        attempt: place.attempt,
        due_at: place.due_at,
        campaign_id: place.campaign.0,
        revision: place.revision,
        status: shown(close),
        outcome: place.end,
        reason_code: place.reason.as_ref().map(|(code, _)| code.as_ref()),
        reason: place.reason.as_ref().map(|(_, text)| text.as_str()),
        carry: &place.carry,
        error_fingerprint: place.error_fingerprint.as_deref(),
        at: close.at,
        finished_at: (place.state == State::Finished).then_some(close.at),
    }
}

/// The word that outsiders see.
fn shown(close: &Close) -> Status {
    close.shown.unwrap_or_else(|| Status::of(close.place.state, close.place.end))
}

/// Moves the submissions that are still where the closes expect them.
async fn submissions(tx: &mut Tx, closes: &[Close]) -> Result<HashSet<SubmissionId>, StoreError> {
    let rows: Vec<SubmissionRow> = closes.iter().map(submission_row).collect();
    let moved: Vec<(SubmissionId,)> = tx
        .ex()
        .sql(
            "UPDATE submission SET run = r.run, stage = r.stage, generation = r.generation, attempt = r.attempt,
                due_at = r.due_at, campaign_id = r.campaign_id, revision = r.revision, status = r.status,
                outcome = r.outcome, reason_code = r.reason_code, reason = r.reason, carry = r.carry,
                error_fingerprint = r.error_fingerprint, updated_at = r.at, finished_at = r.finished_at
             FROM ROWS($1: workspace_id uuid, id uuid, expected bigint, run text, stage text, generation bigint,
                attempt bigint, due_at timestamptz, campaign_id uuid, revision bigint, status text, outcome text,
                reason_code text, reason text, carry jsonb, error_fingerprint text, at timestamptz,
                finished_at timestamptz) r
             WHERE submission.id = r.id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.generation = r.expected
             RETURNING submission.id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(moved.into_iter().map(|(id,)| id).collect())
}

#[derive(Serialize)]
struct EventRow<'a> {
    workspace_id: uuid::Uuid,
    submission_id: uuid::Uuid,
    generation: i64,
    stage: &'a str,
    verdict: &'a str,
    reason_code: &'a str,
    reason: &'a str,
    attempt: i64,
    details: Option<&'a Value>,
    duration_us: i64,
    #[serde(serialize_with = "time")]
    at: Time,
}

async fn events(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let rows: Vec<EventRow> = closes
        .iter()
        .flat_map(|close| {
            close.events.iter().map(|event| EventRow {
                workspace_id: close.workspace.0,
                submission_id: close.submission.0,
                generation: event.generation,
                stage: event.stage,
                verdict: event.verdict,
                reason_code: &event.reason_code,
                reason: &event.reason,
                attempt: event.attempt,
                details: event.details.as_ref(),
                duration_us: event.duration_us,
                at: event.at,
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, details, duration_us, at)
             SELECT r.workspace_id, r.submission_id, r.generation, r.stage, r.verdict, r.reason_code, r.reason,
                r.attempt, r.details, r.duration_us, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, stage text, verdict text,
                reason_code text, reason text, attempt bigint, details jsonb, duration_us bigint, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
