//! Evidence of consent and documents of leads, on both engines: kept with the lead, once, and by many at once.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    evidence::Kind,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    store::{
        campaigns::{self, Draft},
        evidence::{self, Added, Evidence, New},
        files::{self, Kept, NewFile},
        intake::{Arrival, CampaignRef, Intake, Receipt, Who},
        leads,
    },
    testing::{TestStore, noon},
};
use std::sync::Arc;

const CERT: &str = "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567";

struct Scene {
    store: TestStore,
    workspace: WorkspaceId,
    campaign: CampaignId,
    intake: Intake,
}

impl Scene {
    async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("own").await;
        let draft = Draft {
            workspace,
            id: CampaignId::new(),
            code: "SOL".into(),
            name: "SOL".into(),
            dedup_days: None,
            config: json!({}),
            at: noon(),
        };
        campaigns::create(&store.db, &draft).await.unwrap();
        let intake = Intake::start(store.db.clone());
        Self { store, workspace, campaign: draft.id, intake }
    }

    async fn take(&self, who: Who) -> Receipt {
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(self.campaign),
            who,
            is_test: false,
            submit: true,
            source: "api",
            repeat: None,
            at: noon(),
            redeliver_at: noon() + Duration::seconds(30),
        };
        self.intake.take(arrival).await.unwrap().unwrap()
    }

    async fn new_lead(&self, said: Value) -> LeadId {
        let person = Person {
            first_name: "Ada".into(),
            last_name: "Tester".into(),
            email: "ada@example.com".into(),
            phone: "+14155550100".into(),
        };
        self.take(Who::New { person, details: details(said) }).await.lead_id
    }

    async fn again(&self, lead: LeadId, said: Value) {
        self.take(Who::Known { lead, details: details(said) }).await;
    }

    async fn evidence(&self, lead: LeadId) -> Vec<Evidence> {
        evidence::of_lead(&self.store.db, (self.workspace, lead), None, 100).await.unwrap()
    }

    async fn contact(&self, lead: LeadId) -> ContactId {
        leads::get(&self.store.db, self.workspace, lead).await.unwrap().unwrap().contact_id
    }

    fn file(&self, lead: LeadId, key: &str, file: Value) -> NewFile {
        NewFile { workspace: self.workspace, lead, key: key.into(), file, at: noon() }
    }
}

fn details(said: Value) -> Details {
    serde_json::from_value(said).unwrap()
}

on_both_engines! {
    async fn what_a_lead_says_of_consent_is_kept_once_and_every_new_word_is_added(store: TestStore) {
        let scene = Scene::new(store).await;
        let silent = scene.new_lead(json!({"compliance": {"own": 1}})).await;
        assert_eq!(scene.evidence(silent).await, []);
        let compliance = json!({"tcpaConsent": true, "tcpaText": "Call me.", "consentedAt": "2026-11-21T11:00:00Z",
            "trustedFormCertUrl": CERT, "universal_leadid": "no token", "own": {"a": [1]}});
        let lead = scene.new_lead(json!({"compliance": compliance, "attribution": {"captureUrl": "https://a.example"}})).await;
        let first = scene.evidence(lead).await;
        let kinds: Vec<Kind> = first.iter().rev().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Tcpa, Kind::Trustedform, Kind::Jornaya]);
        let [token, cert, consent] = &first[..] else { panic!("{first:?}") };
        assert_eq!((cert.reference.as_deref(), &cert.malformed), (Some(CERT), &None));
        assert!(token.malformed.is_some() && token.reference.as_deref() == Some("no token"));
        assert_eq!(consent.detail.0["pageUrl"], "https://a.example");
        assert_eq!((consent.captured_at, consent.recorded_by.as_str()), (Some(noon() - Duration::hours(1)), "api"));

        scene.again(lead, json!({"compliance": compliance})).await;
        assert_eq!(scene.evidence(lead).await, first, "the same proves nothing twice");
        scene.again(lead, json!({"compliance": {"tcpaConsent": false}})).await;
        let now = scene.evidence(lead).await;
        assert_eq!((now.len(), now[0].detail.0["tcpaConsent"].as_bool()), (4, Some(false)));
        assert_eq!(now[1..], first);
        let row = leads::get(&scene.store.db, scene.workspace, lead).await.unwrap().unwrap();
        assert_eq!(row.details.compliance["own"], json!({"a": [1]}), "what is not known stays as it was sent");

        let contact = scene.contact(lead).await;
        let of = |workspace| evidence::of_contact(&scene.store.db, (workspace, contact), None, 100);
        assert_eq!(of(scene.workspace).await.unwrap(), now);
        let other = scene.store.workspace("other").await;
        assert_eq!(of(other).await.unwrap(), [], "another workspace's is its own");
    }

    async fn evidence_that_is_added_later_is_added_once(store: TestStore) {
        let scene = Scene::new(store).await;
        let lead = scene.new_lead(json!({})).await;
        let add = async |lead, workspace| {
            let detail = serde_json::Map::from_iter([("by".to_owned(), json!("a letter"))]);
            let said = shared::evidence::Said::new(Kind::Other, None, detail, None);
            evidence::add_one(&scene.store.db, New { workspace, lead, said, at: noon(), by: "key a" }).await.unwrap()
        };
        let Added::Kept(first) = add(lead, scene.workspace).await else { panic!("not kept") };
        assert_eq!(add(lead, scene.workspace).await, Added::Kept(first.clone()));
        assert_eq!(scene.evidence(lead).await, [*first]);
        assert_eq!(add(LeadId::new(), scene.workspace).await, Added::NoSuchLead);
        let other = scene.store.workspace("other").await;
        assert_eq!(add(lead, other).await, Added::NoSuchLead);
    }

    async fn of_twenty_documents_that_come_at_once_all_are_kept(store: TestStore) {
        let scene = Arc::new(Scene::new(store).await);
        let lead = scene.new_lead(json!({"files": [{"fileKey": "id", "status": "uploaded"}]})).await;
        let tasks: Vec<_> = (0..20).map(|nth| {
            let scene = scene.clone();
            tokio::spawn(async move {
                let key = format!("f{nth}");
                let file = json!({"fileKey": key, "documentUrl": "https://a.example/x"});
                files::keep(&scene.store.db, &scene.file(lead, &key, file), 50).await.unwrap()
            })
        }).collect();
        for task in tasks {
            assert!(matches!(task.await.unwrap(), Kept::Yes { is_new: true, .. }));
        }
        let keep = async |key: &str, file: Value, most| {
            files::keep(&scene.store.db, &scene.file(lead, key, file), most).await.unwrap()
        };
        let signed = json!({"fileKey": "f7", "status": "signed"});
        let Kept::Yes { file, is_new: false } = keep("f7", signed.clone(), 50).await else { panic!("not kept") };
        assert_eq!((&file["status"], &file["documentUrl"]), (&json!("signed"), &json!("https://a.example/x")));
        assert_eq!(keep("f7", signed, 50).await, Kept::Yes { file, is_new: false }, "again: nothing changes");
        assert_eq!(keep("more", json!({"fileKey": "more"}), 21).await, Kept::Full);
        scene.again(lead, json!({"files": [{"fileKey": "id", "status": "verified"}]})).await;
        let row = leads::get(&scene.store.db, scene.workspace, lead).await.unwrap().unwrap();
        assert_eq!((row.details.files.len(), &row.details.file("id").unwrap()["status"]), (21, &json!("verified")));
    }
}
