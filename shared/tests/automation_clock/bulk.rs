//! Contacts that come to segments, or leave them, many at once: each campaign that watches is told of each, once.
use crate::{
    people::{leaf, rule},
    world::World,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::{
    ids::SegmentId,
    on_both_engines,
    store::{automation::pending, live::build},
};

/// A point for coming to a segment, a point less for leaving it.
fn watching(segment: SegmentId) -> Value {
    json!({"scoring": {"rules": [
        {"id": "in", "name": "In", "on": [{"type": "segmentEntered", "segment": segment}], "points": 1, "repeat": "each"},
        {"id": "out", "name": "Out", "on": [{"type": "segmentLeft", "segment": segment}], "points": -1, "repeat": "each"},
    ]}})
}

fn stateless() -> Value {
    rule(&[leaf("contact.state", "isEmpty", Value::Null)])
}

fn in_a_state() -> Value {
    rule(&[leaf("contact.state", "isNotEmpty", Value::Null)])
}

on_both_engines! {
    async fn a_build_of_many_tells_of_each_once(store: TestStore) {
        let world = World::new(&store).await;
        world.people.contacts(300).await; // who are no leads
        world.quiet_leads(5_000).await;
        let segment = world.people.segment("s", &stateless()).await;
        world.save(&watching(segment)).await;
        world.tick().await;
        world.people.build_all().await;
        assert_eq!(world.notes().await, 5_000);
        assert_eq!(world.firings().await, (0, 0), "nobody is kept waiting by it");
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (db, now) = (store.db.clone(), world.now());
            tasks.spawn(async move { pending::sweep(&db, now, 2_000).await.unwrap() });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        world.tick().await;
        assert_eq!((world.notes().await, world.firings().await), (0, (5_000, 5_000)));
        // Another rule: all leave; and back again.
        world.people.edit(segment, &in_a_state()).await;
        world.people.build_all().await;
        world.tick().await;
        assert_eq!(world.firings().await, (10_000, 5_000));
        world.people.again(segment).await;
        world.people.build_all().await;
        assert_eq!(world.notes().await, 0, "nobody came, nobody left");
    }

    async fn who_is_told_is_told_by_every_way_to_build(store: TestStore) {
        let world = World::new(&store).await;
        let leads = world.quiet_leads(4).await;
        for lead in &leads[..2] {
            world.people.set(lead.contact, "state", "ca", &["contact.state"]).await;
        }
        // Where a part has members and where it has none; and a rule that is asked one by one.
        let states = world.people.segment("a", &in_a_state()).await;
        let slow = json!({"field": "contact.email", "operator": "matchesPattern", "value": "c*"});
        for (edited, come, gone) in [(in_a_state(), 2, 0), (stateless(), 2, 2), (rule(&[slow]), 2, 0)] {
            world.save(&watching(states)).await;
            world.tick().await;
            let before = world.firings().await.0;
            world.people.edit(states, &edited).await;
            world.people.build_all().await;
            assert_eq!(world.notes().await, come + gone, "{edited}");
            world.tick().await;
            assert_eq!(world.firings().await.0 - before, come + gone, "{edited}");
        }
    }

    async fn who_comes_and_goes_by_the_clock_is_told(store: TestStore) {
        let world = World::new(&store).await;
        let window = json!({"amount": 30, "unit": "days"});
        let segment = world.people.segment("old", &rule(&[leaf("contact.lastActivityAt", "olderThan", window)])).await;
        world.save(&watching(segment)).await;
        world.people.build_all().await;
        let lead = world.lead().await;
        world.act(lead, "page_visit").await;
        world.forward(TimeDelta::days(30) + TimeDelta::seconds(1));
        world.people.sweep().await;
        world.people.build_all().await;
        assert_eq!(world.notes().await, 1);
        world.tick().await;
        world.act(lead, "page_visit").await;
        let fired: Vec<String> = world.fired(lead).await.into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(fired, ["in", "out"], "the second at once");
    }

    async fn nobody_notes_what_nobody_watches(store: TestStore) {
        let world = World::new(&store).await;
        world.quiet_leads(20).await;
        let watched = world.people.segment("watched", &in_a_state()).await;
        let other = world.people.segment("other", &stateless()).await;
        world.save(&watching(watched)).await;
        world.people.build_all().await;
        assert_eq!(world.people.members(other).await.len(), 20);
        assert_eq!(world.notes().await, 0);
    }

    async fn a_campaign_that_begins_to_watch_in_the_middle_is_told_of_the_rest(store: TestStore) {
        let world = World::new(&store).await;
        world.quiet_leads(900).await;
        let segment = world.people.segment("s", &stateless()).await;
        let build::Claimed::Ours(mut build) = build::claim(world.db(), segment, world.now()).await.unwrap() else { panic!() };
        assert_eq!(build.step(world.db()).await.unwrap(), Some(true));
        world.save(&watching(segment)).await;
        while build.step(world.db()).await.unwrap() == Some(true) {}
        build.finish(world.db(), world.now()).await.unwrap();
        assert_eq!(world.notes().await, 400);
    }
}
