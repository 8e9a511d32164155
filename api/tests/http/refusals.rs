//! Every refusal says where, what, and what would be right.
use crate::support::{add_key, lead, noon, world};
use chrono::Duration;
use serde_json::{Value, json};

#[tokio::test]
async fn a_lead_that_does_not_fit_is_refused_with_the_path_and_the_rule() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let with = |changes: Value| {
        let mut body = lead("SOL");
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body.to_string()
    };
    let cases = [
        ("malformed JSON", "{\"campaignId\": \"SOL\",\n  \"email\": }".to_owned()),
        ("something after the JSON", format!("{} x", lead("SOL"))),
        (
            "a member twice",
            r#"{"campaignId": "SOL", "email": "a@b.co", "email": "c@d.co"}"#.to_owned(),
        ),
        ("a NUL character", with(json!({"customFields": {"a": ["x\u{0}"]}}))),
        ("an unknown field", with(json!({"emial": "a@b.co"}))),
        ("an unknown field within", with(json!({"address": {"province": "CA"}}))),
        ("a wrong type", with(json!({"firstName": 5}))),
        ("a wrong type within", with(json!({"files": [{"fileKey": "a", "fileName": []}]}))),
        ("not an object", "[1]".to_owned()),
        ("everything missing", "{}".to_owned()),
        (
            "many problems at once",
            with(json!({
                "firstName": " ", "phone": "555-0100", "email": "maria@", "dateOfBirth": "2027-01-01",
                "country": "usa", "timezone": "EST5", "notes": "x".repeat(10_001),
                "customFields": {"a b": 1}, "compliance": {"tcpaConsent": "yes"},
                "questionnaire": [{"key": "ok", "answer": 1}, {"key": "no good", "answer": 1}],
                "attribution": {"params": {"utm": {"deep": 1}}},
                "files": [{"fileKey": "a", "fileName": "a", "fileType": "pdf", "documentUrl": "ftp://a"}]
            })),
        ),
        ("a campaign id that is none", with(json!({"campaignId": "solar"}))),
        ("an unknown campaign", with(json!({"campaignId": "NOPE"}))),
        ("a known lead with a name", with(json!({"leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz"}))),
        (
            "an unknown lead",
            json!({"campaignId": "SOL", "leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz"}).to_string(),
        ),
        ("another kind of id", json!({"campaignId": "SOL", "leadId": "sub_1"}).to_string()),
        ("a body over the limit", with(json!({"notes": "x".repeat(70_000)}))),
    ];
    let mut lines = Vec::new();
    for (name, body) in cases {
        let answer = world.ask("POST", "/api/v1/leads/submit").raw(body).send().await;
        lines.push(format!("{name}:\n{}", answer.refusal()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#""#);
    let none = world.get("/api/v1/leads").await;
    assert_eq!(none.json["data"]["items"], json!([]), "nothing was written");
}

#[tokio::test]
async fn a_campaign_that_is_paused_or_archived_takes_no_leads() {
    let world = world().await;
    let id = world.campaign("SOL", json!({})).await;
    let mut lines = Vec::new();
    for action in ["pause", "archive", "activate"] {
        let changed = world.ask("POST", &format!("/api/v1/campaigns/{id}/{action}")).send().await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let answer = world.post("/api/v1/leads/submit", lead("SOL")).await;
        lines.push(if answer.status == 202 { "202".to_owned() } else { answer.refusal() });
    }
    insta::assert_snapshot!(lines.join("\n"), @r#""#);
}

#[tokio::test]
async fn a_key_that_is_missing_damaged_unknown_expired_revoked_or_too_weak_opens_nothing() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let expired = add_key(&world.db, world.workspace, &["admin"], Some(noon())).await;
    let reader = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    let unknown = shared::key::generate();
    let damaged = format!("{}x", &world.key[..world.key.len() - 1]);
    let mut lines = Vec::new();
    for (name, key) in [
        ("missing", ""),
        ("another form", "secret"),
        ("damaged", &damaged),
        ("unknown", &unknown),
        ("expired", &expired),
        ("too weak", &reader),
    ] {
        let ask = world.ask_as(key, "POST", "/api/v1/leads/submit").json(lead("SOL"));
        lines.push(format!("{name}: {}", ask.send().await.refusal()));
    }
    let query = format!("/api/v1/leads?apiKey={}", world.key);
    let in_query = world.ask_without_key("GET", &query).send().await;
    lines.push(format!("in the query: {}", in_query.refusal()));
    insta::assert_snapshot!(lines.join("\n"), @r#""#);
    assert_eq!(in_query.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_here_and_within_seconds_elsewhere() {
    let world = world().await;
    let key = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    let other = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    let read = async |key: &str| world.ask_as(key, "GET", "/api/v1/leads").send().await.status;
    assert_eq!((read(&key).await, read(&other).await), (200, 200));
    let list = world.get("/api/v1/keys").await;
    let ids: Vec<String> = list.json["data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["keyId"].as_str().unwrap().to_owned())
        .collect();
    assert!(!list.json.to_string().contains(&key), "the secret is never shown");
    let revoked = world.ask("DELETE", &format!("/api/v1/keys/{}", ids[1])).send().await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(read(&key).await, 401);
    let other_id = shared::ids::KeyId::parse(&ids[2]).unwrap();
    assert!(
        shared::store::keys::revoke(&world.db, world.workspace, other_id, noon()).await.unwrap()
    );
    assert_eq!(read(&other).await, 200, "another process believes it a while");
    world.clock.forward(Duration::seconds(6));
    assert_eq!(read(&other).await, 401);
    let bearer = world.ask_without_key("GET", "/api/v1/leads");
    let bearer = bearer.header("authorization", &format!("Bearer {}", world.key)).send().await;
    assert_eq!(bearer.status, 200);
}

#[tokio::test]
async fn what_is_not_a_route_a_method_or_a_parameter_is_refused_in_the_envelope() {
    let world = world().await;
    let mut lines = Vec::new();
    for (method, path) in [
        ("GET", "/api/v2/leads"),
        ("GET", "/api/v1/leeds"),
        ("PATCH", "/api/v1/leads"),
        ("GET", "/api/v1/leads?sort=name"),
        ("GET", "/api/v1/leads?limit=500"),
        ("GET", "/api/v1/leads?startDate=yesterday&limit=1"),
        ("GET", "/api/v1/leads?status=sold"),
        ("GET", "/api/v1/leads?limit=1&limit=2"),
        ("GET", "/api/v1/leads?email=%00"),
        ("GET", "/api/v1/leads?cursor=abc"),
        ("GET", "/api/v1/jobs?cursor=abc"),
        ("GET", "/api/v1/leads/abc"),
        ("POST", "/api/v1/lanes/shipping/resume"),
    ] {
        let answer = world.ask(method, path).send().await;
        lines.push(format!("{method} {path}\n{}", answer.refusal()));
        assert!(answer.status != 405 || answer.header("allow").is_some(), "{answer:?}");
    }
    let text = world.ask("POST", "/api/v1/leads/submit").json(lead("SOL"));
    let text = text.header("content-type", "text/plain").send().await;
    lines.push(format!("text/plain\n{}", text.refusal()));
    insta::assert_snapshot!(lines.join("\n"), @r#""#);
}
