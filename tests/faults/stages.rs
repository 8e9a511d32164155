//! F4: a worker dies at each stage's boundaries. Whatever it had in hand, the lead goes on under the next worker and is posted under
//! one key.
use crate::{
    oracle::{self, Submission},
    phones::KEYS,
    sender::{Sender, Sent},
    sink::Mode,
    wait::wait_for,
    world::World,
};
use shared::{clock::Clock, store::sweeps, submission::Stage, testing::Process};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(60);

/// An installation whose only workers are those that a case starts.
pub struct Theatre {
    pub world: World,
    pub sender: Sender,
    _others: [Process; 2],
}

impl Theatre {
    pub async fn open(idempotent: bool) -> Self {
        let mut world = World::new().await;
        world.set("LEADRAIL_LEASE_SECONDS", "1");
        world.set("LEADRAIL_SECRET_KEYS", KEYS);
        let others = [world.api().await, world.scheduler().await];
        let sender = world.sender_with_fallback(idempotent).await;
        Self { world, sender, _others: others }
    }

    /// A worker that dies at the point, for a lead of that name.
    pub async fn doomed(&self, point: &str, name: &str) -> Process {
        let failpoint = format!("{point}@{name}.");
        self.world.worker_with(&[("LEADRAIL_FAILPOINT", &failpoint)]).await
    }

    async fn pause(&self, stage: Stage) {
        let (lane, reason) = (stage.name().to_owned(), "the curtain is down".to_owned());
        let (paused_by, paused_at) = ("the test".to_owned(), Clock::system().now());
        let pause = sweeps::PausedLane { lane, reason, paused_by, paused_at };
        sweeps::pause_lane(&self.world.db, self.world.workspace().await, &pause).await.unwrap();
    }

    async fn resume(&self, stage: Stage) {
        assert!(
            sweeps::resume_lane(
                &self.world.db,
                self.world.workspace().await,
                stage.name(),
                Clock::system().now()
            )
            .await
            .unwrap()
        );
    }

    /// Waits until the lead's job waits for a stage.
    async fn waits_at(&self, sent: &Sent, stage: Stage) {
        wait_for(&format!("{} at {stage}", sent.email), SOON, async || {
            let submission = oracle::of_lead(&self.world, &sent.email).await?;
            (submission.run == "ready" && submission.stage == stage.name()).then_some(())
        })
        .await;
    }

    /// The death of a worker that takes the job of `stage` from the queue. Before that, a healthy worker brings the lead there.
    pub async fn die_in_hand(&self, stage: Stage, point: &str) -> Sent {
        let name = point.replace('.', "-");
        self.pause(stage).await;
        let healthy = self.world.worker().await;
        let sent = self.sender.send_called(&name).await;
        self.waits_at(&sent, stage).await;
        leave(healthy).await;
        self.resume(stage).await;
        died_at(&mut self.doomed(point, &name).await, point).await;
        sent
    }

    /// The death of a worker on its way from the door to delivery.
    async fn die_on_the_way(&self, point: &str) -> Sent {
        let name = point.replace('.', "-");
        let mut doomed = self.doomed(point, &name).await;
        let sent = self.sender.send_called(&name).await;
        died_at(&mut doomed, point).await;
        sent
    }

    /// The death of a worker that hands the job over to the paused lane of `stage`.
    async fn die_handing_over(&self, stage: Stage, point: &str) -> Sent {
        self.pause(stage).await;
        let sent = self.die_on_the_way(point).await;
        self.resume(stage).await;
        sent
    }

    /// Waits until a healthy worker has brought the lead to rest; returns its newest submission.
    pub async fn recover(&self, sent: &Sent) -> Submission {
        let healthy = self.world.worker().await;
        let came_to = wait_for(&format!("{} at rest", sent.email), SOON, async || {
            let all = self.world.ask(oracle::submissions).await;
            let mut own = all.into_iter().filter(|one| one.email == sent.email);
            let moving = own.clone().any(|one| one.run == "ready");
            own.next_back().filter(|_| !moving)
        })
        .await;
        leave(healthy).await;
        came_to
    }

    /// The lead is sold, and was posted `posts` times, under one key at each endpoint.
    async fn is_sold(&self, sent: &Sent, posts: usize) {
        let end = self.recover(sent).await;
        assert!(end.is_accepted(), "{end:?}");
        let seen = self.world.sink.about(&sent.email);
        assert_eq!(seen.len(), posts, "{seen:#?}");
    }
}

/// A worker that is told to stop ends well.
pub async fn leave(mut worker: Process) {
    worker.sigterm();
    let status = worker.wait_exit(SOON).await;
    assert!(status.success(), "{status}");
}

/// Waits until a process has died at a failpoint.
pub async fn died_at(process: &mut Process, point: &str) {
    let status = process.wait_exit(SOON).await;
    let log = process.log();
    assert!(!status.success() && log.contains(&format!("failpoint {point} reached")), "{log}");
}

/// The stages before delivery: what happens there is repeated without anybody noticing.
fn before_delivery() -> impl Iterator<Item = Stage> {
    Stage::ALL.into_iter().filter(|stage| *stage < Stage::Delivery)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_with_a_stage_job_in_hand_loses_no_lead() {
    let theatre = Theatre::open(false).await;
    for stage in before_delivery().chain([Stage::Delivery]) {
        let sent = theatre.die_in_hand(stage, &format!("{stage}.claimed")).await;
        theatre.is_sold(&sent, 1).await;
    }
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_between_a_verdict_and_its_record_loses_no_lead() {
    let theatre = Theatre::open(false).await;
    for stage in before_delivery() {
        let sent = theatre.die_on_the_way(&format!("{stage}.decided")).await;
        theatre.is_sold(&sent, 1).await;
    }
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_before_it_records_a_stage_loses_no_lead() {
    let theatre = Theatre::open(false).await;
    // Routing is where the journey begins: no other stage is recorded at it.
    for stage in before_delivery().skip(1) {
        let sent = theatre.die_handing_over(stage, &format!("{stage}.before_record")).await;
        theatre.is_sold(&sent, 1).await;
    }
    let sent = theatre.die_on_the_way("delivery.before_record").await;
    theatre.is_sold(&sent, 1).await;
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_between_a_record_and_the_next_push_loses_no_lead() {
    let theatre = Theatre::open(false).await;
    for stage in before_delivery().skip(1) {
        let sent = theatre.die_handing_over(stage, &format!("{stage}.recorded")).await;
        theatre.is_sold(&sent, 1).await;
    }
    let sent = theatre.die_on_the_way("delivery.recorded").await;
    theatre.is_sold(&sent, 1).await;
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_during_fallback_opens_one_fallback_submission() {
    let theatre = Theatre::open(true).await;
    theatre.world.sink.turn(Mode::Reject);
    let in_hand = theatre.die_in_hand(Stage::Fallback, "fallback.claimed").await;
    theatre.is_sold(&in_hand, 2).await;
    // These die in the worker that has just been refused: the buyer is asked again under the same key.
    for point in ["fallback.decided", "fallback.before_record"] {
        let sent = theatre.die_on_the_way(point).await;
        theatre.is_sold(&sent, 3).await;
    }
    let sent = theatre.die_on_the_way("fallback.recorded").await;
    theatre.is_sold(&sent, 2).await;
    let tally = oracle::judge(&theatre.world, &theatre.sender, SOON).await;
    assert_eq!((tally.accepted, tally.others.len()), (4, 4), "{tally:?}");
    assert!(tally.others.iter().all(|one| one.outcome.as_deref() == Some("rejected")));
}
