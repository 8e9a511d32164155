//! Telling webhooks: what happened reaches those who want it, signed, once, and in time; whoever is down, slow or gone loses nothing and
//! holds up nobody.
use crate::{
    campaign::plain,
    world::{Call, Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    audit::Actor,
    ids::{CampaignId, ContactId, WebhookId, WebhookMessageId},
    on_both_engines,
    outreach::{Incoming, providers::sign},
    push::WEBHOOKS,
    queue::{Delivered, Job, Settle},
    secret::Sensitive,
    store::webhooks::{
        self, Created, MessageFilter, MessageRow, MessageState, Range, State, Switch, WebhookRow,
        sweep,
    },
    testing::TestStore,
    webhook::{Draft, Event},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

pub fn actor() -> Actor {
    Actor::command("test")
}

pub fn draft(url: String, events: &[Event]) -> Draft {
    Draft {
        name: "hook".into(),
        url,
        events: events.iter().copied().collect(),
        headers: [("X-Own".to_owned(), "us".to_owned())].into(),
        retries: 9,
        timeout_seconds: 20,
        is_enabled: true,
    }
}

pub async fn hook(
    world: &World,
    campaign: Option<CampaignId>,
    draft: Draft,
) -> (WebhookId, Sensitive) {
    let (key, now) = ((world.workspace, WebhookId::new()), world.clock.now());
    let (secret, sealed) = webhooks::make(&world.ctx.secrets, key, now).await.unwrap();
    let by = (&actor(), now);
    let made = webhooks::create(&world.store.db, key, (campaign, &draft), &sealed, by).await;
    let Created::Yes(row) = made.unwrap() else { panic!("it is not made") };
    (row.id, secret)
}

/// What the sweep and the lane do within one second; answers what the lane was given.
pub async fn work(world: &World) -> Vec<(WebhookMessageId, Settle)> {
    let (db, now) = (&world.store.db, world.clock.now());
    sweep::expire(db, now, 1_000).await.unwrap();
    for address in sweep::to_probe(db, now, 100).await.unwrap() {
        sweep::probe(db, address, now).await.unwrap();
    }
    for address in sweep::to_release(db, 100).await.unwrap() {
        sweep::release(db, address, now).await.unwrap();
    }
    let mut rung = Vec::new();
    for (id, attempt) in due(world).await {
        rung.push((id, ring(world, id, attempt).await));
    }
    rung
}

pub async fn due(world: &World) -> Vec<(WebhookMessageId, i64)> {
    let (db, now) = (&world.store.db, world.clock.now());
    sweep::take_due(db, now, now + Duration::seconds(30), 1_000).await.unwrap()
}

pub async fn ring(world: &World, id: WebhookMessageId, attempt: i64) -> Settle {
    let job = Job { id: id.0, generation: attempt };
    let cancelled = CancellationToken::new();
    let delivered = Delivered { lane: WEBHOOKS, job, delivery: 1, cancelled };
    worker::webhooks::run(&world.ctx, delivered).await
}

pub async fn messages(world: &World, hook: WebhookId) -> Vec<MessageRow> {
    let key = (world.workspace, hook);
    let mut all =
        webhooks::messages(&world.store.db, key, MessageFilter::default(), 1_000).await.unwrap();
    all.reverse();
    all
}

pub async fn state(world: &World, hook: WebhookId) -> WebhookRow {
    webhooks::get(&world.store.db, world.workspace, hook).await.unwrap().unwrap()
}

pub async fn statuses(world: &World, message: WebhookMessageId) -> Vec<Option<i64>> {
    let log = webhooks::attempts(&world.store.db, world.workspace, message).await.unwrap();
    assert_eq!(log.iter().map(|line| line.attempt).collect::<BTreeSet<_>>().len(), log.len());
    log.into_iter().map(|line| line.status).collect()
}

pub async fn switch(world: &World, hook: WebhookId, to: Switch) {
    let by = (&actor(), world.clock.now());
    let decide = |row: &WebhookRow| Ok::<_, ()>((row.draft(), to));
    let key = (world.workspace, hook);
    webhooks::change(&world.store.db, key, decide, by).await.unwrap().unwrap().unwrap();
}

pub fn heard(world: &World, path: &str) -> Vec<Call> {
    world.sent().into_iter().filter(|call| call.path == path).collect()
}

pub fn ids(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| call.headers["webhook-id"].to_str().unwrap().to_owned()).collect()
}

fn verify(call: &Call, secret: &Sensitive, world: &World) -> bool {
    let given: Vec<(String, String)> = call
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let incoming = Incoming { url: "", query: "", headers: &given, body: &call.raw };
    let key = sign::decode_secret(secret.expose()).unwrap();
    sign::verify(&[key.bytes()], &incoming, world.clock.now()).is_ok()
}

/// A world whose buyers take everything and whose webhooks answer as the dial says.
pub async fn dialled(store: TestStore, status: u16) -> (World, Arc<AtomicU16>, CampaignId) {
    let dial = Arc::new(AtomicU16::new(status));
    let answers = dial.clone();
    let world = World::new(store, Run::Plain, move |path, _| match path {
        "/hook" => (answers.load(Ordering::SeqCst), json!("well")),
        "/other" => (204, json!("")),
        "/no" => no(),
        _ => yes(),
    })
    .await;
    let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
    (world, dial, campaign)
}

pub async fn sell(world: &World, campaign: CampaignId, nth: usize) {
    world.submit_as(campaign, &format!("+1415555{nth:04}"), false).await;
    world.settle().await;
}

on_both_engines! {
    async fn what_happened_is_told_to_those_who_want_it_and_signed(store: TestStore) {
        let (world, _, campaign) = dialled(store, 200).await;
        let refusing = world.campaign("BBB", plain(&world.sink, "/no")).await;
        let (all, secret) = hook(&world, None, draft(format!("{}/hook", world.sink), &Event::ALL)).await;
        let own = draft(format!("{}/other", world.sink), &[Event::Delivered]);
        let (own, own_secret) = hook(&world, Some(campaign), own).await;
        sell(&world, campaign, 1).await;
        sell(&world, refusing, 2).await;
        assert_eq!(heard(&world, "/hook").len() + heard(&world, "/other").len(), 0, "nothing is posted by the way");
        work(&world).await;
        let calls = heard(&world, "/hook");
        let events: Vec<(&str, &str)> = calls
            .iter()
            .map(|call| (call.body["type"].as_str().unwrap(), call.body["status"].as_str().unwrap()))
            .collect();
        assert_eq!(events, [("lead.processed", "accepted"), ("lead.processed", "rejected")]);
        let other = heard(&world, "/other");
        assert_eq!(other.len(), 1, "the campaign's own stands before the workspace's");
        let (call, body) = (&other[0], &other[0].body);
        assert_eq!((&body["type"], &body["event"]), (&json!("lead.delivered"), &json!("lead.delivered")));
        assert_eq!(body["webhookId"], json!(own));
        assert_eq!((&body["campaignId"], &body["status"]), (&json!(campaign), &json!("accepted")));
        assert_eq!(body["data"]["buyerLeadId"], "B-1");
        assert_eq!((&body["data"]["firstName"], &body["data"]["phone"]), (&json!("Ada"), &json!("+14155550001")));
        assert_eq!(body["timestamp"], json!(world.clock.now()));
        assert_eq!((&call.method, &call.content_type, &call.headers["x-own"]), (&"POST".into(), &"application/json".into(), &"us".parse().unwrap()));
        assert!(verify(call, &own_secret, &world) && !verify(call, &secret, &world));
        assert!(calls.iter().all(|call| verify(call, &secret, &world)));
        work(&world).await;
        assert_eq!(heard(&world, "/hook").len(), 2, "each once");
        let rows = messages(&world, all).await;
        assert!(rows.iter().all(|row| row.state == MessageState::Done && row.finished_at.is_some()));
        assert_eq!(statuses(&world, rows[0].id).await, [Some(200)]);
    }

    async fn it_comes_again_when_the_other_side_asks_within_reason(store: TestStore) {
        let (world, dial, campaign) = dialled(store, 429).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        sell(&world, campaign, 1).await;
        work(&world).await;
        let row = messages(&world, id).await.remove(0);
        let pause = row.due_at.unwrap() - world.clock.now();
        assert!(pause >= Duration::seconds(60) && pause <= Duration::seconds(72), "{pause}");
        assert_eq!((row.state, row.problem.as_deref()), (MessageState::Waiting, Some("it was answered with 429")));
        world.clock.forward(Duration::seconds(59));
        assert_eq!(work(&world).await, []);
        dial.store(302, Ordering::SeqCst);
        world.clock.forward(Duration::seconds(15));
        work(&world).await;
        dial.store(200, Ordering::SeqCst);
        world.clock.forward(Duration::minutes(6));
        work(&world).await;
        let row = messages(&world, id).await.remove(0);
        assert_eq!(row.state, MessageState::Done);
        assert_eq!(statuses(&world, row.id).await, [Some(429), Some(302), Some(200)], "a redirect is not followed");
        let calls = heard(&world, "/hook");
        assert!(ids(&calls).iter().all(|id| *id == row.id.to_string()), "its id is the same each time");
        let stamps: BTreeSet<_> = calls.iter().map(|call| call.headers["webhook-timestamp"].clone()).collect();
        assert_eq!(stamps.len(), 3, "its time is that of the attempt");
    }

    async fn a_rung_bell_rings_again_and_the_late_change_nothing(store: TestStore) {
        let (world, _, campaign) = dialled(store, 200).await;
        hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        sell(&world, campaign, 1).await;
        let rung = due(&world).await;
        assert_eq!((rung.len(), due(&world).await.len()), (1, 0));
        world.clock.forward(Duration::seconds(30));
        assert_eq!(due(&world).await, rung, "the queue was emptied");
        let (id, attempt) = rung[0];
        assert_eq!(ring(&world, id, attempt).await, Settle::Done);
        assert_eq!(ring(&world, id, attempt).await, Settle::Done);
        assert_eq!(heard(&world, "/hook").len(), 1);
    }

    async fn what_is_done_is_told_again_when_somebody_asks(store: TestStore) {
        let (world, dial, campaign) = dialled(store, 200).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        for nth in 0..3 {
            sell(&world, campaign, nth).await;
            world.clock.forward(Duration::minutes(1));
        }
        work(&world).await;
        let (db, key, first) = (&world.store.db, (world.workspace, id), messages(&world, id).await);
        let by = (&actor(), world.clock.now());
        assert!(webhooks::replay(db, key, first[0].id, by).await.unwrap());
        assert!(!webhooks::replay(db, key, first[0].id, by).await.unwrap(), "it is on its way");
        assert!(!webhooks::replay(db, (world.workspace, WebhookId::new()), first[0].id, by).await.unwrap());
        dial.store(500, Ordering::SeqCst);
        work(&world).await;
        dial.store(200, Ordering::SeqCst);
        world.clock.forward(Duration::minutes(1));
        work(&world).await;
        assert_eq!(statuses(&world, first[0].id).await, [Some(200), Some(500), Some(200)]);
        let range = Range { from: first[1].at, until: world.clock.now(), states: vec![MessageState::Done] };
        let by = (&actor(), world.clock.now());
        assert_eq!(webhooks::replay_some(db, key, &range, by).await.unwrap(), 2);
        assert_eq!(webhooks::replay_some(db, key, &range, by).await.unwrap(), 0, "not twice");
        work(&world).await;
        assert_eq!(webhooks::replay_some(db, key, &range, by).await.unwrap(), 0, "not even when they are done again");
        let calls = ids(&heard(&world, "/hook"));
        let expected = [first[1].id.to_string(), first[2].id.to_string()];
        assert_eq!(calls[calls.len() - 2..], expected);
    }

    async fn both_secrets_sign_for_a_day_after_a_rotation(store: TestStore) {
        let (world, _, campaign) = dialled(store, 200).await;
        let (id, old) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        let by = (&actor(), world.clock.now());
        let rotated = webhooks::rotate(&world.ctx.secrets, (world.workspace, id), by).await.unwrap();
        let (new, row) = rotated.unwrap();
        assert_eq!(row.old_until, Some(world.clock.now() + Duration::hours(24)));
        sell(&world, campaign, 1).await;
        work(&world).await;
        let call = heard(&world, "/hook").remove(0);
        assert!(verify(&call, &old, &world) && verify(&call, &new, &world));
        world.clock.forward(Duration::hours(24));
        sell(&world, campaign, 2).await;
        work(&world).await;
        let call = heard(&world, "/hook").remove(1);
        assert!(!verify(&call, &old, &world) && verify(&call, &new, &world));
        let kept: String = world.store.db.read().sql("SELECT secret FROM webhook").scalar().await.unwrap();
        assert!(!kept.contains("whsec_"), "{kept}");
    }

    async fn a_test_is_told_by_the_way_of_all_others_and_tried_once(store: TestStore) {
        let (world, dial, _) = dialled(store, 500).await;
        let (id, secret) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        let test = || webhooks::test(&world.store.db, (world.workspace, id), world.clock.now());
        let first = test().await.unwrap().unwrap();
        work(&world).await;
        dial.store(204, Ordering::SeqCst);
        switch(&world, id, Switch::Off).await;
        test().await.unwrap().unwrap();
        work(&world).await;
        let rows = messages(&world, id).await;
        assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [MessageState::Failed, MessageState::Done]);
        assert_eq!((rows[0].id, statuses(&world, first).await), (first, vec![Some(500)]));
        let calls = heard(&world, "/hook");
        assert_eq!((&calls[0].body["type"], &calls[0].body["leadId"]), (&json!("webhook.test"), &Value::Null));
        assert!(verify(&calls[1], &secret, &world));
        assert_eq!(state(&world, id).await.state, State::Off, "a person's word");
        let other = webhooks::test(&world.store.db, (world.workspace, WebhookId::new()), world.clock.now());
        assert_eq!(other.await.unwrap(), None);
    }

    async fn who_is_hidden_is_not_named_and_who_is_erased_is_not_told_of(store: TestStore) {
        let (world, _, campaign) = dialled(store, 200).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        sell(&world, campaign, 1).await;
        sell(&world, campaign, 2).await;
        let contacts: BTreeMap<_, ContactId> =
            messages(&world, id).await.iter().map(|row| (row.id, row.contact_id.unwrap())).collect();
        let contacts: Vec<ContactId> = contacts.into_values().collect();
        let db = &world.store.db;
        let hide = "UPDATE contact SET status = 'deleted' WHERE id = $1";
        db.write().sql(hide).bind(contacts[0]).run().await.unwrap();
        let erase = "UPDATE contact SET erased_at = created_at WHERE id = $1";
        db.write().sql(erase).bind(contacts[1]).run().await.unwrap();
        work(&world).await;
        let calls = heard(&world, "/hook");
        assert_eq!(calls.len(), 1);
        assert_eq!((&calls[0].body["contactId"], &calls[0].body["data"]["email"]), (&json!(contacts[0]), &Value::Null));
        assert_eq!(calls[0].body["data"]["outcome"], "accepted");
        let rows = messages(&world, id).await;
        assert_eq!((rows[1].state, rows[1].problem.as_deref()), (MessageState::Failed, Some("the person was erased")));
    }
}
