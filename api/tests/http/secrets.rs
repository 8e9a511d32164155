//! Secrets over HTTP: written, listed without their values, kept while a campaign uses them, and unseen by other workspaces.
use crate::support::world;
use serde_json::{Value, json};
use shared::{secret::RingSource, store::secrets::Secrets};
use std::sync::Arc;

const CANARY: &str = "zz-canary-7f3a-value";

fn config(header: Value) -> Value {
    json!({"endpoints": [{
        "id": "main", "name": "Buyer", "url": "https://buyer.example/leads", "headers": {"X-Key": header},
        "response": {"rules": [{"outcome": "accepted", "when": {"status": ["2xx"]}}]},
    }]})
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "what is answered to each step is part of it")]
async fn a_secret_is_kept_listed_without_its_value_and_deleted_once_nobody_uses_it() {
    let world = world().await;
    let put = async |name: &str, value: &str| {
        let ask = world.ask("PUT", &format!("/api/v1/secrets/{name}"));
        ask.json(json!({"value": value})).send().await
    };
    let kept = put("buyer", CANARY).await;
    insta::assert_snapshot!(kept.plain(), @r#"
    200 {
      "data": {
        "createdAt": "2026-11-21T12:00:00Z",
        "keyId": "test",
        "lastFour": "alue",
        "name": "buyer",
        "updatedAt": "2026-11-21T12:00:00Z",
        "usedBy": [],
        "usedByAgents": []
      },
      "success": true
    }
    "#);
    assert_eq!(put("short", "elevenchars").await.json["data"]["lastFour"], Value::Null);
    world.campaign("SOL", config(json!({"secret": "buyer", "prefix": "Token "}))).await;
    let list = world.get("/api/v1/secrets").await;
    insta::assert_snapshot!(list.plain(), @r#"
    200 {
      "data": {
        "items": [
          {
            "createdAt": "2026-11-21T12:00:00Z",
            "keyId": "test",
            "lastFour": "alue",
            "name": "buyer",
            "updatedAt": "2026-11-21T12:00:00Z",
            "usedBy": [
              {
                "campaignId": "cmp_…",
                "code": "SOL",
                "name": "Campaign SOL",
                "state": "active"
              }
            ],
            "usedByAgents": []
          },
          {
            "createdAt": "2026-11-21T12:00:00Z",
            "keyId": "test",
            "lastFour": null,
            "name": "short",
            "updatedAt": "2026-11-21T12:00:00Z",
            "usedBy": [],
            "usedByAgents": []
          }
        ]
      },
      "success": true
    }
    "#);
    let used = world.ask("DELETE", "/api/v1/secrets/buyer").send().await;
    let gone = world.ask("DELETE", "/api/v1/secrets/short").send().await;
    let absent = world.ask("DELETE", "/api/v1/secrets/short").send().await;
    insta::assert_snapshot!([used.refusal(), gone.plain(), absent.refusal()].join("\n"), @r#"
    409 CONFLICT: campaigns use the secret buyer: Campaign SOL (SOL)
    200 {
      "data": {
        "name": "short"
      },
      "success": true
    }
    404 NOT_FOUND: there is no such secret
    "#);
    let campaigns = world.get("/api/v1/campaigns").await;
    for answer in [&kept, &list, &used, &campaigns] {
        assert!(!answer.json.to_string().contains("canary"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_without_repeating_it() {
    let world = world().await;
    let mut lines = Vec::new();
    for (name, body) in [
        ("a", json!({})),
        ("a", json!({"value": ""})),
        ("a", json!({"value": 4711471147_u64})),
        ("a", json!({"value": ["zz-canary"]})),
        ("a", json!({"value": "zz-canary\n"})),
        ("a", json!({"value": "zz-canary\u{7}"})),
        ("a", json!({"value": "x".repeat(8_193)})),
        ("a", json!({"valu": "zz-canary"})),
        ("a%20b", json!({"value": "zz-canary"})),
    ] {
        let ask = world.ask("PUT", &format!("/api/v1/secrets/{name}")).json(body);
        lines.push(ask.send().await.refusal());
    }
    for header in [json!({"secret": "nobody"}), json!({"secret": "a", "value": "zz-canary"})] {
        let body = json!({"name": "x", "config": config(header)});
        lines.push(world.post("/api/v1/campaigns", body).await.refusal());
    }
    let lines = lines.join("\n");
    assert!(!lines.contains("canary") && !lines.contains("4711"), "{lines}");
    insta::assert_snapshot!(lines, @r#"
    422 VALIDATION_ERROR: value is missing
      value | is missing
    422 VALIDATION_ERROR: value must not be empty
      value | must not be empty
    422 VALIDATION_ERROR: value must be text
      value | must be text
    422 VALIDATION_ERROR: value is a list; expected text
      value | is a list; expected text
    422 VALIDATION_ERROR: value has spaces or line breaks around it
      value | has spaces or line breaks around it
    422 VALIDATION_ERROR: value contains control characters
      value | contains control characters
    422 VALIDATION_ERROR: value has 8193 bytes; at most 8192 are allowed
      value | has 8193 bytes; at most 8192 are allowed
    422 VALIDATION_ERROR: valu is not a known field; known here: `value`
      valu | is not a known field; known here: `value`
    422 VALIDATION_ERROR: secretName must be 1 to 64 letters, digits, `.`, `_` or `-`
      secretName | must be 1 to 64 letters, digits, `.`, `_` or `-`
    422 VALIDATION_ERROR: config.endpoints[0].headers.X-Key.secret there is no secret "nobody" in this workspace; keep it with PUT /api/v1/secrets
      config.endpoints[0].headers.X-Key.secret | there is no secret "nobody" in this workspace; keep it with PUT /api/v1/secrets
    422 VALIDATION_ERROR: config.endpoints[0].headers.X-Key.value is not a known field; known here: `secret` or `prefix`
      config.endpoints[0].headers.X-Key.value | is not a known field; known here: `secret` or `prefix`
    "#);
}

#[tokio::test]
async fn another_workspace_neither_sees_nor_uses_nor_deletes_a_secret() {
    let world = world().await;
    let body = json!({"value": CANARY});
    assert_eq!(world.ask("PUT", "/api/v1/secrets/buyer").json(body).send().await.status, 200);
    let theirs = async |method: &str, path: &str, body: Value| {
        world.ask_as(&world.stranger, method, path).json(body).send().await
    };
    assert_eq!(theirs("GET", "/api/v1/secrets", json!({})).await.json["data"]["items"], json!([]));
    assert_eq!(theirs("DELETE", "/api/v1/secrets/buyer", json!({})).await.status, 404);
    let named = json!({"name": "x", "config": config(json!({"secret": "buyer"}))});
    let refused = theirs("POST", "/api/v1/campaigns", named).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let own = theirs("PUT", "/api/v1/secrets/buyer", json!({"value": "their own value"})).await;
    assert_eq!(own.status, 200, "names are the workspace's own");
    let opened = world.api().secrets.open(world.workspace, "buyer", world.clock.now()).await;
    assert_eq!(opened.unwrap().unwrap().value.expose(), CANARY);
}

#[tokio::test]
async fn without_a_key_ring_nothing_is_kept_and_the_setting_is_named() {
    let mut world = world().await;
    let mut api = world.api();
    api.secrets = Secrets::new(world.db.clone(), RingSource::Nowhere);
    world.router = api::router(Arc::new(api));
    let put = world.ask("PUT", "/api/v1/secrets/buyer").json(json!({"value": CANARY}));
    insta::assert_snapshot!(put.send().await.refusal(), @r#"
    409 CONFLICT: this installation has no key ring, so no secret can be kept: set LEADRAIL_SECRET_KEYS or LEADRAIL_SECRET_KEYS_FILE (an entry is made by `leadrail secrets generate`)
    "#);
    let list = world.get("/api/v1/secrets").await;
    assert_eq!(list.json["data"]["items"], json!([]));
}

#[tokio::test]
async fn an_archived_campaign_comes_back_only_with_its_secrets() {
    let world = world().await;
    let put = world.ask("PUT", "/api/v1/secrets/buyer").json(json!({"value": CANARY}));
    assert_eq!(put.send().await.status, 200);
    let id = world.campaign("SOL", config(json!({"secret": "buyer"}))).await;
    let to = async |state: &str| {
        world.ask("POST", &format!("/api/v1/campaigns/{id}/{state}")).send().await
    };
    assert_eq!(to("archive").await.status, 200);
    assert_eq!(world.ask("DELETE", "/api/v1/secrets/buyer").send().await.status, 200);
    insta::assert_snapshot!(to("activate").await.refusal(), @r#"
    409 CONFLICT: the campaign needs secrets that were deleted: buyer
    "#);
    assert_eq!(to("pause").await.status, 409, "a paused campaign counts as one that uses it");
    let put = world.ask("PUT", "/api/v1/secrets/buyer").json(json!({"value": CANARY}));
    assert_eq!(put.send().await.status, 200);
    assert_eq!(to("activate").await.status, 200);
    assert_eq!(world.ask("DELETE", "/api/v1/secrets/buyer").send().await.status, 409);
}

#[tokio::test]
async fn a_credential_in_clear_is_refused_and_not_repeated() {
    let world = world().await;
    let mut lines = Vec::new();
    for more in [
        json!({"auth": {"type": "bearer", "token": "zz-canary"}}),
        json!({"auth": {"type": "oauth2", "grant": "client_credentials", "tokenUrl": "https://10.0.0.1/t", "clientId": "us",
            "clientSecret": {"secret": "nobody"}}}),
        json!({"headers": {"Authorization": "Bearer zz-canary"}}),
    ] {
        let mut config = config(json!("plain"));
        config["endpoints"][0].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"name": "x", "config": config});
        lines.push(world.post("/api/v1/campaigns", body).await.refusal());
    }
    let lines = lines.join("\n");
    assert!(!lines.contains("canary"), "{lines}");
    insta::assert_snapshot!(lines, @r#"
    422 VALIDATION_ERROR: config.endpoints[0].auth holds a credential in clear; keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here
      config.endpoints[0].auth | holds a credential in clear; keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here
    422 VALIDATION_ERROR: the request has 2 problems
      config.endpoints[0].auth.tokenUrl | address 10.0.0.1 is not on the public internet
      config.endpoints[0].auth.clientSecret.secret | there is no secret "nobody" in this workspace; keep it with PUT /api/v1/secrets
    422 VALIDATION_ERROR: config.endpoints[0].headers.Authorization holds a credential: keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here, or use `auth`
      config.endpoints[0].headers.Authorization | holds a credential: keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here, or use `auth`
    "#);
}
