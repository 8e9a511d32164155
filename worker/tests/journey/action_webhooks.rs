//! Webhooks that begin a wait: posted until they are heard, recognisable, signed, and free to decide at once.
use crate::{
    campaign::{plain, with},
    world::{Call, Run, World, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::SubmissionId,
    key, on_both_engines,
    outreach::{Incoming, providers::sign},
    store::{
        notices::{self, Kind},
        parking::{self, Park, Try},
    },
    submission::Status,
};

/// A campaign whose webhook is at the sink's `/hook`.
async fn campaign(world: &World, webhook: Value) -> shared::ids::CampaignId {
    let action = json!({"firstAction": {
        "kind": "webhook", "url": format!("{}/hook", world.sink), "deadlineMinutes": 600, "webhook": webhook,
    }});
    world.campaign("AAA", with(plain(&world.sink, "/buy"), action)).await
}

/// A lead whose webhook is under way.
async fn submitted(world: &World, webhook: Value) -> SubmissionId {
    let campaign = campaign(world, webhook).await;
    let id = world.submit(campaign, json!({"roof": "tile"})).await.submission_id.unwrap();
    world.settle().await;
    id
}

async fn open(world: &World, id: SubmissionId) -> Park {
    parking::open(&world.store.db, world.workspace, id).await.unwrap().unwrap()
}

fn hooks(world: &World) -> Vec<Call> {
    world.sent().into_iter().filter(|call| call.path == "/hook").collect()
}

fn token(call: &Call) -> String {
    call.body["resumeUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// Lets time pass in small steps, with what is due.
async fn pass(world: &World, step: Duration, times: usize) {
    for _ in 0..times {
        world.clock.forward(step);
        world.settle().await;
    }
}

on_both_engines! {
    async fn what_is_posted_holds_the_lead_and_the_way_back(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (202, json!({"thanks": true}))).await;
        let id = submitted(&world, json!({})).await;
        let hook = &hooks(&world)[0];
        let park = open(&world, id).await;
        assert_eq!((hook.method.as_str(), hook.content_type.as_str()), ("POST", "application/json"));
        assert_eq!(hook.headers["webhook-id"], park.id.to_string());
        assert!(!hook.headers.contains_key("webhook-signature"), "nothing to sign with");
        let body = &hook.body;
        assert_eq!(body["event"], "lead.first_submission_action");
        assert_eq!((&body["submissionId"], &body["attempt"]), (&json!(id), &json!(1)));
        assert_eq!((&body["campaign"]["code"], &body["campaign"]["id"]), (&json!("AAA"), &body["campaignId"]));
        let lead = &body["lead"];
        assert_eq!((&lead["firstName"], &lead["email"]), (&json!("Ada"), &json!("ada@example.com")));
        assert_eq!(lead["questionnaire"]["roof"], "tile");
        assert!(body["resumeUrl"].as_str().unwrap().starts_with("http://leadrail.test/api/v1/resume/"));
        assert_eq!((park.tries, park.started_at), (1, Some(world.clock.now())));
        let due = world.submission(id).await.due_at;
        assert_eq!(due, Some(park.deadline), "left alone until the deadline");
        pass(&world, Duration::minutes(10), 3).await;
        assert_eq!(hooks(&world).len(), 1);
    }

    async fn its_answer_may_decide_at_once(store: TestStore) {
        let world = World::new(store, Run::Twice, |path, _| match path {
            "/hook" => (200, json!({"outcome": "continue", "reason": "spoke", "answers": {"questionnaire.roof": "slate"}})),
            _ => yes(),
        }).await;
        let id = submitted(&world, json!({})).await;
        world.settle().await;
        let row = world.submission(id).await;
        assert_eq!(row.status, Status::Accepted);
        assert_eq!(hooks(&world).len(), 1);
        let sold = world.sent().into_iter().find(|call| call.path == "/buy").unwrap();
        assert_eq!(sold.body["questionnaire"]["roof"], "slate");
        assert_eq!(world.journey(id).await[3], "first_action resumed answered");
        let park = parking::by_token(&world.store.db, &key::hash(token(&hooks(&world)[0]))).await.unwrap().unwrap();
        assert_eq!((park.resolved_by.as_deref(), park.decision_reason.as_deref()), (Some("webhook"), Some("spoke")));
    }

    async fn it_may_say_no_at_once_as_well(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (200, json!({"outcome": "disqualify", "reason": "no roof"}))).await;
        let id = submitted(&world, json!({})).await;
        world.settle().await;
        assert_eq!(world.submission(id).await.status, Status::Disqualified);
    }

    async fn an_answer_that_decides_nothing_is_heard_and_noted(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (200, json!({"outcome": "perhaps"}))).await;
        let id = submitted(&world, json!({})).await;
        pass(&world, Duration::minutes(1), 3).await;
        let park = open(&world, id).await;
        assert!(park.started_at.is_some());
        assert!(park.last_error.unwrap().contains("`perhaps`"));
        assert_eq!(hooks(&world).len(), 1, "it was heard, and is not posted again");
    }

    async fn one_that_is_not_heard_comes_again_under_the_same_id_until_it_is_given_up(store: TestStore) {
        let world = World::new(store, Run::Twice, |path, _| if path == "/hook" { (503, json!({})) } else { yes() }).await;
        let campaign = campaign(&world, json!({"retries": 2})).await;
        let id = world.submit(campaign, json!({})).await.submission_id.unwrap();
        let other = world.submit(campaign, json!({})).await.submission_id.unwrap();
        world.settle().await;
        assert_eq!(open(&world, id).await.last_error.as_deref(), Some("it was answered with 503"));
        pass(&world, Duration::seconds(20), 20).await;
        let mine: Vec<Call> = hooks(&world).into_iter().filter(|call| call.body["submissionId"] == json!(id)).collect();
        let attempts: Vec<&Value> = mine.iter().map(|call| &call.body["attempt"]).collect();
        assert_eq!(attempts, [&json!(1), &json!(2), &json!(3)]);
        assert!(mine.iter().all(|call| call.headers["webhook-id"] == mine[0].headers["webhook-id"]));
        let park = open(&world, id).await;
        assert_eq!((park.tries, park.started_at), (3, None));
        let row = world.submission(id).await;
        assert_eq!((row.run.as_str(), row.status, row.due_at), ("parked", Status::PendingAction, Some(park.deadline)));
        assert_eq!(world.journey(id).await.last().unwrap(), "first_action waits webhook_failed");
        let told = notices::list(&world.store.db, world.workspace, Default::default(), 9).await.unwrap();
        assert_eq!((told.len(), told[0].kind, told[0].times), (1, Kind::ActionFailed, 2), "one for the campaign and the hour");
        // Whoever got the first of them may still answer.
        let first = parking::by_token(&world.store.db, &key::hash(token(&mine[0]))).await.unwrap().unwrap();
        assert_eq!((first.id, first.resolution), (park.id, None));
        world.clock.forward(Duration::hours(10));
        world.settle().await;
        world.settle().await;
        for id in [id, other] {
            assert_eq!(world.submission(id).await.status, Status::Disqualified, "the deadline ends it");
        }
        assert_eq!(hooks(&world).len(), 6);
    }

    async fn one_that_is_refused_is_not_posted_again(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, nth| ([404, 410][nth], json!({}))).await;
        let campaign = campaign(&world, json!({"retries": 5})).await;
        for nth in 1..=2 {
            let id = world.submit(campaign, json!({})).await.submission_id.unwrap();
            world.settle().await;
            pass(&world, Duration::minutes(30), 4).await;
            assert_eq!(hooks(&world).len(), nth);
            assert_eq!(world.journey(id).await.last().unwrap(), "first_action waits webhook_failed");
        }
    }

    async fn it_is_signed_and_carries_what_the_campaign_adds(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (204, json!(""))).await;
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let at = world.clock.now();
        for (name, value) in [("hook", secret), ("token", "zz-canary-zz")] {
            world.ctx.secrets.put(world.workspace, name, &value.into(), at).await.unwrap();
        }
        let headers = json!({"X-Token": {"secret": "token", "prefix": "Token "}, "X-Source": "us"});
        submitted(&world, json!({"method": "PUT", "headers": headers, "secret": {"secret": "hook"}})).await;
        let hook = &hooks(&world)[0];
        assert_eq!(hook.method, "PUT");
        assert_eq!((&hook.headers["x-token"], &hook.headers["x-source"]), (&"Token zz-canary-zz".parse().unwrap(), &"us".parse().unwrap()));
        let given: Vec<(String, String)> = hook.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        let incoming = Incoming { url: "", query: "", headers: &given, body: &hook.raw };
        let key = sign::decode_secret(secret).unwrap();
        sign::verify(&[key.bytes()], &incoming, at).unwrap();
        let forged = Incoming { body: b"{}", ..incoming };
        assert!(sign::verify(&[key.bytes()], &forged, at).is_err());
    }

    async fn a_secret_that_cannot_sign_is_told_and_nothing_is_sent(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (204, json!(""))).await;
        let at = world.clock.now();
        world.ctx.secrets.put(world.workspace, "hook", &"zz-canary-zz".into(), at).await.unwrap();
        let id = submitted(&world, json!({"secret": {"secret": "hook"}})).await;
        assert!(hooks(&world).is_empty());
        let why = open(&world, id).await.last_error.unwrap();
        assert!(why.starts_with("the secret hook ") && !why.contains("canary"), "{why}");
        assert_eq!(world.journey(id).await.last().unwrap(), "first_action waits webhook_failed");
    }

    async fn a_worker_that_died_while_it_posted_is_noticed_and_it_is_posted_again(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (200, json!({}))).await;
        let campaign = campaign(&world, json!({"retries": 0, "timeoutSeconds": 60})).await;
        let id = world.submit(campaign, json!({})).await.submission_id.unwrap();
        // The stage has parked it; whoever posted it died before its answer was written down.
        world.settle_without_posts().await;
        let park = open(&world, id).await;
        let generation = world.submission(id).await.generation;
        let lost_at = world.clock.now() + Duration::seconds(90);
        let intent = Try { generation, now: world.clock.now(), lost_at };
        let lost = key::token();
        assert!(parking::begin_try(&world.store.db, &park, intent, &key::hash(&lost)).await.unwrap());
        assert!(!parking::begin_try(&world.store.db, &park, intent, &key::hash(key::token())).await.unwrap(), "one at a time");
        pass(&world, Duration::seconds(30), 2).await;
        assert!(hooks(&world).is_empty(), "it may be under way");
        pass(&world, Duration::seconds(31), 1).await;
        let posted = hooks(&world);
        assert_eq!((posted.len(), &posted[0].body["attempt"]), (1, &json!(2)));
        assert_eq!(posted[0].headers["webhook-id"], park.id.to_string(), "the same for whoever got the first one");
        for token in [lost, token(&posted[0])] {
            let woken = parking::by_token(&world.store.db, &key::hash(token)).await.unwrap().unwrap();
            assert_eq!(woken.id, park.id, "both tokens are good");
        }
        assert!(open(&world, id).await.started_at.is_some());
    }

    async fn two_workers_at_once_post_it_once(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (200, json!({}))).await;
        let campaign = campaign(&world, json!({})).await;
        let id = world.submit(campaign, json!({})).await.submission_id.unwrap();
        world.settle_without_posts().await;
        tokio::join!(world.post(id), world.post(id), world.post(id));
        world.post(id).await;
        assert_eq!(hooks(&world).len(), 1);
    }
}
