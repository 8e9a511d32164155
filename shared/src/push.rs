//! Ringing the bell after a commit: pushes are collected, sent together, and lost without harm when the queue is away.
use crate::{
    ids::SubmissionId,
    queue::{Job, Lane, Queue},
    submission::Stage,
};
use std::{collections::HashMap, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};

/// Pushes that may wait; more are dropped, and the due sweep makes them up.
const WAITING: usize = 50_000;
/// Pushes sent together, at most.
const MOST: usize = 1_000;
/// Jobs in a lane above which nothing more is pushed: the queue has enough to do, and the due sweep tops it up from the database.
pub const DEPTH_MAX: u64 = 50_000;

/// The lane of questions about held deliveries. Its jobs are named by the held submission and its generation.
pub const STATUS_QUERIES: Lane = Lane::new("status_query");

/// The lane of calls and threads of texts. Its jobs are named by the interaction; their number only tells one ring of the bell from
/// another.
pub const OUTREACH: Lane = Lane::new("outreach");

/// The lane of webhooks that begin a wait. Its jobs are named by the parked submission and its generation.
pub const ACTION_WEBHOOKS: Lane = Lane::new("action_webhook");

/// The lane of builds of segments. Its jobs are named by the segment and its generation.
pub const SEGMENTS: Lane = Lane::new("segments");

/// The lane of what firings want of the outside. Its jobs are named by the row and the attempts that were made.
pub const AUTOMATION: Lane = Lane::new("automation");

/// The lane of imports and of leads that are submitted many at once. Its jobs are named by the row and its generation.
pub const IMPORTS: Lane = Lane::new("imports");
pub const LEAD_PROCESSES: Lane = Lane::new("lead_processes");

/// The lane of messages to webhooks. Its jobs are named by the message and the attempts that were made.
pub const WEBHOOKS: Lane = Lane::new("webhooks");

/// The lane of a stage's jobs.
pub const fn lane(stage: Stage) -> Lane {
    match stage {
        Stage::Routing => Lane::new("routing"),
        Stage::FirstAction => Lane::new("first_action"),
        Stage::Disqualification => Lane::new("disqualification"),
        Stage::DynamicKeys => Lane::new("dynamic_keys"),
        Stage::RequiredFields => Lane::new("required_fields"),
        Stage::FieldQualification => Lane::new("field_qualification"),
        Stage::Payload => Lane::new("payload"),
        Stage::Delivery => Lane::new("delivery"),
        Stage::Fallback => Lane::new("fallback"),
    }
}

/// Pushes stage jobs in the background. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pusher(mpsc::Sender<(Lane, Job, Duration)>);

impl Pusher {
    pub fn start(queue: Queue) -> Self {
        Self::start_for_a_while(queue).0
    }

    /// The same, and a handle that ends when every clone of the pusher is gone and all is pushed: for a process that is about to end.
    pub fn start_for_a_while(queue: Queue) -> (Self, JoinHandle<()>) {
        let (sender, mut pushes) = mpsc::channel(WAITING);
        let sending = tokio::spawn(async move {
            let mut batch = Vec::new();
            let mut full = HashMap::new();
            while pushes.recv_many(&mut batch, MOST).await > 0 {
                send(&queue, &mut batch, &mut full).await;
            }
        });
        (Self(sender), sending)
    }

    /// Pushes the job of a committed submission. A push that is lost is made up by the due sweep.
    pub fn push(&self, stage: Stage, submission: SubmissionId, generation: i64) {
        self.push_later(stage, submission, generation, Duration::ZERO);
    }

    /// The same, for a job that is due after `pause`.
    pub fn push_later(
        &self,
        stage: Stage,
        submission: SubmissionId,
        generation: i64,
        pause: Duration,
    ) {
        self.ring(lane(stage), Job { id: submission.0, generation }, pause);
    }

    /// Pushes a job that is due after `pause` to a lane of another kind; lost ones are made up by that lane's sweep.
    pub fn ring(&self, lane: Lane, job: Job, pause: Duration) {
        if self.0.try_send((lane, job, pause)).is_err() {
            tracing::debug!(%lane, id = %job.id, "a push was dropped; a sweep makes it up");
        }
    }
}

async fn send(
    queue: &Queue,
    batch: &mut Vec<(Lane, Job, Duration)>,
    full: &mut HashMap<Lane, bool>,
) {
    let mut lanes: HashMap<Lane, Vec<(Job, Duration)>> = HashMap::new();
    for (lane, job, pause) in batch.drain(..) {
        lanes.entry(lane).or_default().push((job, pause));
    }
    for (lane, mut jobs) in lanes {
        if full.get(&lane).copied().unwrap_or(false) {
            jobs.truncate(1); // one push keeps asking for the depth
        }
        match queue.push(lane, &jobs).await {
            Ok(pushed) => {
                full.insert(lane, pushed.depth > DEPTH_MAX);
            }
            Err(error) => {
                tracing::warn!(%lane, jobs = jobs.len(), %error, "pushes are lost; the due sweep makes them up");
            }
        }
    }
}
