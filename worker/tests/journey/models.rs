//! Field qualification with a language model: who is asked, what it costs, and that no lead waits for ever because a model is away.
use crate::{
    campaign::{plain, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use fakes::openai::{Fake, TOKENS};
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, LeadId},
    on_both_engines,
    queue::{Job, Settle},
    store::{
        leads,
        models::{self, Budget},
    },
    submission::{Stage, Status},
    testing::TestStore,
};

/// A world with a fake model server.
struct Asked {
    world: World,
    fake: Fake,
    server: String,
}

impl Asked {
    async fn new(store: TestStore, run: Run) -> Self {
        let fake = Fake::default();
        let address = fakes::serve_in_background(fakes::router(fake.clone())).await.unwrap();
        let world = World::new(store, run, |_, _| yes()).await;
        Self { world, fake, server: format!("http://{address}") }
    }

    /// A campaign whose `home` is of a list, with a model in this mode.
    async fn campaign(&self, mode: &str, more: Value) -> CampaignId {
        let ai = json!({"enabled": true, "baseUrl": format!("{}/{mode}/v1", self.server), "model": "fake"});
        let config = plain(&self.world.sink, "/buyer");
        let lists = json!({
            "ai": with(ai, more),
            "acceptedValues": [{"field": "questionnaire.home", "values": ["Condo", "House"]}],
        });
        let code = format!("M{:03}", self.fake.calls().len() + self.world.calls().len());
        self.world.campaign(&code, with(config, lists)).await
    }

    async fn lead(&self, campaign: CampaignId, home: &str) -> LeadId {
        self.world.submit(campaign, json!({"home": home})).await.lead_id
    }

    /// A lead that has gone as far as it goes by itself.
    async fn settled(&self, campaign: CampaignId, home: &str) -> LeadId {
        let lead = self.lead(campaign, home).await;
        self.world.settle().await;
        lead
    }

    async fn status(&self, lead: LeadId) -> Status {
        self.world.submissions(lead).await[0].status
    }

    /// What the journey says of stage 6, the last time.
    async fn stage_6(&self, lead: LeadId) -> (String, String, Value) {
        let id = self.world.submissions(lead).await[0].id;
        let events = leads::journey(&self.world.store.db, self.world.workspace, id).await.unwrap();
        let event = events.into_iter().rfind(|event| event.stage == "field_qualification").unwrap();
        let details = event.details.unwrap_or_default();
        (event.verdict, event.reason, details)
    }

    async fn used(&self, campaign: CampaignId) -> (i64, i64) {
        let day = self.world.clock.now().date_naive();
        let budget = Budget { workspace: self.world.workspace, campaign, day };
        models::used(&self.world.store.db, budget).await.unwrap()
    }

    fn asked(&self) -> usize {
        self.fake.calls().len()
    }
}

on_both_engines! {
    async fn a_model_is_asked_only_when_the_list_does_not_fit(store: TestStore) {
        let asked = Asked::new(store, Run::Twice).await;
        let campaign = asked.campaign("good", json!({})).await;
        let fits = asked.settled(campaign, "HOUSE").await;
        assert_eq!((asked.status(fits).await, asked.asked()), (Status::Accepted, 0));
        let meant = asked.settled(campaign, "my flat").await;
        assert_eq!((asked.status(meant).await, asked.asked()), (Status::Accepted, 1));
        let (verdict, _, details) = asked.stage_6(meant).await;
        assert_eq!(verdict, "passed");
        assert_eq!(details["fields"][0], json!({
            "field": "questionnaire.home", "given": "my flat", "accepted": "Condo", "how": "model",
            "model": {"value": "Condo", "confidence": 0.95, "cached": false},
        }));
        assert_eq!((&details["model"]["calls"], &details["model"]["tokens"]), (&json!(1), &json!(TOKENS)));
        assert_eq!(asked.used(campaign).await, (1, TOKENS));
        let sent = asked.world.bodies();
        assert!(sent[1].to_string().contains("Condo"), "{}", sent[1]);
    }

    async fn a_request_tells_nothing_of_the_person(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("good", json!({})).await;
        asked.settled(campaign, "my flat").await;
        let call = &asked.fake.calls()[0];
        let text = call.body.to_string();
        assert!(text.contains("my flat"), "{text}");
        for private in ["Ada", "Lovelace", "ada@example.com", "4155550100"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
        assert_eq!(call.authorization, None);
    }

    async fn a_campaign_has_a_key_of_its_own_as_a_secret(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let (workspace, now) = (asked.world.workspace, asked.world.clock.now());
        let secrets = &asked.world.ctx.secrets;
        secrets.put(workspace, "llm", &"sk-own-key".into(), now).await.unwrap();
        let campaign = asked.campaign("good", json!({"apiKey": {"secret": "llm"}})).await;
        let lead = asked.settled(campaign, "my flat").await;
        assert_eq!(asked.status(lead).await, Status::Accepted);
        assert_eq!(asked.fake.calls()[0].authorization.as_deref(), Some("Bearer sk-own-key"));
        let (_, _, details) = asked.stage_6(lead).await;
        assert!(!details.to_string().contains("sk-own-key"), "{details}");
    }

    async fn the_next_lead_that_says_the_same_costs_nothing_and_no_job_more(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("good", json!({})).await;
        asked.settled(campaign, "my flat").await;
        let second = asked.settled(campaign, " My  FLAT ").await;
        assert_eq!((asked.status(second).await, asked.asked()), (Status::Accepted, 1));
        let (_, _, details) = asked.stage_6(second).await;
        assert_eq!(details["fields"][0]["model"]["cached"], json!(true));
        assert_eq!(details["model"], Value::Null);
        assert_eq!(asked.used(campaign).await, (1, TOKENS));
        let third = asked.lead(campaign, "my flat").await;
        let row = &asked.world.submissions(third).await[0];
        asked.world.job(Stage::Routing, Job { id: row.id.0, generation: 1 }, 1).await;
        assert_eq!(asked.world.submissions(third).await[0].stage, Stage::Delivery, "no hop before a cached answer");
    }

    async fn racing_leads_never_make_more_calls_than_the_budget_has(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("slow", json!({"dailyCalls": 2})).await;
        let mut leads = Vec::new();
        for home in ["flat 1", "flat 2", "flat 3", "flat 4", "flat 5"] {
            let receipt = asked.world.submit(campaign, json!({"home": home})).await;
            let id = receipt.submission_id.unwrap();
            asked.world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
            let row = &asked.world.submissions(receipt.lead_id).await[0];
            assert_eq!((row.stage, row.run.as_str()), (Stage::FieldQualification, "ready"));
            leads.push((receipt.lead_id, Job { id: id.0, generation: row.generation }));
        }
        let job = |at: usize| asked.world.job(Stage::FieldQualification, leads[at].1, 1);
        let settled = tokio::join!(job(0), job(1), job(2), job(3), job(4));
        assert_eq!(settled, (Settle::Done, Settle::Done, Settle::Done, Settle::Done, Settle::Done));
        assert_eq!((asked.asked(), asked.used(campaign).await), (2, (2, 2 * TOKENS)));
        asked.world.settle().await;
        let mut statuses = Vec::new();
        for (lead, _) in &leads {
            statuses.push(asked.status(*lead).await);
            let (verdict, reason, _) = asked.stage_6(*lead).await;
            assert!(verdict == "passed" || reason.contains("budget of 2026-11-21 is used up"), "{reason}");
        }
        assert_eq!(statuses.iter().filter(|status| **status == Status::Accepted).count(), 2);
        assert_eq!(statuses.iter().filter(|status| **status == Status::Disqualified).count(), 3);
        assert_eq!(asked.asked(), 2);
    }

    async fn a_new_day_has_a_new_budget(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("good", json!({"dailyTokens": 1})).await;
        let first = asked.settled(campaign, "flat 1").await;
        let second = asked.settled(campaign, "flat 2").await;
        let status = [asked.status(first).await, asked.status(second).await];
        assert_eq!(status, [Status::Accepted, Status::Disqualified], "the tokens are used up");
        asked.world.clock.forward(Duration::days(1));
        let third = asked.settled(campaign, "flat 3").await;
        assert_eq!((asked.status(third).await, asked.asked()), (Status::Accepted, 2));
    }

    async fn a_reply_off_the_list_is_repaired_once(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        for mode in ["wrong-once", "not-json-once"] {
            let before = asked.asked();
            let campaign = asked.campaign(mode, json!({})).await;
            let lead = asked.settled(campaign, "my flat").await;
            assert_eq!((asked.status(lead).await, asked.asked() - before), (Status::Accepted, 2), "{mode}");
            let (_, _, details) = asked.stage_6(lead).await;
            assert_eq!((&details["model"]["calls"], &details["model"]["tokens"]), (&json!(2), &json!(2 * TOKENS)));
            assert_eq!(asked.used(campaign).await, (2, 2 * TOKENS));
        }
        let last = asked.fake.calls().pop().unwrap().body;
        assert!(last["messages"][3]["content"].to_string().contains("not JSON"), "{last}");
    }

    async fn what_cannot_be_had_from_a_model_is_refused_as_without_one(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        for (mode, calls, says) in [
            ("wrong", 2, "invalid twice: `f1` has a value that is not among the accepted values"),
            ("not-json", 2, "invalid twice: it is not JSON"),
            ("refusal", 1, "it refused to answer"),
            ("length", 1, "its reply was cut off"),
            ("content-filter", 1, "its server withheld the reply"),
            ("empty", 1, "its answer has no choices"),
            ("unauthorized", 1, "its server answered 401"),
            ("none", 1, "the model sees none of them in it"),
            ("unsure", 1, "the model is not sure: 0.3 is less than 0.8"),
        ] {
            let before = asked.asked();
            let campaign = asked.campaign(mode, json!({})).await;
            let lead = asked.settled(campaign, "my flat").await;
            assert_eq!((asked.status(lead).await, asked.asked() - before), (Status::Disqualified, calls), "{mode}");
            let (verdict, reason, details) = asked.stage_6(lead).await;
            assert_eq!(verdict, "refused", "{mode}");
            assert!(reason.contains("none of the 2 accepted values") && reason.contains(says), "{mode}: {reason}");
            assert_eq!(details["model"]["calls"], json!(calls), "{mode}");
        }
        assert!(asked.world.calls().is_empty(), "nothing was delivered");
    }

    async fn a_model_that_is_away_is_asked_three_times_and_then_left(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        for (mode, says, pause) in [
            ("busy", "its server answered 429", 7),
            ("broken", "its server answered 500", 0),
            ("hang", "no whole answer within the deadline", 0),
        ] {
            let before = asked.asked();
            let campaign = asked.campaign(mode, json!({"timeoutSeconds": 1})).await;
            let lead = asked.settled(campaign, "my flat").await;
            let (verdict, reason, _) = asked.stage_6(lead).await;
            assert_eq!(verdict, "again", "{mode}: {reason}");
            let row = &asked.world.submissions(lead).await[0];
            let due = row.due_at.unwrap() - asked.world.clock.now();
            assert!(due >= Duration::seconds(pause) && due <= Duration::seconds(60), "{mode}: {due}");
            for _ in 0..4 {
                asked.world.clock.forward(Duration::minutes(2));
                asked.world.settle().await;
            }
            assert_eq!((asked.status(lead).await, asked.asked() - before), (Status::Disqualified, 3), "{mode}");
            let (_, reason, _) = asked.stage_6(lead).await;
            assert!(reason.contains(says) && reason.contains("3 times"), "{mode}: {reason}");
        }
    }

    async fn a_model_that_cannot_be_reached_costs_no_budget(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/v1", free.local_addr().unwrap());
        drop(free);
        let campaign = asked.campaign("good", json!({"baseUrl": nobody})).await;
        let lead = asked.settled(campaign, "my flat").await;
        assert_eq!(asked.stage_6(lead).await.0, "again");
        assert_eq!(asked.used(campaign).await, (0, 0));
    }

    async fn a_campaign_without_a_model_asks_nobody_and_has_no_job_more(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("good", json!({"enabled": false})).await;
        let receipt = asked.world.submit(campaign, json!({"home": "my flat"})).await;
        let job = Job { id: receipt.submission_id.unwrap().0, generation: 1 };
        asked.world.job(Stage::Routing, job, 1).await;
        assert_eq!(asked.status(receipt.lead_id).await, Status::Disqualified, "in one job");
        assert_eq!((asked.asked(), asked.used(campaign).await), (0, (0, 0)));
    }

    async fn a_worker_that_dies_after_the_answer_repeats_from_memory(store: TestStore) {
        let mut asked = Asked::new(store, Run::Plain).await;
        let campaign = asked.campaign("good", json!({"dailyCalls": 1})).await;
        let receipt = asked.world.submit(campaign, json!({"home": "my flat"})).await;
        let id = receipt.submission_id.unwrap();
        asked.world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
        let generation = asked.world.submissions(receipt.lead_id).await[0].generation;
        let loaded = asked.world.ctx.loader.load(id).await.unwrap().unwrap();
        let campaigns = &asked.world.ctx.campaigns;
        let compiled = campaigns.get(loaded.workspace_id, loaded.campaign_id, loaded.revision).await.unwrap();
        let mut trip = worker::trip::Trip::new(loaded, compiled).unwrap();
        // Asked and remembered; the verdict goes with the worker.
        let verdict = worker::step::step(&asked.world.ctx, &mut trip).await.unwrap();
        assert_eq!((verdict.unwrap().code.as_ref(), asked.asked()), ("values_fit", 1));
        asked.world.another_worker();
        asked.world.job(Stage::FieldQualification, Job { id: id.0, generation }, 2).await;
        asked.world.settle().await;
        assert_eq!((asked.status(receipt.lead_id).await, asked.asked()), (Status::Accepted, 1));
    }

    async fn a_list_may_keep_its_field_from_the_model(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let url = format!("{}/good/v1", asked.server);
        let lists = json!({
            "ai": {"enabled": true, "baseUrl": url, "model": "fake"},
            "acceptedValues": [{"field": "questionnaire.home", "values": ["Condo"], "ai": false}],
        });
        let campaign = asked.world.campaign("NOA", with(plain(&asked.world.sink, "/buyer"), lists)).await;
        let lead = asked.settled(campaign, "my flat").await;
        assert_eq!((asked.status(lead).await, asked.asked()), (Status::Disqualified, 0));
    }

    async fn several_fields_are_asked_in_one_call(store: TestStore) {
        let asked = Asked::new(store, Run::Plain).await;
        let url = format!("{}/good/v1", asked.server);
        let lists = json!({
            "ai": {"enabled": true, "baseUrl": url, "model": "fake"},
            "acceptedValues": [
                {"field": "questionnaire.home", "values": ["Condo", "House"]},
                {"field": "questionnaire.owner", "values": [true], "instructions": "whether they own it"},
                {"field": "questionnaire.rooms", "values": [3, 4]},
            ],
        });
        let campaign = asked.world.campaign("SEV", with(plain(&asked.world.sink, "/buyer"), lists)).await;
        let lead = asked.world.submit(campaign, json!({"home": "my flat", "owner": "mine", "rooms": "4"})).await.lead_id;
        asked.world.settle().await;
        assert_eq!((asked.status(lead).await, asked.asked()), (Status::Accepted, 1));
        let canonical = &asked.world.submissions(lead).await[0].carry.canonical;
        let wanted = json!({"questionnaire.home": "Condo", "questionnaire.owner": true, "questionnaire.rooms": 4});
        assert_eq!(json!(canonical), wanted);
    }
}
