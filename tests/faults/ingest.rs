//! F1, F2, F3: the API dies before it commits a lead, after it, and before it rings the bell.
use crate::{
    oracle,
    stages::died_at,
    wait::{pause, wait_for},
    world::World,
};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const LEADS: usize = 800;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_is_killed_again_and_again_under_load_loses_no_lead_and_makes_none_twice() {
    let world = World::new().await;
    let mut api = world.api().await;
    let _others = (world.worker().await, world.scheduler().await);
    let sender = world.sender(false).await;
    let load = tokio::spawn(sender.clone().load(100, LEADS));
    let mut kills = 0;
    while !load.is_finished() {
        pause(Duration::from_millis(1_500)).await;
        api.kill9();
        kills += 1;
        api = world.api().await;
    }
    load.await.unwrap();
    let unanswered = sender.unanswered().len();
    assert!(kills >= 3, "killed {kills} times only");
    assert!(unanswered > 0, "no kill came between a lead and its answer");
    sender.insist(SOON).await;
    oracle::judge(&world, &sender, SOON).await.all_sold(LEADS);
    println!("{kills} kills, {unanswered} of {LEADS} leads were not answered at once");
}

/// Sends a lead to an API that dies at the point, and again to a healthy one.
async fn dies_once_at(point: &str) {
    let world = World::new().await;
    let _others = (world.worker().await, world.scheduler().await);
    let mut doomed = world.api().await;
    let sender = world.sender(false).await;
    doomed.sigterm();
    doomed.wait_exit(SOON).await;
    let mut doomed = world.api_with(&[("LEADRAIL_FAILPOINT", &format!("{point}@poison"))]).await;
    let healthy = sender.send().await;
    assert!(healthy.answer.is_ok(), "{healthy:?}");
    let unlucky = sender.send_called("poison").await;
    assert!(unlucky.answer.is_err(), "it died before it answered: {unlucky:?}");
    died_at(&mut doomed, point).await;
    let kept_before = oracle::of_lead(&world, &unlucky.email).await;
    assert_eq!(kept_before.is_some(), point != "ingest.before_commit", "{kept_before:?}");
    if kept_before.is_some() {
        // Nobody asks again, and still the lead goes its way.
        wait_for("the unanswered lead's sale", SOON, async || {
            oracle::of_lead(&world, &unlucky.email).await.filter(oracle::Submission::is_accepted)
        })
        .await;
    }
    let _api = world.api().await;
    sender.insist(SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(2);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    if let Some(kept) = kept_before {
        let told = sender.sent()[1].receipt();
        assert_eq!((told.lead, told.submission), (kept.lead, kept.id), "the first answer again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_an_api_that_dies_before_the_commit_leaves_nothing_and_a_repeat_makes_one_lead() {
    dies_once_at("ingest.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_an_api_that_dies_before_its_reply_has_kept_the_lead_and_a_repeat_gets_its_receipt() {
    dies_once_at("ingest.before_reply").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_a_lead_whose_push_died_with_the_api_is_found_by_the_due_sweep() {
    dies_once_at("ingest.before_push").await;
}
