//! A world for one test: a database, two workspaces with keys, the router, and words for what it answers.
use api::{Api, ApiSettings};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request},
};
use chrono::{DateTime, Duration, Utc};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::{
    campaign::guard::GuardPolicy,
    clock::Clock,
    ids::{KeyId, ParkId, SubmissionId, WorkspaceId},
    key,
    push::{self, Pusher},
    queue::Queue,
    store::{
        Db,
        activities::Activities,
        breakers,
        close::{Close, Closer, LeadMove, NewPark, Place, Places, Query},
        contacts::upsert::Upserter,
        intake::Intake,
        keys::{self, KeyRow},
        load::Loader,
        migrate, parking,
        secrets::Secrets,
    },
    submission::{Stage, State},
    testing,
};
use std::{path::PathBuf, sync::Arc};
use tower::ServiceExt;
use uuid::Uuid;

mod plain;

use plain::plain;

pub struct World {
    pub router: Router,
    pub db: Db,
    pub clock: Clock,
    pub queue: Queue,
    pub workspace: WorkspaceId,
    /// Of the workspace, with the scopes `admin` and `installation`.
    pub key: String,
    /// Of another workspace, with the scope `admin`.
    pub stranger: String,
    loader: Loader,
    closer: Closer,
    /// SQLite's file, removed with the world.
    file: Option<PathBuf>,
}

impl Drop for World {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            if let Some(file) = &self.file {
                let _ = std::fs::remove_file(format!("{}{suffix}", file.display())); // it may not be there
            }
        }
    }
}

/// How the outside reaches the API of the tests.
pub const PUBLIC_URL: &str = "https://leads.example.com";

pub fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A new database (SQLite in a file of its own, or the one of `DATABASE_URL`) with two new workspaces.
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
pub async fn world() -> World {
    let name = Uuid::now_v7().simple().to_string();
    let (url, file) = match std::env::var_os("DATABASE_URL") {
        Some(url) => (url.into_string().unwrap(), None),
        None => {
            let file = std::env::temp_dir().join(format!("leadrail-{name}.db"));
            (format!("sqlite:{}", file.display()), Some(file))
        }
    };
    let db = Db::open(&url, 4).await.unwrap();
    migrate::migrate(&db).await.unwrap();
    let workspace = keys::workspace(&db, &format!("one {name}"), noon()).await.unwrap().id;
    let other = keys::workspace(&db, &format!("two {name}"), noon()).await.unwrap().id;
    let key = add_key(&db, workspace, &["admin", "installation"], None).await;
    let stranger = add_key(&db, other, &["admin"], None).await;
    let (clock, queue) = (Clock::by_hand(noon()), Queue::memory());
    let api = door(&db, &clock, &queue);
    let (loader, closer) = (api.loader.clone(), api.closer.clone());
    let router = api::router(Arc::new(api));
    World { router, db, clock, queue, workspace, key, stranger, loader, closer, file }
}

fn door(db: &Db, clock: &Clock, queue: &Queue) -> Api {
    Api {
        db: db.clone(),
        intake: Intake::start(db.clone()),
        loader: Loader::start(db.clone()),
        closer: Closer::start(db.clone()),
        contacts: Upserter::start(db.clone()),
        push: Pusher::start(queue.clone()),
        depths: Some(queue.clone()),
        clock: clock.clone(),
        settings: ApiSettings {
            guard: GuardPolicy::default(),
            redelivery: Duration::seconds(30),
            request_timeout: ApiSettings::REQUEST_TIMEOUT,
            public_url: PUBLIC_URL.into(),
            uploads: Default::default(),
        },
        callers: Default::default(),
        secrets: Secrets::new(db.clone(), testing::ring()),
        lines: Default::default(),
        activities: Activities::start(db.clone()),
        tracking: Default::default(),
        exports: Default::default(),
    }
}

pub async fn add_key(
    db: &Db,
    workspace: WorkspaceId,
    scopes: &[&str],
    expires_at: Option<DateTime<Utc>>,
) -> String {
    let secret = key::generate();
    let row = KeyRow {
        workspace_id: workspace,
        id: KeyId::new(),
        name: format!("test {}", scopes.join(" ")),
        shown: key::shown(&secret).to_owned(),
        scopes: scopes.iter().map(ToString::to_string).collect::<Vec<_>>().into(),
        created_at: noon(),
        expires_at,
        revoked_at: None,
    };
    assert!(keys::add(db, &row, &key::hash(&secret)).await.unwrap());
    secret
}

/// A request under way.
pub struct Ask {
    router: Router,
    request: Request<Body>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
}

impl World {
    /// Another process over the same database and queue.
    pub fn api(&self) -> Api {
        door(&self.db, &self.clock, &self.queue)
    }

    /// A request with the workspace's key.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        self.ask_as(&self.key, method, path)
    }

    pub fn ask_as(&self, key: &str, method: &str, path: &str) -> Ask {
        let ask = self.ask_without_key(method, path);
        if key.is_empty() { ask } else { ask.header("x-api-key", key) }
    }

    pub fn ask_without_key(&self, method: &str, path: &str) -> Ask {
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap());
        let request = request.uri(path).body(Body::empty()).unwrap();
        Ask { router: self.router.clone(), request }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path).json(body).send().await
    }

    /// A campaign with the code; answers its id.
    pub async fn campaign(&self, code: &str, config: Value) -> String {
        let body = json!({"name": format!("Campaign {code}"), "code": code, "config": config});
        let answer = self.post("/api/v1/campaigns", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.data("campaignId")
    }

    /// A submitted lead; answers the submission's id.
    pub async fn submitted(&self, code: &str, email: &str, phone: &str) -> String {
        let mut lead = lead(code);
        lead["email"] = json!(email);
        lead["phone"] = json!(phone);
        let answer = self.post("/api/v1/leads/submit", lead).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.data("submissionId")
    }

    /// Puts a submission somewhere, as a worker would have.
    pub async fn put(&self, id: &str, state: State, stage: Stage) {
        self.close(id, (state, stage), None, "timeout").await;
    }

    /// Parks a submission; answers a token that wakes it.
    pub async fn park(&self, id: &str) -> String {
        self.park_for(id, "webhook").await
    }

    /// The same for a kind of action.
    pub async fn park_for(&self, id: &str, kind: &'static str) -> String {
        self.park_as(id, kind, (kind == "human_review").then_some((1, None))).await
    }

    /// The same with how urgent a review is, and why it is asked for.
    pub async fn park_as(
        &self,
        id: &str,
        kind: &'static str,
        review: Option<(i64, Option<String>)>,
    ) -> String {
        let park = NewPark {
            id: ParkId::new(),
            kind,
            deadline: self.clock.now() + Duration::hours(1),
            on_deadline: "disqualify",
            review,
        };
        self.close(id, (State::Parked, Stage::FirstAction), Some(park), "timeout").await;
        let id = SubmissionId::parse(id).unwrap();
        let park = parking::open(&self.db, self.workspace, id).await.unwrap().unwrap();
        let token = key::token();
        parking::add_token(&self.db, &park, &key::hash(&token)).await.unwrap();
        token
    }

    /// Puts it into delivery, where it waits for that reason until `due`.
    pub async fn put_due(&self, id: &str, code: &'static str, due: DateTime<Utc>) {
        self.close(id, (State::InStage(Stage::Delivery), Stage::Delivery), None, code).await;
        let id = SubmissionId::parse(id).unwrap();
        let generation = self.loader.load(id).await.unwrap().unwrap().generation;
        breakers::postpone(&self.db, self.workspace, (id, generation), due).await.unwrap();
    }

    pub async fn due_at(&self, id: &str) -> Option<DateTime<Utc>> {
        let id = SubmissionId::parse(id).unwrap();
        self.loader.load(id).await.unwrap().unwrap().due_at
    }

    async fn close(
        &self,
        id: &str,
        (state, stage): (State, Stage),
        park: Option<NewPark>,
        code: &'static str,
    ) {
        let id = SubmissionId::parse(id).unwrap();
        let loaded = self.loader.load(id).await.unwrap().unwrap();
        let now = self.clock.now();
        let waits = matches!(state, State::InStage(_) | State::Parked);
        let close = Close {
            workspace: loaded.workspace_id,
            submission: id,
            expected: loaded.generation,
            place: Place {
                state,
                stage,
                generation: loaded.generation + 1,
                attempt: 2,
                due_at: waits.then_some(now),
                campaign: loaded.campaign_id,
                revision: loaded.revision,
                end: None,
                reason: Some((code.into(), "the buyer did not answer".into())),
                carry: loaded.carry.0.clone(),
                error_fingerprint: matches!(state, State::Failed(_)).then(|| "timeout".into()),
            },
            events: Vec::new(),
            shown: None,
            learnt: serde_json::Map::new(),
            extend: None,
            reach: None,
            park,
            unpark: None,
            places: Places::Keep,
            lead: LeadMove::Nothing,
            attempt: None,
            child: None,
            notices: Vec::new(),
            query: Query::None,
            audited: None,
            at: now,
        };
        assert!(self.closer.close(close).await.unwrap());
    }

    /// How many jobs wait in a stage's lane, once the pusher has nothing more to do.
    pub async fn pushed(&self, stage: Stage) -> u64 {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.queue.depths(&[push::lane(stage)]).await.unwrap()[0].ready
    }
}

impl Ask {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    pub fn json(self, body: Value) -> Self {
        self.raw(body.to_string())
    }

    /// Any bytes, announced as JSON.
    pub fn raw(self, body: impl Into<Body>) -> Self {
        let mut ask = self.header("content-type", "application/json");
        *ask.request.body_mut() = body.into();
        ask
    }

    /// The answer while its body is still under way.
    pub async fn response(self) -> axum::response::Response {
        self.router.oneshot(self.request).await.unwrap()
    }

    pub async fn send(self) -> Answer {
        let response = self.response().await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, json }
    }
}

impl Answer {
    /// A text of the data.
    pub fn data(&self, name: &str) -> String {
        let value = &self.json["data"][name];
        value.as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// A refusal as lines: status and code, then every problem.
    pub fn refusal(&self) -> String {
        assert_eq!(self.json["success"], false, "{self:?}");
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        let error = &self.json["error"];
        let mut lines =
            vec![format!("{} {}: {}", self.status, self.code(), text(&error["message"]))];
        for detail in error["details"].as_array().unwrap() {
            lines.push(format!("  {} | {}", text(&detail["path"]), text(&detail["message"])));
        }
        lines.join("\n")
    }

    /// The whole body, with ids and times replaced by words.
    pub fn plain(&self) -> String {
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        let body = serde_json::to_string_pretty(&plain(&self.json)).unwrap();
        format!("{} {body}", self.status)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A good lead for the campaign with this code.
pub fn lead(code: &str) -> Value {
    json!({
        "campaignId": code,
        "firstName": "maria",
        "lastName": "DIAZ",
        "email": "Maria@Example.com",
        "phone": "(415) 555-0100",
    })
}
