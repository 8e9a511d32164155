//! What a workspace need not keep goes, what is not over stays, and money is never touched; on both engines.
use chrono::Duration;
use scheduler::{Scheduler, sweeps::retention::sweep};
use serde_json::json;
use shared::{
    audit::Actor,
    clock::{Clock, Time},
    ids::{CampaignId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    push::Pusher,
    queue::Queue,
    retention::Kind,
    store::{
        Rows,
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, RepeatKey, Who},
        retention::{self, Periods, Walk},
    },
    testing::{TestStore, noon},
};
use std::sync::Arc;
use uuid::Uuid;

/// Longer than every period that the tests set.
const LONG: Duration = Duration::days(500);

/// Ids are made by the machine's clock and times by the test's: both are behind this moment.
fn today() -> Time {
    noon().max(Clock::system().now()) + LONG
}

struct World {
    store: TestStore,
    workspace: WorkspaceId,
    clock: Clock,
    scheduler: Arc<Scheduler>,
}

impl World {
    async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("a").await;
        let clock = Clock::by_hand(today());
        let scheduler = Arc::new(scheduler(&store, &clock));
        Self { store, workspace, clock, scheduler }
    }

    /// A lead with a submission, the journey's first line, an attempt of each kind, and two lines of its log.
    async fn lead(&self, n: usize) -> Uuid {
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: format!("AAA{n}"),
            name: "A".into(),
            dedup_days: Some(30),
            config: json!({}),
            at: noon(),
        };
        campaigns::create(&self.store.db, &draft).await.unwrap();
        let person = Person {
            first_name: "Ada".into(),
            last_name: "L".into(),
            email: format!("a{n}@example.com"),
            phone: format!("+1415555{n:04}"),
        };
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(draft.id),
            who: Who::New { person, details: Details::default() },
            is_test: false,
            submit: true,
            source: "api",
            repeat: Some(RepeatKey { route: "r", key: n.to_string(), body_hash: String::new() }),
            at: noon(),
            redeliver_at: noon() + Duration::seconds(30),
        };
        let intake = Intake::start(self.store.db.clone());
        let submission = intake.take(arrival).await.unwrap().unwrap().submission_id.unwrap().0;
        for (number, outcome, price) in [
            (1, "rejected", None),
            (2, "failed", None),
            (3, "rejected", Some(5_i64)),
            (4, "accepted", Some(900)),
        ] {
            self.run(
                "INSERT INTO delivery_attempt (workspace_id, submission_id, number, campaign_id, endpoint, idempotency_key,
                    started_at, outcome, reason, answer, price_minor, currency, buyer_lead_id, finished_at)
                 SELECT s.workspace_id, s.id, $3, s.campaign_id, 'buyer', 'k', s.created_at, $4, 'why', 'said', $5, 'USD', NULL,
                    s.created_at
                 FROM submission s WHERE s.workspace_id = $1 AND s.id = $2",
                (submission, number, outcome, price),
            )
            .await;
        }
        self.one(
            "UPDATE submission SET carry = '[1]' WHERE workspace_id = $1 AND id = $2",
            submission,
        )
        .await;
        submission
    }

    async fn run(&self, sql: &'static str, (id, n, word, more): (Uuid, i64, &str, Option<i64>)) {
        let ask = self.store.db.write().sql(sql).bind(self.workspace).bind(id);
        ask.bind(n).bind(word).bind(more).run().await.unwrap();
    }

    async fn one(&self, sql: &'static str, id: Uuid) {
        self.store.db.write().sql(sql).bind(self.workspace).bind(id).run().await.unwrap();
    }

    async fn finish(&self, submission: Uuid, at: Time) {
        self.store
            .db
            .write()
            .sql(
                "UPDATE submission SET run = 'finished', outcome = 'accepted', status = 'accepted', due_at = NULL, finished_at = $3
                 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(self.workspace)
            .bind(submission)
            .bind(at)
            .run()
            .await
            .unwrap();
    }

    async fn keep(&self, periods: impl IntoIterator<Item = (Kind, i64)>) {
        let periods: Periods = periods.into_iter().collect();
        let by = (&Actor::command("test"), noon());
        retention::put(&self.store.db, self.workspace, &periods, by).await.unwrap();
    }

    async fn sweep(&self) -> u64 {
        sweep(&self.scheduler).await.unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.store.db.read().sql(sql).bind(self.workspace).scalar().await.unwrap()
    }
}

fn scheduler(store: &TestStore, clock: &Clock) -> Scheduler {
    let queue = Queue::memory();
    let push = Pusher::start(queue.clone());
    let mut scheduler = Scheduler::new(store.db.clone(), queue, push, Duration::seconds(30));
    scheduler.clock = clock.clone();
    scheduler
}

const JOURNEYS: &str = "SELECT COUNT(*) FROM journey_event WHERE workspace_id = $1";
const LEFT: &str = "SELECT COUNT(*) FROM retention_left WHERE workspace_id = $1";
const FULL: &str =
    "SELECT COUNT(*) FROM submission WHERE workspace_id = $1 AND CAST(carry AS TEXT) <> '{}'";
const SAID: &str =
    "SELECT COUNT(*) FROM delivery_attempt WHERE workspace_id = $1 AND answer IS NOT NULL";
const ATTEMPTS: &str = "SELECT COUNT(*) FROM delivery_attempt WHERE workspace_id = $1";
const MONEY: &str =
    "SELECT CAST(SUM(price_minor) AS BIGINT) FROM delivery_attempt WHERE workspace_id = $1";
const ADDS_UP: &str = "SELECT COUNT(*) FROM lead_automation a WHERE a.workspace_id = $1 AND a.points = a.folded_points
    + (SELECT CAST(COALESCE(SUM(f.points), 0) AS BIGINT) FROM firing f WHERE f.workspace_id = a.workspace_id AND f.lead_id = a.lead_id)
    AND a.number = a.folded + (SELECT COUNT(*) FROM firing f WHERE f.workspace_id = a.workspace_id AND f.lead_id = a.lead_id)";

on_both_engines! {
    async fn what_is_over_goes_and_what_is_open_stays_until_it_is(store: TestStore) {
        let world = World::new(store).await;
        let (done, open) = (world.lead(1).await, world.lead(2).await);
        world.finish(done, noon()).await;
        assert_eq!(world.sweep().await, 2, "how often emails and phones were seen is kept for a year");
        assert_eq!(world.count("SELECT COUNT(*) FROM dedup_key WHERE workspace_id = $1").await, 0);
        assert_eq!((world.count(JOURNEYS).await, world.count(FULL).await), (2, 2), "nobody has set a period");

        world.keep([(Kind::Journeys, 90), (Kind::Payloads, 90), (Kind::Attempts, 90)]).await;
        assert_eq!(world.sweep().await, 3);
        assert_eq!((world.count(JOURNEYS).await, world.count(FULL).await, world.count(SAID).await), (1, 1, 4));
        assert_eq!((world.count(ATTEMPTS).await, world.count(MONEY).await), (6, 1_810), "money stays");
        assert_eq!(world.count(LEFT).await, 3);
        let progress = retention::progress(&world.store.db, world.workspace).await.unwrap();
        assert_eq!(progress[&Kind::Journeys].left, 1);
        assert_eq!(progress[&Kind::Journeys].done_until, Some(world.clock.now() - Duration::days(91)));

        // It ends now: its own period begins, although the walk is past it.
        world.finish(open, world.clock.now()).await;
        world.clock.forward(Duration::days(89));
        assert_eq!(world.sweep().await, 0);
        world.clock.forward(Duration::days(2));
        assert_eq!(world.sweep().await, 3);
        assert_eq!((world.count(JOURNEYS).await, world.count(FULL).await, world.count(SAID).await), (0, 0, 0));
        assert_eq!((world.count(LEFT).await, world.count(MONEY).await), (0, 1_810));
        let ended = "SELECT COUNT(*) FROM submission WHERE workspace_id = $1 AND status = 'accepted'";
        assert_eq!(world.count(ended).await, 2);
    }

    async fn a_log_that_was_folded_adds_up_to_the_points(store: TestStore) {
        let world = World::new(store).await;
        let submission = world.lead(1).await;
        world.one(
            "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, updated_at)
             SELECT s.workspace_id, s.lead_id, s.campaign_id, 12, 3, '{}', s.created_at FROM submission s
             WHERE s.workspace_id = $1 AND s.id = $2",
            submission,
        ).await;
        let young = world.clock.now() - Duration::days(10);
        for (number, points, at) in [(1, 10, noon()), (2, -3, noon()), (3, 5, young)] {
            world.store.db.write().sql(
                "INSERT INTO firing (workspace_id, lead_id, number, campaign_id, revision, kind, rule_id, rule_name, cause, facts,
                    points, points_after, status_before, status_after, actions, at)
                 SELECT s.workspace_id, s.lead_id, $3, s.campaign_id, 1, 'scoring', 'a', 'a', '{}', '{}', $4, 0, 'active', 'active',
                    '[]', $5 FROM submission s WHERE s.workspace_id = $1 AND s.id = $2",
            ).bind(world.workspace).bind(submission).bind(number).bind(points).bind(at).run().await.unwrap();
        }
        world.keep([(Kind::Firings, 30)]).await;
        assert_eq!(world.count(ADDS_UP).await, 1);
        world.sweep().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM firing WHERE workspace_id = $1").await, 1);
        assert_eq!(world.count(ADDS_UP).await, 1);
        world.clock.forward(Duration::days(30));
        world.sweep().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM firing WHERE workspace_id = $1").await, 0);
        assert_eq!(world.count(ADDS_UP).await, 1);
        let folded = "SELECT COUNT(*) FROM lead_automation WHERE workspace_id = $1 AND folded = 3 AND folded_points = 12";
        assert_eq!(world.count(folded).await, 1);
    }

    async fn activities_are_taken_from_the_days_that_counted_them(store: TestStore) {
        let world = World::new(store).await;
        let submission = world.lead(1).await;
        // More than a step, in one day; one of them was learnt of a moment ago.
        let rows: Vec<_> = (0..1_200).map(|n| json!({"id": Uuid::now_v7(), "late": n == 0})).collect();
        for (sql, now) in [
            ("INSERT INTO activity (workspace_id, id, contact_id, type, name, data, at, received_at)
              SELECT l.workspace_id, r.id, l.contact_id, 'call', 'a', '{}', l.created_at, CASE WHEN r.late THEN $4 ELSE l.created_at END
              FROM ROWS($3: id uuid, late boolean) r
              JOIN submission s ON s.id = $2 AND (s.workspace_id = $1) IS TRUE
              JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id", world.clock.now()),
            ("INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times)
              SELECT l.workspace_id, l.contact_id, 'call', 'a', '2026-11-21', COUNT(*) FROM ROWS($3: id uuid) r
              JOIN submission s ON s.id = $2 AND (s.workspace_id = $1) IS TRUE
              JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id
              WHERE $4 IS NOT NULL GROUP BY l.workspace_id, l.contact_id", noon()),
        ] {
            world.store.db.write().sql(sql).bind(world.workspace).bind(submission).bind(Rows::of(&rows)).bind(now).run().await.unwrap();
        }
        world.keep([(Kind::Activities, 60)]).await;
        world.sweep().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM activity WHERE workspace_id = $1").await, 1);
        assert_eq!(world.count("SELECT MAX(times) FROM activity_day WHERE workspace_id = $1").await, 1);
        world.clock.forward(Duration::days(62));
        world.sweep().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM activity_day WHERE workspace_id = $1").await, 0);
    }

    async fn conversations_lose_their_words_and_keep_their_ends(store: TestStore) {
        let world = World::new(store).await;
        let submission = world.lead(1).await;
        let (call, thread) = (Uuid::now_v7(), Uuid::now_v7());
        for (id, kind, state) in [(call, "call", "ended"), (thread, "sms", "open")] {
            world.store.db.write().sql(
                "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, submission_id, agent_id, provider,
                    number, phone, is_test, state, generation, tries, outcome, report, opened_at, updated_at, ended_at)
                 SELECT s.workspace_id, $3, $4, 'outbound', s.lead_id, s.campaign_id, s.id, $3, 'retell', 1, '+1', FALSE, $5, 1, 0,
                    'completed', '{}', s.created_at, s.created_at, s.created_at
                 FROM submission s WHERE s.workspace_id = $1 AND s.id = $2",
            ).bind(world.workspace).bind(submission).bind(id).bind(kind).bind(state).run().await.unwrap();
        }
        for (state, role) in [("received", "user"), ("sending", "agent")] {
            world.store.db.write().sql(
                "INSERT INTO message (workspace_id, id, interaction_id, role, source, body, state, at, updated_at)
                 VALUES ($1, $2, $3, $4, 'manual', 'hello', $5, $6, $6)",
            ).bind(world.workspace).bind(Uuid::now_v7()).bind(thread).bind(role).bind(state).bind(noon()).run().await.unwrap();
        }
        world.keep([(Kind::Conversations, 60)]).await;
        world.sweep().await;
        let said = "SELECT COUNT(*) FROM message WHERE workspace_id = $1 AND body <> ''";
        assert_eq!(world.count(said).await, 2, "a submission waits with this thread");
        let reports = "SELECT COUNT(*) FROM interaction WHERE workspace_id = $1 AND type = 'call' AND report IS NULL AND outcome = 'completed'";
        assert_eq!(world.count(reports).await, 1);
        world.finish(submission, noon()).await;
        world.clock.forward(Duration::days(1));
        world.sweep().await;
        assert_eq!(world.count(said).await, 1, "one is being sent");
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE workspace_id = $1").await, 2);
    }

    async fn what_is_beside_leads_goes_in_its_time(store: TestStore) {
        let world = World::new(store).await;
        // Its line of the audit log is old, too.
        world.keep([(Kind::Audit, 365), (Kind::Imports, 30), (Kind::Webhooks, 30)]).await;
        for (n, state) in [(1, "done"), (2, "held")] {
            world.store.db.write().sql(
                "INSERT INTO webhook_message (workspace_id, id, webhook_id, event, facts, state, attempt, tries, at, asked_at,
                    finished_at)
                 VALUES ($1, $2, $2, 'lead.sold', '{}', $3, $4, $4, $5, $5, CASE WHEN $3 = 'done' THEN $5 END)",
            ).bind(world.workspace).bind(Uuid::now_v7()).bind(state).bind(n).bind(noon()).run().await.unwrap();
        }
        world.store.db.write().sql(
            "INSERT INTO import (workspace_id, id, file_name, state, config, header, delimiter, bytes, row_count, created, updated,
                unchanged, skipped, failed, undone, kept, generation, attempt, created_by, created_at, updated_at)
             VALUES ($1, $2, 'a.csv', 'done', '{}', '[]', ',', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'key a', $3, $3)",
        ).bind(world.workspace).bind(Uuid::now_v7()).bind(noon()).run().await.unwrap();
        // More than one statement takes.
        let rows: Vec<_> = (0..5_001).map(|n| json!({"n": n})).collect();
        world.store.db.write().sql(
            "INSERT INTO import_error (workspace_id, import_id, row_number, problems, record)
             SELECT i.workspace_id, i.id, r.n, '[]', 'Ada' FROM ROWS($2: n bigint) r JOIN import i ON i.workspace_id = $1",
        ).bind(world.workspace).bind(Rows::of(&rows)).run().await.unwrap();
        world.sweep().await;
        for (sql, wanted) in [
            ("SELECT COUNT(*) FROM webhook_message WHERE workspace_id = $1", 1),
            ("SELECT COUNT(*) FROM import_error WHERE workspace_id = $1", 0),
            ("SELECT COUNT(*) FROM import WHERE workspace_id = $1", 1),
            ("SELECT COUNT(*) FROM audit_event WHERE workspace_id = $1", 0),
            (LEFT, 1),
        ] {
            assert_eq!(world.count(sql).await, wanted, "{sql}");
        }
    }

    async fn schedulers_that_sweep_at_once_do_it_once(store: TestStore) {
        let world = World::new(store).await;
        for n in 0..6 {
            let submission = world.lead(n).await;
            if n % 2 == 0 {
                world.finish(submission, noon()).await;
            }
        }
        world.keep([(Kind::Journeys, 90), (Kind::Attempts, 90)]).await;
        let many: Vec<_> = (0..4).map(|_| {
            let scheduler = Arc::new(scheduler(&world.store, &world.clock));
            tokio::spawn(async move { sweep(&scheduler).await.unwrap() })
        }).collect();
        let mut gone = 0;
        for one in many {
            gone += one.await.unwrap();
        }
        assert_eq!(gone, 3 + 3 + 6, "three journeys, the attempts of three, and six leads' emails and phones");
        assert_eq!((world.count(JOURNEYS).await, world.count(LEFT).await), (3, 6));
        assert_eq!(world.count(MONEY).await, 6 * 905);
    }
}

/// Plans are made once and kept: with a hundred thousand rows every walk takes the primary key, whatever the workspace.
#[tokio::test]
async fn walks_take_the_primary_key_postgres() {
    let store = TestStore::postgres().await;
    let workspace = store.workspace("a").await;
    let mut tx = store.db.begin().await.unwrap();
    tx.ex().made("SET LOCAL session_replication_role = replica".into()).run().await.unwrap();
    tx.ex()
        .made(
            "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, run, stage, generation, attempt,
                due_at, status, carry, created_at, updated_at)
             SELECT $1, gen_random_uuid(), gen_random_uuid(), 1, 'standard', $1, 1, 'ready', 'routing', 1, 0, $2, 'new', '{}', $2, $2
             FROM generate_series(1, 100000) n"
                .into(),
        )
        .bind(workspace)
        .bind(noon())
        .run()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    store.db.write().made("ANALYZE submission".into()).run().await.unwrap();
    for walk in Walk::ALL {
        let Some(finds) = walk.finds() else { continue };
        let ask = store.db.read().made(format!("EXPLAIN {}", finds.next)).bind(workspace);
        let ask = ask.bind(Uuid::nil()).bind(Uuid::max()).bind(1_000_i64).bind(noon());
        let lines: Vec<(String,)> = ask.all().await.unwrap();
        let plan: String = lines.into_iter().map(|(line,)| line + "\n").collect();
        assert!(
            plan.contains("_pkey on") && plan.contains("ROW(workspace_id, id)"),
            "{walk:?} {plan}"
        );
        assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{walk:?} {plan}");
    }
    let ask = store.db.read().made(format!("EXPLAIN {}", retention::FIND_FIRINGS));
    let lines: Vec<(String,)> = ask.bind(workspace).bind(noon()).bind(10_i64).all().await.unwrap();
    assert!(lines[1].0.contains("firing_by_time"), "{lines:?}");
}
