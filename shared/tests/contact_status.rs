//! Contacts' statuses and consent on both engines: their leads follow, with history, in one transaction.
use chrono::Duration;
use serde::Serialize;
use serde_json::json;
use shared::{
    contact::{Contact, ContactStatus, form},
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    on_both_engines,
    outreach::agent::Channel,
    store::{
        Rows,
        contacts::{
            consent::{self, Consent, Kept, Number, Outs},
            status::{self, Set, StatusChange},
            upsert::{self, Upsert},
        },
        lead_status,
        suppressions::{self, CONSENT, Person, Reach, STOP, Suppression},
    },
    testing::{TestStore, noon},
};
use uuid::Uuid;

async fn contact(store: &TestStore, workspace: WorkspaceId) -> Contact {
    let given = json!({"email": "ada@example.com", "phone": "+14155550100"});
    let kinds = Default::default();
    let known = form::Known { properties: &kinds, country: None, now: noon() };
    let form = form::read(given.as_object().unwrap(), known).unwrap();
    let call = Upsert { workspace, form, source: "api", by: "key desk".into(), at: noon() };
    upsert::many(&store.db, &[call]).await.unwrap().remove(0).unwrap().contact
}

#[derive(Serialize)]
struct LeadRow {
    workspace_id: Uuid,
    id: Uuid,
    contact_id: Uuid,
    status: LeadStatus,
}

/// Leads of the contact with these statuses, in turn.
async fn leads(
    store: &TestStore,
    contact: &Contact,
    statuses: &[LeadStatus],
    many: usize,
) -> Vec<LeadId> {
    let rows: Vec<LeadRow> = (0..many)
        .map(|n| LeadRow {
            workspace_id: contact.workspace_id.0,
            id: LeadId::new().0,
            contact_id: contact.id.0,
            status: statuses[n % statuses.len()],
        })
        .collect();
    store
        .db
        .write()
        .sql(
            "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
                is_test, is_duplicate, source, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.contact_id, $2, r.status, 'A', 'B', 'ada@example.com', '+14155550100', $3,
                FALSE, FALSE, 'api', $4, $4
             FROM ROWS($1: workspace_id uuid, id uuid, contact_id uuid, status text) r",
        )
        .bind(Rows::of(&rows))
        .bind(CampaignId::new())
        .bind(sqlx::types::Json(json!({})))
        .bind(noon())
        .run()
        .await
        .unwrap();
    rows.iter().map(|row| LeadId(row.id)).collect()
}

/// How many leads have each status.
async fn counts(store: &TestStore, contact: ContactId) -> Vec<(String, i64)> {
    store
        .db
        .read()
        .sql("SELECT status, COUNT(*) FROM lead WHERE contact_id = $1 GROUP BY status ORDER BY status")
        .bind(contact)
        .all()
        .await
        .unwrap()
}

async fn set(store: &TestStore, contact: &Contact, to: ContactStatus) -> (Contact, usize) {
    let change = StatusChange {
        workspace: contact.workspace_id,
        contact: contact.id,
        to,
        reason: "mail came back".into(),
        by: "key desk".into(),
    };
    let now = noon() + Duration::minutes(1);
    match status::change(&store.db, &change, now).await.unwrap() {
        Set::Yes { contact, leads } => (*contact, leads),
        other => panic!("{other:?}"),
    }
}

const ALL: &[LeadStatus] = &[
    LeadStatus::Active,
    LeadStatus::Qualified,
    LeadStatus::Rejected,
    LeadStatus::Duplicate,
    LeadStatus::Deleted,
];

fn count(word: &str, many: i64) -> (String, i64) {
    (word.to_owned(), many)
}

fn says(contact: &Contact, outs: Outs, reset: bool) -> Consent {
    Consent {
        workspace: contact.workspace_id,
        contact: contact.id,
        outs,
        reset,
        source: "the newsletter".into(),
        said_at: noon(),
        by: "key desk".into(),
    }
}

const NUMBER: Number<'_> = Number { phone: "+14155550100", hash: "hash" };

async fn keep(store: &TestStore, consent: &Consent) -> Contact {
    match consent::keep(&store.db, consent, Some(NUMBER), noon()).await.unwrap() {
        Kept::Yes(contact) => *contact,
        other => panic!("{other:?}"),
    }
}

async fn suppressed(store: &TestStore, workspace: WorkspaceId) -> Vec<(Reach, String)> {
    let person = Person { workspace, hash: "hash" };
    let found = suppressions::find(&store.db, person).await.unwrap();
    found.into_iter().map(|one| (one.channel, one.reason)).collect()
}

on_both_engines! {
    async fn ten_thousand_leads_follow_their_contact_in_one_transaction(store: TestStore) {
        let workspace = store.workspace("a").await;
        let ada = contact(&store, workspace).await;
        let leads = leads(&store, &ada, ALL, 10_000).await;
        let (bounced, changed) = set(&store, &ada, ContactStatus::Bounced).await;
        assert_eq!((bounced.status, bounced.revision, changed), (ContactStatus::Bounced, 2, 4_000));
        assert_eq!(counts(&store, ada.id).await, [count("deleted", 2_000), count("qualified", 2_000), count("rejected", 6_000)]);
        let lines = lead_status::history(&store.db, workspace, leads[3]).await.unwrap();
        assert_eq!((lines.len(), lines[0].from_status, lines[0].reason_code.as_str()), (1, LeadStatus::Duplicate, "contact_status"));
        assert_eq!(lines[0].reason, "the contact became bounced: mail came back");
        let (again, changed) = set(&store, &ada, ContactStatus::Bounced).await;
        assert_eq!((again.revision, changed), (2, 0), "it is that already");
        let (active, changed) = set(&store, &ada, ContactStatus::Active).await;
        assert_eq!((active.status, changed), (ContactStatus::Active, 0), "no lead comes back");
        let (_, changed) = set(&store, &ada, ContactStatus::Deleted).await;
        assert_eq!(changed, 8_000);
        assert_eq!(counts(&store, ada.id).await, [count("deleted", 10_000)]);
        assert_eq!(lead_status::history(&store.db, workspace, leads[3]).await.unwrap().len(), 2);
        assert_eq!(lead_status::history(&store.db, workspace, leads[4]).await.unwrap().len(), 0, "it was deleted before");
        let (_, changed) = set(&store, &ada, ContactStatus::Inactive).await;
        assert_eq!(changed, 0, "deleted leads are never revived");
        let kinds: i64 = store.db.read()
            .sql("SELECT COUNT(*) FROM contact_change WHERE contact_id = $1 AND kind = 'status' AND changed_by = 'key desk'")
            .bind(ada.id).scalar().await.unwrap();
        assert_eq!(kinds, 4, "every change, with who and why");
    }

    async fn only_the_contacts_own_leads_follow(store: TestStore) {
        let workspace = store.workspace("a").await;
        let ada = contact(&store, workspace).await;
        let theirs = contact(&store, store.workspace("b").await).await;
        leads(&store, &ada, &[LeadStatus::Active], 2).await;
        leads(&store, &theirs, &[LeadStatus::Active], 2).await;
        let mut change = StatusChange {
            workspace: theirs.workspace_id,
            contact: ada.id,
            to: ContactStatus::Deleted,
            reason: String::new(),
            by: "key stranger".into(),
        };
        assert_eq!(status::change(&store.db, &change, noon()).await.unwrap(), Set::Unknown);
        assert_eq!(counts(&store, ada.id).await, [count("active", 2)]);
        change.workspace = workspace;
        change.to = ContactStatus::Spam;
        assert!(matches!(status::change(&store.db, &change, noon()).await.unwrap(), Set::Yes { leads: 2, .. }));
        assert_eq!(counts(&store, ada.id).await, [count("rejected", 2)]);
        assert_eq!(counts(&store, theirs.id).await, [count("active", 2)]);
    }

    async fn who_wants_no_calls_or_texts_is_suppressed_until_they_want_them_again(store: TestStore) {
        let workspace = store.workspace("a").await;
        let ada = contact(&store, workspace).await;
        let out = Outs { sms: Some(true), ..Outs::default() };
        let after = keep(&store, &says(&ada, out, false)).await;
        assert_eq!((after.profile.opt_out_sms, after.profile.opt_out_phone, after.status), (true, false, ContactStatus::Active));
        assert_eq!(suppressed(&store, workspace).await, [(Reach::Sms, CONSENT.to_owned())]);
        assert_eq!(keep(&store, &says(&ada, out, false)).await.revision, after.revision, "said again");
        // Whatever number the lead has: the contact is asked as well.
        let who = (workspace, ada.id);
        let word = consent::word(store.db.read(), who).await.unwrap();
        assert_eq!((word.is_out(Channel::Sms), word.is_out(Channel::Voice)), (true, false));
        let back = Outs { sms: Some(false), ..Outs::default() };
        keep(&store, &says(&ada, back, false)).await;
        assert_eq!(suppressed(&store, workspace).await, []);
        // The person's own STOP is theirs to take back.
        let stop = Suppression { channel: Reach::Sms, reason: STOP.into(), source: "int".into(), created_at: noon(), expires_at: None };
        suppressions::add(store.db.write(), Person { workspace, hash: "hash" }, &stop).await.unwrap();
        keep(&store, &says(&ada, back, false)).await;
        assert_eq!(suppressed(&store, workspace).await, [(Reach::Sms, STOP.to_owned())]);
        let (kind, detail): (String, sqlx::types::Json<serde_json::Value>) = store.db.read()
            .sql("SELECT kind, detail FROM contact_change WHERE contact_id = $1 AND kind = 'consent' ORDER BY id LIMIT 1")
            .bind(ada.id).one().await.unwrap();
        let wanted = json!({"source": "the newsletter", "saidAt": "2026-11-21T12:00:00Z", "optOutSms": {"from": false, "to": true}});
        assert_eq!((kind.as_str(), detail.0), ("consent", wanted));
        let old = consent::keep(&store.db, &says(&ada, out, false), None, noon()).await.unwrap();
        assert_eq!(old, Kept::OtherNumber, "its number must be the one that was hashed");
    }

    async fn who_wants_no_channel_at_all_becomes_inactive_until_a_reset(store: TestStore) {
        let workspace = store.workspace("a").await;
        let ada = contact(&store, workspace).await;
        leads(&store, &ada, &[LeadStatus::Active, LeadStatus::Qualified], 2).await;
        let three = Outs { push: None, ..Outs::all(true) };
        assert_eq!(keep(&store, &says(&ada, three, false)).await.status, ContactStatus::Active);
        let last = Outs { push: Some(true), ..Outs::default() };
        let gone = keep(&store, &says(&ada, last, false)).await;
        assert_eq!(gone.status, ContactStatus::Inactive);
        assert_eq!(counts(&store, ada.id).await, [count("qualified", 1), count("rejected", 1)]);
        let one = Outs { email: Some(false), ..Outs::default() };
        assert_eq!(keep(&store, &says(&ada, one, false)).await.status, ContactStatus::Inactive, "it takes a reset");
        let back = keep(&store, &says(&ada, Outs::default(), true)).await;
        assert_eq!((back.status, back.profile.opt_out_push, back.profile.opt_out_sms), (ContactStatus::Active, false, false));
        assert_eq!(suppressed(&store, workspace).await, []);
        assert_eq!(counts(&store, ada.id).await, [count("qualified", 1), count("rejected", 1)], "no lead comes back");
    }
}
