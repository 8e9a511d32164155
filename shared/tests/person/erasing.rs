//! Erasing: afterwards nobody can tell who it was, and money can still be counted.
use crate::{
    canary::{self, CANARY, PHONE},
    support::{World, later},
};
use serde_json::json;
use shared::{
    contact::ContactStatus,
    ids::ContactId,
    on_both_engines,
    store::{
        Db,
        contacts::erase::{self, Ask, Done, Erased, Refused},
        secrets::Secrets,
        suppressions::{self, Person, Reach},
    },
    testing::{noon, ring},
};
use std::collections::BTreeSet;

fn ask(world: &World, contact: ContactId) -> Ask {
    let reason = "asked for it".into();
    Ask { workspace: world.workspace, contact, reason, by: "key a".into(), at: later(7200) }
}

async fn erased(world: &World, contact: ContactId) -> Done {
    let secrets = Secrets::new(world.db.clone(), ring());
    erase::erase(&world.db, &secrets, &ask(world, contact)).await.unwrap()
}

async fn done(world: &World, contact: ContactId) -> Erased {
    let done = erased(world, contact).await;
    let Done::Erased(erased) = done else { panic!("{done:?}") };
    erased
}

/// Columns of tables that hold something about a person, and yet say nothing of them: ids, codes, words of ours, names of campaigns,
/// agents and keys. A new column is either filled by the canary or written down here.
const SAYS_NOTHING: &[&str] = &[
    "activity_day.day",
    "automation_job.kind",
    "automation_job.state",
    "consent_evidence.kind",
    "consent_evidence.recorded_by",
    "contact.status",
    "contact_change.changed_by",
    "contact_change.kind",
    "contact_note.written_by",
    "dedup_key.kind",
    "delivery_attempt.buyer_lead_id",
    "delivery_attempt.currency",
    "delivery_attempt.endpoint",
    "delivery_attempt.idempotency_key",
    "delivery_attempt.outcome",
    "firing.kind",
    "firing.rule_id",
    "firing.rule_name",
    "firing.status_after",
    "firing.status_before",
    "idempotency.body_hash",
    "idempotency.key",
    "idempotency.route",
    "import_before.kind",
    "inbound_event.dedupe_key",
    "interaction.direction",
    "interaction.outcome",
    "interaction.provider",
    "interaction.state",
    "interaction.type",
    "journey_event.reason_code",
    "journey_event.stage",
    "journey_event.verdict",
    "lead.source",
    "lead.status",
    "lead_status_change.changed_by",
    "lead_status_change.from_status",
    "lead_status_change.reason_code",
    "lead_status_change.to_status",
    "message.role",
    "message.source",
    "message.state",
    "notice.kind",
    "notice.subject",
    "parked_action.at_deadline",
    "parked_action.claimed_by",
    "parked_action.decided_by",
    "parked_action.kind",
    "parked_action.on_deadline",
    "parked_action.resolution",
    "parked_action.resolved_by",
    "status_query.endpoint",
    "submission.buyer_lead_id",
    "submission.error_fingerprint",
    "submission.kind",
    "submission.outcome",
    "submission.reason_code",
    "submission.run",
    "submission.stage",
    "submission.status",
    "webhook_message.event",
    "webhook_message.state",
];

/// What SQLite has deleted is not left in free pages either, once the log of writes has been copied into the file.
async fn nothing_in_the_file(db: &Db, url: &str) {
    let Some(file) = url.strip_prefix("sqlite:") else { return };
    db.write().made("PRAGMA wal_checkpoint(TRUNCATE)".into()).run().await.unwrap();
    for end in ["", "-wal"] {
        let bytes = std::fs::read(format!("{file}{end}")).unwrap_or_default();
        let found = |part: &[u8]| part.eq_ignore_ascii_case(CANARY.as_bytes());
        assert!(!bytes.windows(CANARY.len()).any(found), "{file}{end}");
    }
}

on_both_engines! {
    async fn of_an_erased_person_no_table_says_anything(store: TestStore) {
        let world = World::new(&store).await;
        let victim = canary::fill(&world).await;
        let before = canary::seen(&world.db).await;
        let tables: BTreeSet<&str> = before.iter().filter_map(|column| column.split('.').next()).collect();
        assert!(tables.len() >= 24, "the person is in {tables:?} only");
        let mut unknown = Vec::new();
        for (table, column) in canary::columns(&world.db).await {
            let name = format!("{table}.{column}");
            let is_time = (world.db.engine() == shared::store::dialect::Engine::Sqlite)
                && (column.ends_with("at") || column.ends_with("_until") || column == "deadline");
            let is_known = before.contains(&name) || SAYS_NOTHING.contains(&name.as_str()) || is_time;
            if !is_known && tables.contains(table.as_str()) {
                unknown.push(name);
            }
        }
        assert_eq!(unknown, [""; 0], "may they say who a person is?");

        let erased = done(&world, victim.ada.contact).await;
        assert_eq!(canary::seen(&world.db).await, BTreeSet::new());
        assert_eq!((erased.at, erased.leads.len(), erased.submissions), (later(7200), 3, 3));
        assert_eq!(erased.merged, [victim.merged]);
        let contact = world.contact(victim.ada.contact).await;
        assert_eq!((contact.status, contact.erased_at), (ContactStatus::Deleted, Some(later(7200))));

        // What money needs is there, and what waited has ended.
        let sold = "SELECT COUNT(*) FROM delivery_attempt WHERE workspace_id = $1 AND submission_id = $2 AND price_minor = 900
            AND outcome = 'accepted'";
        assert_eq!(world.count(sold, victim.ada.submission.0).await, 1);
        let kept = "SELECT COUNT(*) FROM submission WHERE workspace_id = $1 AND id = $2 AND status = 'accepted'";
        assert_eq!(world.count(kept, victim.ada.submission.0).await, 1);
        let over = "SELECT COUNT(*) FROM submission s JOIN parked_action p ON p.workspace_id = $1 AND p.submission_id = s.id
            WHERE s.workspace_id = $1 AND s.id = $2 AND s.run = 'finished' AND p.resolution = 'withdrawn'";
        assert_eq!(world.count(over, victim.second.submission.0).await, 1);
        let deleted = "SELECT COUNT(*) FROM lead WHERE workspace_id = $1 AND contact_id = $2 AND status = 'deleted'";
        assert_eq!(world.count(deleted, victim.ada.contact.0).await, 3);
        let lines = "SELECT COUNT(*) FROM contact_change WHERE workspace_id = $1 AND contact_id = $2 AND kind = 'erased'
            AND reason = 'asked for it'";
        assert_eq!(world.count(lines, victim.ada.contact.0).await, 1);

        // A no outlives the data, without the data.
        let hash = Secrets::new(world.db.clone(), ring()).person_hash(world.workspace, PHONE, noon()).await.unwrap();
        let person = Person { workspace: world.workspace, hash: &hash };
        let said = suppressions::find(&world.db, person).await.unwrap();
        assert_eq!((said.len(), said[0].channel, said[0].reason.as_str()), (1, Reach::Sms, erase::OPT_OUT));

        nothing_in_the_file(&world.db, &store.url).await;

        // Again: the same answer, and what came in since goes too.
        world.note(victim.ada.contact, CANARY, later(8000)).await;
        assert_eq!(done(&world, victim.ada.contact).await, erased);
        assert_eq!(canary::seen(&world.db).await, BTreeSet::new());
        assert_eq!(world.count(lines, victim.ada.contact.0).await, 1);
    }

    async fn other_people_keep_what_is_theirs(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let eve = world.lead(campaign, "eve@example.com", "+14155550101", later(1)).await;
        world.note(eve.contact, "Hers.", later(2)).await;
        let before = world.contact(eve.contact).await;
        done(&world, ada.contact).await;
        assert_eq!(world.contact(eve.contact).await, before);
        for (sql, wanted) in [
            ("SELECT COUNT(*) FROM contact_note WHERE workspace_id = $1 AND contact_id = $2", 1),
            ("SELECT COUNT(*) FROM lead WHERE workspace_id = $1 AND contact_id = $2 AND email = 'eve@example.com'", 1),
            ("SELECT COUNT(*) FROM dedup_key WHERE workspace_id = $1 AND $2 IS NOT NULL", 2),
            ("SELECT COUNT(*) FROM idempotency WHERE workspace_id = $1 AND $2 IS NOT NULL", 1),
        ] {
            assert_eq!(world.count(sql, eve.contact.0).await, wanted, "{sql}");
        }
        let run = "SELECT COUNT(*) FROM submission WHERE workspace_id = $1 AND id = $2 AND run = 'ready'";
        assert_eq!(world.count(run, eve.submission.0).await, 1);
    }

    async fn what_is_under_way_is_waited_for(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        world.run("INSERT INTO delivery_attempt (workspace_id, submission_id, number, campaign_id, endpoint, idempotency_key,
            started_at) SELECT $1, $2, 1, s.campaign_id, 'buyer', 'k', s.created_at FROM submission s
            WHERE s.workspace_id = $1 AND s.id = $2", ada.submission.0).await;
        assert_eq!(erased(&world, ada.contact).await, Done::Refused(Refused::Delivery(ada.submission)));
        let lead = "SELECT COUNT(*) FROM lead WHERE workspace_id = $1 AND id = $2 AND status = 'active' AND first_name = 'Ada'";
        assert_eq!(world.count(lead, ada.lead.0).await, 1, "nothing was written");
        let other = World::named(&store, "other").await;
        assert_eq!(erased(&other, ada.contact).await, Done::NoSuchContact);
        // Held: whether it was sold will never be known.
        world.run("UPDATE delivery_attempt SET outcome = 'unknown', finished_at = started_at
            WHERE workspace_id = $1 AND submission_id = $2", ada.submission.0).await;
        world.run("UPDATE submission SET run = 'held', stage = 'delivery', due_at = NULL
            WHERE workspace_id = $1 AND id = $2", ada.submission.0).await;
        done(&world, ada.contact).await;
        let over = "SELECT COUNT(*) FROM submission WHERE workspace_id = $1 AND id = $2 AND run = 'finished' AND outcome = 'discarded'";
        assert_eq!(world.count(over, ada.submission.0).await, 1);
    }

    async fn a_row_that_nobody_has_read_yet_is_waited_for(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let eve = world.lead(campaign, "eve@example.com", "+14155550101", later(1)).await;
        canary::import(&world, "ready").await;
        world.run("INSERT INTO import_part (workspace_id, import_id, number, first_row, row_count, text)
            SELECT i.workspace_id, i.id, 0, 1, 1, 'Ada,415.555.0100' FROM import i WHERE i.workspace_id = $1 AND $2 IS NOT NULL",
            ada.lead.0).await;
        let refused = erased(&world, ada.contact).await;
        assert!(matches!(refused, Done::Refused(Refused::Import(_))), "{refused:?}");
        assert_eq!(world.contact(ada.contact).await.erased_at, None);
        done(&world, eve.contact).await;
        world.run("UPDATE import_part SET text = NULL, done_at = (SELECT MAX(updated_at) FROM import)
            WHERE workspace_id = $1 AND $2 IS NOT NULL", ada.lead.0).await;
        done(&world, ada.contact).await;
    }

    async fn one_who_was_merged_is_erased_with_the_survivor(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let twin = world.lead(campaign, "b@example.com", "+14155550101", later(1)).await;
        world.merge(ada.contact, &[twin.contact]).await;
        assert_eq!(erased(&world, twin.contact).await, Done::Refused(Refused::Merged(ada.contact)));
        done(&world, ada.contact).await;
        let gone = world.contact(twin.contact).await;
        assert_eq!((gone.erased_at, gone.profile.first_name), (Some(later(7200)), None));
    }

    async fn a_person_with_many_leads_is_erased_at_once(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let ids: Vec<_> = (0..2_000).map(|_| json!({"id": uuid::Uuid::now_v7()})).collect();
        for sql in [
            "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
                is_test, is_duplicate, source, created_at, updated_at)
             SELECT l.workspace_id, r.id, l.contact_id, l.campaign_id, 'active', 'Ada', '', '', '', '{}', FALSE, FALSE, 'api',
                l.created_at, l.created_at
             FROM lead l JOIN ROWS($3: id uuid) r ON true WHERE l.workspace_id = $1 AND l.id = $2",
            "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, run, stage, generation,
                attempt, due_at, status, carry, created_at, updated_at)
             SELECT l.workspace_id, r.id, r.id, 1, 'standard', l.campaign_id, 1, 'ready', 'routing', 1, 0, l.created_at,
                'new', '{}', l.created_at, l.created_at
             FROM lead l JOIN ROWS($3: id uuid) r ON true WHERE l.workspace_id = $1 AND l.id = $2",
        ] {
            let rows = shared::store::Rows::of(&ids);
            world.db.write().sql(sql).bind(world.workspace).bind(ada.lead).bind(rows).run().await.unwrap();
        }
        let erased = done(&world, ada.contact).await;
        assert_eq!((erased.leads.len(), erased.submissions), (2_001, 2_001));
        let left = "SELECT COUNT(*) FROM lead l JOIN submission s ON s.lead_id = l.id WHERE l.workspace_id = $1 AND l.contact_id = $2
            AND (l.first_name <> '' OR l.status <> 'deleted' OR s.run <> 'finished')";
        assert_eq!(world.count(left, ada.contact.0).await, 0);
    }

    async fn of_every_table_is_written_what_erasing_does(store: TestStore) {
        let doc = include_str!("../../../docs/erasure.md");
        let tables: BTreeSet<String> =
            canary::columns(&store.db).await.into_iter().map(|(table, _)| table).collect();
        for table in tables {
            assert!(doc.contains(&format!("| `{table}` |")), "docs/erasure.md says nothing of {table}");
        }
    }
}
