//! F27: several schedulers at once do each tick once; a tick that one leaves is done by another; what operators see and do.
use crate::{oracle, wait::wait_for, world::World};
use chrono::{DateTime, Utc};
use shared::{
    store::{Db, StoreError},
    testing::RedisServer,
};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(30);
const LEADS: usize = 200;

/// From now on the database itself notes each tick that is taken.
async fn note_ticks(db: &Db) {
    for statement in [
        "CREATE TABLE tick_log (name TEXT NOT NULL, tick TIMESTAMPTZ NOT NULL, holder UUID NOT NULL)",
        "CREATE FUNCTION note_tick() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO tick_log VALUES (NEW.name, NEW.tick, NEW.holder); RETURN NULL; END'",
        "CREATE TRIGGER note_insert AFTER INSERT ON sweep FOR EACH ROW EXECUTE FUNCTION note_tick()",
        "CREATE TRIGGER note_update AFTER UPDATE OF tick ON sweep FOR EACH ROW EXECUTE FUNCTION note_tick()",
    ] {
        db.write().sql(statement).run().await.unwrap();
    }
}

type Tick = (String, DateTime<Utc>, Uuid);

async fn ticks(db: &Db) -> Result<Vec<Tick>, StoreError> {
    db.read().sql("SELECT name, tick, holder FROM tick_log ORDER BY tick").all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f27_three_schedulers_take_each_tick_once_and_push_each_lead_once() {
    let mut redis = RedisServer::new().await;
    let world = World::with_redis(&redis.url()).await;
    let _api = world.api().await;
    note_ticks(&world.db).await;
    let sender = world.sender(false).await;
    // With Redis away every push is lost: all leads depend on the sweep.
    redis.stop().await;
    sender.clone().load(200, LEADS).await;
    assert_eq!(sender.unanswered(), []);
    redis.start().await;
    let _three = [world.scheduler().await, world.scheduler().await, world.scheduler().await];
    let _workers = [world.worker().await, world.worker().await];
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(LEADS);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    let ticks = wait_for("six ticks", SOON, async || {
        ticks(&world.db).await.ok().filter(|ticks| ticks.len() >= 6)
    })
    .await;
    let once: HashSet<_> = ticks.iter().map(|(name, tick, _)| (name, tick)).collect();
    assert_eq!(once.len(), ticks.len(), "a tick was taken twice: {ticks:?}");
    let mut holders: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (_, _, holder) in &ticks {
        *holders.entry(*holder).or_default() += 1;
    }
    println!("{} ticks, taken by {holders:?}", ticks.len());
}

/// The row of a sweep: who has its last tick, and whether that ended.
async fn holder(db: &Db, name: &'static str) -> Result<Option<(Uuid, bool)>, StoreError> {
    let text = "SELECT holder, finished_at IS NOT NULL FROM sweep WHERE name = $1";
    db.read().sql(text).bind(name).optional().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_whose_scheduler_was_killed_in_the_middle_is_done_by_another() {
    const YEARLY: &str = "forget_answers";
    let mut world = World::new().await;
    // Its next tick is far away: nothing but the tick that was missed can run.
    world.set("LEADRAIL_SWEEPS", "forget_answers=0 0 0 1 1 *");
    let mut lock = world.db.begin().await.unwrap();
    lock.ex().sql("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE").run().await.unwrap();
    let mut first = world.scheduler().await;
    let taken = wait_for("the missed tick", SOON, async || holder(&world.db, YEARLY).await.ok()?);
    let (killed, ended) = taken.await;
    assert!(!ended, "it is in the middle: the table is locked");
    first.kill9();
    lock.rollback().await.unwrap();
    let _second = world.scheduler().await;
    // As if a minute had passed: the killed one has given no sign of life for long enough.
    let text = "UPDATE sweep SET alive_at = alive_at - INTERVAL '2 minutes' WHERE name = $1";
    assert_eq!(world.db.write().sql(text).bind(YEARLY).run().await.unwrap(), 1);
    let done = wait_for("another's tick", SOON, async || {
        holder(&world.db, YEARLY).await.ok()?.filter(|(holder, ended)| *ended && *holder != killed)
    });
    done.await;
    let (ok, said) = world.command(&["scheduler", "list"]).await;
    assert!(ok && said.contains("forget_answers         0 0 0 1 1 * (set)        done"), "{said}");
    assert!(said.contains("1 runs since") && said.contains(", 0 failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_list_sweeps_and_run_them_by_hand() {
    let world = World::new().await;
    let (ok, said) = world.command(&["scheduler", "list"]).await;
    assert!(ok && said.contains("no scheduler has started yet"), "{said}");
    assert!(said.contains("forget_visits          0 57 * * * *             never, LATE"), "{said}");
    for sweep in ["queue", "forget_visits"] {
        let (ok, said) = world.command(&["scheduler", "run", sweep]).await;
        assert!(ok && said.contains(&format!("{sweep}: found 0, took ")), "{said}");
    }
    let (ok, said) = world.command(&["scheduler", "run", "forget_me"]).await;
    assert!(
        !ok && said.contains("there is no sweep \"forget_me\"; the sweeps are due, "),
        "{said}"
    );
    world.db.write().sql("ALTER TABLE idempotency RENAME TO elsewhere").run().await.unwrap();
    let (ok, said) = world.command(&["scheduler", "run", "forget_answers"]).await;
    assert!(!ok && said.contains("leadrail: forget_answers failed: "), "{said}");
    let _scheduler = world.scheduler().await;
    let (ok, said) = world.command(&["scheduler", "list", "--json"]).await;
    assert!(ok && said.contains("\"state\": \"failed\"") && said.contains("idempotency"), "{said}");
    let (ok, said) = world.command(&["doctor"]).await;
    assert!(!ok && said.contains("WRONG sweeps     failed: forget_answers; see "), "{said}");
}
