//! Passes: all leads of a campaign are looked at after a save and when it opens again, in steps.
use crate::world::{World, silence};
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::{
    on_both_engines,
    store::{
        automation::passes::{self, Step},
        campaign_window::{self, Window},
        campaigns::{self, Draft},
    },
    testing::noon,
};
use std::task::Poll;

fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

/// A point for everybody.
fn everybody(id: &str) -> Value {
    json!({"scoring": {"rules": [{"id": id, "name": id, "points": 1,
        "when": {"field": "contact.status", "operator": "equals", "value": "active"}}]}})
}

on_both_engines! {
    async fn leads_that_are_there_are_looked_at_in_steps(store: TestStore) {
        let world = World::new(&store).await;
        world.quiet_leads(1_100).await;
        world.save(&everybody("a")).await;
        let key = (world.people.workspace, world.campaign);
        assert_eq!(passes::due(world.db(), world.now(), 9).await.unwrap(), [key]);
        let step = async || passes::step(world.db(), key, world.now()).await.unwrap();
        assert_eq!(step().await, Step { leads: 500, is_last: false });
        assert_eq!(world.firings().await, (500, 500));
        // Whoever begins the next one dies in the middle of it; somebody else does it.
        let mut going = Box::pin(step());
        assert!(begins(&mut going).await, "it is under way");
        drop(going);
        // The server learns of the death a moment later.
        let mut next = step().await;
        while next.leads == 0 {
            tokio::task::yield_now().await;
            next = step().await;
        }
        assert_eq!(next, Step { leads: 500, is_last: false });
        assert_eq!(step().await, Step { leads: 100, is_last: true });
        assert_eq!(step().await, Step { leads: 0, is_last: true });
        assert_eq!(world.firings().await, (1_100, 1_100));
        assert_eq!(passes::due(world.db(), world.now(), 9).await.unwrap(), []);
    }

    async fn another_save_begins_it_anew(store: TestStore) {
        let world = World::new(&store).await;
        world.quiet_leads(600).await;
        world.save(&everybody("a")).await;
        let key = (world.people.workspace, world.campaign);
        assert_eq!(passes::step(world.db(), key, world.now()).await.unwrap().leads, 500);
        world.save(&everybody("b")).await;
        assert_eq!(passes::step(world.db(), key, world.now()).await.unwrap(), Step { leads: 500, is_last: false });
        assert_eq!(passes::step(world.db(), key, world.now()).await.unwrap(), Step { leads: 100, is_last: true });
        assert_eq!(world.firings().await, (500 + 600, 600));
    }

    async fn two_who_step_at_once_do_it_once(store: TestStore) {
        let world = World::new(&store).await;
        world.quiet_leads(1_000).await;
        world.save(&everybody("a")).await;
        let key = (world.people.workspace, world.campaign);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (db, now) = (store.db.clone(), world.now());
            tasks.spawn(async move { passes::step(&db, key, now).await.unwrap() });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        world.passes().await;
        assert_eq!(world.firings().await, (1_000, 1_000));
    }

    async fn a_campaign_that_opens_again_looks_at_its_leads(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(30)).await;
        let leads = [world.lead().await, world.lead().await];
        world.tick().await;
        world.set_state("paused").await;
        world.forward(days(31));
        world.tick().await;
        assert_eq!(world.due_at(leads[0]).await, None, "nobody decides about it");
        assert_eq!(world.firings().await, (0, 0));
        world.set_state("active").await;
        assert_eq!(world.tick().await, 2);
        assert_eq!(world.firings().await, (2, 2));
        assert_eq!(world.fired(leads[0]).await, [("silent".into(), noon() + days(30))], "as of then");
        world.set_state("active").await;
        assert_eq!(world.tick().await, 0, "it was open");
    }

    async fn a_campaign_that_its_dates_open_looks_at_its_leads(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&everybody("a")).await;
        world.tick().await;
        world.set_state("paused").await;
        world.quiet_leads(3).await;
        let window = Window { starts_at: Some(world.now() + days(1)), ends_at: None };
        dated(&world, window).await;
        world.forward(days(1));
        assert_eq!(world.tick().await, 0);
        let key = (world.people.workspace, world.campaign);
        assert_eq!(campaign_window::turn(world.db(), key, world.now()).await.unwrap(), Some("active"));
        assert_eq!(world.tick().await, 3);
        assert_eq!(world.firings().await, (3, 3));
    }

    async fn what_is_off_or_paused_keeps_nobody_busy(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(1)).await;
        let lead = world.lead().await;
        world.tick().await;
        let mut off = silence(1);
        off["enabled"] = json!(false);
        world.save(&off).await;
        world.tick().await;
        assert_eq!(passes::due(world.db(), world.now() + days(9), 9).await.unwrap(), []);
        world.forward(days(2));
        world.tick().await;
        assert_eq!((world.due_at(lead).await, world.firings().await), (None, (0, 0)));
        world.save(&silence(1)).await;
        world.tick().await;
        assert_eq!(world.firings().await.0, 1, "the silence that lasts is seen when it is on again");
    }
}

/// Gives the campaign a start.
async fn dated(world: &World, window: Window) {
    let draft = Draft {
        workspace: world.people.workspace,
        id: world.campaign,
        code: "AAA".into(),
        name: "AAA".into(),
        dedup_days: None,
        config: json!({}),
        at: world.now(),
    };
    let saved = campaigns::save_dated(world.db(), &draft, 1, Some(window)).await.unwrap();
    assert_eq!(saved, Some(2));
}

/// Lets it begin; says whether it is under way still.
async fn begins<F: Future + Unpin>(going: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *going).poll(cx).is_pending()))
        .await
}
