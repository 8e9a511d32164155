//! F4 for webhooks that are told what happened: a worker dies while it posts a message. It is posted again, under the same id.
use crate::{
    desk::config,
    moving::Listener,
    oracle,
    sender::Sender,
    stages::{SOON, Theatre, died_at, leave},
    wait::wait_for,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_while_it_tells_a_webhook_tells_it_again_under_the_same_id() {
    let mut theatre = Theatre::open(false).await;
    let listener = Listener::start().await;
    let campaign = config(&theatre.world.sink, "first", false, &[]);
    let campaign = theatre.world.desk.campaign("told", campaign).await;
    theatre.sender = Sender::new(&theatre.world.desk, &campaign, false);
    let hook = json!({"name": "all", "url": format!("http://{}/", listener.address), "events": ["lead.processed"], "timeoutSeconds": 1});
    theatre.world.desk.post("/webhooks", &hook).await.unwrap();
    for (nth, (point, told_before)) in
        [("webhooks.before_call", 0), ("webhooks.after_call", 1)].into_iter().enumerate()
    {
        let (_, posts) = listener.heard();
        let name = point.replace(['.', '_'], "-");
        let mut doomed = theatre.doomed(point, &name).await;
        let sent = theatre.sender.send_called(&name).await;
        died_at(&mut doomed, point).await;
        assert_eq!(listener.heard().1, posts + told_before, "{point}");
        // As if a minute had passed: what the dead worker had in hand is given to another.
        let text = "UPDATE webhook_message SET due_at = at WHERE state = 'waiting' AND attempt > 0";
        let lost = theatre.world.ask(async |db| db.write().sql(text).run().await).await;
        assert_eq!(lost, 1, "{point}");
        let healthy = theatre.world.worker().await;
        wait_for("the message", SOON, async || {
            let text = "SELECT COUNT(*) FROM webhook_message WHERE state = 'done'";
            let done: i64 = theatre.world.ask(async |db| db.read().sql(text).scalar().await).await;
            (done == nth as i64 + 1).then_some(())
        })
        .await;
        let (by_id, after) = listener.heard();
        assert_eq!((by_id.len(), after), (nth + 1, posts + told_before + 1), "{point}");
        let own: Vec<Value> = by_id
            .values()
            .flatten()
            .map(|body| serde_json::from_str(body).unwrap())
            .filter(|body: &Value| body["data"]["email"] == json!(sent.email))
            .collect();
        assert_eq!(own.len(), 1, "{point}: one body under one id: {own:?}");
        leave(healthy).await;
    }
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(2);
}
