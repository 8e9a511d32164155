//! Exporting: everything that is held is there, and that it was handed out is noted.
use crate::{
    canary::{self, CANARY, PHONE},
    support::{World, later},
};
use serde_json::Value;
use shared::{
    ids::ContactId,
    on_both_engines,
    store::{
        contacts::export::{self, Ask, EXPORT_ROWS_MAX},
        secrets::Secrets,
        suppressions::{self, Person, Reach, Suppression},
    },
    testing::{noon, ring},
};

async fn exported(world: &World, contact: ContactId) -> Option<Value> {
    let secrets = Secrets::new(world.db.clone(), ring());
    let ask = Ask { workspace: world.workspace, contact, by: "key a".into(), at: later(7200) };
    export::export(&world.db, &secrets, &ask).await.unwrap().map(Value::Object)
}

on_both_engines! {
    async fn everything_that_is_held_is_in_the_document(store: TestStore) {
        let world = World::new(&store).await;
        let victim = canary::fill(&world).await;
        let secrets = Secrets::new(world.db.clone(), ring());
        let hash = secrets.person_hash(world.workspace, PHONE, noon()).await.unwrap();
        let stop = Suppression { channel: Reach::Sms, reason: "stop".into(), source: "x".into(), created_at: noon(), expires_at: None };
        suppressions::add(world.db.write(), Person { workspace: world.workspace, hash: &hash }, &stop).await.unwrap();

        let document = exported(&world, victim.ada.contact).await.unwrap();
        let counts: Vec<(&str, usize)> = document.as_object().unwrap().iter()
            .filter_map(|(name, rows)| Some((name.as_str(), rows.as_array()?.len()))).collect();
        assert_eq!(counts, [
            ("contacts", 2), ("changes", 4), ("notes", 1), ("activities", 1), ("activitySums", 1), ("activityDays", 1),
            ("browsers", 1), ("unmatchedVisits", 1), ("segments", 0), ("leads", 3), ("leadStatusChanges", 2),
            ("consentEvidence", 1), ("points", 1), ("firings", 1), ("workflowPositions", 1), ("submissions", 3),
            ("interactions", 2), ("journeys", 3), ("deliveryAttempts", 1), ("waits", 1), ("messages", 1), ("unreadEvents", 1),
            ("suppressions", 1), ("truncated", 0),
        ]);
        for name in ["consentEvidence", "activities", "deliveryAttempts", "firings", "interactions", "leads", "messages", "notes", "waits", "contacts"] {
            assert!(document[name].to_string().contains(CANARY), "{name}");
        }
        assert_eq!(document["contacts"][0]["contactId"], victim.ada.contact.to_string());
        assert_eq!(document["changes"][0]["kind"], "exported");
        assert_eq!(document["changes"][0]["changedBy"], "key a");

        let other = World::named(&store, "other").await;
        assert_eq!(exported(&other, victim.ada.contact).await, None);
    }

    async fn what_is_too_much_for_a_document_is_named(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("SOL").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        let ids: Vec<_> = (0..=EXPORT_ROWS_MAX).map(|_| serde_json::json!({"id": uuid::Uuid::now_v7()})).collect();
        world.db.write()
            .sql("INSERT INTO contact_note (workspace_id, contact_id, id, text, written_by, at)
                  SELECT $1, $2, r.id, 'x', 'key a', $4 FROM ROWS($3: id uuid) r")
            .bind(world.workspace).bind(ada.contact).bind(shared::store::Rows::of(&ids)).bind(noon()).run().await.unwrap();
        let document = exported(&world, ada.contact).await.unwrap();
        assert_eq!(document["notes"].as_array().unwrap().len(), EXPORT_ROWS_MAX);
        assert_eq!(document["truncated"], serde_json::json!(["notes"]));
    }
}
