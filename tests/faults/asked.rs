//! F4 for questions to buyers: a worker dies with the buyer's word in hand. The question comes again, and the lead is settled once.
use crate::{
    desk::config,
    oracle,
    sender::Sender,
    stages::{SOON, Theatre, died_at, leave},
    wait::wait_for,
};
use serde_json::json;
use shared::submission::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_with_the_buyers_word_in_hand_settles_the_lead_once() {
    let mut theatre = Theatre::open(false).await;
    let world = &theatre.world;
    let mut askable = config(&world.sink, "first", false, &[]);
    askable["endpoints"][0]["statusQuery"] = json!({
        "url": format!("http://{}/status/{{idempotencyKey}}", world.sink.address),
        "afterSeconds": 1,
        "everySeconds": 1,
        "response": {"rules": [
            {"outcome": "accepted", "when": {"jsonPath": {"path": "$.state", "equals": "sold"}}},
        ]},
    });
    let campaign = world.desk.campaign("askable", askable).await;
    theatre.sender = Sender::new(&world.desk, &campaign, false);
    for point in ["status_query.before_call", "status_query.after_call"] {
        // The post arrived, and its worker died: the next one holds the lead, and asks.
        let sent = theatre.die_in_hand(Stage::Delivery, "delivery.after_call").await;
        let mut doomed = theatre.doomed(point, "delivery-after_call").await;
        died_at(&mut doomed, point).await;
        let held = oracle::of_lead(&theatre.world, &sent.email).await.unwrap();
        assert_eq!(held.run, "held", "{point}: {held:?}");
        let healthy = theatre.world.worker().await;
        wait_for("the buyer's word", SOON, async || {
            let submission = oracle::of_lead(&theatre.world, &sent.email).await?;
            submission.is_accepted().then_some(())
        })
        .await;
        leave(healthy).await;
    }
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(2);
}
