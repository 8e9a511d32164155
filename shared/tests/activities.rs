//! What contacts did, on both engines: each once, and sums that are right whoever writes at the same time.
use chrono::{Duration, TimeDelta};
use serde_json::{Map, Value, json};
use shared::{
    activity::{KNOWN_TYPES, New, TYPES_MAX, Whose},
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    on_both_engines,
    store::{
        Db,
        activities::{
            Activities, Answer,
            read::{self, Activity, Filter},
        },
    },
    testing::noon,
};
use sqlx::types::Json;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Barrier;

async fn contact(db: &Db, workspace: WorkspaceId, email: &str) -> ContactId {
    let id = ContactId::new();
    let made = db.write().sql(
        "INSERT INTO contact (workspace_id, id, email, phone, status, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'active', $5, $5)",
    );
    let phone = format!("+1{}", email.len());
    let made = made.bind(workspace).bind(id).bind(email.to_owned()).bind(phone).bind(noon());
    made.run().await.unwrap();
    id
}

async fn put(db: &Db, contact: ContactId, status: &str, merged_into: Option<ContactId>) {
    let put = db.write().sql("UPDATE contact SET status = $2, merged_into = $3 WHERE id = $1");
    put.bind(contact).bind(status.to_owned()).bind(merged_into).run().await.unwrap();
}

async fn lead(db: &Db, workspace: WorkspaceId, contact: ContactId) -> LeadId {
    let id = LeadId::new();
    let made = db.write().sql(
        "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
            is_test, is_duplicate, source, created_at, updated_at)
         VALUES ($1, $2, $3, $2, 'active', '', '', '', '', $4, FALSE, FALSE, 'api', $5, $5)",
    );
    let made = made.bind(workspace).bind(id).bind(contact).bind(Json(json!({}))).bind(noon());
    made.run().await.unwrap();
    id
}

fn new(workspace: WorkspaceId, whose: Whose, (kind, name): (&str, &str), at: Time) -> New {
    New {
        workspace,
        whose,
        lead: None,
        kind: kind.into(),
        name: name.into(),
        data: Map::new(),
        key: None,
        at,
        received_at: noon(),
    }
}

fn keyed(mut new: New, key: &str) -> New {
    new.key = Some(key.into());
    new
}

async fn record(activities: &Activities, news: Vec<New>) -> Vec<Answer> {
    let answers = activities.record(news).await.unwrap();
    answers.into_iter().map(Result::unwrap).collect()
}

async fn list(db: &Db, whose: (WorkspaceId, ContactId), filter: Filter<'_>) -> Vec<Activity> {
    read::list(db, whose, filter).await.unwrap().unwrap()
}

const ALL: Filter = Filter { kind: None, after: None, limit: 1_000 };

/// First seen, last active, and the sums by type.
async fn sum(db: &Db, contact: ContactId) -> Option<(Time, Time, Value)> {
    let text =
        "SELECT first_seen_at, last_activity_at, events FROM activity_sum WHERE contact_id = $1";
    let row: Option<(Time, Time, Json<Value>)> =
        db.read().sql(text).bind(contact).optional().await.unwrap();
    row.map(|(first, last, events)| (first, last, events.0))
}

/// The days of a contact as `type name day times`.
async fn days(db: &Db, contact: ContactId) -> Vec<String> {
    let text = "SELECT type, name, day, times FROM activity_day WHERE contact_id = $1";
    let rows: Vec<(String, String, String, i64)> =
        db.read().sql(text).bind(contact).all().await.unwrap();
    let mut days: Vec<String> = rows
        .into_iter()
        .map(|(kind, name, day, times)| format!("{kind} {name} {day} {times}"))
        .collect();
    days.sort();
    days
}

on_both_engines! {
    async fn activities_are_summed_whatever_their_order(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        let activities = Activities::start(db.clone());
        let at = |hours: i64| noon() - Duration::hours(hours);
        let visit = |name: &str, hours| new(own, Whose::Contact(ada), ("page_visit", name), at(hours));
        let call = new(own, Whose::Email("ada@example.com".into()), ("call", ""), at(30));
        let answers = record(&activities, vec![visit("/a", 1), visit("/a", 13), visit("/b", 2), call]).await;
        let ids: HashSet<_> = answers.iter().map(|answer| answer.as_ref().unwrap().id).collect();
        assert_eq!(ids.len(), 4);
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().contact == ada));
        record(&activities, vec![visit("/a", 0), visit("/a", 100)]).await;
        let (first, last, events) = sum(db, ada).await.unwrap();
        assert_eq!((first, last), (at(100), at(0)));
        assert_eq!(events, json!({
            "call": {"count": 1, "lastAt": "2026-11-20T06:00:00.000000Z"},
            "page_visit": {"count": 5, "lastAt": "2026-11-21T12:00:00.000000Z"},
        }));
        assert_eq!(days(db, ada).await, [
            "call  2026-11-20 1",
            "page_visit /a 2026-11-17 1",
            "page_visit /a 2026-11-20 1",
            "page_visit /a 2026-11-21 2",
            "page_visit /b 2026-11-21 1",
        ]);
    }

    async fn what_names_nobody_is_refused_and_harms_no_neighbour(store: TestStore) {
        let (db, own, other) = (&store.db, store.workspace("own").await, store.workspace("other").await);
        let ada = contact(db, own, "ada@example.com").await;
        let gone = contact(db, own, "gone@example.com").await;
        let quiet = contact(db, own, "quietly@example.com").await;
        let theirs = contact(db, other, "stranger@example.com").await;
        put(db, gone, "deleted", None).await;
        put(db, quiet, "inactive", None).await;
        let (mine, not_mine) = (lead(db, own, ada).await, lead(db, own, quiet).await);
        let call = |whose| new(own, whose, ("call", ""), noon());
        let of = |lead| New { lead: Some(lead), ..call(Whose::Contact(ada)) };
        let given = vec![
            call(Whose::Contact(theirs)),
            call(Whose::Email("stranger@example.com".into())),
            call(Whose::Phone("+15550100".into())),
            call(Whose::Contact(gone)),
            of(mine),
            of(not_mine),
            of(LeadId::new()),
            call(Whose::Contact(quiet)),
        ];
        let answers = record(&Activities::start(db.clone()), given).await;
        let said: Vec<String> = answers
            .iter()
            .map(|answer| match answer {
                Ok(recorded) => format!("recorded {}", recorded.repeated),
                Err(problem) => format!("{}: {}", problem.path, problem.message),
            })
            .collect();
        assert_eq!(said, [
            "contactId: there is no such contact",
            "email: there is no such contact",
            "phone: there is no such contact",
            "contactId: the contact is deleted",
            "recorded false",
            "leadId: is another contact's lead",
            "leadId: there is no such lead",
            "recorded false",
        ]);
        assert_eq!(list(db, (own, ada), ALL).await[0].lead_id, Some(mine));
        assert_eq!(sum(db, ada).await.unwrap().2["call"]["count"], 1);
        assert_eq!(sum(db, quiet).await.unwrap().2["call"]["count"], 1, "an inactive contact's are kept");
        assert_eq!(sum(db, gone).await, None);
        assert_eq!(sum(db, theirs).await, None);
        assert!(read::list(db, (own, theirs), ALL).await.unwrap().is_none());
    }

    async fn a_merged_contacts_activities_are_those_of_the_one_it_became(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let [first, second, third] = ["a@example.com", "bb@example.com", "ccc@example.com"];
        let first = contact(db, own, first).await;
        let second = contact(db, own, second).await;
        let third = contact(db, own, third).await;
        put(db, first, "deleted", Some(second)).await;
        put(db, second, "deleted", Some(third)).await;
        let call = |whose| new(own, Whose::Contact(whose), ("call", ""), noon());
        let answers = record(&Activities::start(db.clone()), vec![call(first), call(second), call(third)]).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().contact == third), "{answers:?}");
        assert_eq!(sum(db, third).await.unwrap().2["call"]["count"], 3);
    }

    async fn the_same_key_is_the_same_activity(store: TestStore) {
        let (db, own, other) = (&store.db, store.workspace("own").await, store.workspace("other").await);
        let (ada, bob) = (contact(db, own, "ada@example.com").await, contact(db, other, "bob@example.com").await);
        let activities = Activities::start(db.clone());
        let call = |key: &str| keyed(new(own, Whose::Contact(ada), ("call", ""), noon()), key);
        let together = record(&activities, vec![call("one"), call("one"), call("two")]).await;
        let together: Vec<_> = together.into_iter().map(Result::unwrap).collect();
        assert_eq!(together.iter().map(|one| one.repeated).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(together[0].id, together[1].id);
        let otherwise = keyed(new(own, Whose::Contact(ada), ("sms_reply", "x"), noon()), "one");
        let again = record(&activities, vec![otherwise]).await.remove(0).unwrap();
        assert_eq!((again.id, again.contact, again.repeated), (together[0].id, ada, true));
        let elsewhere = keyed(new(other, Whose::Contact(bob), ("call", ""), noon()), "one");
        assert!(!record(&activities, vec![elsewhere]).await.remove(0).unwrap().repeated, "keys are the workspace's own");
        assert_eq!(list(db, (own, ada), ALL).await.len(), 2);
        let events = sum(db, ada).await.unwrap().2;
        assert_eq!(events["call"]["count"], 2);
        assert_eq!(events["sms_reply"], Value::Null);
    }

    async fn of_fifty_equal_posts_at_once_one_counts(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        // Five processes, so that transactions meet.
        let processes: Vec<Activities> = (0..5).map(|_| Activities::start(db.clone())).collect();
        let barrier = Arc::new(Barrier::new(50));
        let posts = (0..50).map(|nth| {
            let (activities, barrier) = (processes[nth % 5].clone(), barrier.clone());
            let call = keyed(new(own, Whose::Contact(ada), ("call", ""), noon()), "same");
            tokio::spawn(async move {
                barrier.wait().await;
                record(&activities, vec![call]).await.remove(0).unwrap()
            })
        });
        let mut answers = Vec::new();
        for post in posts.collect::<Vec<_>>() {
            answers.push(post.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
        assert_eq!(answers.iter().map(|answer| answer.id).collect::<HashSet<_>>().len(), 1);
        assert_eq!(sum(db, ada).await.unwrap().2["call"]["count"], 1);
        assert_eq!(days(db, ada).await, ["call  2026-11-21 1"]);
    }

    async fn sums_are_right_with_sixty_four_writers_at_once(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let mut people = Vec::new();
        for nth in 1..=3 {
            people.push(contact(db, own, &format!("{}@example.com", "x".repeat(nth))).await);
        }
        let processes: Vec<Activities> = (0..6).map(|_| Activities::start(db.clone())).collect();
        let barrier = Arc::new(Barrier::new(64));
        let writers = (0..64_usize).map(|nth| {
            let (activities, barrier, people) = (processes[nth % 6].clone(), barrier.clone(), people.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                for round in 0..4 {
                    // Every writer names the contacts in another order.
                    let mine = (0..6).map(|step| {
                        let whose = Whose::Contact(people[(nth + step) % 3]);
                        let at = noon() - TimeDelta::minutes((nth * 10 + round) as i64);
                        new(own, whose, (KNOWN_TYPES[(nth + step) % 2], "n"), at)
                    });
                    let answers = record(&activities, mine.collect()).await;
                    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for person in people {
            let stored = list(db, (own, person), ALL).await;
            assert_eq!(stored.len(), 64 * 4 * 2);
            let (first, last, events) = sum(db, person).await.unwrap();
            assert_eq!((first, last), (noon() - TimeDelta::minutes(633), noon()));
            let count = |kind: &str| events[kind]["count"].as_i64().unwrap();
            for kind in &KNOWN_TYPES[..2] {
                assert_eq!(count(kind), stored.iter().filter(|one| one.kind == *kind).count() as i64);
            }
            let daily: i64 = days(db, person).await.iter().map(|day| day.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum();
            assert_eq!(daily, 512);
        }
    }

    async fn a_contacts_activities_are_paged_newest_first(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        let activities = Activities::start(db.clone());
        // Three at each moment, in no order.
        let given = [3, 1, 2, 1, 3, 2, 2, 3, 1].map(|minutes| {
            let kind = if minutes == 2 { "call" } else { "page_visit" };
            new(own, Whose::Contact(ada), (kind, "x"), noon() - TimeDelta::minutes(minutes))
        });
        record(&activities, given.to_vec()).await;
        let all = list(db, (own, ada), ALL).await;
        assert!(all.windows(2).all(|pair| (pair[0].at, pair[0].id) > (pair[1].at, pair[1].id)));
        for kind in [None, Some("call")] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = list(db, (own, ada), Filter { kind, after, limit: 2 }).await;
                let Some(last) = page.last() else { break };
                after = Some((last.at, last.id));
                seen.extend(page.into_iter().map(|one| one.id));
            }
            let wanted = all.iter().filter(|one| kind.is_none_or(|kind| one.kind == kind));
            assert_eq!(seen, wanted.map(|one| one.id).collect::<Vec<_>>());
        }
    }

    async fn a_workspace_has_so_many_types_and_no_more(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        let activities = Activities::start(db.clone());
        let own_types = TYPES_MAX - KNOWN_TYPES.len();
        let one = |kind: &str| new(own, Whose::Contact(ada), (kind, ""), noon());
        let given = (0..=own_types).map(|nth| one(&format!("type_{nth:03}"))).collect();
        let answers = record(&activities, given).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), own_types);
        let refused = answers.into_iter().find_map(Result::err).unwrap();
        assert_eq!((refused.path.as_str(), refused.message.as_str()), ("type", "the workspace has 200 types of activities already"));
        let more = record(&activities, vec![one("call"), one("type_000"), one("one_more")]).await;
        assert_eq!(more.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
        let known = read::types(db, own).await.unwrap();
        assert_eq!(known.len(), own_types + 1);
        assert_eq!(known[0], ("call".into(), noon()));
    }
}
