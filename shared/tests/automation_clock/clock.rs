//! What falls due: exactly then, once, whoever looks and however late.
use crate::world::{Fired, Lead, World, silence};
use chrono::{Duration, TimeDelta, TimeZone, Utc};
use serde_json::{Value, json};
use shared::{
    clock::Time,
    lead::LeadStatus,
    on_both_engines,
    store::{Db, automation::due},
    testing::noon,
};

const SECOND: TimeDelta = TimeDelta::seconds(1);

fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

/// One reaction to a date of the contact.
fn on_birthdays() -> Value {
    json!({"rules": [{
        "id": "birthday", "name": "Birthday", "on": [{"type": "date", "field": "contact.dateOfBirth", "time": "09:00", "yearly": true}],
        "do": [{"type": "addPoints", "points": 1}], "repeat": "each",
    }]})
}

fn waits() -> Value {
    json!({"workflows": [{
        "id": "welcome", "name": "Welcome", "on": [{"type": "created"}],
        "steps": [
            {"id": "first", "wait": {"amount": 2, "unit": "days"}},
            {"id": "then", "do": [{"type": "addPoints", "points": 1}]},
            {"id": "second", "wait": {"amount": 3, "unit": "days"}},
            {"id": "last", "do": [{"type": "addPoints", "points": 2}]},
        ],
    }]})
}

fn rules(fired: &[Fired]) -> Vec<&str> {
    fired.iter().map(|(rule, _)| rule.as_str()).collect()
}

on_both_engines! {
    async fn a_silence_ends_when_it_does_and_once(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(30)).await;
        world.tick().await;
        let lead = world.lead().await;
        assert_eq!(world.due_at(lead).await, Some(noon() + days(30)));
        world.forward(days(30) - SECOND);
        assert_eq!(world.tick().await, 0, "nothing is due, and nothing is looked at");
        assert!(world.fired(lead).await.is_empty());
        world.forward(SECOND);
        assert_eq!(world.tick().await, 1);
        assert_eq!(world.fired(lead).await, [("silent".into(), noon() + days(30))]);
        assert_eq!(world.due_at(lead).await, None);
        world.forward(days(400));
        world.tick().await;
        assert_eq!(world.fired(lead).await.len(), 1, "it is the same silence");
        world.act(lead, "page_visit").await;
        world.forward(days(30));
        world.tick().await;
        assert_eq!(rules(&world.fired(lead).await), ["silent", "silent"], "and this is another");
    }

    async fn what_only_postpones_is_not_written(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(30)).await;
        world.tick().await;
        let lead = world.lead().await;
        let due = world.due_at(lead).await;
        world.forward(days(20));
        world.act(lead, "page_visit").await;
        assert_eq!(world.due_at(lead).await, due);
        world.forward(days(10));
        assert_eq!(world.tick().await, 1, "it was looked at");
        assert!(world.fired(lead).await.is_empty(), "in vain");
        assert_eq!(world.due_at(lead).await, Some(noon() + days(50)));
        world.forward(days(20) - SECOND);
        assert_eq!(world.tick().await, 0);
        world.forward(SECOND);
        world.tick().await;
        assert_eq!(rules(&world.fired(lead).await), ["silent"]);
    }

    async fn a_birthday_comes_every_year_at_its_time(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&on_birthdays()).await;
        let lead = world.lead().await;
        assert_eq!(world.due_at(lead).await, None);
        world.people.set(lead.contact, "date_of_birth", "1990-11-23", &["contact.dateOfBirth"]).await;
        let at = |year, day| Utc.with_ymd_and_hms(year, 11, day, 9, 0, 0).unwrap();
        assert_eq!(world.due_at(lead).await, Some(at(2026, 23)));
        let to = async |time: Time| {
            world.forward(time - world.now());
            world.tick().await;
            world.fired(lead).await.len()
        };
        assert_eq!(to(at(2026, 23) - SECOND).await, 0);
        assert_eq!(to(at(2026, 23)).await, 1);
        assert_eq!(world.due_at(lead).await, Some(at(2027, 23)));
        world.people.set(lead.contact, "date_of_birth", "1990-11-20", &["contact.dateOfBirth"]).await;
        assert_eq!(to(at(2027, 20) - SECOND).await, 1);
        assert_eq!(to(at(2027, 20)).await, 2);
    }

    async fn a_condition_begins_to_hold_by_the_clock(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&json!({"rules": [{
            "id": "old", "name": "Old",
            "when": {"field": "contact.createdAt", "operator": "olderThan", "value": {"amount": 2, "unit": "days"}},
            "do": [{"type": "addPoints", "points": 1}],
        }]})).await;
        let lead = world.lead().await;
        world.forward(days(2));
        world.tick().await;
        assert!(world.fired(lead).await.is_empty(), "both ends are within");
        world.forward(SECOND);
        world.tick().await;
        assert_eq!(rules(&world.fired(lead).await), ["old"]);
    }

    async fn a_wait_outlives_whoever_waits(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&waits()).await;
        world.tick().await;
        let lead = world.lead().await;
        world.forward(days(2) - SECOND);
        assert_eq!(world.tick().await, 0);
        // Another process goes on.
        let other = Db::open(&store.url, 2).await.unwrap();
        assert_eq!(due::sweep(&other, noon() + days(2), 10).await.unwrap(), 1);
        assert_eq!(world.fired(lead).await.len(), 3, "it entered, waits, and went on");
        assert_eq!(due::sweep(&other, noon() + days(5), 10).await.unwrap(), 1);
        assert_eq!(due::sweep(&other, noon() + days(9), 10).await.unwrap(), 0);
        assert_eq!(world.fired(lead).await.len(), 4);
        other.close().await;
    }

    async fn two_who_sweep_at_once_fire_once(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(1)).await;
        let leads = world.quiet_leads(600).await;
        assert_eq!(world.tick().await, 600, "the pass");
        world.forward(days(1));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (db, now) = (store.db.clone(), world.now());
            tasks.spawn(async move { due::sweep(&db, now, 100).await.unwrap() });
        }
        while let Some(done) = tasks.join_next().await {
            assert!(done.unwrap() <= 100);
        }
        world.tick().await;
        assert_eq!(world.firings().await, (600, 600));
        assert_eq!(world.due_at(leads[0]).await, None);
    }

    async fn hours_late_is_as_good_as_at_once(store: TestStore) {
        let mut logs = Vec::new();
        for step in [Duration::hours(1), Duration::days(9)] {
            let world = World::named(&store, &step.to_string()).await;
            let mut config = silence(3);
            config["workflows"] = waits()["workflows"].clone();
            config["rules"].as_array_mut().unwrap().extend(on_birthdays()["rules"].as_array().unwrap().clone());
            world.save(&config).await;
            world.tick().await;
            let lead = world.lead().await;
            world.people.set(lead.contact, "date_of_birth", "1990-11-25", &["contact.dateOfBirth"]).await;
            while world.now() < noon() + days(9) {
                world.forward(step);
                world.tick().await;
            }
            logs.push(world.fired(lead).await);
        }
        assert_eq!(rules(&logs[0]), ["welcome", "welcome", "welcome", "silent", "birthday", "welcome"]);
        assert_eq!(logs[0], logs[1]);
    }

    async fn who_is_closed_is_left_alone(store: TestStore) {
        let world = World::new(&store).await;
        world.save(&silence(30)).await;
        world.tick().await;
        let lead = world.lead().await;
        world.set_status(lead, &[LeadStatus::Active], LeadStatus::Rejected).await;
        world.forward(days(31));
        world.tick().await;
        assert!(world.fired(lead).await.is_empty());
        assert_eq!(world.due_at(lead).await, None, "it keeps nobody busy");
        world.set_status(lead, &[LeadStatus::Rejected], LeadStatus::Active).await;
        world.tick().await;
        assert!(world.due_at(lead).await.is_some_and(|due| due > world.now()), "its time is reckoned anew");
        world.forward(days(31));
        world.tick().await;
        assert_eq!(rules(&world.fired(lead).await), ["silent"]);
    }
}

/// The one who is due, and nobody else, is read: by the index of what is due, whatever else is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_found_by_its_index_postgres() {
    let store = shared::testing::TestStore::postgres().await;
    let world = World::new(&store).await;
    let lead: Lead = world.quiet_leads(1).await[0];
    // No foreign key is asked: these rows stand for a hundred thousand leads.
    let mut tx = store.db.begin().await.unwrap();
    tx.ex().made("SET LOCAL session_replication_role = replica".into()).run().await.unwrap();
    tx.ex()
        .made(
            "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, due_at, updated_at)
             SELECT $1, CASE WHEN n = 1 THEN $2 ELSE gen_random_uuid() END, $3, 0, 0, '{}', $4 + n * interval '1 minute', $4
             FROM generate_series(1, 100000) n"
                .into(),
        )
        .bind(world.people.workspace)
        .bind(lead.id)
        .bind(world.campaign)
        .bind(noon())
        .run()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    store.db.write().made("ANALYZE lead_automation".into()).run().await.unwrap();
    let plan = explain(&store.db, due::FIND, noon() + Duration::minutes(10)).await;
    assert!(plan.contains("lead_automation_due"), "{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{plan}");
    assert_eq!(due::sweep(&store.db, noon() + Duration::minutes(1), 10).await.unwrap(), 1);
}

async fn explain(db: &Db, text: &str, now: Time) -> String {
    let query = db.read().made(format!("EXPLAIN {text}")).bind(now).bind(10_i64);
    let lines: Vec<(String,)> = query.all().await.unwrap();
    lines.into_iter().map(|(line,)| line + "\n").collect()
}
