//! Members of dynamic segments, on both engines: kept right by changes, builds and the clock, whatever comes at the same time.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::ValueSetId,
    on_both_engines,
    store::{
        live::{
            self, Touched, What,
            build::{self, Claimed, Ended},
            flips,
        },
        value_sets::{self, SetDraft},
    },
    testing::noon,
    value_set,
};

#[path = "live/history.rs"]
mod history;
#[path = "live/world.rs"]
mod world;
use world::{World, leaf, rule};

on_both_engines! {
    async fn a_change_asks_exactly_those_that_read_the_field(store: TestStore) {
        let world = World::new(&store).await;
        let state = world.segment("state", &rule(&[leaf("contact.state", "equals", json!("CA"))])).await;
        let city = world.segment("city", &rule(&[leaf("contact.city", "equals", json!("Rome"))])).await;
        world.build_all().await;
        let ada = world.contact("ada").await;
        // A member who does not belong: whoever is asked puts that right.
        world.put_member(city, ada).await;
        world.set(ada, "state", "ca", &["contact.state"]).await;
        assert_eq!(world.members(state).await, [ada]);
        assert_eq!(world.members(city).await, [ada], "nobody asked the other");
        world.set(ada, "city", "oslo", &["contact.city"]).await;
        assert!(world.members(city).await.is_empty());
        world.set(ada, "state", "tx", &["contact.state"]).await;
        assert!(world.members(state).await.is_empty());
    }

    async fn who_is_not_active_is_in_no_segment_unless_it_asks_about_the_status(store: TestStore) {
        let world = World::new(&store).await;
        let state = world.segment("state", &rule(&[leaf("contact.state", "equals", json!("CA"))])).await;
        let bounced = world.segment("bounced", &rule(&[leaf("contact.status", "in", json!(["bounced", "deleted"]))])).await;
        let ada = world.contact("ada").await;
        world.set(ada, "state", "ca", &["contact.state"]).await;
        world.build_all().await;
        assert_eq!(world.members(state).await, [ada]);
        world.set(ada, "status", "bounced", &["contact.status"]).await;
        assert!(world.members(state).await.is_empty());
        assert_eq!(world.members(bounced).await, [ada]);
        world.all_is_right().await;
        world.set(ada, "status", "deleted", &["contact.status"]).await;
        assert!(world.members(bounced).await.is_empty());
        world.all_is_right().await;
    }

    async fn segments_that_ask_about_segments_follow_in_the_same_change(store: TestStore) {
        let world = World::new(&store).await;
        let first = world.segment("first", &rule(&[leaf("contact.state", "equals", json!("CA"))])).await;
        let second = world.segment("second", &rule(&[leaf("contact.segments", "memberOf", json!(first))])).await;
        let third = world.segment("third", &rule(&[leaf("contact.segments", "notMemberOf", json!(second))])).await;
        let ada = world.contact("ada").await;
        // The later ones wait until those that they ask about are built.
        assert!(matches!(build::claim(&store.db, third, noon()).await.unwrap(), Claimed::Waits));
        world.build_all().await;
        assert_eq!(world.members(third).await, [ada]);
        world.set(ada, "state", "ca", &["contact.state"]).await;
        assert_eq!((world.members(first).await, world.members(second).await), (vec![ada], vec![ada]));
        assert!(world.members(third).await.is_empty());
        world.all_is_right().await;
    }

    async fn a_broken_segment_harms_nobody_else(store: TestStore) {
        let world = World::new(&store).await;
        let good = world.segment("good", &rule(&[leaf("contact.state", "equals", json!("CA"))])).await;
        let bad = world.segment("bad", &rule(&[leaf("property.gone", "equals", json!("x"))])).await;
        let ada = world.contact("ada").await;
        world.put_member(bad, ada).await;
        world.set(ada, "state", "ca", &["contact.state"]).await;
        assert_eq!(world.members(good).await, [ada]);
        let (state, problem) = world.state(bad).await;
        assert_eq!(state, "broken");
        assert!(problem.unwrap().contains("there is no indexed property `gone`"));
        assert_eq!(world.members(bad).await, [ada], "members stay");
        let noticed = shared::store::notices::list(&store.db, world.workspace, Default::default(), 9).await.unwrap();
        assert_eq!(noticed.len(), 1);
        assert!(noticed[0].message.contains("\"bad\""), "{}", noticed[0].message);
        world.set(ada, "state", "tx", &["contact.state"]).await;
        assert!(world.members(good).await.is_empty());
        assert_eq!(build::run(&store.db, bad, &world.clock).await.unwrap(), None, "it is not built");
    }

    async fn an_edit_cancels_the_build_and_the_next_builds_what_is_wanted(store: TestStore) {
        let world = World::new(&store).await;
        let many = world.contacts(1_200).await;
        let id = world.segment("s", &rule(&[leaf("contact.state", "isEmpty", Value::Null)])).await;
        let Claimed::Ours(mut build) = build::claim(&store.db, id, noon()).await.unwrap() else { panic!() };
        assert!(matches!(build::claim(&store.db, id, noon()).await.unwrap(), Claimed::Nothing), "it is taken");
        assert_eq!(build.step(&store.db).await.unwrap(), Some(true));
        world.edit(id, &rule(&[leaf("contact.state", "isNotEmpty", Value::Null)])).await;
        assert_eq!(build.step(&store.db).await.unwrap(), None);
        assert_eq!(build.finish(&store.db, noon()).await.unwrap(), Ended::Cancelled);
        assert!(!world.members(id).await.is_empty());
        world.set(many[0], "state", "ca", &["contact.state"]).await;
        world.build_all().await;
        assert_eq!(world.members(id).await, [many[0]]);
        world.all_is_right().await;
    }

    async fn a_build_whose_worker_died_is_begun_again(store: TestStore) {
        let world = World::new(&store).await;
        world.contacts(1_200).await;
        let id = world.segment("s", &rule(&[leaf("contact.state", "isEmpty", Value::Null)])).await;
        let asker = world.segment("a", &rule(&[leaf("contact.segments", "memberOf", json!(id))])).await;
        let Claimed::Ours(mut build) = build::claim(&store.db, id, noon()).await.unwrap() else { panic!() };
        assert_eq!(build.step(&store.db).await.unwrap(), Some(true));
        drop(build);
        assert!(build::due(&store.db, noon(), 9).await.unwrap().iter().all(|(due, _)| *due != id));
        world.clock.forward(build::LEASE + Duration::seconds(2));
        assert!(build::due(&store.db, world.clock.now(), 9).await.unwrap().iter().any(|(due, _)| *due == id));
        world.build_all().await;
        assert_eq!((world.members(id).await.len(), world.members(asker).await.len()), (1_200, 1_200));
        let count: i64 = store.db.read().sql("SELECT member_count FROM segment WHERE id = $1").bind(id).scalar().await.unwrap();
        assert_eq!(count, 1_200);
    }

    async fn a_value_set_that_changes_has_its_segments_built_again(store: TestStore) {
        let world = World::new(&store).await;
        let set = |values: Value| SetDraft {
            workspace: world.workspace,
            id: ValueSetId::new(),
            name: "states".into(),
            description: String::new(),
            members: value_set::read(values.as_array().unwrap(), "values").unwrap(),
            at: noon(),
        };
        let draft = set(json!(["CA"]));
        value_sets::create(&store.db, &draft).await.unwrap();
        let leaf = json!({"field": "contact.state", "operator": "inValueSet", "valueSet": "states"});
        let id = world.segment("s", &rule(&[leaf])).await;
        let ada = world.contact("ada").await;
        world.set(ada, "state", "tx", &["contact.state"]).await;
        world.build_all().await;
        assert!(world.members(id).await.is_empty());
        let draft = SetDraft { id: draft.id, ..set(json!(["CA", "TX"])) };
        assert!(value_sets::save(&store.db, &draft, None).await.unwrap());
        assert_eq!(world.state(id).await.0, "waiting");
        world.build_all().await;
        assert_eq!(world.members(id).await, [ada]);
        let bob = world.contact("bob").await;
        world.set(bob, "state", "tx", &["contact.state"]).await;
        assert_eq!(world.members(id).await, [ada, bob], "a change asks by the new values");
    }

    async fn a_window_on_the_last_activity_flips_at_the_moment(store: TestStore) {
        let world = World::new(&store).await;
        let window = json!({"amount": 30, "unit": "days"});
        let id = world.segment("lately", &rule(&[leaf("contact.lastActivityAt", "inLast", window.clone())])).await;
        let old = world.segment("old", &rule(&[leaf("contact.lastActivityAt", "olderThan", window)])).await;
        let asker = world.segment("asker", &rule(&[leaf("contact.segments", "memberOf", json!(id))])).await;
        world.build_all().await;
        let ada = world.contact("ada").await;
        // It was a while ago: the window is over sooner than anybody would have looked.
        let at = noon() - Duration::days(30) + Duration::hours(3);
        world.active(ada, at).await;
        assert_eq!((world.members(id).await, world.members(asker).await), (vec![ada], vec![ada]));
        world.clock.forward(Duration::hours(3) - Duration::seconds(1));
        world.sweep().await;
        assert_eq!(world.members(id).await, [ada]);
        world.clock.forward(Duration::seconds(1));
        world.sweep().await;
        assert_eq!(world.members(id).await, [ada], "both ends are within");
        world.clock.forward(Duration::microseconds(1));
        world.sweep().await;
        assert!(world.members(id).await.is_empty());
        assert!(world.members(asker).await.is_empty());
        assert_eq!(world.members(old).await, [ada]);
        world.all_is_right().await;
        assert_eq!(flips::due(&store.db, world.clock.now() + Duration::days(1), 9).await.unwrap(), [], "nothing will change");
    }

    async fn a_late_change_does_not_undo_what_the_clock_did(store: TestStore) {
        let world = World::new(&store).await;
        let window = json!({"amount": 1, "unit": "hours"});
        let id = world.segment("lately", &rule(&[leaf("contact.lastActivityAt", "inLast", window)])).await;
        world.build_all().await;
        let ada = world.contact("ada").await;
        world.active(ada, noon() - Duration::minutes(59)).await;
        assert_eq!(world.members(id).await, [ada]);
        world.clock.forward(Duration::minutes(2));
        world.sweep().await;
        assert!(world.members(id).await.is_empty());
        // A transaction that began two minutes ago asks now.
        world.touch(ada, What::fields(["contact.lastActivityAt"]), noon()).await;
        assert!(world.members(id).await.is_empty());
    }

    async fn other_moments_flip_within_a_minute(store: TestStore) {
        let world = World::new(&store).await;
        let window = json!({"amount": 1, "unit": "days"});
        world.property("seen", "datetime").await;
        let created = world.segment("new", &rule(&[leaf("contact.createdAt", "inLast", window.clone())])).await;
        let seen = world.segment("seen", &rule(&[leaf("property.seen", "inNext", window)])).await;
        let ada = world.contact("ada").await;
        let moment = noon() + Duration::days(2);
        world.set(ada, "properties", &json!({"seen": shared::contact::doc::moment(moment)}).to_string(), &["property.seen"]).await;
        world.build_all().await;
        assert_eq!((world.members(created).await, world.members(seen).await), (vec![ada], vec![]));
        world.clock.forward(Duration::days(1) - Duration::seconds(1));
        world.sweep().await;
        assert_eq!((world.members(created).await, world.members(seen).await), (vec![ada], vec![]));
        world.clock.forward(Duration::seconds(62));
        world.sweep().await;
        assert_eq!((world.members(created).await, world.members(seen).await), (vec![], vec![ada]));
        world.all_is_right().await;
    }

    async fn a_day_begins_at_midnight_of_the_segments_zone(store: TestStore) {
        let world = World::new(&store).await;
        let born = rule(&[leaf("contact.dateOfBirth", "anniversary", json!("today"))]);
        let utc = world.segment("utc", &born).await;
        let york = world.segment_in("york", &born, Some("America/New_York")).await;
        let ada = world.contact("ada").await;
        world.set(ada, "date_of_birth", "1990-11-22", &["contact.dateOfBirth"]).await;
        world.build_all().await;
        let both = async || {
            world.sweep().await;
            world.build_all().await;
            world.all_is_right().await;
            (world.members(utc).await.len(), world.members(york).await.len())
        };
        world.clock.forward(Duration::hours(12) - Duration::seconds(1));
        assert_eq!(both().await, (0, 0));
        world.clock.forward(Duration::seconds(1));
        assert_eq!(both().await, (1, 0), "midnight in UTC");
        world.clock.forward(Duration::hours(5) - Duration::seconds(1));
        assert_eq!(both().await, (1, 0));
        world.clock.forward(Duration::seconds(1));
        assert_eq!(both().await, (1, 1), "midnight in New York");
        world.clock.forward(Duration::hours(19));
        assert_eq!(both().await, (0, 1));
        world.clock.forward(Duration::hours(5));
        assert_eq!(both().await, (0, 0));
    }

    async fn a_workspace_that_fails_to_change_leaves_nothing_in_memory(store: TestStore) {
        let world = World::new(&store).await;
        let ada = world.contact("ada").await;
        let states = rule(&[leaf("contact.state", "equals", json!("CA"))]);
        let mut tx = store.db.begin().await.unwrap();
        let lost = world.insert(&mut tx, "lost", &states, None).await;
        live::changed(&mut tx, world.workspace).await.unwrap();
        let touched = [Touched::new(world.workspace, ada, What::Everything)];
        live::reassess(&mut tx, &touched, noon()).await.unwrap();
        tx.rollback().await.unwrap();
        let cities = rule(&[leaf("contact.city", "equals", json!("Rome"))]);
        let kept = world.segment("kept", &cities).await;
        world.set(ada, "city", "rome", &["contact.city"]).await;
        assert_eq!(world.members(kept).await, [ada]);
        assert!(world.members(lost).await.is_empty());
    }

    async fn changes_and_builds_at_the_same_time_end_right(store: TestStore) {
        let world = World::new(&store).await;
        let many = world.contacts(1_500).await;
        let first = world.segment("first", &rule(&[leaf("contact.state", "equals", json!("CA"))])).await;
        let second = world.segment("second", &rule(&[
            leaf("contact.segments", "memberOf", json!(first)),
            leaf("contact.city", "equals", json!("Rome")),
        ])).await;
        let world = std::sync::Arc::new(world);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4_usize {
            let (world, many) = (world.clone(), many.clone());
            tasks.spawn(async move {
                for n in 0..60_usize {
                    // The tasks meet at the same contacts, with different fields.
                    let contact = many[(n * 37 + task / 2) % many.len()];
                    if task % 2 == 0 {
                        let state = ["ca", "tx"][(n + task) % 2];
                        world.set(contact, "state", state, &["contact.state"]).await;
                    } else {
                        let city = ["rome", "rome", "oslo"][(n + task) % 3];
                        world.set(contact, "city", city, &["contact.city"]).await;
                    }
                }
            });
        }
        let (builder, ids) = (world.clone(), [first, second]);
        tasks.spawn(async move {
            for n in 0..6 {
                builder.again(ids[n % 2]).await;
                builder.build_all().await;
            }
        });
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        world.build_all().await;
        world.all_is_right().await;
        assert!(!world.members(second).await.is_empty());
    }

    async fn any_history_ends_where_building_from_scratch_does(store: TestStore) {
        for seed in 0..4 {
            history::run(&store, seed, 8).await;
        }
    }
}
