//! F10: PostgreSQL goes away under load and comes back.
use crate::{
    desk::Unanswered,
    oracle,
    sink::Mode,
    wait::{pause, wait_for},
    world::World,
};
use shared::testing::{Cluster, StopMode};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(40);

/// Stops the database twice in the middle of a load, each time until someone has noticed.
async fn goes_away(mode: StopMode, idempotent: bool) -> oracle::Tally {
    let mut cluster = Cluster::new().await;
    let world = World::with_postgres(&cluster.url()).await;
    let mut processes =
        [world.api().await, world.worker().await, world.worker().await, world.scheduler().await];
    let sender = world.sender(idempotent).await;
    let load = tokio::spawn(sender.clone().load(100, 800));
    for _ in 0..2 {
        pause(Duration::from_millis(1_500)).await;
        let before = sender.unanswered().len();
        cluster.stop(mode).await;
        wait_for("someone who notices", Duration::from_secs(10), async || {
            (sender.unanswered().len() > before).then_some(())
        })
        .await;
        cluster.start().await;
    }
    load.await.unwrap();
    for why in sender.unanswered() {
        let honest = matches!(why, Unanswered::Status(503, _));
        assert!(honest, "while the database is away the answer is 503, not {why:?}");
    }
    let refused = sender.unanswered().len();
    sender.insist(SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    assert_eq!(tally.failed.len() + tally.others.len(), 0, "{tally:?}");
    assert_eq!(tally.accepted + tally.held.len(), 800, "{tally:?}");
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
    println!("{refused} of 800 were answered with 503, {} are held", tally.held.len());
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_postgresql_that_is_restarted_under_load_costs_no_lead() {
    goes_away(StopMode::Fast, true).await.all_sold(800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_postgresql_that_is_cut_off_under_load_costs_no_lead() {
    goes_away(StopMode::Immediate, true).await.all_sold(800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_a_buyer_that_does_not_recognise_repeats_is_asked_once_when_postgresql_goes_away() {
    let tally = goes_away(StopMode::Immediate, false).await;
    assert_eq!(tally.repeats, 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_an_answer_that_comes_while_postgresql_is_away_is_kept_until_it_is_back() {
    let mut cluster = Cluster::new().await;
    let world = World::with_postgres(&cluster.url()).await;
    let _processes = (world.api().await, world.worker().await, world.scheduler().await);
    let sender = world.sender(false).await;
    world.sink.turn(Mode::Hold);
    let leads = 20;
    sender.clone().load(50, leads).await;
    wait_for("all posts", SOON, async || (world.sink.seen().len() == leads).then_some(())).await;
    cluster.stop(StopMode::Fast).await;
    world.sink.release();
    // The answers are under way at once; what is worth testing is that nobody can write them down.
    pause(Duration::from_secs(2)).await;
    cluster.start().await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(leads);
    assert_eq!(tally.requests, leads, "each was posted once");
}
