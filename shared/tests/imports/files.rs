//! Files: parts, broken rows, dry runs, the same file again, uploads that are given up.
use crate::world::{HEADER, World, came, file, leads, row};
use chrono::TimeDelta;
use shared::{
    on_both_engines,
    store::imports::{self, FINISHED_DAYS, Refused, State, UPLOAD_HOURS, rehearse::rehearse},
};

/// A file of which one row in each hundred is broken.
fn broken(rows: usize) -> String {
    file((1..=rows).map(|n| if n % 100 == 50 { row(n).replace('@', " at ") } else { row(n) }))
}

on_both_engines! {
    async fn a_file_in_parts_comes_in_whole_but_for_its_broken_rows(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let text = broken(3_000);
        let import = world.upload(&leads(home), &text).await.unwrap();
        assert_eq!(world.count("SELECT count(*) FROM import_part WHERE text IS NOT NULL").await, 3);
        let ready = world.get(import).await;
        assert_eq!((ready.state, ready.row_count, ready.bytes), (State::Ready, 3_000, text.len() as i64));
        // What it would come to is said, and nothing has happened.
        let rehearsed = rehearse(&world.store.db, world.key(import), 1_500, world.clock.now()).await.unwrap().unwrap();
        assert_eq!((rehearsed.counts.created, rehearsed.counts.failed), (1_485, 15));
        assert_eq!(rehearsed.errors.iter().map(|one| one.row_number).take(2).collect::<Vec<_>>(), [50, 150]);
        for nothing in ["SELECT count(*) FROM lead", "SELECT count(*) FROM contact", "SELECT count(*) FROM dedup_key",
            "SELECT count(*) FROM import_error", "SELECT count(*) FROM import_part WHERE done_at IS NOT NULL"] {
            assert_eq!(world.count(nothing).await, 0, "{nothing}");
        }
        assert_eq!(world.get(import).await, ready);
        world.start(import).await;
        world.work().await;
        let done = world.get(import).await;
        assert_eq!(came(&done), (State::Done, [2_970, 0, 0, 0, 30]));
        assert_eq!(done.counts.rows(), done.row_count);
        let errors = imports::errors(&world.store.db, world.key(import), 0, 100).await.unwrap();
        let rows: Vec<i64> = errors.iter().map(|one| one.row_number).collect();
        assert_eq!(rows, (0..30).map(|n| n * 100 + 50).collect::<Vec<i64>>());
        assert_eq!(errors[7].record, row(750).replace('@', " at "));
        assert_eq!(errors[7].problems[0].field.as_deref(), Some("email"));
        assert_eq!(world.count("SELECT count(*) FROM lead").await, 2_970);
        assert_eq!(world.count("SELECT count(DISTINCT email) FROM lead").await, 2_970);
        assert_eq!(world.count("SELECT count(*) FROM import_part WHERE text IS NOT NULL").await, 0);
    }

    async fn a_file_is_not_brought_in_twice_by_mistake(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let text = file([row(1)]);
        let (one, two) = (world.upload(&leads(home), &text).await.unwrap(), world.upload(&leads(home), &text).await.unwrap());
        world.start(one).await;
        let (db, now) = (&world.store.db, world.clock.now());
        assert_eq!(imports::start(db, world.key(two), now).await.unwrap(), Err(Refused::SameFile(one)));
        world.work().await;
        assert_eq!(world.upload(&leads(home), &text).await, Err(Refused::SameFile(one)));
        let mut again = leads(home);
        again.again = true;
        imports::configure(db, world.key(two), &again, now).await.unwrap().unwrap();
        world.start(two).await;
        world.work().await;
        assert_eq!(came(&world.get(two).await), (State::Done, [0, 0, 1, 0, 0]));
        // Another workspace knows nothing of it.
        let elsewhere = (world.store.workspace("b").await, one);
        assert_eq!(imports::get(db, elsewhere).await.unwrap(), None);
        assert_eq!(imports::start(db, elsewhere, now).await.unwrap(), Err(Refused::Unknown));
        assert_eq!(imports::errors(db, elsewhere, 0, 10).await.unwrap(), []);
        for import in [one, two] {
            world.undo(import).await;
        }
        assert!(world.upload(&leads(home), &text).await.is_ok());
        let shown: Vec<_> = imports::list(db, world.workspace, None, 3).await.unwrap();
        assert_eq!(shown.len(), 3);
        let older = imports::list(db, world.workspace, Some(shown[2].id), 9).await.unwrap();
        assert_eq!(older.iter().map(|import| import.id).collect::<Vec<_>>(), [one]);
    }

    async fn a_new_upload_replaces_one_that_is_not_finished(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let (db, now) = (&world.store.db, world.clock.now());
        let first = imports::begin(db, world.workspace, "a.csv", "key ops", now).await.unwrap();
        let text = row(1) + "\n";
        let part = imports::Part { number: 0, first_row: 1, row_count: 1, text: &text };
        imports::add_part(db, &first, &part, now).await.unwrap().unwrap();
        imports::add_part(db, &first, &part, now).await.unwrap().unwrap();
        let second = imports::begin_again(db, first.key(), "b.csv", now).await.unwrap().unwrap();
        assert_eq!(imports::add_part(db, &first, &part, now).await.unwrap(), Err(Refused::Replaced));
        world.fill(&second, &leads(home), &file([row(7), row(8)])).await.unwrap();
        world.start(first.import).await;
        assert!(matches!(imports::begin_again(db, first.key(), "c.csv", now).await.unwrap(), Err(Refused::NotSo { .. })));
        assert!(matches!(imports::abandon(db, first.key()).await.unwrap(), Err(Refused::NotSo { .. })));
        world.work().await;
        assert_eq!(came(&world.get(first.import).await), (State::Done, [2, 0, 0, 0, 0]));
    }

    async fn a_file_without_rows_is_done_at_once(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = world.import(&leads(home), &format!("{HEADER}\n")).await;
        assert_eq!(came(&import), (State::Done, [0; 5]));
    }

    async fn what_nobody_started_and_what_ended_long_ago_is_forgotten(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let (db, clock) = (&world.store.db, &world.clock);
        let done = world.import(&leads(home), &broken(120)).await.id;
        let kept = world.upload(&leads(home), &file([row(500)])).await.unwrap();
        let begun = imports::begin(db, world.workspace, "a.csv", "key ops", clock.now()).await.unwrap();
        imports::abandon(db, (world.workspace, kept)).await.unwrap().unwrap();
        imports::abandon(db, (world.workspace, kept)).await.unwrap().unwrap();
        let ready = world.upload(&leads(home), &file([row(501)])).await.unwrap();
        clock.forward(TimeDelta::hours(UPLOAD_HOURS));
        assert_eq!(imports::forget(db, clock.now(), 10).await.unwrap(), 0);
        clock.forward(TimeDelta::seconds(1));
        assert_eq!(imports::forget(db, clock.now(), 10).await.unwrap(), 2);
        for gone in [begun.import, ready, kept] {
            assert_eq!(imports::get(db, world.key(gone)).await.unwrap(), None);
        }
        clock.forward(TimeDelta::days(FINISHED_DAYS - 1));
        assert_eq!(imports::forget(db, clock.now(), 10).await.unwrap(), 1);
        assert_eq!(imports::get(db, world.key(done)).await.unwrap(), None);
        for nothing in ["SELECT count(*) FROM import", "SELECT count(*) FROM import_part", "SELECT count(*) FROM import_error"] {
            assert_eq!(world.count(nothing).await, 0, "{nothing}");
        }
        assert_eq!(world.leads().await.len(), 119, "its leads stay");
    }
}
