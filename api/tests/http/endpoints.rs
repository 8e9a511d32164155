//! A campaign's endpoints: how they are, and their breakers by hand.
use crate::support::{World, add_key, world};
use serde_json::{Value, json};

fn config() -> Value {
    json!({"endpoints": [
        {"id": "one", "name": "SunPeak", "url": "https://one.example.com/leads", "response": {},
         "limits": {"concurrency": 4, "perMinute": 60}},
        {"id": "two", "name": "BrightHome", "url": "https://two.example.com/leads", "response": {},
         "breaker": {"failures": 3, "openSeconds": 120, "whenOpen": "next"}},
    ]})
}

async fn post(world: &World, campaign: &str, rest: &str, body: Value) -> crate::support::Answer {
    world.post(&format!("/api/v1/campaigns/{campaign}/endpoints/{rest}"), body).await
}

#[tokio::test]
async fn endpoints_are_shown_with_their_limits_and_how_they_are() {
    let world = world().await;
    let campaign = world.campaign("SOL", config()).await;
    let list = world.get(&format!("/api/v1/campaigns/{campaign}/endpoints")).await;
    let items = &list.json["data"]["items"];
    let ids: Vec<&Value> = items.as_array().unwrap().iter().map(|one| &one["endpointId"]).collect();
    assert_eq!(ids, ["one", "two"]);
    assert_eq!(items[0]["limits"], json!({"concurrency": 4, "perMinute": 60}));
    assert_eq!(
        items[1]["policy"],
        json!({"enabled": true, "failures": 3, "rejects": 50, "openSeconds": 120, "whenOpen": "next"})
    );
    assert_eq!(
        items[0]["breaker"],
        json!({"phase": "closed", "failures": 0, "cause": null, "openings": 0, "since": null,
            "nextProbeAt": null, "lastError": null, "lastErrorAt": null})
    );
}

#[tokio::test]
async fn a_breaker_is_opened_for_a_time_and_closed_and_both_are_told() {
    let world = world().await;
    let campaign = world.campaign("SOL", config()).await;
    let down = json!({"reason": "they are down", "seconds": 3600});
    let opened = post(&world, &campaign, "one/breaker/open", down).await;
    let breaker = &opened.json["data"]["breaker"];
    assert_eq!((&breaker["phase"], &breaker["cause"]), (&json!("open"), &json!("hand")));
    assert_eq!(breaker["nextProbeAt"], "2026-11-21T13:00:00Z");
    let default = post(&world, &campaign, "two/breaker/open", json!({"reason": "x"})).await;
    assert_eq!(default.json["data"]["breaker"]["nextProbeAt"], "2026-11-21T12:02:00Z");
    for _ in 0..2 {
        let closed = post(&world, &campaign, "one/breaker/reset", json!({})).await;
        assert_eq!(closed.json["data"]["breaker"]["phase"], "closed");
    }
    let notices = world.get("/api/v1/notices").await;
    let kinds: Vec<&Value> =
        notices.json["data"]["items"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["breaker_closed", "breaker_opened", "breaker_opened"]);
    let list = world.get(&format!("/api/v1/campaigns/{campaign}/endpoints")).await;
    assert_eq!(
        list.json["data"]["items"][1]["breaker"]["phase"], "open",
        "the other one stays open"
    );
}

#[tokio::test]
async fn closing_it_makes_those_due_that_wait_for_it_and_no_others() {
    let world = world().await;
    let campaign = world.campaign("SOL", config()).await;
    let waiting = world.submitted("SOL", "a@example.com", "4155550100").await;
    let other = world.submitted("SOL", "b@example.com", "4155550101").await;
    let due = world.clock.now() + chrono::Duration::hours(1);
    world.put_due(&waiting, "breaker_open", due).await;
    world.put_due(&other, "not_taken", due).await;
    post(&world, &campaign, "one/breaker/reset", json!({})).await;
    assert_eq!(world.due_at(&waiting).await, Some(world.clock.now()));
    assert_eq!(world.due_at(&other).await, Some(due));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_refused() {
    let world = world().await;
    let campaign = world.campaign("SOL", config()).await;
    let reader =
        add_key(&world.db, world.workspace, &["campaigns:write", "campaigns:read"], None).await;
    let reason = json!({"reason": "x"});
    for (method, rest) in
        [("GET", ""), ("POST", "/one/breaker/open"), ("POST", "/one/breaker/reset")]
    {
        let url = format!("/api/v1/campaigns/{campaign}/endpoints{rest}");
        let theirs = world.ask_as(&world.stranger, method, &url).json(reason.clone()).send().await;
        assert_eq!((theirs.status, theirs.code()), (404, "NOT_FOUND"), "{method} {rest}");
        let refused = world.ask_as(&reader, method, &url).json(reason.clone()).send().await;
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{method} {rest}");
    }
    for rest in ["three/breaker/open", "three/breaker/reset", "%FF/breaker/reset"] {
        let answer = post(&world, &campaign, rest, reason.clone()).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{rest}");
    }
    assert_eq!(post(&world, "cmp_1", "one/breaker/reset", json!({})).await.status, 404);
    for (body, path) in [
        (json!({"reason": " "}), "reason"),
        (json!({}), ""),
        (json!({"reason": "x", "seconds": 0}), "seconds"),
        (json!({"reason": "x", "seconds": 604_801}), "seconds"),
        (json!({"reason": "x", "minutes": 1}), "minutes"),
    ] {
        let answer = post(&world, &campaign, "one/breaker/open", body.clone()).await;
        assert_eq!((answer.status, answer.code()), (422, "VALIDATION_ERROR"), "{body}");
        assert!(answer.refusal().contains(path), "{body}: {}", answer.refusal());
    }
    let list = world.get(&format!("/api/v1/campaigns/{campaign}/endpoints")).await;
    assert_eq!(list.json["data"]["items"][0]["breaker"]["phase"], "closed", "nothing was done");
}

#[tokio::test]
async fn a_campaign_with_wrong_limits_is_refused_with_every_place() {
    let world = world().await;
    let endpoint = json!({
        "id": "one", "name": "SunPeak", "url": "https://one.example.com/leads", "response": {},
        "limits": {"concurrency": 129, "perSecond": 0, "perMinute": 10_001},
        "breaker": {"failures": 0, "rejects": -1, "openSeconds": 1_801},
        "statusQuery": {
            "url": "https://one.example.com/{email}", "afterSeconds": 0, "everySeconds": 86_401, "tries": 101,
            "headers": {"host": "x"}, "response": {},
        },
    });
    let body = json!({"name": "x", "code": "BAD", "config": {"endpoints": [endpoint]}});
    let answer = world.post("/api/v1/campaigns", body).await;
    insta::assert_snapshot!(answer.refusal(), @r#"
    422 VALIDATION_ERROR: the request has 11 problems
      config.endpoints[0].limits.concurrency | must be 1 to 128
      config.endpoints[0].limits.perSecond | must be 1 to 1000
      config.endpoints[0].limits.perMinute | must be 1 to 10000
      config.endpoints[0].breaker.failures | must be 1 to 10000
      config.endpoints[0].breaker.rejects | must be 0 to 10000
      config.endpoints[0].breaker.openSeconds | must be 1 to 1800
      config.endpoints[0].statusQuery.url | does not know {email}; it may have {idempotencyKey}, {buyerLeadId}, {leadId}, {submissionId}
      config.endpoints[0].statusQuery.headers.host | is set by the delivery itself
      config.endpoints[0].statusQuery.afterSeconds | must be 1 to 86400
      config.endpoints[0].statusQuery.everySeconds | must be 1 to 86400
      config.endpoints[0].statusQuery.tries | must be 1 to 100
    "#);
}
