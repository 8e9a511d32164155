//! A world for one journey: a database, an in-process queue, a worker that is driven step by step, a hand clock, and a recording sink.
use axum::{
    Router, body::Bytes, extract::State, http::HeaderMap, http::Method, http::StatusCode, http::Uri,
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    campaign::guard::GuardPolicy,
    clock::Clock,
    drain::drain,
    ids::{CampaignId, LeadId, SubmissionId, WorkspaceId},
    lead::{Answer, Details, Person},
    push::Pusher,
    queue::{Delivered, Job, Queue, Settle},
    shelf::Shelf,
    store::{
        campaigns::{self, Draft},
        close::{Closer, Starter},
        intake::{Arrival, CampaignRef, Intake, Receipt, Who},
        leads::{self, SubmissionRow},
        load::Loader,
        secrets::Secrets,
        sweeps,
    },
    submission::Stage,
    testing::{TestStore, noon, ring},
};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use worker::{
    breaker::Breakers,
    campaigns::Campaigns,
    context::{Context, Settings, Unsent},
    drive::drive,
    outside::{http::DeliveryClient, limits::Gates},
    switches::Switches,
};

/// Stage jobs after which a journey is taken for one that goes in circles.
const JOBS_MAX: usize = 100;

/// How a journey is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Undisturbed.
    Plain,
    /// Every job is delivered twice.
    Twice,
}

/// One request that reached the sink.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    pub content_type: String,
    pub key: String,
    pub raw: Bytes,
    pub headers: HeaderMap,
    /// Null when it is no JSON.
    pub body: Value,
    pub answered: u16,
}

type Answers = Arc<dyn Fn(&str, usize) -> (u16, Value) + Send + Sync>;

#[derive(Clone)]
struct Sink {
    calls: Arc<Mutex<Vec<Call>>>,
    answers: Answers,
}

pub struct World {
    pub store: TestStore,
    pub workspace: WorkspaceId,
    pub ctx: Arc<Context>,
    pub clock: Clock,
    pub sink: String,
    intake: Intake,
    calls: Arc<Mutex<Vec<Call>>>,
    run: Run,
}

async fn receive(
    State(sink): State<Sink>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let path = uri.path().to_owned();
    let nth = {
        let calls = sink.calls.lock().unwrap();
        calls.iter().filter(|call| call.path == path).count()
    };
    let (status, answer) = (sink.answers)(&path, nth);
    let header = |name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    sink.calls.lock().unwrap().push(Call {
        method: method.to_string(),
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        content_type: header("content-type"),
        key: header("idempotency-key"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        headers: headers.clone(),
        raw: body,
        answered: status,
    });
    // A text is answered as it is, so that a buyer may speak something else than JSON.
    let answer = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    (StatusCode::from_u16(status).unwrap(), answer)
}

/// What a buyer that takes everything answers.
pub fn yes() -> (u16, Value) {
    (200, json!({"result": "accepted", "id": "B-1"}))
}

/// What a buyer that takes nothing answers.
pub fn no() -> (u16, Value) {
    (200, json!({"result": "rejected", "reason": "not wanted"}))
}

impl World {
    /// A world whose sink answers by path and by how often that path was called before.
    pub async fn new(
        store: TestStore,
        run: Run,
        answers: impl Fn(&str, usize) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let sink = format!("http://{}", listener.local_addr().unwrap());
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let state = Sink { calls: calls.clone(), answers: Arc::new(answers) };
        let routes = Router::new().fallback(receive).with_state(state);
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let clock = Clock::by_hand(noon());
        let workspace = store.workspace("journeys").await;
        let ctx = Arc::new(context(&store, &clock, Queue::memory()));
        let intake = Intake::start(store.db.clone());
        Self { store, workspace, ctx, clock, sink, intake, calls, run }
    }

    pub async fn campaign(&self, code: &str, config: Value) -> CampaignId {
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: format!("campaign {code}"),
            dedup_days: None,
            config,
            at: self.clock.now(),
        };
        let policy = GuardPolicy { allow_private: true, allow_http: true, ..Default::default() };
        let parsed: shared::campaign::CampaignConfig =
            serde_json::from_value(draft.config.clone()).unwrap();
        assert_eq!(parsed.problems(Some(draft.id), &policy), []);
        campaigns::create(&self.store.db, &draft).await.unwrap();
        draft.id
    }

    /// Saves a campaign's next revision.
    pub async fn save(&self, campaign: CampaignId, config: Value) {
        let db = &self.store.db;
        let row = campaigns::get(db, self.workspace, campaign).await.unwrap().unwrap();
        let draft = Draft {
            workspace: self.workspace,
            id: campaign,
            code: row.code,
            name: row.name,
            dedup_days: None,
            config,
            at: self.clock.now(),
        };
        assert!(campaigns::save(db, &draft, row.revision).await.unwrap().is_some());
    }

    /// Somebody rejects the lead.
    pub async fn withdraw(&self, lead: LeadId) {
        let reject = "UPDATE lead SET status = 'rejected' WHERE id = $1";
        self.store.db.write().sql(reject).bind(lead).run().await.unwrap();
    }

    pub async fn submit(&self, campaign: CampaignId, answers: Value) -> Receipt {
        self.take_in(campaign, ("ada@example.com", "+14155550100"), answers, (false, true)).await
    }

    /// Submits a test lead.
    pub async fn submit_test(&self, campaign: CampaignId) -> Receipt {
        self.take_in(campaign, ("ada@example.com", "+14155550100"), json!({}), (true, true)).await
    }

    /// Submits a lead of the person with that number.
    pub async fn submit_as(&self, campaign: CampaignId, phone: &str, is_test: bool) -> Receipt {
        let email = format!("{}@example.com", &phone[1..]);
        self.take_in(campaign, (&email, phone), json!({}), (is_test, true)).await
    }

    /// A lead that is stored only.
    pub async fn stored(&self, campaign: CampaignId, phone: &str) -> LeadId {
        let email = format!("{}@example.com", &phone[1..]);
        self.take_in(campaign, (&email, phone), json!({}), (false, false)).await.lead_id
    }

    async fn take_in(
        &self,
        campaign: CampaignId,
        (email, phone): (&str, &str),
        answers: Value,
        (is_test, submit): (bool, bool),
    ) -> Receipt {
        let Value::Object(answers) = answers else { panic!("answers are an object") };
        let questionnaire = answers
            .into_iter()
            .map(|(key, answer)| Answer { question: key.clone(), key, answer })
            .collect();
        let person = Person {
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            email: email.into(),
            phone: phone.into(),
        };
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(campaign),
            who: Who::New { person, details: Details { questionnaire, ..Details::default() } },
            is_test,
            submit,
            source: "api",
            repeat: None,
            at: self.clock.now(),
            redeliver_at: self.clock.now() + Duration::seconds(30),
        };
        self.intake.take(arrival).await.unwrap().unwrap()
    }

    /// Lets those go who wait for room, as the scheduler does each second.
    pub async fn drain(&self) -> u64 {
        let (ctx, redelivery) = (&self.ctx, Duration::seconds(30));
        drain(&ctx.db, &ctx.push, self.clock.now(), redelivery).await.unwrap()
    }

    /// Runs whatever is due now, and what follows from it, until nothing is.
    pub async fn settle(&self) {
        self.settle_and(true).await;
    }

    /// The same, while nobody posts webhooks.
    pub async fn settle_without_posts(&self) {
        self.settle_and(false).await;
    }

    async fn settle_and(&self, posts: bool) {
        for _ in 0..JOBS_MAX {
            // The redelivery of what a job leaves open is due at once in here: the hand clock is moved past it.
            let horizon = self.clock.now() + Duration::seconds(31);
            let again = self.clock.now() + Duration::seconds(30);
            let open = sweeps::take_due(&self.store.db, &Stage::ALL, horizon, again, 100);
            let open = open.await.unwrap();
            let mut ran = false;
            for due in open {
                let times = if self.run == Run::Twice { 2 } else { 1 };
                for _ in 0..times {
                    let job = Job { id: due.id.0, generation: due.generation };
                    ran |= self.job(due.stage, job, 1).await == Settle::Done;
                    if posts {
                        self.post(due.id).await;
                    }
                }
            }
            if !ran || !self.moved().await {
                return;
            }
        }
        panic!("the journey goes in circles");
    }

    /// Does what the lane of webhooks that begin a wait has for the submission, if anything.
    pub async fn post(&self, id: SubmissionId) {
        let loaded = self.ctx.loader.load(id).await.unwrap().unwrap();
        let job = Job { id: id.0, generation: loaded.generation };
        let lane = shared::push::ACTION_WEBHOOKS;
        let delivered = Delivered { lane, job, delivery: 1, cancelled: CancellationToken::new() };
        assert_eq!(worker::action_webhook::post(&self.ctx, delivered).await, Settle::Done);
    }

    /// Whether an open stage job is there that is not waiting for its time.
    async fn moved(&self) -> bool {
        let filter = shared::store::jobs::JobFilter {
            state: Some(shared::store::jobs::JobState::Ready),
            ..Default::default()
        };
        let jobs = shared::store::jobs::list(&self.store.db, self.workspace, &filter, None, 100);
        jobs.await.unwrap().iter().any(|job| job.attempt == 0)
    }

    /// One delivery of one job, as often as it was delivered before.
    pub async fn job(&self, stage: Stage, job: Job, delivery: u32) -> Settle {
        hand_over(&self.ctx, stage, job, delivery).await
    }

    pub async fn submissions(&self, lead: LeadId) -> Vec<SubmissionRow> {
        leads::submissions(&self.store.db, self.workspace, lead).await.unwrap()
    }

    /// One submission as it is now.
    pub async fn submission(&self, id: SubmissionId) -> SubmissionRow {
        leads::submission(&self.store.db, self.workspace, id).await.unwrap().unwrap()
    }

    /// The journey as lines: stage, verdict, code.
    pub async fn journey(&self, submission: SubmissionId) -> Vec<String> {
        let events = leads::journey(&self.store.db, self.workspace, submission).await.unwrap();
        let generations: Vec<i64> = events.iter().map(|event| event.generation).collect();
        assert_eq!(generations, (1..=events.len() as i64).collect::<Vec<_>>(), "gapless");
        events.iter().map(|e| format!("{} {} {}", e.stage, e.verdict, e.reason_code)).collect()
    }

    /// The outside calls as lines, exact repeats dropped: path, answer, and which key, by order of appearance.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let mut keys: Vec<&str> = Vec::new();
        let mut lines: Vec<String> = Vec::new();
        for call in calls.iter() {
            if !keys.contains(&call.key.as_str()) {
                keys.push(&call.key);
            }
            let key = keys.iter().position(|key| *key == call.key).unwrap() + 1;
            lines.push(format!("{} {} {} key {key}", call.method, call.path, call.answered));
        }
        lines
    }

    /// Everything that reached the sink, in order.
    pub fn sent(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub fn bodies(&self) -> Vec<Value> {
        self.calls.lock().unwrap().iter().map(|call| call.body.clone()).collect()
    }

    /// A worker that knows nothing of the one before.
    pub fn another_worker(&mut self) {
        self.ctx = Arc::new(context(&self.store, &self.clock, Queue::memory()));
    }
}

/// A worker gets a job for the first time.
pub async fn deliver(ctx: &Context, stage: Stage, job: Job) -> Settle {
    hand_over(ctx, stage, job, 1).await
}

async fn hand_over(ctx: &Context, stage: Stage, job: Job, delivery: u32) -> Settle {
    let lane = shared::push::lane(stage);
    let delivered = Delivered { lane, job, delivery, cancelled: CancellationToken::new() };
    drive(ctx, stage, delivered).await
}

pub fn context(store: &TestStore, clock: &Clock, queue: Queue) -> Context {
    let policy = GuardPolicy { allow_private: true, allow_http: true, ..Default::default() };
    let db = &store.db;
    Context {
        db: db.clone(),
        loader: Loader::start(db.clone()),
        closer: Closer::start(db.clone()),
        starter: Starter::start(db.clone()),
        push: Pusher::start(queue),
        campaigns: Campaigns::new(db.clone()),
        sets: Shelf::new(db.clone()),
        http: DeliveryClient::new(policy).unwrap(),
        model: None,
        breakers: Breakers::new(db.clone()),
        gates: Gates::default(),
        clock: clock.clone(),
        settings: Settings {
            redelivery: Duration::seconds(30),
            public_url: "http://leadrail.test".into(),
        },
        switches: Switches::default(),
        unsent: Unsent::default(),
        secrets: Secrets::new(db.clone(), ring()),
        tokens: Default::default(),
    }
}
