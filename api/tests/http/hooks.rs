//! Webhooks of providers: genuine ones are kept before they are acknowledged, whatever else comes is refused.
use crate::support::{Answer, World, lead, world};
use serde_json::{Value, json};
use shared::{
    ids::{AgentId, CampaignId, InteractionId, LeadId},
    outreach::providers::sign::{self, Hash, base64, hex},
    push::OUTREACH,
    secret::RingSource,
    store::secrets::Secrets,
};
use std::sync::Arc;

const API_KEY: &str = "retell-key";
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TWILIO_TOKEN: &str = "twilio-token";

/// A webhook as its provider sends it.
#[derive(Clone)]
struct Hook {
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Hook {
    async fn send(&self, world: &World) -> Answer {
        let mut ask = world.ask_without_key("POST", &self.path).raw(self.body.clone());
        for (name, value) in &self.headers {
            ask = ask.header(name, value);
        }
        ask.send().await
    }
}

/// An agent of that name; answers the path of its webhooks.
async fn agent(world: &World, name: &str, provider: Value) -> String {
    for (secret, value) in [("retell", API_KEY), ("generic", WHSEC), ("twilio", TWILIO_TOKEN)] {
        world.secret(secret, value).await;
    }
    let ask = world.ask("PUT", &format!("/api/v1/agents/{name}"));
    let saved = ask.json(json!({"provider": provider})).send().await;
    assert_eq!(saved.status, 200, "{saved:?}");
    format!("/api/v1/hooks/{}", saved.data("agentId"))
}

async fn retell(world: &World) -> String {
    let provider = json!({"type": "retell", "apiKey": {"secret": "retell"}, "agentId": "ag-1", "from": "+14155550199"});
    agent(world, "caller", provider).await
}

async fn twilio(world: &World) -> String {
    let provider = json!({"type": "twilio", "accountSid": "AC1", "authToken": {"secret": "twilio"}, "from": "+14155550199"});
    agent(world, "texter", provider).await
}
fn retell_hook(world: &World, path: &str, body: &Value) -> Hook {
    signed(world, path, body.to_string().into_bytes(), API_KEY)
}

/// Retell's signature over a body, of the time that the world's clock shows.
fn signed(world: &World, path: &str, body: Vec<u8>, key: &str) -> Hook {
    let at = world.clock.now().timestamp_millis().to_string();
    let tag = Hash::Sha256.sign(key.as_bytes(), &[body.as_slice(), at.as_bytes()].concat());
    let signature = format!("v={at},d={}", hex(&tag));
    Hook { path: path.into(), headers: vec![("x-retell-signature", signature)], body }
}

fn ended(call: &str) -> Value {
    json!({"event": "call_ended", "call": {"call_id": call, "call_status": "ended",
        "disconnection_reason": "user_hangup", "start_timestamp": 1_795_262_400_000_i64}})
}

/// Twilio's signature: of the URL, and of the fields in the order of their names.
fn twilio_hook(path: &str, query: &str, fields: &[(&str, &str)]) -> Hook {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let url = format!("https://leads.example.com{path}{query}");
    let signed = sorted.iter().fold(url, |text, (name, value)| text + name + value);
    let tag = Hash::Sha1.sign(TWILIO_TOKEN.as_bytes(), signed.as_bytes());
    let body = fields.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")));
    Hook {
        path: format!("{path}{query}"),
        headers: vec![
            ("x-twilio-signature", base64(&tag)),
            ("content-type", "application/x-www-form-urlencoded".into()),
            // Anybody may write anything here.
            ("host", "elsewhere.example".into()),
        ],
        body: body.collect::<Vec<_>>().join("&").into_bytes(),
    }
}

const STATUS: [(&str, &str); 3] =
    [("AccountSid", "AC1"), ("MessageSid", "SM1"), ("MessageStatus", "delivered")];

/// How many things have been kept in the world's workspace.
async fn kept(world: &World) -> i64 {
    let count = world.db.read().sql("SELECT COUNT(*) FROM inbound_event WHERE workspace_id = $1");
    count.bind(world.workspace).scalar().await.unwrap()
}

#[tokio::test]
async fn a_genuine_webhook_is_kept_once_and_thanked_for_each_time() {
    let world = world().await;
    let path = retell(&world).await;
    let hook = retell_hook(&world, &path, &ended("c-1"));
    for _ in 0..2 {
        let answer = hook.send(&world).await;
        assert_eq!((answer.status, &answer.json), (200, &json!({})), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(kept(&world).await, 1);
    }
    retell_hook(&world, &path, &ended("c-2")).send(&world).await;
    assert_eq!(kept(&world).await, 2);
    assert_eq!(
        world.queue.depths(&[OUTREACH]).await.unwrap()[0].ready,
        0,
        "no call of ours is known"
    );
}

#[tokio::test]
async fn a_form_is_verified_by_the_public_url_with_its_query() {
    let world = world().await;
    let path = twilio(&world).await;
    let hook = twilio_hook(&path, "?message=msg_1&x=%2B1", &STATUS);
    let answer = hook.send(&world).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/xml")),
        "{answer:?}"
    );
    assert_eq!(kept(&world).await, 1);
    let elsewhere = Hook { path: format!("{path}?message=msg_2"), ..hook };
    assert_eq!(elsewhere.send(&world).await.code(), "UNAUTHORIZED", "the query is signed");
}

#[tokio::test]
async fn what_is_not_genuine_is_refused_and_leaves_nothing() {
    let world = world().await;
    let path = retell(&world).await;
    let good = retell_hook(&world, &path, &ended("c-1"));
    let unsigned = Hook { headers: Vec::new(), ..good.clone() };
    let tampered = Hook { body: ended("c-2").to_string().into_bytes(), ..good.clone() };
    let malformed = Hook { headers: vec![("x-retell-signature", "v1".into())], ..good.clone() };
    let mut lines = Vec::new();
    for hook in [unsigned, tampered, malformed] {
        lines.push(hook.send(&world).await.refusal());
    }
    world.clock.forward(chrono::Duration::seconds(301));
    lines.push(good.send(&world).await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r"
    401 UNAUTHORIZED: the request is not signed: x-retell-signature is missing
    401 UNAUTHORIZED: the signature does not fit
    401 UNAUTHORIZED: the signature's form is not known: x-retell-signature
    401 UNAUTHORIZED: the signature is too old or from the future; at most 300 s are allowed
    ");
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn an_agent_hears_only_its_own_provider() {
    let world = world().await;
    let path = retell(&world).await;
    let generic = json!({"type": "generic", "url": "https://calls.example.com/orders", "secret": {"secret": "generic"}});
    let other = agent(&world, "other", generic).await;
    let good = retell_hook(&world, &path, &ended("c-1"));
    let moved = Hook { path: other.clone(), ..good.clone() };
    assert_eq!(moved.send(&world).await.code(), "UNAUTHORIZED");
    let unknown =
        Hook { path: "/api/v1/hooks/agent_01h455vb4pex5vsknk084sn02q".into(), ..good.clone() };
    assert_eq!(unknown.send(&world).await.code(), "NOT_FOUND");
    let no_id = Hook { path: "/api/v1/hooks/caller".into(), ..good };
    assert_eq!(no_id.send(&world).await.code(), "NOT_FOUND");

    let body = json!({"type": "call.ended", "data": {"reference": "r-1", "outcome": "completed"}});
    let (body, at) = (body.to_string().into_bytes(), world.clock.now().timestamp());
    let secret = sign::decode_secret(WHSEC).unwrap();
    let headers = vec![
        ("webhook-id", "e-1".to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", sign::sign(secret.bytes(), "e-1", at, &body)),
        // Kept for no route of ours, and no reason to refuse a webhook.
        ("idempotency-key", "e-1".to_owned()),
    ];
    let answer = Hook { path: other, headers, body }.send(&world).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn another_workspaces_agent_has_credentials_of_its_own() {
    let world = world().await;
    let path = retell(&world).await;
    let put = async |path: &str, body: Value| {
        world.ask_as(&world.stranger, "PUT", path).json(body).send().await
    };
    put("/api/v1/secrets/retell", json!({"value": "another key"})).await;
    let provider = json!({"type": "retell", "apiKey": {"secret": "retell"}, "agentId": "ag-1", "from": "+14155550199"});
    let theirs = put("/api/v1/agents/caller", json!({"provider": provider})).await;
    let theirs = format!("/api/v1/hooks/{}", theirs.data("agentId"));
    let ours = retell_hook(&world, &path, &ended("c-1"));
    let moved = Hook { path: theirs, ..ours.clone() };
    assert_eq!(moved.send(&world).await.code(), "UNAUTHORIZED");
    assert_eq!(ours.send(&world).await.status, 200);
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn what_is_genuine_and_cannot_be_read_is_said_so() {
    let world = world().await;
    let path = retell(&world).await;
    let answer = signed(&world, &path, b"event=call_ended".to_vec(), API_KEY).send(&world).await;
    assert_eq!((answer.status, answer.code()), (400, "UNREADABLE"), "{answer:?}");
    let nothing =
        retell_hook(&world, &path, &json!({"event": "something_new", "call": {"call_id": "c"}}));
    assert_eq!(nothing.send(&world).await.status, 200, "what we have no use for is thanked for");
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn a_body_has_a_most() {
    let world = world().await;
    let path = retell(&world).await;
    let long = |spare: usize| json!({"event": "call_ended", "call": {"call_id": "c-1", "transcript": "x".repeat(1_048_576 - spare)}});
    let refused = retell_hook(&world, &path, &long(0)).send(&world).await;
    insta::assert_snapshot!(refused.refusal(), @"413 BODY_TOO_LARGE: the body is longer than 1048576 bytes");
    let taken = retell_hook(&world, &path, &long(100)).send(&world).await;
    assert_eq!(taken.status, 200, "{taken:?}");
}

#[tokio::test]
async fn a_hundred_at_once_are_one() {
    let world = world().await;
    let path = retell(&world).await;
    let hook = retell_hook(&world, &path, &ended("c-1"));
    let sent: Vec<_> = (0..100)
        .map(|_| {
            let mut ask = world.ask_without_key("POST", &hook.path).raw(hook.body.clone());
            for (name, value) in &hook.headers {
                ask = ask.header(name, value);
            }
            tokio::spawn(ask.send())
        })
        .collect();
    for one in sent {
        let answer = one.await.unwrap();
        assert_eq!((answer.status, answer.json), (200, json!({})));
    }
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn what_is_heard_of_a_call_of_ours_rings_its_bell() {
    let world = world().await;
    let path = retell(&world).await;
    let agent = AgentId::parse(path.rsplit('/').next().unwrap()).unwrap();
    let campaign = world.campaign("SOL", json!({})).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await;
    world
        .db
        .write()
        .sql(
            "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, agent_id, provider, number,
                phone, is_test, state, generation, tries, reference, opened_at, updated_at)
             VALUES ($1, $2, 'call', 'outbound', $3, $4, $5, 'retell', 1, '+14155550100', $6, 'in_progress', 1, 0, 'c-9', $7, $7)",
        )
        .bind(world.workspace)
        .bind(InteractionId::new())
        .bind(LeadId::parse(&stored.data("leadId")).unwrap())
        .bind(CampaignId::parse(&campaign).unwrap())
        .bind(agent)
        .bind(false)
        .bind(world.clock.now())
        .run()
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(retell_hook(&world, &path, &ended("c-9")).send(&world).await.status, 200);
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        world.queue.depths(&[OUTREACH]).await.unwrap()[0].ready,
        1,
        "a repeat rings no bell"
    );
}

#[tokio::test]
async fn a_credential_is_believed_for_five_seconds() {
    let world = world().await;
    let path = retell(&world).await;
    let by =
        |key: &str, call: &str| signed(&world, &path, ended(call).to_string().into_bytes(), key);
    assert_eq!(by(API_KEY, "c-1").send(&world).await.status, 200);
    world.secret("retell", "the next key").await;
    world.clock.forward(chrono::Duration::milliseconds(4_999));
    assert_eq!(by(API_KEY, "c-2").send(&world).await.status, 200);
    world.clock.forward(chrono::Duration::milliseconds(1));
    assert_eq!(by(API_KEY, "c-3").send(&world).await.code(), "UNAUTHORIZED");
    assert_eq!(by("the next key", "c-4").send(&world).await.status, 200);
}

#[tokio::test]
async fn whatever_is_out_of_order_here_makes_the_provider_come_again() {
    let mut world = world().await;
    let path = retell(&world).await;
    let hook = retell_hook(&world, &path, &ended("c-1"));
    let mut without_keys = world.api();
    without_keys.secrets = Secrets::new(world.db.clone(), RingSource::Nowhere);
    let door = std::mem::replace(&mut world.router, api::router(Arc::new(without_keys)));
    let refused = hook.send(&world).await;
    insta::assert_snapshot!(refused.refusal(), @"503 UNAVAILABLE: the agent's credentials cannot be used now; come again");
    assert_eq!(refused.header("retry-after"), Some("2"));
    world.router = door;
    assert_eq!(hook.send(&world).await.status, 200);
    world.db.close().await;
    let away = retell_hook(&world, &path, &ended("c-2")).send(&world).await;
    assert_eq!((away.status, away.header("retry-after")), (503, Some("2")), "{away:?}");
}
