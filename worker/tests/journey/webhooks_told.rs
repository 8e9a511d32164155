//! What is told of what happens: each event when it happens, with its transaction or not at all, to its own workspace; and the real
//! library of Standard Webhooks believes it.
use crate::{
    campaign::{plain, with},
    webhooks::{actor, draft, heard, hook, messages, work},
    world::{Call, Run, World, yes},
};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    contact::ContactStatus,
    ids::{CampaignId, SubmissionId, WebhookId, WorkspaceId},
    lead::LeadStatus,
    moves::{
        self,
        set::{self, Wish},
    },
    on_both_engines,
    secret::Sensitive,
    store::{
        close::{self, Close, Event as Line, LeadMove, Place, Places, Query},
        contacts::status::{self, StatusChange},
        desk::{self, Ask, Done},
        jobs::{self, Bulk, JobFilter},
        lead_status::{self, Change},
        leads,
        webhooks::{self, Created},
    },
    submission::{End, Stage, State, Status},
    webhook::Event,
};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What was told since, oldest first: the event, the status, and what else is of interest.
async fn told(world: &World, hook: WebhookId, field: &str) -> Vec<String> {
    let rows = messages(world, hook).await;
    let line = |facts: &Value, event: Event| {
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{} {} {}", event.word(), word(&facts["status"]), word(&facts[field]))
    };
    rows.iter().map(|row| line(&row.facts.0, row.event)).collect()
}

async fn close_of(world: &World, id: SubmissionId, state: State, end: Option<End>) -> Close {
    let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
    let now = world.clock.now();
    Close {
        workspace: loaded.workspace_id,
        submission: id,
        expected: loaded.generation,
        place: Place {
            state,
            stage: Stage::Delivery,
            generation: loaded.generation + 1,
            attempt: 0,
            due_at: None,
            campaign: loaded.campaign_id,
            revision: loaded.revision,
            end,
            reason: Some(("timeout".into(), "no answer".into())),
            carry: loaded.carry.0.clone(),
            error_fingerprint: matches!(state, State::Failed(_)).then(|| "timeout".into()),
        },
        events: Vec::<Line>::new(),
        shown: None,
        extend: None,
        park: None,
        reach: None,
        unpark: None,
        attempt: None,
        places: Places::Keep,
        audited: None,
        child: None,
        learnt: serde_json::Map::new(),
        lead: LeadMove::Nothing,
        notices: Vec::new(),
        query: Query::None,
        at: now,
    }
}

/// Whether the real library believes what was posted, with a secret.
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
fn real_library_believes(calls: &[(&Call, &Sensitive)]) -> Vec<bool> {
    let python = std::env::var("LEADRAIL_TEST_PYTHON").expect(
        "LEADRAIL_TEST_PYTHON names no Python with the packages of tests/clients/requirements.txt; ./test.sh makes one and sets it",
    );
    let header = |call: &Call, name: &str| call.headers[name].to_str().unwrap().to_owned();
    let cases: Vec<Value> = calls
        .iter()
        .map(|(call, secret)| {
            let at: i64 = header(call, "webhook-timestamp").parse().unwrap();
            json!({
                "scheme": "standard", "key": secret.expose(), "id": header(call, "webhook-id"), "at": at,
                "signature": header(call, "webhook-signature"), "body": std::str::from_utf8(&call.raw).unwrap(),
            })
        })
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients/signatures.py");
    let mut child = Command::new(python)
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({"sign": [], "verify": cases}).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(said["verify"].clone()).unwrap()
}

on_both_engines! {
    async fn each_event_is_told_when_it_happens(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &Event::ALL)).await;
        let db = &world.store.db;
        // A first action begins; its deadline ends it.
        let review = json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 60, "onDeadline": "disqualify"}});
        let parking = world.campaign("AAA", with(plain(&world.sink, "/buy"), review)).await;
        let parked = world.submit_as(parking, "+14155550001", false).await;
        world.settle().await;
        assert_eq!(told(&world, id, "action").await, ["lead.first_submission_action pending_action human_review"]);
        world.clock.forward(chrono::Duration::minutes(61));
        world.settle().await;
        world.settle().await;
        assert_eq!(told(&world, id, "outcome").await[1..], [
            "lead.disqualified disqualified disqualified", "lead.processed disqualified disqualified",
        ]);
        // One place a day: the second waits.
        world.clock.forward(chrono::Duration::minutes(1));
        let caps = json!({"caps": [{"period": "daily", "leads": 1, "whenFull": {"action": "queue"}}]});
        let full = world.campaign("BBB", with(plain(&world.sink, "/buy"), caps)).await;
        let sold = world.submit_as(full, "+14155550002", false).await;
        world.settle().await;
        world.clock.forward(chrono::Duration::seconds(1));
        world.submit_as(full, "+14155550003", false).await;
        world.settle().await;
        assert_eq!(told(&world, id, "buyerLeadId").await[3..], [
            "lead.delivered accepted B-1", "lead.processed accepted B-1", "lead.queued queued null",
        ]);
        // A person corrects an end, and says so of a lead, and of a contact.
        world.clock.forward(chrono::Duration::seconds(1));
        let ask = Ask { workspace: world.workspace, lead: sold.lead_id, campaign: None, repeat: None, at: world.clock.now() };
        let wish = Wish { status: Status::Failed, reason: "said the buyer", by: "key desk", buyer_lead_id: None };
        let done = desk::at(db, &ask, |desk| set::set(desk, sold.submission_id.unwrap(), wish, ask.at)).await;
        assert!(matches!(done.unwrap(), Done::<moves::Refused>::Did { .. }));
        assert_eq!(told(&world, id, "corrected").await[6..], ["lead.failed failed true", "lead.processed failed true"]);
        world.clock.forward(chrono::Duration::seconds(1));
        let lead = leads::get(db, world.workspace, parked.lead_id).await.unwrap().unwrap();
        let change = StatusChange {
            workspace: world.workspace, contact: lead.contact_id, to: ContactStatus::Spam, reason: "x".into(), by: "key desk".into(),
        };
        status::change(db, &change, world.clock.now()).await.unwrap();
        let mut both = told(&world, id, "previousStatus").await.split_off(8);
        both.sort();
        assert_eq!(both, ["contact.status_changed spam active", "lead.status_changed rejected active"]);
        // An operator gives up on a job.
        world.clock.forward(chrono::Duration::seconds(1));
        let stuck = world.submit_as(parking, "+14155550004", false).await;
        let failed = close_of(&world, stuck.submission_id.unwrap(), State::Failed(Stage::Delivery), None).await;
        assert!(world.ctx.closer.close(failed).await.unwrap());
        assert_eq!(messages(&world, id).await.len(), 10, "nobody knows yet what comes of it");
        world.clock.forward(chrono::Duration::seconds(1));
        let by = ("key desk", world.clock.now());
        let moved = jobs::move_failed(db, world.workspace, &JobFilter::default(), Bulk::Discard, by).await.unwrap();
        assert_eq!(moved.len(), 1);
        assert_eq!(told(&world, id, "outcome").await[10..], ["lead.failed error discarded", "lead.processed error discarded"]);
        work(&world).await;
        let bodies = heard(&world, "/hook");
        assert_eq!(bodies.len(), 12);
        assert!(bodies.iter().all(|call| call.raw.len() < 20_000 && call.body["contactId"].is_string()));
    }

    async fn a_message_is_there_with_its_event_or_not_at_all(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &Event::ALL)).await;
        let lead = world.submit_as(campaign, "+14155550001", false).await;
        let submission = lead.submission_id.unwrap();
        let close = close_of(&world, submission, State::Finished, Some(End::Accepted)).await;
        let mut tx = world.store.db.begin().await.unwrap();
        close::record_in(&mut tx, std::slice::from_ref(&close)).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(messages(&world, id).await.len(), 0, "it did not happen");
        assert!(world.ctx.closer.close(close.clone()).await.unwrap());
        assert!(!world.ctx.closer.close(close).await.unwrap(), "somebody was faster");
        assert_eq!(messages(&world, id).await.len(), 2, "delivered and processed, once");
        let qualify = Change {
            workspace: world.workspace, lead: lead.lead_id, from: &[LeadStatus::Active], to: LeadStatus::Qualified,
            code: "operator".into(), reason: "x".into(), by: "key desk".into(), submission: None, at: world.clock.now(),
        };
        let mut tx = world.store.db.begin().await.unwrap();
        lead_status::change(&mut tx, &[qualify]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(told(&world, id, "previousStatus").await[2..], ["lead.status_changed qualified active"], "also where nobody asks for more");
    }

    async fn a_webhook_that_another_process_has_just_made_hears_the_next_event_of_its_workspace_only(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        // This process knows by now that nobody wants to know anything.
        world.submit_as(campaign, "+14155550001", false).await;
        world.settle().await;
        let all = "SELECT COUNT(*) FROM webhook_message";
        assert_eq!(world.store.db.read().sql(all).scalar::<i64>().await.unwrap(), 0);
        let (own, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &Event::ALL)).await;
        let other: WorkspaceId = world.store.workspace("other").await;
        let key = (other, WebhookId::new());
        let (_, sealed) = webhooks::make(&world.ctx.secrets, key, world.clock.now()).await.unwrap();
        let made = draft(format!("{}/other", world.sink), &Event::ALL);
        let by = (&actor(), world.clock.now());
        let made = webhooks::create(&world.store.db, key, (None, &made), &sealed, by).await.unwrap();
        assert!(matches!(made, Created::Yes(_)));
        let made = draft(format!("{}/other", world.sink), &Event::ALL);
        let none = webhooks::create(&world.store.db, (other, WebhookId::new()), (Some(campaign), &made), &sealed, by).await.unwrap();
        assert_eq!(none, Created::NoSuchCampaign, "another workspace's");
        world.submit_as(campaign, "+14155550002", false).await;
        world.settle().await;
        assert_eq!(messages(&world, own).await.len(), 2);
        assert_eq!(world.store.db.read().sql(all).scalar::<i64>().await.unwrap(), 2);
        let unknown: CampaignId = CampaignId::new();
        assert!(webhooks::list(&world.store.db, world.workspace, Some(unknown), None, 9).await.unwrap().is_empty());
    }

    async fn the_real_library_believes_what_is_posted(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        // It looks at the machine's clock.
        world.clock.forward(Clock::system().now() - world.clock.now());
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let (id, first) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        world.submit_as(campaign, "+14155550001", false).await;
        world.settle().await;
        work(&world).await;
        let by = (&actor(), world.clock.now());
        let (second, _) = webhooks::rotate(&world.ctx.secrets, (world.workspace, id), by).await.unwrap().unwrap();
        world.submit_as(campaign, "+14155550002", false).await;
        world.settle().await;
        work(&world).await;
        let calls = heard(&world, "/hook");
        assert_eq!(calls.len(), 2);
        let believed = real_library_believes(&[
            (&calls[0], &first), (&calls[0], &second), (&calls[1], &first), (&calls[1], &second),
        ]);
        assert_eq!(believed, [true, false, true, true], "either secret, once both sign");
    }
}
