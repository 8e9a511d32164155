//! F4 for webhooks that begin a wait: a worker dies while it posts one. It is posted again, recognisably, and whoever was told first may
//! still answer.
use crate::{
    desk::config,
    oracle,
    sender::Sender,
    stages::{SOON, Theatre, died_at, leave},
    wait::wait_for,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_worker_that_dies_while_it_tells_the_outside_tells_it_again() {
    let mut theatre = Theatre::open(false).await;
    let world = &theatre.world;
    let mut waiting = config(&world.sink, "first", false, &[]);
    waiting["firstAction"] = json!({
        "kind": "webhook",
        "url": format!("http://{}/hook", world.sink.address),
        "deadlineMinutes": 600,
        "webhook": {"retries": 0, "timeoutSeconds": 1},
    });
    let campaign = world.desk.campaign("waiting", waiting).await;
    theatre.sender = Sender::new(&world.desk, &campaign, false);
    for (point, told_before) in
        [("action_webhook.before_call", 0), ("action_webhook.after_call", 1)]
    {
        let name = point.replace(['.', '_'], "-");
        let mut doomed = theatre.doomed(point, &name).await;
        let sent = theatre.sender.send_called(&name).await;
        died_at(&mut doomed, point).await;
        let hooks = || {
            let all = theatre.world.sink.told();
            all.into_iter()
                .filter(|hook| hook["lead"]["email"] == json!(sent.email))
                .collect::<Vec<_>>()
        };
        assert_eq!(hooks().len(), told_before, "{point}");
        let healthy = theatre.world.worker().await;
        let told = wait_for("the post", SOON, async || {
            let all = hooks();
            (all.len() > told_before).then_some(all)
        })
        .await;
        assert_eq!(told.last().unwrap()["attempt"], 2, "{point}");
        assert_eq!(told.len(), told_before + 1, "{point}");
        // Whoever was told first answers: the lead goes on, and the second token changes nothing.
        for (nth, hook) in told.iter().enumerate() {
            let url = hook["resumeUrl"].as_str().unwrap();
            let token = url.rsplit('/').next().unwrap();
            let answer = theatre.world.desk.resume(token).await;
            assert_eq!(answer["data"]["repeated"], json!(nth > 0), "{point}: {answer}");
        }
        wait_for("the sale", SOON, async || {
            let submission = oracle::of_lead(&theatre.world, &sent.email).await?;
            submission.is_accepted().then_some(())
        })
        .await;
        leave(healthy).await;
    }
    oracle::judge(&theatre.world, &theatre.sender, SOON).await.all_sold(2);
}
