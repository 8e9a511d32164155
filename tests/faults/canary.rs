//! A canary in everything that is known of a person goes through an installation whose processes log everything: no line of a log and no
//! command to Redis holds it, whatever happens; and when the person was erased, no table does.
use crate::{
    desk::{Unanswered, config},
    phones::Phones,
    stages::SOON,
    wait::wait_for,
    world::World,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use fakes::Provider;
use serde_json::{Value, json};
use shared::testing::{Process, RedisServer};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const CANARY: &str = "zzcanaryzz";
/// The provider that is played answers calls to this number, and the person says yes.
const PHONE: &str = "+14155550100";
/// What of the number no other text has.
const DIGITS: &str = "4155550100";
const OTHER_PHONE: &str = "+14155550142";
const OTHER_DIGITS: &str = "4155550142";

fn shows(text: &str) -> bool {
    text.to_lowercase().contains(CANARY) || text.contains(DIGITS) || text.contains(OTHER_DIGITS)
}

/// Somebody outside who says back whatever they are told.
#[derive(Clone)]
struct Echo {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let echo = Self { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let routes = Router::new().route("/{name}", post(said)).with_state(echo.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        echo
    }

    fn heard(&self, name: &str) -> Vec<Value> {
        let all = self.heard.lock().unwrap();
        all.iter().filter(|(to, _)| to == name).map(|(_, body)| body.clone()).collect()
    }
}

/// The first buyer refuses, the second takes the lead, and a listener fails once.
async fn said(
    State(echo): State<Echo>,
    Path(name): Path<String>,
    body: String,
) -> (StatusCode, Json<Value>) {
    let before = echo.heard(&name).len();
    let heard = serde_json::from_str(&body).unwrap_or(Value::Null);
    echo.heard.lock().unwrap().push((name.clone(), heard));
    let reason = format!("not with {CANARY}");
    match name.as_str() {
        "first" => {
            (StatusCode::OK, Json(json!({"result": "rejected", "reason": reason, "echo": body})))
        }
        "told" if before == 0 => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"echo": body}))),
        _ => (
            StatusCode::OK,
            Json(json!({"result": "accepted", "id": "buyer-7", "price": "9.00", "echo": body})),
        ),
    }
}

/// Every command that Redis is given, by itself. Written down by a thread of its own: nothing is missed.
fn commands(redis: &RedisServer) -> Arc<Mutex<String>> {
    let url = redis.url();
    let mut stream =
        TcpStream::connect(url.trim_start_matches("redis://").trim_end_matches('/')).unwrap();
    stream.write_all(b"MONITOR\r\n").unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let book = heard.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut book = book.lock().unwrap();
            book.push_str(&line);
            book.push('\n');
        }
    });
    heard
}

struct Stage {
    phones: Phones,
    echo: Echo,
    redis: RedisServer,
    commands: Arc<Mutex<String>>,
    worker: Process,
}

impl Stage {
    async fn open() -> Self {
        let redis = RedisServer::new().await;
        let commands = commands(&redis);
        let mut world = World::with_redis(&redis.url()).await;
        world.set("LEADRAIL_LOG", "trace");
        let phones = Phones::on(world, Provider::Vapi).await;
        phones.text_line().await;
        let worker = phones.world.worker().await;
        Self { phones, echo: Echo::start().await, redis, commands, worker }
    }

    fn world(&self) -> &World {
        &self.phones.world
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        match self.world().desk.post(path, &body).await {
            Ok(data) => data,
            Err(why) => panic!("{path}: {why:?}"),
        }
    }

    /// A campaign whose buyers say back what they are told.
    async fn campaign(&self, name: &str, first_action: Option<Value>) -> (String, String) {
        let sink = &self.world().sink;
        let at = |path: &str| json!(format!("http://{}/{path}", self.echo.address));
        let mut second = config(sink, "second", true, &[]);
        second["endpoints"][0]["url"] = at("second");
        let second = self.world().desk.campaign("second", second).await;
        let mut first = config(sink, "first", true, &[second.id]);
        first["endpoints"][0]["url"] = at("first");
        if let Some(action) = first_action {
            first["firstAction"] = action;
        }
        let made = self.world().desk.campaign(name, first).await;
        (made.id.as_str().unwrap().to_owned(), made.code)
    }

    async fn submit(&self, code: &str) -> Value {
        let mut lead = person();
        lead["campaignId"] = json!(code);
        self.post("/leads/submit", lead).await
    }

    /// How many submissions there are, once none is open.
    async fn at_rest(&self, count: i64) {
        let all = "SELECT count(*), count(*) FILTER (WHERE run = 'finished') FROM submission";
        self.phones
            .in_time(&format!("{count} ends"), async || {
                let ask =
                    async |db: &shared::store::Db| db.read().sql(all).one::<(i64, i64)>().await;
                (self.world().ask(ask).await == (count, count)).then_some(())
            })
            .await;
    }

    /// Nothing that a process wrote or that Redis was told shows the person.
    fn is_quiet(&self) {
        let (api, scheduler) = (&self.phones.api, &self.phones.scheduler);
        for (name, process) in [("api", api), ("scheduler", scheduler), ("worker", &self.worker)] {
            let log = process.log();
            assert!(log.len() > 10_000, "the {name} says little: {}", log.len());
            let line = log.lines().find(|line| shows(line));
            assert_eq!(line, None::<&str>, "a log line of the {name}");
        }
        let commands = self.commands.lock().unwrap();
        assert!(commands.len() > 10_000, "Redis hears little: {}", commands.len());
        let line = commands.lines().find(|line| shows(line));
        assert_eq!(line, None::<&str>, "Redis of {}", self.redis.url());
    }

    /// The tables in which the person can be seen.
    async fn seen(&self) -> BTreeSet<String> {
        let db = &self.world().db;
        let names = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'";
        let tables: Vec<(String,)> = db.read().sql(names).all().await.unwrap();
        let mut seen = BTreeSet::new();
        for (table,) in tables {
            let text = format!(
                "SELECT count(*) FROM {table} t WHERE CAST(t.* AS TEXT) ILIKE '%{CANARY}%'
                    OR CAST(t.* AS TEXT) LIKE '%{DIGITS}%' OR CAST(t.* AS TEXT) LIKE '%{OTHER_DIGITS}%'"
            );
            let found: i64 = db.read().made(text).scalar().await.unwrap();
            if found > 0 {
                seen.insert(table);
            }
        }
        seen
    }

    async fn count(&self, text: &'static str) -> i64 {
        self.world().db.read().sql(text).scalar().await.unwrap()
    }
}

/// Everything that a source can say of a person.
fn person() -> Value {
    json!({
        "firstName": CANARY, "lastName": CANARY, "email": format!("{CANARY}@example.com"), "phone": PHONE,
        "address": {"street": CANARY, "city": CANARY, "state": CANARY, "zip": CANARY},
        "dateOfBirth": "1980-02-29", "timezone": "America/New_York", "notes": CANARY,
        "questionnaire": {"homeowner": "yes", "roof": CANARY},
        "customFields": {"word": CANARY},
        "compliance": {"tcpaConsent": true, "tcpaText": CANARY, "trustedFormUrl": format!("https://cert.trustedform.com/{CANARY}")},
    })
}

/// Requests that fail, with the person in their body, URL and headers.
async fn fail(stage: &Stage) {
    let desk = &stage.world().desk;
    let mut wrong = person();
    wrong["campaignId"] = json!(CANARY);
    wrong["unknown"] = json!(CANARY);
    for (path, body) in [
        ("/leads/submit", wrong),
        ("/contacts/zzcanaryzz/notes", json!({"text": CANARY})),
        ("/zzcanaryzz?email=zzcanaryzz@example.com", person()),
        (
            "/contacts/search",
            json!({"filter": {"field": CANARY, "operator": "is", "value": CANARY}}),
        ),
    ] {
        let answer = desk.post(path, &body).await;
        assert!(matches!(answer, Err(Unanswered::Status(..))), "{path}: {answer:?}");
    }
    let strange = desk.with_key(CANARY).post("/leads/submit", &person()).await;
    assert!(matches!(strange, Err(Unanswered::Status(401, _))), "{strange:?}");
    let headers = [("x-canary", CANARY), ("webhook-signature", CANARY)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(desk.hook(&stage.phones.hook, &headers, CANARY).await, 401);
}

/// Calls, texts, a review and a webhook hold the lead up, each once; every one of them hears and tells something.
async fn wait_and_go_on(stage: &Stage) {
    let hours = json!({"from": "00:00", "to": "24:00"});
    let voice = json!({"kind": "voice_ai", "deadlineMinutes": 600,
        "voice": {"agent": "line", "hours": hours, "instructions": "Ask {{lead.firstName}} about the roof."}});
    let (_, code) = stage.campaign("called", Some(voice)).await;
    stage.submit(&code).await;
    stage.at_rest(4).await;

    let sms = json!({"kind": "sms", "deadlineMinutes": 600,
        "sms": {"agent": "texts", "hours": hours, "message": "Hello {{lead.firstName}}, do you still want an offer?"}});
    let (_, code) = stage.campaign("texted", Some(sms)).await;
    stage.submit(&code).await;
    stage
        .phones
        .in_time("the text", async || {
            let sent =
                "SELECT count(*) FROM message WHERE state IN ('accepted', 'sent', 'delivered')";
            (stage.count(sent).await > 0).then_some(())
        })
        .await;
    for text in [CANARY, "YES"] {
        stage.phones.fake.text_in(Provider::Twilio, PHONE, "+14155550199", text).await;
    }
    stage.at_rest(6).await;

    let (_, code) = stage
        .campaign("reviewed", Some(json!({"kind": "human_review", "deadlineMinutes": 600})))
        .await;
    stage.submit(&code).await;
    let review = wait_for("the review", SOON, async || {
        let all = stage.world().desk.ask("/reviews", None).await;
        all["items"][0]["reviewId"].as_str().map(ToOwned::to_owned)
    })
    .await;
    let word =
        json!({"decision": "approve", "reason": CANARY, "answers": {"questionnaire.roof": CANARY}});
    stage.post(&format!("/reviews/{review}/decide"), word).await;
    stage.at_rest(8).await;

    let action = json!({"kind": "webhook", "url": format!("http://{}/action", stage.echo.address), "deadlineMinutes": 600});
    let (_, code) = stage.campaign("asked", Some(action)).await;
    stage.submit(&code).await;
    let url = wait_for("the webhook", SOON, async || {
        let heard = stage.echo.heard("action");
        heard.last().and_then(|body| body["resumeUrl"].as_str().map(ToOwned::to_owned))
    })
    .await;
    stage.world().desk.resume(url.rsplit('/').next().unwrap()).await;
    stage.at_rest(10).await;
}

/// What is known of the contact, what they do, and a twin that is merged.
async fn live(stage: &Stage, contact: &str, campaign: &str) {
    let desk = &stage.world().desk;
    let automation = json!({"rules": [{
        "id": "page", "name": "Looked", "repeat": "each", "on": [{"type": "activity", "activity": "page_visit"}],
        "do": [{"type": "webhook", "url": format!("http://{}/automation", stage.echo.address)}, {"type": "addTag", "tag": "hot"}],
    }]});
    desk.ask(&format!("/campaigns/{campaign}/automation"), Some(json!({"automation": automation})))
        .await;
    stage.post("/properties", json!({"name": "Tier", "key": "tier", "kind": "text"})).await;
    let known = json!({
        "email": format!("{CANARY}@example.com"), "salutation": CANARY, "title": CANARY, "company": CANARY, "industry": CANARY,
        "website": format!("https://{CANARY}.example.com"), "city": CANARY, "source": CANARY, "tags": [CANARY],
        "properties": {"tier": CANARY},
    });
    stage.post("/contacts", known).await;
    stage.post(&format!("/contacts/{contact}/notes"), json!({"text": CANARY})).await;
    let visit = json!({"contactId": contact, "type": "page_visit", "url": format!("https://a.example.com/{CANARY}?q={CANARY}"),
        "data": {"word": CANARY}, "key": CANARY});
    let told = stage.post("/activities", json!({"activities": [visit]})).await;
    assert_eq!(told["recorded"], 1, "{told}");
    wait_for("the automation's webhook", SOON, async || {
        (!stage.echo.heard("automation").is_empty()).then_some(())
    })
    .await;
    let mut twin = person();
    twin["campaignId"] = json!(stage.campaign("twin", None).await.1);
    twin["email"] = json!(format!("{CANARY}2@example.com"));
    twin["phone"] = json!(OTHER_PHONE);
    let twin = stage.post("/leads/submit", twin).await;
    stage.at_rest(12).await;
    let twin = desk.ask(&format!("/leads/{}", twin["leadId"].as_str().unwrap()), None).await;
    let twin = twin["contactId"].clone();
    assert!(twin.is_string(), "{twin}");
    stage
        .post(
            &format!("/contacts/{contact}/merge"),
            json!({"from": [twin], "reason": "the same person"}),
        )
        .await;
    let export = desk.ask(&format!("/contacts/{contact}/export"), None).await;
    assert!(shows(&export.to_string()), "the export shows them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_seen_in_no_log_and_no_queue_and_after_erasure_in_no_table() {
    let stage = Stage::open().await;
    let hook = json!({"name": "told", "url": format!("http://{}/told", stage.echo.address),
        "events": ["lead.delivered", "lead.processed", "lead.status_changed", "contact.status_changed"]});
    stage.post("/webhooks", hook).await;
    let (campaign, code) = stage.campaign("plain", None).await;
    let taken = stage.submit(&code).await;
    stage.at_rest(2).await;
    let lead = taken["leadId"].as_str().unwrap();
    let shown = stage.world().desk.ask(&format!("/leads/{lead}"), None).await;
    let contact = shown["contactId"].as_str().unwrap_or_else(|| panic!("{shown}")).to_owned();
    fail(&stage).await;
    wait_and_go_on(&stage).await;
    live(&stage, &contact, &campaign).await;
    let before = stage.seen().await;
    assert!(before.len() >= 16, "the person is in {before:?} only");
    stage.is_quiet();

    let sold = "SELECT count(*) FROM delivery_attempt WHERE outcome = 'accepted' AND buyer_lead_id = 'buyer-7'";
    let refused = "SELECT count(*) FROM delivery_attempt WHERE outcome = 'rejected'";
    let money = (stage.count(sold).await, stage.count(refused).await);
    assert_eq!(money, (6, 6));
    let erase = format!("/contacts/{contact}/erase");
    wait_for("the erasure", SOON, async || {
        let done = stage.world().desk.post(&erase, &json!({"reason": "asked for it"})).await;
        match done {
            Ok(_) => Some(()),
            Err(Unanswered::Status(409, _)) => None,
            Err(why) => panic!("{why:?}"),
        }
    })
    .await;
    assert_eq!(stage.seen().await, BTreeSet::new());
    assert_eq!(
        (stage.count(sold).await, stage.count(refused).await),
        money,
        "money can be counted"
    );
    stage.is_quiet();
}
