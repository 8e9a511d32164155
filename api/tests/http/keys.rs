//! API keys: those that open nothing, and how soon a revoked one is one of them.
use crate::support::{add_key, lead, noon, world};
use chrono::Duration;
use serde_json::json;

#[tokio::test]
async fn a_key_that_is_missing_damaged_unknown_expired_revoked_or_too_weak_opens_nothing() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let expired = add_key(&world.db, world.workspace, &["admin"], Some(noon())).await;
    let reader = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    let unknown = shared::key::generate();
    let last = if world.key.ends_with('x') { 'y' } else { 'x' };
    let damaged = format!("{}{last}", &world.key[..world.key.len() - 1]);
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
    insta::assert_snapshot!(lines.join("\n"), @r#"
    missing: 401 UNAUTHORIZED: send an API key as X-API-Key or as Authorization: Bearer
    another form: 401 UNAUTHORIZED: the API key is damaged: its checksum does not fit
    damaged: 401 UNAUTHORIZED: the API key is damaged: its checksum does not fit
    unknown: 401 UNAUTHORIZED: the API key is unknown, expired or revoked
    expired: 401 UNAUTHORIZED: the API key is unknown, expired or revoked
    too weak: 403 FORBIDDEN: this key lacks the scope leads:write
    in the query: 401 UNAUTHORIZED: send an API key as X-API-Key or as Authorization: Bearer
    "#);
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
