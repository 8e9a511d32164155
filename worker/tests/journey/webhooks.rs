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
    store::{
        notices::{self, Kind},
        webhooks::{
            self, Created, MessageFilter, MessageRow, MessageState, Range, State, Switch,
            WebhookRow, sweep,
        },
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
use tokio::net::TcpListener;
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

async fn due(world: &World) -> Vec<(WebhookMessageId, i64)> {
    let (db, now) = (&world.store.db, world.clock.now());
    sweep::take_due(db, now, now + Duration::seconds(30), 1_000).await.unwrap()
}

async fn ring(world: &World, id: WebhookMessageId, attempt: i64) -> Settle {
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

async fn state(world: &World, hook: WebhookId) -> WebhookRow {
    webhooks::get(&world.store.db, world.workspace, hook).await.unwrap().unwrap()
}

async fn statuses(world: &World, message: WebhookMessageId) -> Vec<Option<i64>> {
    let log = webhooks::attempts(&world.store.db, world.workspace, message).await.unwrap();
    assert_eq!(log.iter().map(|line| line.attempt).collect::<BTreeSet<_>>().len(), log.len());
    log.into_iter().map(|line| line.status).collect()
}

async fn switch(world: &World, hook: WebhookId, to: Switch) {
    let by = (&actor(), world.clock.now());
    let decide = |row: &WebhookRow| Ok::<_, ()>((row.draft(), to));
    let key = (world.workspace, hook);
    webhooks::change(&world.store.db, key, decide, by).await.unwrap().unwrap().unwrap();
}

pub fn heard(world: &World, path: &str) -> Vec<Call> {
    world.sent().into_iter().filter(|call| call.path == path).collect()
}

fn ids(calls: &[Call]) -> Vec<String> {
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
async fn dialled(store: TestStore, status: u16) -> (World, Arc<AtomicU16>, CampaignId) {
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

async fn sell(world: &World, campaign: CampaignId, nth: usize) {
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

    async fn one_that_is_down_for_a_day_loses_nothing_and_hears_it_in_order(store: TestStore) {
        let (world, dial, campaign) = dialled(store, 503).await;
        let patient = draft(format!("{}/hook", world.sink), &[Event::Processed]);
        let hasty = Draft { retries: 1, ..draft(format!("{}/hook", world.sink), &[Event::Delivered]) };
        let (patient, _) = hook(&world, None, patient).await;
        let (hasty, _) = hook(&world, None, hasty).await;
        for half_hour in 0..48 {
            sell(&world, campaign, half_hour).await;
            work(&world).await;
            for _ in 0..6 {
                world.clock.forward(Duration::minutes(5));
                work(&world).await;
            }
        }
        let tried = heard(&world, "/hook");
        assert!(tried.len() < 160, "{}: nobody is hammered", tried.len());
        let raised = notices::list(&world.store.db, world.workspace, Default::default(), 9).await.unwrap();
        let kinds: Vec<Kind> = raised.iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, [Kind::WebhookPaused, Kind::WebhookPaused]);
        for id in [patient, hasty] {
            let address = state(&world, id).await;
            assert_eq!(address.state, State::Paused);
            let next = address.probe_at.unwrap() - world.clock.now();
            assert!(next <= Duration::hours(1), "{next}");
            let rows = messages(&world, id).await;
            assert_eq!(rows.len(), 48);
            assert!(rows.iter().all(|row| row.state == MessageState::Held), "{rows:?}");
        }
        dial.store(200, Ordering::SeqCst);
        let before = tried.len();
        for _ in 0..14 {
            world.clock.forward(Duration::minutes(5));
            work(&world).await;
        }
        let calls = &heard(&world, "/hook")[before..];
        for id in [patient, hasty] {
            assert_eq!(state(&world, id).await.state, State::On);
            let rows = messages(&world, id).await;
            assert!(rows.iter().all(|row| row.state == MessageState::Done), "{rows:?}");
            let mut told = calls.to_vec();
            told.retain(|call| call.answered == 200 && call.body["webhookId"] == json!(id));
            let told = ids(&told);
            let mut by_age: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
            // The probe was the one of its turn; all others came oldest first.
            let probe = by_age.iter().position(|id| *id == told[0]).unwrap();
            let probe = by_age.remove(probe);
            assert_eq!(told[0], probe);
            assert_eq!(told[1..], by_age, "each once, oldest first");
            for row in &rows {
                let log = statuses(&world, row.id).await;
                assert_eq!(log.iter().filter(|status| **status == Some(200)).count(), 1);
                assert_eq!(log.last(), Some(&Some(200)));
            }
        }
        work(&world).await;
        let holds = "SELECT COUNT(*) FROM webhook WHERE holds";
        let held: i64 = world.store.db.read().sql(holds).scalar().await.unwrap();
        assert_eq!(held, 0, "there is nothing to let go any more");
    }

    async fn a_message_that_nobody_can_take_does_not_stand_before_the_others(store: TestStore) {
        let world = World::new(store, Run::Plain, |path, nth| match path {
            // The first message is refused for ever; which one a post is, is not seen here: the first posts are all its.
            "/hook" if nth < 3 => (400, json!("never this one")),
            "/hook" => (200, json!("")),
            _ => yes(),
        })
        .await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let hasty = Draft { retries: 1, ..draft(format!("{}/hook", world.sink), &[Event::Delivered]) };
        let (id, _) = hook(&world, None, hasty).await;
        sell(&world, campaign, 1).await;
        work(&world).await;
        world.clock.forward(Duration::seconds(10));
        work(&world).await;
        assert_eq!(state(&world, id).await.state, State::Paused, "its retries are used up, and it took nothing else");
        sell(&world, campaign, 2).await;
        work(&world).await;
        let oldest = messages(&world, id).await[0].id.to_string();
        world.clock.forward(Duration::minutes(5));
        work(&world).await;
        assert_eq!(ids(&heard(&world, "/hook")).last(), Some(&oldest), "the oldest probes first");
        world.clock.forward(Duration::minutes(10));
        work(&world).await;
        assert_eq!(state(&world, id).await.state, State::On, "then the next one");
        let rows = messages(&world, id).await;
        assert_eq!(rows[1].state, MessageState::Done);
    }

    async fn one_that_never_answers_does_not_hold_up_another(store: TestStore) {
        let (world, _, campaign) = dialled(store, 200).await;
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let (slow, _) = hook(&world, None, draft(url, &[Event::Delivered])).await;
        let (quick, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        for nth in 0..12 {
            sell(&world, campaign, nth).await;
        }
        let (to_slow, to_quick): (Vec<_>, Vec<_>) = {
            let slow: BTreeSet<_> = messages(&world, slow).await.iter().map(|row| row.id).collect();
            due(&world).await.into_iter().partition(|(id, _)| slow.contains(id))
        };
        assert_eq!((to_slow.len(), to_quick.len()), (12, 12));
        let mut under_way = tokio::task::JoinSet::new();
        for (id, attempt) in &to_slow[..8] {
            let (ctx, id, attempt) = (world.ctx.clone(), *id, *attempt);
            under_way.spawn(async move {
                let job = Job { id: id.0, generation: attempt };
                let cancelled = CancellationToken::new();
                worker::webhooks::run(&ctx, Delivered { lane: WEBHOOKS, job, delivery: 1, cancelled }).await
            });
        }
        for _ in 0..8 {
            // It is taken, and waits for its answer.
            let (connection, _) = silent.accept().await.unwrap();
            std::mem::forget(connection);
        }
        for (id, attempt) in &to_slow[8..] {
            assert!(matches!(ring(&world, *id, *attempt).await, Settle::Later(_)), "its places are taken");
        }
        for (id, attempt) in to_quick {
            assert_eq!(ring(&world, id, attempt).await, Settle::Done);
        }
        assert_eq!(heard(&world, "/hook").len(), 12);
        assert!(messages(&world, quick).await.iter().all(|row| row.state == MessageState::Done));
        assert!(messages(&world, slow).await.iter().all(|row| row.state == MessageState::Waiting));
        under_way.abort_all();
    }

    async fn one_that_is_gone_is_left_alone_until_somebody_switches_it_on(store: TestStore) {
        let (world, dial, campaign) = dialled(store, 410).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        sell(&world, campaign, 1).await;
        sell(&world, campaign, 2).await;
        work(&world).await;
        assert_eq!(heard(&world, "/hook").len(), 1, "at once");
        assert_eq!(state(&world, id).await.state, State::Gone);
        let raised = notices::list(&world.store.db, world.workspace, Default::default(), 9).await.unwrap();
        assert_eq!(raised.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [Kind::WebhookGone]);
        dial.store(200, Ordering::SeqCst);
        sell(&world, campaign, 3).await;
        for _ in 0..3 {
            world.clock.forward(Duration::hours(2));
            work(&world).await;
        }
        assert!(messages(&world, id).await.iter().all(|row| row.state == MessageState::Held));
        assert_eq!(heard(&world, "/hook").len(), 1, "nobody asks whether it is back");
        switch(&world, id, Switch::On).await;
        work(&world).await;
        let rows = messages(&world, id).await;
        assert!(rows.iter().all(|row| row.state == MessageState::Done), "{rows:?}");
        let told: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids(&heard(&world, "/hook"))[1..], told, "oldest first");
        assert_eq!(statuses(&world, rows[0].id).await, [Some(410), Some(200)]);

        switch(&world, id, Switch::Off).await;
        sell(&world, campaign, 4).await;
        assert_eq!(messages(&world, id).await.len(), 3, "one that is off hears of nothing new");
    }

    async fn what_is_held_for_a_week_is_given_up(store: TestStore) {
        let (world, _, campaign) = dialled(store, 410).await;
        let (id, _) = hook(&world, None, draft(format!("{}/hook", world.sink), &[Event::Delivered])).await;
        sell(&world, campaign, 1).await;
        work(&world).await;
        world.clock.forward(Duration::days(7));
        work(&world).await;
        assert_eq!(messages(&world, id).await[0].state, MessageState::Held);
        world.clock.forward(Duration::seconds(1));
        work(&world).await;
        let row = messages(&world, id).await.remove(0);
        assert_eq!((row.state, row.finished_at), (MessageState::Failed, Some(world.clock.now())));
        let db = &world.store.db;
        assert_eq!(sweep::forget(db, world.clock.now(), 10).await.unwrap(), 0);
        assert_eq!(sweep::forget(db, world.clock.now() + Duration::seconds(1), 10).await.unwrap(), 1);
        assert_eq!(statuses(&world, row.id).await, [], "its attempts go with it");
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
