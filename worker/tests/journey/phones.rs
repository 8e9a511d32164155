//! A world with telephones: fake providers, a receiver of their webhooks that does what the API does, and agents.
use crate::{
    campaign::{plain, with},
    hooks,
    world::{Run, World, context, yes},
};
use chrono::Duration;
use fakes::{Account, Fake, Provider};
use serde_json::{Value, json};
use shared::{
    ids::{AgentId, CampaignId, LeadId},
    outreach::AgentConfig,
    push::OUTREACH,
    queue::{Delivered, Job, Queue, Settle},
    secret::Sensitive,
    store::{
        agents::{self, AgentDraft, Put},
        intake::Receipt,
        interactions::{self, Interaction},
        leads::SubmissionRow,
        messages::{self, Message},
        sweeps,
    },
    submission::Stage,
    testing::TestStore,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use worker::outside::http::{Exchange, Method, OutboundRequest};

/// Rounds after which a journey is taken for one that goes in circles.
const ROUNDS_MAX: usize = 60;
/// The key of every account.
const KEY: &str = "key-of-the-account";
/// What signs the webhooks of providers that take a secret.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Our own number.
pub const OURS: &str = "+14155559999";

pub struct Phones {
    pub world: World,
    pub fake: Fake,
    run: Run,
    fakes: String,
}

impl Phones {
    /// It is ten in the morning in California and one in the afternoon in New York. Providers do nothing by themselves.
    pub async fn new(store: TestStore, run: Run) -> Self {
        let mut world = World::new(store, run, |_, _| yes()).await;
        world.clock.forward(Duration::hours(6));
        let mut ctx = context(&world.store, &world.clock, Queue::memory());
        ctx.settings.public_url = hooks::serve(&world).await;
        world.ctx = Arc::new(ctx);
        let fake = Fake::default();
        let clock = world.clock.clone();
        fake.clock(fakes::time::Clock::of(move || clock.now()));
        fake.hold();
        let address = fakes::serve_in_background(fakes::phone_router(fake.clone())).await.unwrap();
        Self { world, fake, run, fakes: format!("http://{address}") }
    }

    fn provider(&self, provider: Provider) -> Value {
        let base = format!("{}/{}", self.fakes, provider.name());
        let (key, secret) = (json!({"secret": "KEY"}), json!({"secret": "SIGNS"}));
        let own = match provider {
            Provider::Retell => json!({"apiKey": key, "agentId": "agent_1", "from": OURS}),
            Provider::Vapi => {
                json!({"apiKey": key, "assistantId": uuid::Uuid::nil(), "phoneNumberId": uuid::Uuid::nil(),
                "webhookAuth": {"type": "secret", "secret": secret}})
            }
            Provider::Bland => json!({"apiKey": key, "webhookSecret": secret, "task": "ask"}),
            Provider::ElevenLabs => {
                json!({"apiKey": key, "webhookSecret": secret, "agentId": "a", "agentPhoneNumberId": "p"})
            }
            Provider::Generic => {
                json!({"url": format!("{base}/orders"), "statusUrl": format!("{base}/orders/{{reference}}"),
                "secret": secret})
            }
            Provider::Twilio => {
                json!({"accountSid": format!("AC{}", "0".repeat(32)), "authToken": key, "from": OURS})
            }
            Provider::Vonage => {
                json!({"apiKey": "abcd1234", "apiSecret": key, "signatureSecret": secret, "from": OURS})
            }
        };
        let mut whole = with(own, json!({"type": provider.name()}));
        if provider != Provider::Generic {
            whole = with(whole, json!({"baseUrl": base}));
        }
        whole
    }

    /// Sets up an agent of the provider under a name, and the provider's account.
    pub async fn agent(&self, name: &str, provider: Provider, more: Value) -> AgentId {
        let (world, at) = (&self.world, self.world.clock.now());
        for (name, value) in [("KEY", KEY), ("SIGNS", SECRET)] {
            let value = Sensitive::new(value.to_owned());
            world.ctx.secrets.put(world.workspace, name, &value, at).await.unwrap();
        }
        let config = with(json!({"provider": self.provider(provider)}), more);
        let config: AgentConfig = serde_json::from_value(config).unwrap();
        let draft = AgentDraft { workspace: world.workspace, name, config: &config, at };
        let Put::Saved(row) = agents::put(&world.store.db, draft, None).await.unwrap() else {
            panic!("not saved")
        };
        let own_key = matches!(provider, Provider::Twilio | Provider::Retell);
        let account = Account {
            user: match provider {
                Provider::Twilio => Some(format!("AC{}", "0".repeat(32))),
                Provider::Vonage => Some("abcd1234".into()),
                _ => None,
            },
            key: Some(KEY.to_owned()),
            secret: (!own_key).then(|| SECRET.to_owned()),
            webhook_url: Some(format!("{}/api/v1/hooks/{}", world.ctx.settings.public_url, row.id)),
            ..Account::default()
        };
        self.fake.account(provider, account);
        row.id
    }

    /// A campaign that calls before it delivers, by the agent `caller`.
    pub async fn calling(&self, code: &str, voice: Value, action: Value) -> CampaignId {
        let voice = with(json!({"agent": "caller"}), voice);
        self.first_action(code, json!({"kind": "voice_ai", "voice": voice}), action).await
    }

    /// A campaign that texts before it delivers, by the agent `texter`.
    pub async fn texting(&self, code: &str, sms: Value, action: Value) -> CampaignId {
        let sms = with(json!({"agent": "texter", "message": "Hello {{lead.firstName}}"}), sms);
        self.first_action(code, json!({"kind": "sms", "sms": sms}), action).await
    }

    async fn first_action(&self, code: &str, base: Value, mut action: Value) -> CampaignId {
        let fallback = action.as_object_mut().unwrap().remove("fallbackTo");
        let base = with(json!({"deadlineMinutes": 2_880}), base);
        let mut config = with(
            plain(&self.world.sink, &format!("/{code}")),
            json!({"firstAction": with(base, action)}),
        );
        if let Some(to) = fallback {
            config = with(config, json!({"fallback": {"campaigns": [to]}}));
        }
        self.world.campaign(code, config).await
    }

    /// A new lead with that number.
    pub async fn lead(&self, campaign: CampaignId, phone: &str) -> LeadId {
        self.world.submit_as(campaign, phone, false).await.lead_id
    }

    pub async fn test_lead(&self, campaign: CampaignId, phone: &str) -> Receipt {
        self.world.submit_as(campaign, phone, true).await
    }

    /// A lead whose call or text has just been asked for.
    pub async fn reached(&self, campaign: CampaignId, phone: &str) -> LeadId {
        let lead = self.lead(campaign, phone).await;
        self.settle().await;
        lead
    }

    /// Runs whatever is due now, and what follows from it, until nothing changes any more.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.fingerprint().await;
            self.stages().await;
            self.outreach().await;
            if self.fingerprint().await == before {
                return;
            }
        }
        panic!("the journey goes in circles");
    }

    /// The same for the stages alone, while the outreach lane stands still.
    pub async fn stages_only(&self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.fingerprint().await;
            self.stages().await;
            if self.fingerprint().await == before {
                return;
            }
        }
        panic!("the journey goes in circles");
    }

    fn times(&self) -> usize {
        if self.run == Run::Twice { 2 } else { 1 }
    }

    async fn stages(&self) {
        let (db, now) = (&self.world.store.db, self.world.clock.now());
        // What a move has made ready is due once its bell may be taken for lost; in here no bell is heard.
        let (horizon, again) = (now + Duration::seconds(31), now + Duration::seconds(40));
        for due in sweeps::take_due(db, &Stage::ALL, horizon, again, 100).await.unwrap() {
            for _ in 0..self.times() {
                let job = Job { id: due.id.0, generation: due.generation };
                self.world.job(due.stage, job, 1).await;
            }
        }
    }

    async fn outreach(&self) {
        let (db, now) = (&self.world.store.db, self.world.clock.now());
        let again = now + Duration::seconds(40);
        for id in interactions::take_due(db, now, again, 100).await.unwrap() {
            for _ in 0..self.times() {
                assert_eq!(self.attend(id.0).await, Settle::Done);
            }
        }
    }

    /// One job of the outreach lane.
    pub async fn attend(&self, id: uuid::Uuid) -> Settle {
        let job = Job { id, generation: 1 };
        let delivered =
            Delivered { lane: OUTREACH, job, delivery: 1, cancelled: CancellationToken::new() };
        worker::outreach::attend(&self.world.ctx, delivered).await
    }

    async fn fingerprint(&self) -> Vec<(uuid::Uuid, String, i64)> {
        let mut found: Vec<(uuid::Uuid, String, i64)> = Vec::new();
        for sql in [
            "SELECT id, run, generation FROM submission",
            "SELECT id, state, generation FROM interaction",
            "SELECT id, state, CAST(0 AS BIGINT) FROM message",
        ] {
            let mut rows: Vec<(uuid::Uuid, String, i64)> =
                self.world.store.db.read().sql(sql).all().await.unwrap();
            rows.sort();
            found.extend(rows);
        }
        found
    }

    /// Everything that the providers have under way comes to its end, and they tell of it.
    pub async fn play(&self) {
        for item in self.fake.items().into_iter().filter(|item| !item.inbound) {
            self.fake.send_webhooks_of(&item.id).await;
        }
    }

    /// The same, and everything that follows.
    pub async fn played(&self) {
        self.play().await;
        self.settle().await;
    }

    /// Lets time pass, and does what is due then.
    pub async fn later(&self, pause: Duration) {
        self.world.clock.forward(pause);
        self.settle().await;
    }

    /// The lead's first submission.
    pub async fn row(&self, lead: LeadId) -> SubmissionRow {
        self.world.submissions(lead).await.remove(0)
    }

    /// `run status` of the lead's first submission.
    pub async fn stands(&self, lead: LeadId) -> String {
        let row = self.row(lead).await;
        let status = serde_json::to_value(row.status).unwrap();
        format!("{} {}", row.run, status.as_str().unwrap())
    }

    /// The calls and threads with a lead, first to last.
    pub async fn interactions(&self, lead: LeadId) -> Vec<Interaction> {
        let mut found =
            interactions::of_lead(&self.world.store.db, self.world.workspace, lead).await.unwrap();
        found.reverse();
        found
    }

    /// The lead's texts as `state body`, first to last.
    pub async fn texts(&self, lead: LeadId) -> Vec<String> {
        let mut lines = Vec::new();
        for message in self.messages(lead).await {
            let state = serde_json::to_value(message.state).unwrap();
            lines.push(format!("{} {}", state.as_str().unwrap(), message.body));
        }
        lines
    }

    pub async fn messages(&self, lead: LeadId) -> Vec<Message> {
        let mut found = Vec::new();
        for thread in self.interactions(lead).await {
            found.extend(
                messages::of_thread(&self.world.store.db, self.world.workspace, thread.id)
                    .await
                    .unwrap(),
            );
        }
        found
    }

    /// How many of them were for that number.
    pub fn orders_to(&self, phone: &str) -> usize {
        self.fake.placed().iter().filter(|order| order.to == phone).count()
    }

    /// Returns once the providers have received that many orders.
    pub async fn ordered(&self, orders: usize) {
        while self.orders() < orders {
            tokio::task::yield_now().await;
        }
    }

    /// A person texts us.
    pub async fn text(&self, provider: Provider, from: &str, body: &str) {
        self.fake.text_in(provider, from, OURS, body).await;
        self.settle().await;
    }

    /// The settings of an agent whose texts a machine answers.
    pub fn brain(&self, mode: &str) -> Value {
        json!({"webhook": {"url": format!("{}/brain/{mode}", self.fakes)}})
    }

    /// The last webhook that was sent comes once more.
    pub async fn again(&self) -> u16 {
        let sent = self.fake.webhooks().pop().unwrap();
        let request = OutboundRequest {
            method: Method::Post,
            url: sent.url,
            headers: sent.headers,
            body: sent.body.into(),
            timeout: std::time::Duration::from_secs(5),
        };
        match self.world.ctx.http.send(request).await {
            Exchange::Answered(answer, _) => answer.status,
            other => panic!("{other:?}"),
        }
    }

    /// How many orders the providers have received, refused ones too.
    pub fn orders(&self) -> usize {
        self.fake.placed().len()
    }

    /// The body of the last delivery.
    pub fn delivered(&self) -> Value {
        self.world.bodies().pop().unwrap_or_default()
    }
}
