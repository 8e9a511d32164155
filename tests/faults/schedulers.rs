//! F27: several schedulers at once do each tick once.
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
