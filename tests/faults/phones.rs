//! An installation that calls and texts people: providers that are played in this process, an API at an address that they know, and time that
//! a test lets pass.
use crate::{
    desk::config,
    oracle::{self, Submission, Tally},
    sender::{Sender, Sent},
    stages::{SOON, died_at},
    wait::{pause, wait_for},
    world::World,
};
use fakes::{Account, Fake, Provider};
use serde_json::{Value, json};
use shared::testing::Process;
use std::{net::TcpListener, time::Duration};

/// A key ring.
pub const KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Opens the accounts with the providers.
const ACCOUNT_KEY: &str = "an-account-key";
/// Signs webhooks: text for Vapi, the base64 of 24 bytes for the generic provider.
pub const HOOK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TWILIO: &str = "AC00000000000000000000000000000001";
/// How long a first action waits at most, in minutes: longer than any test lets pass by beats.
const DEADLINE_MINUTES: i64 = 600;
/// Seconds that pass for calls and texts with each beat, and the beat.
const STEP: i64 = 20;
const BEAT: Duration = Duration::from_millis(150);
/// What makes everything that calls and texts wait for come sooner, by seconds. When a wait began and when a text was written stays: which of
/// them came first must not change for a worker that reads between two of these.
const SOONER: [&str; 4] = [
    "UPDATE interaction SET opened_at = opened_at - $1::bigint * interval '1 second', updated_at = updated_at - $1::bigint * interval '1 second',
        ended_at = ended_at - $1::bigint * interval '1 second', due_at = due_at - $1::bigint * interval '1 second'",
    "UPDATE message SET updated_at = updated_at - $1::bigint * interval '1 second'",
    "UPDATE parked_action SET deadline = deadline - $1::bigint * interval '1 second' WHERE resolution IS NULL",
    "UPDATE submission SET due_at = due_at - $1::bigint * interval '1 second' WHERE run = 'parked'",
];

pub struct Phones {
    pub world: World,
    pub fake: Fake,
    pub sender: Sender,
    pub api: Process,
    /// Where the provider's webhooks come to.
    pub hook: String,
    provider: Provider,
    providers: String,
    pub scheduler: Process,
}

impl Phones {
    pub async fn open(provider: Provider) -> Self {
        Self::on(World::new().await, provider).await
    }

    /// An API and a scheduler, and a campaign that waits for a call or a text of the provider's. Workers are for the test to start.
    pub async fn on(mut world: World, provider: Provider) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        world.set("LEADRAIL_LISTEN", &free.to_string());
        world.set("LEADRAIL_PUBLIC_URL", &format!("http://{free}"));
        world.set("LEADRAIL_SECRET_KEYS", KEYS);
        world.set("LEADRAIL_LEASE_SECONDS", "1");
        let fake = Fake::default();
        let routes = fakes::phone_router(fake.clone());
        let providers = fakes::serve_in_background(routes).await.expect("a free port");
        let (api, scheduler) = (world.api().await, world.scheduler().await);
        let sender = Sender::new(&world.desk, &crate::desk::Campaign::none(), false);
        let mut phones = Self {
            world,
            fake,
            sender,
            api,
            hook: String::new(),
            provider,
            providers: format!("http://{providers}"),
            scheduler,
        };
        phones.hook = phones.agent(&phones.world.desk).await;
        phones.account();
        let mut waiting = config(&phones.world.sink, "first", false, &[]);
        waiting["firstAction"] = first_action(provider);
        let campaign = phones.world.desk.campaign("waiting", waiting).await;
        phones.sender = Sender::new(&phones.world.desk, &campaign, false);
        phones
    }

    /// Makes the agent in a workspace; says where its webhooks go.
    pub async fn agent(&self, desk: &crate::desk::Desk) -> String {
        for (name, value) in [("account", ACCOUNT_KEY), ("hook", HOOK_SECRET)] {
            desk.ask(&format!("/secrets/{name}"), Some(json!({"value": value}))).await;
        }
        let mut config = json!({"provider": agent(self.provider, &self.providers)});
        if self.provider.texts() {
            config["batchWindowMs"] = json!(1_000);
        }
        let made = desk.ask("/agents/line", Some(config)).await;
        made["webhookUrl"].as_str().expect("an agent has one").to_owned()
    }

    /// A second line, for texts, beside one for calls.
    pub async fn text_line(&self) {
        let config =
            json!({"provider": agent(Provider::Twilio, &self.providers), "batchWindowMs": 1_000});
        let made = self.world.desk.ask("/agents/texts", Some(config)).await;
        self.account_of(Provider::Twilio, made["webhookUrl"].as_str().expect("an agent has one"));
    }

    fn account(&self) {
        self.account_of(self.provider, &self.hook);
    }

    fn account_of(&self, provider: Provider, hook: &str) {
        let texts = provider.texts();
        self.fake.account(
            provider,
            Account {
                user: texts.then(|| TWILIO.to_owned()),
                key: (provider != Provider::Generic).then(|| ACCOUNT_KEY.to_owned()),
                webhook_url: Some(hook.to_owned()),
                secret: (!texts).then(|| HOOK_SECRET.to_owned()),
                ..Account::default()
            },
        );
    }

    /// Kills the API and starts it again at its address.
    pub async fn restart_api(&mut self, more: &[(&str, &str)]) {
        self.api.kill9();
        self.api = self.world.api_with(more).await;
    }

    /// A lead whose worker dies at the point.
    pub async fn dies(&self, point: &str, digits: &str) -> Sent {
        let mut doomed = self.world.worker_with(&[("LEADRAIL_FAILPOINT", point)]).await;
        let sent = self.sender.send_to(digits).await;
        died_at(&mut doomed, point).await;
        sent
    }

    /// Lets time pass for everything that calls and texts wait for.
    pub async fn time_passes(&self, seconds: i64) {
        for statement in SOONER {
            let pass =
                async |db: &shared::store::Db| db.write().sql(statement).bind(seconds).run().await;
            self.world.ask(pass).await;
        }
    }

    /// Lets time pass until there is an answer.
    pub async fn in_time<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        wait_for(what, SOON, async || {
            let answer = ask().await;
            if answer.is_none() {
                pause(BEAT).await;
                self.time_passes(STEP).await;
            }
            answer
        })
        .await
    }

    /// Lets time pass until the lead is sold.
    pub async fn sold_in_time(&self, sent: &Sent) {
        self.in_time(&format!("the sale of {}", sent.email), async || {
            self.of(sent).await.is_accepted().then_some(())
        })
        .await;
    }

    /// Waits until the lead is sold, in real time.
    pub async fn sold_soon(&self, sent: &Sent) {
        wait_for(&format!("the sale of {}", sent.email), SOON, async || {
            self.of(sent).await.is_accepted().then_some(())
        })
        .await;
    }

    pub async fn of(&self, sent: &Sent) -> Submission {
        oracle::of_lead(&self.world, &sent.email).await.expect("a lead has a submission")
    }

    /// How often the provider has taken an order for the person: called them, or texted them.
    pub fn reached(&self, sent: &Sent) -> usize {
        let placed = self.fake.placed();
        placed.iter().filter(|one| one.to == sent.phone() && one.reference.is_some()).count()
    }

    /// How often the provider was asked to reach the person.
    pub fn ordered(&self, sent: &Sent) -> usize {
        self.fake.placed().iter().filter(|one| one.to == sent.phone()).count()
    }

    /// Waits until the provider has the order; answers its id there.
    pub async fn placed(&self, sent: &Sent) -> String {
        wait_for("an order", SOON, async || {
            let placed = self.fake.placed();
            placed.into_iter().find(|one| one.to == sent.phone())?.reference
        })
        .await
    }

    /// The API's story of a lead: one submission, and how often it was resumed.
    pub async fn resumed(&self, sent: &Sent) -> usize {
        let receipt = sent.receipt();
        let all = self.world.desk.ask(&format!("/leads/{}/submissions", receipt.lead), None).await;
        assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all}");
        let one = self.world.desk.ask(&format!("/submissions/{}", receipt.submission), None).await;
        let journey = one["journey"].as_array().unwrap_or_else(|| panic!("a journey: {one}"));
        journey.iter().filter(|event| event["verdict"] == "resumed").count()
    }

    /// Everybody was reached at most once, resumed once and sold once.
    pub async fn judge(&self) -> Tally {
        let tally = oracle::judge(&self.world, &self.sender, SOON).await;
        for sent in self.sender.sent() {
            assert!(self.reached(&sent) <= 1, "{} was reached twice", sent.email);
            let sales = self.world.sink.about(&sent.email).len();
            let accepted = usize::from(self.of(&sent).await.is_accepted());
            assert_eq!(sales, accepted, "{}", sent.email);
            assert_eq!(self.resumed(&sent).await, accepted, "{}", sent.email);
        }
        tally
    }
}

fn agent(provider: Provider, at: &str) -> Value {
    let secret = |name: &str| json!({"secret": name});
    match provider {
        Provider::Vapi => json!({
            "type": "vapi",
            "apiKey": secret("account"),
            "assistantId": "0190a7c2-7a3e-7a66-8f0e-2f6c1f0b7a11",
            "phoneNumberId": "0190a7c2-7a3e-7a66-8f0e-2f6c1f0b7a12",
            "credentialId": "0190a7c2-7a3e-7a66-8f0e-2f6c1f0b7a13",
            "webhookAuth": {"type": "secret", "secret": secret("hook")},
            "baseUrl": format!("{at}/vapi"),
        }),
        Provider::Generic => json!({
            "type": "generic",
            "url": format!("{at}/generic/orders"),
            "statusUrl": format!("{at}/generic/orders/{{reference}}"),
            "secret": secret("hook"),
        }),
        Provider::Twilio => json!({
            "type": "twilio",
            "accountSid": TWILIO,
            "authToken": secret("account"),
            "from": "+14155550199",
            "baseUrl": format!("{at}/twilio"),
        }),
        other => panic!("no test is played with {}", other.name()),
    }
}

fn first_action(provider: Provider) -> Value {
    let hours = json!({"from": "00:00", "to": "24:00"});
    if provider.texts() {
        let text = "Hello {{lead.firstName}}, do you still want an offer?";
        let sms = json!({"agent": "line", "message": text, "hours": hours});
        return json!({"kind": "sms", "deadlineMinutes": DEADLINE_MINUTES, "sms": sms});
    }
    let voice = json!({"agent": "line", "hours": hours});
    json!({"kind": "voice_ai", "deadlineMinutes": DEADLINE_MINUTES, "voice": voice})
}
