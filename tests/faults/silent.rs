//! A scheduler dies while many leads fall due: some are decided about, some are in its hands, and another one does the rest, each once.
use crate::{
    moving::{self, LONG, Lead},
    wait::wait_for,
    world::World,
};
use serde_json::json;
use shared::{
    ids::LeadId,
    store::{Db, StoreError},
};

const LEADS: usize = 300;

async fn number(world: &World, text: &'static str) -> i64 {
    world.ask(async |db| db.read().sql(text).scalar().await).await
}

/// Waits until a count is this.
async fn comes_to(world: &World, what: &str, text: &'static str, wanted: i64) {
    let arrived = async || (number(world, text).await == wanted).then_some(());
    wait_for(what, LONG, arrived).await;
}

/// As if a month had passed of which nobody was told: every lead has been silent for 31 days, and due for one.
async fn a_month_passes(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    for text in [
        "UPDATE lead SET created_at = created_at - INTERVAL '31 days'",
        "UPDATE lead_automation SET due_at = due_at - INTERVAL '31 days'",
    ] {
        assert_eq!(tx.ex().sql(text).run().await?, LEADS as u64);
    }
    tx.commit().await
}

const REJECTED: &str = "SELECT count(*) FROM lead WHERE status = 'rejected'";
/// Who is about to write into the histories, and cannot.
const STUCK: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
     AND query LIKE '%INSERT INTO lead_status_change%' AND pid <> pg_backend_pid()";

/// Each lead fired once, and was rejected once.
async fn judge(world: &World, leads: &[Lead]) {
    let log = moving::lawful_log(world, leads).await;
    for lead in leads {
        let rules: Vec<&str> = log[&lead.id].iter().map(|fired| fired.rule_id.as_str()).collect();
        assert_eq!(rules, ["silent"], "{lead:?}");
    }
    let text = "SELECT lead_id, from_status, to_status FROM lead_status_change ORDER BY lead_id";
    let changes: Vec<(LeadId, String, String)> =
        world.ask(async |db| db.read().sql(text).all().await).await;
    let mut expected: Vec<LeadId> = leads.iter().map(|lead| lead.id).collect();
    expected.sort();
    assert_eq!(changes.iter().map(|(lead, ..)| *lead).collect::<Vec<_>>(), expected);
    assert!(
        changes.iter().all(|(_, from, to)| (from.as_str(), to.as_str()) == ("active", "rejected"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leads_that_fall_due_while_their_scheduler_is_killed_are_each_rejected_once_by_another() {
    let world = World::new().await;
    let _api = world.api().await;
    let mut doomed = world.scheduler().await;
    let automation = json!({"rules": [
        {"id": "silent", "name": "Gone quiet", "do": [{"type": "setStatus", "status": "rejected"}],
         "on": [{"type": "inactivity", "for": {"amount": 30, "unit": "days"}}]},
    ]});
    let campaign = moving::campaign(&world, automation).await;
    let pass = "SELECT count(*) FROM automation WHERE pass_due_at IS NOT NULL";
    comes_to(&world, "the end of the pass", pass, 0).await;
    let leads = moving::leads(&world, &campaign, LEADS).await;
    // The scheduler passes over half of them, whose contacts somebody is at.
    let mut half = world.db.begin().await.unwrap();
    let text = "SELECT id FROM contact ORDER BY id LIMIT $1 FOR UPDATE";
    let held = half.ex().sql(text).bind(LEADS as i64 / 2).all::<(uuid::Uuid,)>().await.unwrap();
    assert_eq!(held.len(), LEADS / 2);
    a_month_passes(&world.db).await.unwrap();
    comes_to(&world, "half of the leads", REJECTED, LEADS as i64 / 2).await;
    // The other half it takes, and dies with them in its hands.
    let mut histories = world.db.begin().await.unwrap();
    let lock = "LOCK TABLE lead_status_change IN ACCESS EXCLUSIVE MODE";
    histories.ex().sql(lock).run().await.unwrap();
    half.rollback().await.unwrap();
    comes_to(&world, "a scheduler in the middle", STUCK, 1).await;
    doomed.kill9();
    assert_eq!(number(&world, REJECTED).await, LEADS as i64 / 2, "nothing was half done");
    let _others = [world.scheduler().await, world.scheduler().await];
    histories.rollback().await.unwrap();
    comes_to(&world, "all leads", REJECTED, LEADS as i64).await;
    let due = "SELECT count(*) FROM lead_automation WHERE due_at <= now()";
    comes_to(&world, "nothing that is due", due, 0).await;
    judge(&world, &leads).await;
}
