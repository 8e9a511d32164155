//! Webhooks that are down, slow or gone: nothing is lost, nobody is hammered, and nobody else waits.
use crate::{
    campaign::plain,
    webhooks::{
        dialled, draft, due, heard, hook, ids, messages, ring, sell, state, statuses, switch, work,
    },
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::json;
use shared::{
    on_both_engines,
    push::WEBHOOKS,
    queue::{Delivered, Job, Settle},
    store::{
        notices::{self, Kind},
        webhooks::{MessageState, State, Switch, sweep},
    },
    webhook::{Draft, Event},
};
use std::{collections::BTreeSet, sync::atomic::Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

on_both_engines! {
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
}
