//! F4 at the one place where a crash leaves a question: around the exchange with the buyer.
use crate::{
    oracle,
    stages::{SOON, Theatre, leave},
};
use shared::submission::Stage;

/// Where a worker may die around the exchange, and how often the buyer has the post by then.
const POINTS: [(&str, usize); 4] = [
    ("delivery.before_call", 0),
    ("delivery.after_call", 1),
    ("delivery.decided", 1),
    ("delivery.before_record", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_buyer_that_recognises_repeats_gets_the_post_again_under_the_same_key() {
    let theatre = Theatre::open(true).await;
    for (point, posts) in POINTS.into_iter().chain([("delivery.recorded", 0)]) {
        let sent = theatre.die_in_hand(Stage::Delivery, point).await;
        let end = theatre.recover(&sent).await;
        assert!(end.is_accepted(), "{point}: {end:?}");
        let seen = theatre.world.sink.about(&sent.email);
        assert_eq!(seen.len(), posts + 1, "{point}: {seen:#?}");
    }
    let tally = oracle::judge(&theatre.world, &theatre.sender, SOON).await;
    tally.all_sold(POINTS.len() + 1);
    assert_eq!(tally.repeats, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_buyer_that_does_not_gets_one_post_and_a_person_settles_the_lead() {
    let theatre = Theatre::open(false).await;
    for (point, posts) in POINTS {
        let sent = theatre.die_in_hand(Stage::Delivery, point).await;
        let held = theatre.recover(&sent).await;
        assert_eq!(held.run, "held", "{point}: {held:?}");
        assert_eq!(theatre.world.sink.about(&sent.email).len(), posts, "{point}");
    }
    let recorded = theatre.die_in_hand(Stage::Delivery, "delivery.recorded").await;
    assert!(theatre.recover(&recorded).await.is_accepted());
    let tally = oracle::judge(&theatre.world, &theatre.sender, SOON).await;
    assert_eq!((tally.accepted, tally.held.len(), tally.repeats), (1, 4, 0), "{tally:?}");

    let (fine, listed) = theatre.world.command(&["jobs", "list", "--state", "held"]).await;
    assert!(fine, "{listed}");
    for held in &tally.held {
        let id = held.id.to_string();
        assert!(listed.contains(&id), "{listed}");
        let bought = !theatre.world.sink.about(&held.email).is_empty();
        let word = if bought { "sold" } else { "not-sold" };
        let (fine, said) = theatre.world.command(&["jobs", "settle", &id, word]).await;
        assert!(fine, "{said}");
    }
    let worker = theatre.world.worker().await;
    oracle::sold(&theatre.world, 5, SOON).await;
    let tally = oracle::judge(&theatre.world, &theatre.sender, SOON).await;
    leave(worker).await;
    // What was not sold went to the fallback, which took it.
    assert_eq!((tally.accepted, tally.others.len(), tally.repeats), (5, 1, 0), "{tally:?}");
}
