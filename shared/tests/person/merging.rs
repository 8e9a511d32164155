//! Merging: the survivor's own values stay, everything else moves, once, whoever asks at the same time.
use crate::support::{World, later};
use serde_json::{Value, json};
use shared::{
    contact::ContactStatus,
    ids::{ContactId, LeadId},
    lead::LeadStatus,
    on_both_engines,
    store::{
        contacts::merge::{self, Done, Refused},
        lead_status,
    },
    testing::noon,
};
use uuid::Uuid;

const NOTES: &str = "SELECT COUNT(*) FROM contact_note WHERE workspace_id = $1 AND contact_id = $2";
const CHANGES: &str =
    "SELECT COUNT(*) FROM contact_change WHERE workspace_id = $1 AND contact_id = $2";
const LEADS: &str = "SELECT COUNT(*) FROM lead WHERE workspace_id = $1 AND contact_id = $2";
const TIMES: &str =
    "SELECT COALESCE(MAX(times), 0) FROM activity_day WHERE workspace_id = $1 AND contact_id = $2";
const PLACES: &str =
    "SELECT COUNT(*) FROM segment_member WHERE workspace_id = $1 AND contact_id = $2";

async fn segment(world: &World, kind: &str, rule: Option<Value>) -> Uuid {
    let id = Uuid::now_v7();
    world
        .db
        .write()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, rule, state, is_enabled, generation, member_count,
                created_at, updated_at)
             VALUES ($1, $2, $3, '', $4, $5, 'frozen', TRUE, 1, 0, $6, $6)",
        )
        .bind(world.workspace)
        .bind(id)
        .bind(id.to_string())
        .bind(kind)
        .bind(rule.map(sqlx::types::Json))
        .bind(noon())
        .run()
        .await
        .unwrap();
    id
}

async fn join(world: &World, segment: Uuid, contact: ContactId) {
    world
        .db
        .write()
        .sql("INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4)")
        .bind(world.workspace)
        .bind(segment)
        .bind(contact)
        .bind(noon())
        .run()
        .await
        .unwrap();
}

async fn lead(world: &World, id: LeadId) -> (ContactId, LeadStatus, Option<LeadId>) {
    let sql =
        "SELECT contact_id, status, duplicate_of FROM lead WHERE workspace_id = $1 AND id = $2";
    world.db.read().sql(sql).bind(world.workspace).bind(id).one().await.unwrap()
}

on_both_engines! {
    async fn everything_moves_to_the_survivor_and_a_second_time_changes_nothing(store: TestStore) {
        let world = World::new(&store).await;
        let (sol, roof) = (world.campaign("SOL").await, world.campaign("ROOF").await);
        let ada = world.lead(sol, "ada@example.com", "+14155550100", noon()).await;
        let twin = world.lead(sol, "countess@example.com", "+14155550101", later(1)).await;
        let other = world.lead(roof, "countess@example.com", "+14155550101", later(2)).await;
        world.set(ada.contact, json!({"tier": "gold"}), json!(["vip"])).await;
        world.set(twin.contact, json!({"tier": "tin", "size": 7}), json!(["Math"])).await;
        world.run("UPDATE contact SET opt_out_sms = TRUE, company = 'Engines' WHERE workspace_id = $1 AND id = $2", twin.contact.0).await;
        world.note(twin.contact, "Knows Babbage.", later(3)).await;
        for contact in [ada.contact, twin.contact] {
            world.activity(contact, "/a", later(4)).await;
        }
        world.sum(ada.contact, json!({"call": {"count": 1, "lastAt": "b"}}), (later(1), later(2))).await;
        world.sum(twin.contact, json!({"call": {"count": 2, "lastAt": "a"}}), (noon(), later(1))).await;
        let fixed = segment(&world, "static", None).await;
        let live = segment(&world, "dynamic", Some(json!({"combinator": "and", "rules": []}))).await;
        join(&world, fixed, twin.contact).await;
        join(&world, live, twin.contact).await;

        let merged = world.merge(ada.contact, &[twin.contact]).await;
        let profile = &merged.profile;
        assert_eq!(Value::Object(profile.properties.0.clone()), json!({"tier": "gold", "size": 7}));
        assert_eq!(profile.tags.0, ["Math", "vip"]);
        assert_eq!((profile.email.as_deref(), profile.company.as_deref()), (Some("ada@example.com"), Some("Engines")));
        assert!(profile.opt_out_sms && merged.words.contains(" babbage "));
        let gone = world.contact(twin.contact).await;
        assert_eq!((gone.status, gone.merged_into), (ContactStatus::Deleted, Some(ada.contact)));
        assert_eq!((gone.profile.email, gone.profile.phone), (None, None));
        assert!(!gone.words.contains("countess"));
        assert_eq!(lead(&world, ada.lead).await, (ada.contact, LeadStatus::Active, None));
        assert_eq!(lead(&world, twin.lead).await, (ada.contact, LeadStatus::Duplicate, Some(ada.lead)));
        assert_eq!(lead(&world, other.lead).await, (ada.contact, LeadStatus::Active, None));
        let history = lead_status::history(&world.db, world.workspace, twin.lead).await.unwrap();
        assert_eq!((history.len(), history[0].reason_code.as_str()), (1, "merged"));
        assert_eq!(world.count(NOTES, ada.contact.0).await, 1);
        assert_eq!(world.count(TIMES, ada.contact.0).await, 2);
        assert_eq!(world.count(PLACES, ada.contact.0).await, 1, "the static one");
        for sql in [NOTES, LEADS, TIMES, PLACES] {
            assert_eq!(world.count(sql, twin.contact.0).await, 0, "{sql}");
        }
        let sum: (sqlx::types::Json<Value>, shared::clock::Time, shared::clock::Time) = world.db.read()
            .sql("SELECT events, first_seen_at, last_activity_at FROM activity_sum WHERE workspace_id = $1 AND contact_id = $2")
            .bind(world.workspace).bind(ada.contact).one().await.unwrap();
        assert_eq!(sum, (json!({"call": {"count": 3, "lastAt": "b"}}).into(), noon(), later(2)));

        let lines = world.count(CHANGES, ada.contact.0).await;
        assert_eq!(world.merge(ada.contact, &[twin.contact]).await, merged, "the same answer");
        assert_eq!(world.count(CHANGES, ada.contact.0).await, lines);
        assert_eq!(world.contact(twin.contact).await.revision, gone.revision);
    }

    async fn what_the_survivor_lacks_it_takes_over_email_and_phone_too(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let other = world.lead(campaign, "b@example.com", "+14155550101", noon()).await;
        world.run("UPDATE contact SET email = NULL WHERE workspace_id = $1 AND id = $2", ada.contact.0).await;
        let merged = world.merge(ada.contact, &[other.contact]).await;
        assert_eq!(merged.profile.email.as_deref(), Some("b@example.com"));
        assert_eq!(merged.profile.phone.as_deref(), Some("+14155550100"));
        let again = world.lead(campaign, "b@example.com", "+14155550199", later(9)).await;
        assert_eq!(again.contact, ada.contact, "who comes with the address is the survivor");
    }

    async fn what_cannot_be_merged_is_refused_and_nothing_is_written(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let mut people = Vec::new();
        for n in 0..4 {
            let email = format!("{n}@example.com");
            people.push(world.lead(campaign, &email, &format!("+1415555010{n}"), noon()).await.contact);
        }
        let [a, b, c, d] = people[..] else { panic!("four") };
        let refused = async |survivor, from: &[ContactId]| {
            merge::merge(&world.db, &world.merging(survivor, from)).await.unwrap()
        };
        let nobody = ContactId::new();
        assert_eq!(refused(a, &[b, nobody]).await, Done::NoSuchContact(nobody));
        assert_eq!(refused(a, &[a]).await, Done::Refused(Refused::Itself(a)));
        let strangers = World::named(&store, "other").await;
        let foreign = strangers.campaign("SOL").await;
        let stranger = strangers.lead(foreign, "x@example.com", "+14155550100", noon()).await.contact;
        assert_eq!(refused(a, &[stranger]).await, Done::NoSuchContact(stranger));
        world.merge(a, &[b]).await;
        assert_eq!(refused(b, &[c]).await, Done::Refused(Refused::Merged(b, a)));
        assert_eq!(refused(c, &[b]).await, Done::Refused(Refused::Elsewhere(b, a)));
        world.run("UPDATE contact SET status = 'deleted' WHERE workspace_id = $1 AND id = $2", d.0).await;
        assert_eq!(refused(d, &[c]).await, Done::Refused(Refused::Deleted(d)));
        assert_eq!(world.count(LEADS, c.0).await, 1);
        // A merged one leads to the last of them in one step.
        world.merge(c, &[a]).await;
        assert_eq!(world.contact(b).await.merged_into, Some(c));
        assert_eq!(world.count(LEADS, c.0).await, 3);
    }

    async fn merges_that_meet_end_in_one_contact_and_nothing_half(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let mut people = Vec::new();
        for n in 0..6 {
            let email = format!("{n}@example.com");
            people.push(world.lead(campaign, &email, &format!("+1415555010{n}"), noon()).await.contact);
        }
        let tasks: Vec<_> = (0..12).map(|n| {
            let (survivor, from) = (people[n % 6], [people[(n + 1) % 6], people[(n + 4) % 6]]);
            let (db, ask) = (world.db.clone(), world.merging(survivor, &from));
            tokio::spawn(async move { merge::merge(&db, &ask).await.unwrap() })
        }).collect();
        for task in tasks {
            let done = task.await.unwrap();
            assert!(matches!(done, Done::Merged(_) | Done::Refused(_)), "{done:?}");
        }
        let (mut alive, mut leads) = (0, 0);
        for contact in &people {
            let now = world.contact(*contact).await;
            let own = world.count(LEADS, contact.0).await;
            match now.merged_into {
                None => { alive += 1; leads += own; }
                Some(into) => {
                    assert_eq!((own, now.status), (0, ContactStatus::Deleted));
                    assert_eq!(world.contact(into).await.merged_into, None, "one step leads to the survivor");
                }
            }
        }
        assert!(alive < 6);
        assert_eq!(leads, 6, "no lead is lost");
    }

    async fn a_contact_with_many_leads_is_merged_at_once(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let other = world.lead(campaign, "b@example.com", "+14155550101", later(1)).await;
        let ids: Vec<Value> = (0..2_000).map(|_| json!({"id": Uuid::now_v7()})).collect();
        world.db.write()
            .sql("INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
                    is_test, is_duplicate, source, created_at, updated_at)
                  SELECT l.workspace_id, r.id, l.contact_id, l.campaign_id, 'active', '', '', '', '', '{}', FALSE, FALSE, 'api',
                    l.created_at, l.created_at
                  FROM lead l JOIN ROWS($3: id uuid) r ON true WHERE l.workspace_id = $1 AND l.id = $2")
            .bind(world.workspace).bind(other.lead).bind(shared::store::Rows::of(&ids)).run().await.unwrap();
        world.merge(ada.contact, &[other.contact]).await;
        assert_eq!(world.count(LEADS, ada.contact.0).await, 2_002);
        let twins = "SELECT COUNT(*) FROM lead WHERE workspace_id = $1 AND duplicate_of = $2 AND status = 'duplicate'";
        assert_eq!(world.count(twins, ada.lead.0).await, 2_001);
    }
}
