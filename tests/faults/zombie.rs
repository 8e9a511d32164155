//! F5: a worker is frozen past its lease with a delivery in hand, another takes over, and then the first one wakes up.
use crate::{
    oracle::{self, Submission, Tally},
    sink::Mode,
    wait::wait_for,
    world::World,
};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// How things stand before the frozen worker wakes up, and after it has found that another took over.
struct Standing {
    before: Tally,
    after: Tally,
}

async fn frozen_past_its_lease(idempotent: bool) -> Standing {
    let world = World::new().await;
    let _others = (world.api().await, world.scheduler().await);
    let sender = world.sender(idempotent).await;
    world.sink.turn(Mode::Hold);
    let mut frozen = world.worker().await;
    let sent = sender.send().await;
    wait_for("the first post", SOON, async || {
        (world.sink.about(&sent.email).len() == 1).then_some(())
    })
    .await;
    frozen.sigstop();
    world.sink.release();
    let _second = world.worker().await;
    wait_for("the takeover", SOON, async || {
        let submission: Submission = oracle::of_lead(&world, &sent.email).await?;
        (submission.run != "ready").then_some(())
    })
    .await;
    let before = oracle::judge(&world, &sender, SOON).await;
    frozen.sigcont();
    frozen.wait_for_line("someone else was faster", SOON).await;
    oracle::sold(&world, 1, SOON).await;
    let after = oracle::judge(&world, &sender, SOON).await;
    Standing { before, after }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_a_buyer_that_recognises_repeats_is_asked_again_and_the_late_answer_is_fenced() {
    let Standing { before, after } = frozen_past_its_lease(true).await;
    before.all_sold(1);
    after.all_sold(1);
    assert_eq!((after.requests, after.repeats), (2, 1), "one key, posted by both workers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_a_buyer_that_does_not_is_asked_once_and_its_late_answer_settles_the_held_lead() {
    let Standing { before, after } = frozen_past_its_lease(false).await;
    assert_eq!((before.accepted, before.held.len()), (0, 1), "{before:?}");
    after.all_sold(1);
    assert_eq!(after.requests, 1, "posted by the first worker only");
}
