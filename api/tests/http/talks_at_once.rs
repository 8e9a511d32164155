//! Calls and texts that are asked for more than once, one after the other or at once: one effect.
use crate::{
    support::{Answer, World},
    talks::{CALL, SEND, at_ten, interactions, rings, stored},
};
use chrono::Duration;
use serde_json::{Value, json};

/// How many ask at once.
const AT_ONCE: usize = 32;

#[tokio::test]
async fn a_request_that_is_repeated_under_its_key_has_one_effect_whatever_has_happened_since() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    for (path, body) in
        [(SEND, json!({"leadId": lead, "message": "Hi"})), (CALL, json!({"leadId": lead}))]
    {
        let ask = |body: &Value| {
            world.ask("POST", path).header("idempotency-key", "k").json(body.clone()).send()
        };
        let first = ask(&body).await;
        assert_eq!((first.status, first.header("idempotent-replay")), (202, None), "{first:?}");
        let again = ask(&body).await;
        assert_eq!((again.status, again.header("idempotent-replay")), (202, Some("true")));
        assert_eq!(first.json, again.json);
        let mut other = body;
        other["agent"] = json!("nobody");
        assert_eq!(ask(&other).await.code(), "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!((interactions(&world, &lead).await.len(), rings(&world).await), (2, 2));
    world.clock.forward(Duration::hours(12));
    let body = json!({"leadId": lead, "message": "Hi"});
    let late = world.ask("POST", SEND).header("idempotency-key", "k").json(body).send().await;
    assert_eq!(late.status, 202, "the hour does not matter to what was done: {late:?}");
    let refused = json!({"leadId": lead, "message": "Good night"});
    let ask =
        || world.ask("POST", SEND).header("idempotency-key", "n").json(refused.clone()).send();
    assert_eq!(ask().await.status, 409);
    world.clock.forward(Duration::hours(12));
    assert_eq!(ask().await.status, 202, "a refused request does not use its key up");
}

async fn at_once(world: &World, path: &'static str, body: Value) -> Vec<Answer> {
    let asks: Vec<_> = (0..AT_ONCE)
        .map(|_| tokio::spawn(world.ask("POST", path).json(body.clone()).send()))
        .collect();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sends_at_once_open_one_thread() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let answers = at_once(&world, SEND, json!({"leadId": lead, "message": "Hi"})).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    let known = interactions(&world, &lead).await;
    assert_eq!((known.len(), &known[0]["sms"]["messages"]), (1, &json!(AT_ONCE)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_make_one() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let answers = at_once(&world, CALL, json!({"leadId": lead})).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 202).collect();
    let [made] = made.as_slice() else { panic!("{answers:?}") };
    let id = json!(made.data("interactionId"));
    for refused in answers.iter().filter(|answer| answer.status != 202) {
        let detail = &refused.json["error"]["details"][0];
        assert_eq!((refused.status, &detail["message"]), (409, &id), "{refused:?}");
    }
    let known = interactions(&world, &lead).await;
    assert_eq!((known.len(), &known[0]["interactionId"]), (1, &id));
}
