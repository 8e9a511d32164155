//! Agents over HTTP: saved whole, checked with every problem, kept while somebody counts on them, and unseen by other workspaces.
use crate::support::{Answer, World, world};
use serde_json::{Value, json};

const AGENT: &str = "/api/v1/agents/caller";

fn retell() -> Value {
    json!({"type": "retell", "apiKey": {"secret": "key"}, "agentId": "ag-1", "from": "+14155550199"})
}

fn vonage() -> Value {
    json!({"type": "vonage", "apiKey": "k", "apiSecret": {"secret": "key"}, "signatureSecret": {"secret": "key"}, "from": "+14155550199"})
}

async fn put(world: &World, path: &str, config: Value) -> Answer {
    world.ask("PUT", path).json(config).send().await
}

fn calls(agent: &str, test_agent: &str) -> Value {
    json!({"firstAction": {"kind": "voice_ai", "deadlineMinutes": 60,
        "voice": {"agent": agent, "testAgent": test_agent}}})
}

#[tokio::test]
async fn an_agent_is_saved_shown_and_deleted() {
    let world = world().await;
    world.secret("key", "value").await;
    let saved = put(&world, AGENT, json!({"provider": retell()})).await;
    assert_eq!(saved.header("etag"), Some("\"1\""));
    let id = saved.data("agentId");
    let url = format!("https://leads.example.com/api/v1/hooks/{id}");
    assert_eq!(saved.data("webhookUrl"), url);
    let plain = saved.plain().replace(&id, "agent_…");
    insta::assert_snapshot!(plain, @r#"
    200 {
      "data": {
        "agentId": "agent_…",
        "channel": "voice",
        "config": {
          "active": true,
          "batchWindowMs": 7000,
          "provider": {
            "agentId": "ag-1",
            "apiKey": {
              "secret": "key"
            },
            "from": "+14155550199",
            "type": "retell"
          }
        },
        "createdAt": "2026-11-21T12:00:00Z",
        "name": "caller",
        "revision": 1,
        "updatedAt": "2026-11-21T12:00:00Z",
        "usedBy": [],
        "webhookUrl": "https://leads.example.com/api/v1/hooks/agent_…"
      },
      "success": true
    }
    "#);
    let shown = world.get(AGENT).await;
    assert_eq!((&shown.json, shown.header("etag")), (&saved.json, Some("\"1\"")));
    let listed = world.get("/api/v1/agents").await;
    assert_eq!(listed.json["data"]["items"], json!([saved.json["data"]]));

    let used = world.ask("DELETE", "/api/v1/secrets/key").send().await;
    insta::assert_snapshot!(used.refusal(), @"409 CONFLICT: agents use the secret key: caller");
    let secrets = world.get("/api/v1/secrets").await;
    assert_eq!(secrets.json["data"]["items"][0]["usedByAgents"], json!(["caller"]));
    let gone = world.ask("DELETE", AGENT).send().await;
    assert_eq!((gone.status, &gone.json["data"]), (200, &json!({"name": "caller"})));
    assert_eq!(world.ask("DELETE", AGENT).send().await.status, 404);
    assert_eq!(world.get(AGENT).await.status, 404);
    assert_eq!(world.ask("DELETE", "/api/v1/secrets/key").send().await.status, 200);
}

#[tokio::test]
async fn of_two_who_save_over_one_revision_one_is_told() {
    let world = world().await;
    world.secret("key", "value").await;
    let id = put(&world, AGENT, json!({"provider": retell()})).await.data("agentId");
    let off = json!({"active": false, "provider": retell()});
    let ask = |tag: &str| world.ask("PUT", AGENT).header("if-match", tag).json(off.clone());
    for tag in ["\"1\"", "2"] {
        let saved = ask(tag).send().await;
        assert_eq!(saved.json["data"]["config"]["active"], false, "{saved:?}");
        assert_eq!(saved.data("agentId"), id, "the webhook's URL stays");
    }
    insta::assert_snapshot!(ask("\"1\"").send().await.refusal(), @r#"
    409 REVISION_CONFLICT: the agent is at revision 3
      If-Match | the agent is at revision 3
    "#);
    insta::assert_snapshot!(ask("latest").send().await.refusal(), @r#"
    422 VALIDATION_ERROR: If-Match must be one revision, such as "3"
      If-Match | must be one revision, such as "3"
    "#);
    let nobody = world.ask("PUT", "/api/v1/agents/nobody").header("if-match", "1").json(off);
    assert_eq!(nobody.send().await.code(), "REVISION_CONFLICT");
}

#[tokio::test]
async fn every_problem_is_told_with_its_path() {
    let world = world().await;
    world.secret("key", "value").await;
    let stranger =
        json!({"provider": retell(), "inboundCampaigns": ["cmp_01h455vb4pex5vsknk084sn02q"]});
    let mut config = stranger;
    config["provider"]["apiKey"] = json!({"secret": "nobody"});
    config["provider"]["from"] = json!("555");
    let refused = put(&world, "/api/v1/agents/a%20b", config).await;
    insta::assert_snapshot!(refused.refusal(), @r#"
    422 VALIDATION_ERROR: the request has 4 problems
      agentName | must be 1 to 64 letters, digits, `.`, `_` or `-`
      provider.from | is no number in E.164, such as +14155550100
      provider.apiKey.secret | there is no secret "nobody" in this workspace; keep it with PUT /api/v1/secrets
      inboundCampaigns[0] | there is no such campaign in this workspace
    "#);
    let mut unknown = retell();
    unknown["fro"] = json!("+1");
    let refused = put(&world, AGENT, json!({"provider": unknown})).await;
    assert_eq!((refused.status, refused.code()), (422, "VALIDATION_ERROR"), "{refused:?}");
    let mut clear = retell();
    clear["apiKey"] = json!("zz-canary");
    let refused = put(&world, AGENT, json!({"provider": clear})).await;
    assert_eq!(refused.status, 422);
    assert!(!refused.json.to_string().contains("canary"), "{refused:?}");
    assert_eq!(world.get("/api/v1/agents").await.json["data"]["items"], json!([]));
}

#[tokio::test]
async fn a_campaign_names_agents_that_are_there_and_do_what_it_wants() {
    let world = world().await;
    world.secret("key", "value").await;
    put(&world, AGENT, json!({"provider": retell()})).await;
    put(&world, "/api/v1/agents/texter", json!({"provider": vonage()})).await;
    let body = json!({"name": "A", "config": calls("texter", "nobody")});
    let refused = world.post("/api/v1/campaigns", body).await;
    insta::assert_snapshot!(refused.refusal(), @r#"
    422 VALIDATION_ERROR: the request has 2 problems
      config.firstAction.voice.agent | the agent "texter" texts; one that calls is needed
      config.firstAction.voice.testAgent | there is no agent "nobody" in this workspace; keep it with PUT /api/v1/agents
    "#);
    let text = json!({"firstAction": {"kind": "sms", "deadlineMinutes": 60,
        "sms": {"agent": "caller", "message": "Hi"}}});
    let refused = world.post("/api/v1/campaigns", json!({"name": "A", "config": text})).await;
    insta::assert_snapshot!(refused.refusal(), @r#"
    422 VALIDATION_ERROR: config.firstAction.sms.agent the agent "caller" calls; one that texts is needed
      config.firstAction.sms.agent | the agent "caller" calls; one that texts is needed
    "#);

    let campaign = world.campaign("SOL", calls("caller", "caller")).await;
    assert_eq!(world.get(AGENT).await.json["data"]["usedBy"][0]["code"], "SOL");
    let used = world.ask("DELETE", AGENT).send().await;
    insta::assert_snapshot!(used.refusal(), @"409 CONFLICT: campaigns name it: Campaign SOL (SOL)");
    let turned = put(&world, AGENT, json!({"provider": vonage()})).await;
    insta::assert_snapshot!(turned.refusal(), @r#"
    409 CONFLICT: it cannot text: campaigns name it: Campaign SOL (SOL)
      provider.type | it cannot text: campaigns name it: Campaign SOL (SOL)
    "#);
    world.post(&format!("/api/v1/campaigns/{campaign}/archive"), json!({})).await;
    assert_eq!(world.ask("DELETE", AGENT).send().await.status, 200, "archived ones do not count");
    let back = world.post(&format!("/api/v1/campaigns/{campaign}/activate"), json!({})).await;
    insta::assert_snapshot!(back.refusal(), @"409 CONFLICT: the campaign needs agents that were deleted: caller");
}

#[tokio::test]
async fn another_workspaces_agents_are_not_there() {
    let world = world().await;
    world.secret("key", "value").await;
    put(&world, AGENT, json!({"provider": retell()})).await;
    for method in ["GET", "DELETE"] {
        assert_eq!(world.ask_as(&world.stranger, method, AGENT).send().await.status, 404);
    }
    let listed = world.ask_as(&world.stranger, "GET", "/api/v1/agents").send().await;
    assert_eq!(listed.json["data"]["items"], json!([]));
    let named = json!({"name": "A", "config": calls("caller", "caller")});
    let refused =
        world.ask_as(&world.stranger, "POST", "/api/v1/campaigns").json(named).send().await;
    assert!(refused.refusal().contains("there is no agent \"caller\""), "{refused:?}");
    let save = world.ask_as(&world.stranger, "PUT", AGENT).json(json!({"provider": retell()}));
    assert!(save.send().await.refusal().contains("there is no secret \"key\""));
    assert_eq!(world.get(AGENT).await.json["data"]["revision"], 1);
}
