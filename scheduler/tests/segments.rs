//! Sweeps of segments on both engines: builds that are due are rung for, and the clock's part is looked at when it may have changed.
use chrono::Duration;
use scheduler::{Scheduler, sweeps::segments};
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Time},
    ids::{SegmentId, WorkspaceId},
    on_both_engines,
    push::{Pusher, SEGMENTS},
    queue::Queue,
    store::live::{self, build},
    testing::{TestStore, noon},
};
use sqlx::types::Json;

fn scheduler(store: &TestStore, clock: &Clock) -> Scheduler {
    let queue = Queue::memory();
    let push = Pusher::start(queue.clone());
    let mut scheduler = Scheduler::new(store.db.clone(), queue, push, Duration::seconds(30));
    scheduler.clock = clock.clone();
    scheduler
}

async fn segment(store: &TestStore, workspace: WorkspaceId, name: &str, leaf: Value) -> SegmentId {
    let id = SegmentId::new();
    let mut tx = store.db.begin().await.unwrap();
    tx.ex()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, rule, state, is_enabled, generation, build_due_at,
                member_count, created_at, updated_at)
             VALUES ($1, $2, $3, '', 'dynamic', $4, 'waiting', TRUE, 1, $5, 0, $5, $5)",
        )
        .bind(workspace)
        .bind(id)
        .bind(name.to_owned())
        .bind(Json(json!({"combinator": "and", "rules": [leaf]})))
        .bind(noon())
        .run()
        .await
        .unwrap();
    live::changed(&mut tx, workspace).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn ready(scheduler: &Scheduler) -> u64 {
    scheduler.queue.depths(&[SEGMENTS]).await.unwrap()[0].ready
}

async fn due_at(store: &TestStore, id: SegmentId) -> Option<Time> {
    store
        .db
        .read()
        .sql("SELECT build_due_at FROM segment WHERE id = $1")
        .bind(id)
        .scalar()
        .await
        .unwrap()
}

on_both_engines! {
    async fn a_segment_that_is_due_is_rung_for_until_it_is_built(store: TestStore) {
        let workspace = store.workspace("one").await;
        let clock = Clock::by_hand(noon());
        let scheduler = scheduler(&store, &clock);
        assert_eq!(segments::builds(&scheduler).await.unwrap(), 0);
        let id = segment(&store, workspace, "s", json!({"field": "contact.state", "operator": "equals", "value": "CA"})).await;
        assert_eq!(segments::builds(&scheduler).await.unwrap(), 1);
        assert_eq!(segments::builds(&scheduler).await.unwrap(), 1, "a lost bell is made up");
        assert_eq!(ready(&scheduler).await, 1, "but it is not there twice");
        build::run(&store.db, id, &clock).await.unwrap().unwrap();
        assert_eq!(segments::builds(&scheduler).await.unwrap(), 0);
    }

    async fn a_day_that_begins_has_segments_built_again_and_a_broken_one_stops_nobody(store: TestStore) {
        let workspace = store.workspace("one").await;
        let clock = Clock::by_hand(noon());
        let scheduler = scheduler(&store, &clock);
        let today = json!({"field": "contact.dateOfBirth", "operator": "anniversary", "value": "today"});
        let (one, two) = (segment(&store, workspace, "a", today.clone()).await, segment(&store, workspace, "b", today).await);
        for id in [one, two] {
            build::run(&store.db, id, &clock).await.unwrap().unwrap();
        }
        store.db.write().sql("UPDATE segment SET rule = '5' WHERE id = $1").bind(one).run().await.unwrap();
        let mut tx = store.db.begin().await.unwrap();
        live::changed(&mut tx, workspace).await.unwrap();
        tx.commit().await.unwrap();
        clock.forward(Duration::hours(12) - Duration::seconds(1));
        assert_eq!(segments::clocks(&scheduler).await.unwrap(), 0);
        clock.forward(Duration::seconds(1));
        assert_eq!(segments::clocks(&scheduler).await.unwrap(), 2);
        assert_eq!((due_at(&store, one).await, due_at(&store, two).await), (None, Some(clock.now())));
        assert_eq!(ready(&scheduler).await, 1);
        assert_eq!(segments::clocks(&scheduler).await.unwrap(), 0, "twice is once");
    }
}
