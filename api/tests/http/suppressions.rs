//! Suppressions over HTTP: kept by hash, lifted by channel, and the workspace's own.
use crate::support::{World, world};
use serde_json::{Value, json};
use shared::store::{
    secrets::Secrets,
    suppressions::{self, Person},
};

const PATH: &str = "/api/v1/suppressions";

async fn ask(world: &World, method: &str, path: &str, body: Value) -> Value {
    let answer = world.ask(method, path).json(body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"]["suppressed"].clone()
}

#[tokio::test]
async fn a_number_is_suppressed_checked_and_lifted() {
    let world = world().await;
    let check = async || {
        ask(&world, "POST", &format!("{PATH}/check"), json!({"phone": "+14155550100"})).await
    };
    assert_eq!(check().await, json!([]));
    let sms = json!({"phone": "(415) 555-0100", "channel": "sms"});
    for _ in 0..2 {
        assert_eq!(
            ask(&world, "POST", PATH, sms.clone()).await,
            json!(["sms"]),
            "repeating it changes nothing"
        );
    }
    assert_eq!(check().await, json!(["sms"]));
    let all = json!({"phone": "+1 415 555 0100", "reason": "a letter"});
    assert_eq!(ask(&world, "POST", PATH, all).await, json!(["all", "sms"]));
    assert_eq!(ask(&world, "DELETE", PATH, sms.clone()).await, json!(["all"]));
    assert_eq!(ask(&world, "POST", PATH, sms).await, json!(["all", "sms"]));
    for _ in 0..2 {
        let lifted = ask(&world, "DELETE", PATH, json!({"phone": "4155550100"})).await;
        assert_eq!(lifted, json!([]), "all is everything");
    }
    assert_eq!(check().await, json!([]));
}

#[tokio::test]
async fn it_is_known_who_said_so_and_not_of_whom() {
    let world = world().await;
    ask(&world, "POST", PATH, json!({"phone": "+14155550100", "channel": "voice"})).await;
    let secrets: Secrets = world.api().secrets;
    let hash =
        secrets.person_hash(world.workspace, "+14155550100", world.clock.now()).await.unwrap();
    let person = Person { workspace: world.workspace, hash: &hash };
    let found = suppressions::find(&world.db, person).await.unwrap();
    assert_eq!((found.len(), found[0].reason.as_str()), (1, "manual"));
    assert_eq!(found[0].source, "key test admin installation");
    assert!(!format!("{found:?} {hash}").contains("4155550100"));
    let stranger = world.ask_as(&world.stranger, "POST", &format!("{PATH}/check"));
    let answer = stranger.json(json!({"phone": "+14155550100"})).send().await;
    assert_eq!(answer.json["data"]["suppressed"], json!([]), "another workspace's is its own");
}

#[tokio::test]
async fn what_is_no_number_and_no_reason_is_refused() {
    let world = world().await;
    let body = json!({"phone": "12", "reason": "x".repeat(201)});
    let refused = world.ask("POST", PATH).json(body).send().await;
    insta::assert_snapshot!(refused.refusal(), @r"
    422 VALIDATION_ERROR: the request has 2 problems
      phone | has 2 digits; at least 10 are needed
      reason | has more than 200 characters
    ");
    for (method, path, body) in [
        ("POST", PATH.to_owned(), json!({"phone": "+14155550100", "channel": "mail"})),
        ("POST", PATH.to_owned(), json!({"phone": "+14155550100", "reason": "a\u{7}b"})),
        ("DELETE", PATH.to_owned(), json!({"phone": "12"})),
        ("DELETE", PATH.to_owned(), json!({})),
        ("POST", format!("{PATH}/check"), json!({"phone": "+14155550100", "channel": "sms"})),
    ] {
        let refused = world.ask(method, &path).json(body).send().await;
        assert_eq!((refused.status, refused.code()), (422, "VALIDATION_ERROR"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_list_is_brought_in_counted_and_taken_back() {
    let world = world().await;
    let path = format!("{PATH}/batch");
    let entries = json!({"entries": [
        {"phone": "+14155550100"}, {"phone": "12"}, {"email": "Ada@Example.com", "reason": "complaint"},
        {"phone": "+14155550100"}, {"phone": "+14155550101", "channel": "email"}, {"email": "a@example.com", "channel": "sms"},
    ]});
    let answer = world.post(&path, entries.clone()).await;
    let data = &answer.json["data"];
    assert_eq!(
        (&data["received"], &data["changed"], &data["unchanged"]),
        (&json!(6), &json!(2), &json!(1))
    );
    let places: Vec<(&Value, &Value)> = data["invalid"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["index"], &one["path"]))
        .collect();
    let wanted =
        [(json!(1), json!("phone")), (json!(4), json!("channel")), (json!(5), json!("channel"))];
    assert_eq!(places, wanted.iter().map(|(at, path)| (at, path)).collect::<Vec<_>>());
    assert_eq!(
        world.post(&path, entries.clone()).await.json["data"]["changed"],
        0,
        "again: nothing changes"
    );
    let check = async |body| ask(&world, "POST", &format!("{PATH}/check"), body).await;
    assert_eq!(check(json!({"email": "ada@example.com"})).await, json!(["email"]));
    let summary = world.get(&format!("{PATH}/summary")).await;
    assert_eq!(
        summary.json["data"],
        json!([
            {"channel": "all", "reason": "manual", "count": 1}, {"channel": "email", "reason": "complaint", "count": 1},
        ])
    );
    let lifted = json!({"entries": [{"phone": "+14155550100"}, {"email": "ada@example.com"}, {"phone": "12"}]});
    let lifted = world.ask("DELETE", &path).json(lifted).send().await;
    assert_eq!(lifted.json["data"]["changed"], 2, "{lifted:?}");
    assert_eq!(check(json!({"phone": "+14155550100"})).await, json!([]));
    let many = vec![json!({"phone": "+14155550100"}); 10_001];
    assert_eq!(world.post(&path, json!({"entries": many})).await.status, 422);
}

#[tokio::test]
async fn a_lead_of_a_suppressed_number_says_so() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let id = world.post("/api/v1/leads", crate::support::lead("SOL")).await.data("leadId");
    let path = format!("/api/v1/leads/{id}");
    let lead = world.get(&path).await;
    assert_eq!(lead.json["data"]["flags"]["dnc"], false);
    let phone = lead.data("phone");
    ask(&world, "POST", PATH, json!({"phone": phone, "channel": "voice"})).await;
    let flags = world.get(&path).await.json["data"]["flags"].clone();
    assert_eq!((&flags["dnc"], &flags["suppressed"]), (&json!(true), &json!(["voice"])));
}
