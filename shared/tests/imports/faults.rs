//! Workers that die, are late or meet each other; rows that nobody can take; stopping an import.
use crate::world::{World, came, file, leads, row};
use chrono::TimeDelta;
use shared::{
    ids::{CampaignId, ImportId},
    on_both_engines,
    store::{
        campaigns,
        imports::{self, ATTEMPTS_MAX, LEASE, State, Worked},
        notices::{self, NoticeFilter},
    },
};
use std::collections::HashSet;

/// Rows of three parts.
const ROWS: usize = 2_500;

fn people() -> String {
    file((1..=ROWS).map(row))
}

/// As many leads as rows, nobody twice, and counted so.
async fn whole(world: &World, import: ImportId) {
    let done = world.get(import).await;
    assert_eq!(came(&done), (State::Done, [ROWS as i64, 0, 0, 0, 0]));
    let all = world.leads().await;
    let emails: HashSet<_> = all.iter().map(|lead| lead.email.clone()).collect();
    assert_eq!((all.len(), emails.len()), (ROWS, ROWS));
}

/// What a worker left that died within its second part: the claim, and a part that is done.
async fn left_by_a_dead_worker(world: &World, home: CampaignId) -> ImportId {
    let import = world.upload(&leads(home), &people()).await.unwrap();
    world.start(import).await;
    // The second part cannot be read: that is where the worker stops.
    world.run("UPDATE import_part SET row_count = row_count + 1 WHERE number = 1").await;
    assert_eq!(world.claim(import).await, Worked::Nothing);
    world.run("UPDATE import_part SET row_count = row_count - 1 WHERE number = 1").await;
    assert_eq!(came(&world.get(import).await), (State::Running, [1_000, 0, 0, 0, 0]));
    import
}

on_both_engines! {
    async fn who_goes_on_after_a_crash_takes_no_row_twice_and_leaves_none_out(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = left_by_a_dead_worker(&world, home).await;
        assert!(!world.turn().await, "it waits for its next try");
        world.clock.forward(TimeDelta::seconds(2));
        world.work().await;
        whole(&world, import).await;
    }

    async fn a_worker_that_was_only_slow_writes_nothing_any_more(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = world.upload(&leads(home), &people()).await.unwrap();
        world.start(import).await;
        let (db, clock) = (&world.store.db, &world.clock);
        let (_, generation) = imports::due(db, clock.now(), 1).await.unwrap()[0];
        let rival = async || imports::work(db, import, generation, clock).await.unwrap();
        let (one, other) = tokio::join!(rival(), rival());
        let late = [one, other].into_iter().filter(|worked| *worked == Worked::Nothing).count();
        assert_eq!(late, 1, "{one:?} {other:?}");
        world.work().await;
        whole(&world, import).await;
        assert_eq!(rival().await, Worked::Nothing);
        assert!(!world.turn().await);
    }

    async fn a_dead_workers_claim_runs_out_and_a_live_one_is_left_alone(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = left_by_a_dead_worker(&world, home).await;
        // As a worker leaves it that was killed within a part.
        world.store.db.write()
            .sql("UPDATE import SET due_at = $1").bind(world.clock.now() + LEASE)
            .run().await.unwrap();
        world.clock.forward(LEASE - TimeDelta::seconds(1));
        assert!(!world.turn().await);
        world.clock.forward(TimeDelta::seconds(1));
        world.work().await;
        whole(&world, import).await;
    }

    async fn a_part_that_goes_wrong_again_and_again_stops_the_import_and_people_are_told(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = world.upload(&leads(home), &people()).await.unwrap();
        world.start(import).await;
        world.run("UPDATE import_part SET row_count = row_count + 1 WHERE number = 1").await;
        for _ in 0..=ATTEMPTS_MAX {
            world.work().await;
            world.clock.forward(TimeDelta::seconds(60));
        }
        let failed = world.get(import).await;
        assert_eq!(came(&failed), (State::Failed, [1_000, 0, 0, 0, 0]));
        let problem = failed.problem.unwrap();
        assert!(problem.contains("part 1 has 1000 rows instead of 1001"), "{problem}");
        let told = notices::list(&world.store.db, world.workspace, NoticeFilter::default(), 10).await.unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].message.contains(&problem) && told[0].message.contains("people.csv"), "{told:?}");
        world.run("UPDATE import_part SET row_count = row_count - 1 WHERE number = 1").await;
        world.start(import).await;
        world.work().await;
        whole(&world, import).await;
    }

    async fn an_import_whose_fallback_is_closed_stops_and_goes_on_once_it_is_open(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = left_by_a_dead_worker(&world, home).await;
        let (db, now) = (&world.store.db, world.clock.now());
        campaigns::set_state(db, world.workspace, home, "paused", now).await.unwrap();
        world.clock.forward(TimeDelta::seconds(2));
        world.work().await;
        let stopped = world.get(import).await;
        assert_eq!(came(&stopped), (State::Failed, [1_000, 0, 0, 0, 0]));
        assert_eq!(stopped.problem.unwrap(), format!("the fallback campaign {home} is paused and takes no leads"));
        campaigns::set_state(db, world.workspace, home, "active", now).await.unwrap();
        world.start(import).await;
        world.work().await;
        whole(&world, import).await;
    }

    async fn a_cancelled_import_keeps_what_is_in_and_takes_no_more(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let import = left_by_a_dead_worker(&world, home).await;
        let key = world.key(import);
        imports::cancel(&world.store.db, key, world.clock.now()).await.unwrap().unwrap();
        world.clock.forward(LEASE);
        assert!(!world.turn().await);
        let cancelled = world.get(import).await;
        assert_eq!(came(&cancelled), (State::Cancelled, [1_000, 0, 0, 0, 0]));
        assert_eq!(world.count("SELECT count(*) FROM import_part").await, 0, "its text is gone");
        assert!(imports::cancel(&world.store.db, key, world.clock.now()).await.unwrap().is_err());
        let undone = world.undo(import).await;
        assert_eq!((undone.state, undone.undone, undone.kept), (State::Undone, 2_000, 0));
        assert_eq!(world.leads().await, []);
    }

    async fn two_files_about_the_same_people_at_once_make_nobody_twice(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let backwards = file((1..=ROWS).rev().map(row));
        let (one, two) = (
            world.upload(&leads(home), &people()).await.unwrap(),
            world.upload(&leads(home), &backwards).await.unwrap(),
        );
        world.start(one).await;
        world.start(two).await;
        tokio::join!(world.claim(one), world.claim(two));
        world.clock.forward(LEASE);
        world.work().await;
        let (one, two) = (world.get(one).await, world.get(two).await);
        assert_eq!((one.state, two.state), (State::Done, State::Done));
        assert_eq!(one.counts.rows() + two.counts.rows(), 2 * ROWS as i64);
        assert_eq!(world.count("SELECT count(*) FROM contact").await, ROWS as i64);
        // Both may meet before either has committed: then intake says who came second.
        let originals = world.count("SELECT count(*) FROM lead WHERE NOT is_duplicate").await;
        assert_eq!(originals, ROWS as i64);
    }
}
