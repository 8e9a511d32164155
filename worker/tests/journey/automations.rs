//! What automations want of the outside: webhooks that are signed, recognisable and tried again; reposts that are done once.
use crate::{
    campaign::plain,
    world::{Call, Run, World, no, yes},
};
use chrono::Duration;
use serde_json::json;
use shared::{
    automation::{
        Effect, Firing, LeadState, Outcome, Want, config::WebhookConfig, outcome::FiringKind,
    },
    ids::{AutomationJobId, LeadId},
    lead::LeadStatus,
    on_both_engines,
    outreach::{Incoming, providers::sign},
    push::AUTOMATION,
    queue::{Delivered, Job, Settle},
    store::{
        automation::{
            Decided, effects,
            jobs::{self, JobFilter, JobRow, JobState},
        },
        leads, live,
        notices::{self, Kind, NoticeRow},
    },
    submission::{Kind as SubmissionKind, Status},
    testing::TestStore,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

/// A rule of the lead's campaign fires and wants this; what else is open is left to others.
async fn fire(world: &World, lead: LeadId, want: Want) -> AutomationJobId {
    let found = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
    let (place, who) = ((world.workspace, lead), (found.contact_id, found.campaign_id));
    let mut state = LeadState::new(place, who, (LeadStatus::Active, world.clock.now()));
    (state.number, state.points) = (1, 35);
    let firing = Firing {
        number: 1,
        kind: FiringKind::Rule,
        rule_id: "hot".into(),
        rule_name: "Hot".into(),
        cause: json!({"type": "activity", "name": "/pricing"}),
        facts: json!({}),
        points: 35,
        points_after: 35,
        status_before: LeadStatus::Active,
        status_after: LeadStatus::Active,
        actions: vec![json!({"type": "some"})],
        at: world.clock.now(),
    };
    let (rule_id, rule_name) = ("hot".into(), "Hot".into());
    let effects = vec![Effect { firing: 1, action: 0, rule_id, rule_name, want }];
    let outcome = Outcome { firings: vec![firing], effects, due_at: None, changed: true };
    let mut decided = [Decided { state, outcome }];
    let mut tx = world.store.db.begin().await.unwrap();
    let definitions = live::definitions::of(&mut tx, world.workspace).await.unwrap();
    effects::apply(&mut tx, &definitions, &mut decided, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let job = decided[0].outcome.firings[0].actions[0]["jobId"].clone();
    serde_json::from_value(job).unwrap()
}

fn webhook(url: String, secret: Option<&str>) -> Want {
    Want::Webhook(WebhookConfig {
        url,
        headers: [
            ("X-Source".to_owned(), "us".to_owned()),
            ("webhook-id".to_owned(), "forged".to_owned()),
        ]
        .into(),
        signing_secret: secret.map(str::to_owned),
    })
}

/// Rings for all that is due, as the sweep does.
async fn work(world: &World) {
    for (id, attempt) in jobs::due(&world.store.db, world.clock.now(), 100).await.unwrap() {
        ring(world, id, attempt).await;
    }
}

async fn ring(world: &World, id: AutomationJobId, attempt: i64) {
    let job = Job { id: id.0, generation: attempt };
    let cancelled = CancellationToken::new();
    let delivered = Delivered { lane: AUTOMATION, job, delivery: 1, cancelled };
    assert_eq!(worker::automation::run(&world.ctx, delivered).await, Settle::Done);
}

async fn job(world: &World, id: AutomationJobId) -> JobRow {
    let all =
        jobs::list(&world.store.db, world.workspace, JobFilter::default(), 100).await.unwrap();
    all.into_iter().find(|job| job.id == id).unwrap()
}

async fn told(world: &World) -> Vec<NoticeRow> {
    notices::list(&world.store.db, world.workspace, Default::default(), 9).await.unwrap()
}

fn fired(world: &World) -> Vec<Call> {
    world.sent().into_iter().filter(|call| call.path == "/fired").collect()
}

/// A lead that its buyer refused, in a world whose automation's receiver answers with these, one after the other.
async fn refused_lead(store: TestStore, answers: &'static [u16]) -> (World, LeadId) {
    let world = World::new(store, Run::Plain, move |path, nth| match path {
        "/fired" => (answers[nth.min(answers.len() - 1)], json!({})),
        _ if nth == 0 => no(),
        _ => yes(),
    })
    .await;
    let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
    let lead = world.submit(campaign, json!({"roof": "tile"})).await.lead_id;
    world.settle().await;
    (world, lead)
}

/// Reads one request; answers its `webhook-id`.
async fn heard(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).await.unwrap();
        text.extend_from_slice(&part[..read]);
        let seen = String::from_utf8_lossy(&text).to_lowercase();
        let header = |name: &str| {
            let line = seen.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start_matches(": ").to_owned())
        };
        let Some((head, body)) = seen.split_once("\r\n\r\n") else { continue };
        let length: usize = header("content-length").unwrap().parse().unwrap();
        if body.len() >= length {
            assert!(head.starts_with("post /fired"), "{head}");
            return header("webhook-id").unwrap();
        }
    }
}

on_both_engines! {
    async fn a_webhook_holds_the_lead_and_why_and_is_signed(store: TestStore) {
        let (world, lead) = refused_lead(store, &[204]).await;
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let at = world.clock.now();
        world.ctx.secrets.put(world.workspace, "hook", &secret.into(), at).await.unwrap();
        let id = fire(&world, lead, webhook(format!("{}/fired", world.sink), Some("hook"))).await;
        work(&world).await;
        work(&world).await;
        let calls = fired(&world);
        assert_eq!(calls.len(), 1);
        let (call, body) = (&calls[0], &calls[0].body);
        assert_eq!((call.method.as_str(), call.content_type.as_str()), ("POST", "application/json"));
        let ids: Vec<_> = call.headers.get_all("webhook-id").iter().collect();
        assert_eq!(ids, [&id.to_string()], "nobody else says who it is");
        assert_eq!(call.headers["x-source"], "us");
        let given: Vec<(String, String)> =
            call.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let incoming = Incoming { url: "", query: "", headers: &given, body: &call.raw };
        sign::verify(&[sign::decode_secret(secret).unwrap().bytes()], &incoming, at).unwrap();
        assert_eq!((&body["event"], &body["id"], &body["leadId"]), (&json!("automation.fired"), &json!(id), &json!(lead)));
        assert_eq!(body["rule"], json!({"id": "hot", "name": "Hot"}));
        assert_eq!(body["cause"], json!({"type": "activity", "name": "/pricing"}));
        assert_eq!((&body["points"], &body["status"], &body["firing"]), (&json!(35), &json!("active"), &json!(1)));
        assert_eq!((&body["lead"]["email"], &body["lead"]["questionnaire"]["roof"]), (&json!("ada@example.com"), &json!("tile")));
        assert!(body["contactId"].as_str().unwrap().starts_with("con"), "{}", body["contactId"]);
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt, row.finished_at), (JobState::Done, 1, Some(at)));
        assert!(told(&world).await.is_empty());
    }

    async fn one_that_is_not_heard_comes_again_under_the_same_id(store: TestStore) {
        let (world, lead) = refused_lead(store, &[500, 200]).await;
        let id = fire(&world, lead, webhook(format!("{}/fired", world.sink), None)).await;
        work(&world).await;
        let row = job(&world, id).await;
        assert_eq!((row.state, row.problem.as_deref()), (JobState::Waiting, Some("it was answered with 500")));
        let pause = row.due_at.unwrap() - world.clock.now();
        assert!(pause > Duration::seconds(6) && pause <= Duration::seconds(10), "{pause}");
        work(&world).await;
        assert_eq!(fired(&world).len(), 1, "not before its time");
        world.clock.forward(Duration::seconds(10));
        work(&world).await;
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt, row.problem, row.due_at), (JobState::Done, 2, None, None));
        let calls = fired(&world);
        assert_eq!(calls.len(), 2);
        assert!(calls.iter().all(|call| call.headers["webhook-id"] == id.to_string() && call.body == calls[0].body));
        assert!(!calls[0].headers.contains_key("webhook-signature"), "nothing to sign with");
    }

    async fn it_is_given_up_after_eight_tries_and_tried_once_more_when_somebody_asks(store: TestStore) {
        let (world, lead) = refused_lead(store, &[503]).await;
        let id = fire(&world, lead, webhook(format!("{}/fired", world.sink), None)).await;
        for _ in 0..12 {
            work(&world).await;
            world.clock.forward(Duration::hours(1));
        }
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt, fired(&world).len()), (JobState::Failed, 8, 8));
        let notices = told(&world).await;
        assert_eq!((notices.len(), notices[0].kind), (1, Kind::AutomationFailed));
        assert_eq!(notices[0].message, "rule \"Hot\": the webhook could not be delivered: it was answered with 503");
        let retried = jobs::retry(&world.store.db, world.workspace, &[id], world.clock.now()).await.unwrap();
        assert_eq!(retried, [(id, 8)]);
        work(&world).await;
        assert_eq!((job(&world, id).await.state, fired(&world).len()), (JobState::Failed, 9));
    }

    async fn who_is_gone_is_not_asked_again(store: TestStore) {
        let (world, lead) = refused_lead(store, &[410]).await;
        let id = fire(&world, lead, webhook(format!("{}/fired", world.sink), None)).await;
        work(&world).await;
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt, row.problem.as_deref()), (JobState::Failed, 1, Some("it was answered with 410")));
        world.clock.forward(Duration::hours(1));
        work(&world).await;
        assert_eq!(fired(&world).len(), 1);
        assert_eq!(told(&world).await.len(), 1);
    }

    async fn nothing_is_sent_without_its_secret_or_of_a_contact_that_is_deleted(store: TestStore) {
        let (world, lead) = refused_lead(store, &[200]).await;
        let url = format!("{}/fired", world.sink);
        let id = fire(&world, lead, webhook(url.clone(), Some("gone"))).await;
        work(&world).await;
        let row = job(&world, id).await;
        assert_eq!(row.problem.as_deref(), Some("the workspace has no secret gone, which the campaign names"));
        let delete = "UPDATE contact SET status = 'deleted' WHERE workspace_id = $1";
        world.store.db.write().sql(delete).bind(world.workspace).run().await.unwrap();
        jobs::retry(&world.store.db, world.workspace, &[id], world.clock.now()).await.unwrap();
        work(&world).await;
        assert_eq!(job(&world, id).await.problem.as_deref(), Some("the contact is deleted"));
        assert!(fired(&world).is_empty());
        assert_eq!(told(&world).await[0].times, 1, "that is nobody's concern");
    }

    async fn a_worker_that_died_while_it_posted_leaves_it_to_another_under_the_same_id(store: TestStore) {
        let (world, lead) = refused_lead(store, &[200]).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/fired", listener.local_addr().unwrap());
        let (tell, mut posts) = mpsc::unbounded_channel();
        let receiver = tokio::spawn(async move {
            let (mut unanswered, _) = listener.accept().await.unwrap();
            tell.send(heard(&mut unanswered).await).unwrap();
            let (mut second, _) = listener.accept().await.unwrap();
            tell.send(heard(&mut second).await).unwrap();
            second.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        });
        let id = fire(&world, lead, webhook(url, None)).await;
        let ctx = world.ctx.clone();
        let dying = tokio::spawn(async move {
            let job = Job { id: id.0, generation: 0 };
            let cancelled = CancellationToken::new();
            worker::automation::run(&ctx, Delivered { lane: AUTOMATION, job, delivery: 1, cancelled }).await
        });
        assert_eq!(posts.recv().await.unwrap(), id.to_string());
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        work(&world).await;
        ring(&world, id, 0).await;
        assert!(posts.try_recv().is_err(), "it may be under way");
        world.clock.forward(Duration::seconds(60));
        work(&world).await;
        assert_eq!(posts.recv().await.unwrap(), id.to_string(), "the same id");
        receiver.await.unwrap();
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt), (JobState::Done, 2));
    }

    async fn a_lead_is_reposted_once_whoever_dies_meanwhile(store: TestStore) {
        let (world, lead) = refused_lead(store, &[200]).await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Rejected);
        let id = fire(&world, lead, Want::Repost).await;
        work(&world).await;
        assert_eq!(job(&world, id).await.state, JobState::Done);
        // As if the worker had died before it wrote that down.
        let forget = "UPDATE automation_job SET state = 'waiting', due_at = created_at, finished_at = NULL WHERE id = $1";
        world.store.db.write().sql(forget).bind(id).run().await.unwrap();
        world.settle().await;
        work(&world).await;
        assert_eq!(job(&world, id).await.state, JobState::Done);
        world.settle().await;
        let rows = world.submissions(lead).await;
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].kind, rows[1].status), (SubmissionKind::Repost, Status::Accepted));
        assert!(told(&world).await.is_empty());
    }

    async fn a_repost_that_is_refused_says_why(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let id = fire(&world, lead, Want::Repost).await;
        work(&world).await;
        let row = job(&world, id).await;
        assert_eq!((row.state, row.attempt), (JobState::Failed, 1));
        let why = row.problem.unwrap();
        assert!(why.contains("the lead is sold") || why.contains("is not processed"), "{why}");
        assert_eq!(told(&world).await[0].kind, Kind::AutomationFailed);
        assert_eq!(world.submissions(lead).await.len(), 1);
    }
}
