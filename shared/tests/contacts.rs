//! Contacts on both engines: kept once per person, changed with a history, tagged, noted; properties.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    contact::{
        Contact, PropertyKind,
        form::{self, Form, Known},
        property::PROPERTIES_MAX,
    },
    ids::{CampaignId, ContactId, ContactNoteId, PropertyId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    rules::Kind,
    store::{
        campaigns::{self, Draft},
        contacts::{
            notes::{self, Added, Note},
            read, tags,
            upsert::{self, Answer, Outcome, Refused, Upsert, Upserter},
        },
        intake::{Arrival, CampaignRef, Intake, Who},
        leads,
        properties::{self, Changes, Created, Property},
    },
    testing::{TestStore, noon},
};

fn says(workspace: WorkspaceId, given: &Value) -> Upsert {
    let kinds = [("tier".to_owned(), PropertyKind::Text)].into();
    let known = Known { properties: &kinds, country: None, now: noon() };
    let form: Form = form::read(given.as_object().unwrap(), known).unwrap();
    Upsert { workspace, form, source: "api", by: "key desk".into(), at: noon() }
}

async fn keep(store: &TestStore, workspace: WorkspaceId, given: Value) -> Answer {
    let call = says(workspace, &given);
    upsert::many(&store.db, &[call]).await.unwrap().remove(0)
}

async fn kept(store: &TestStore, workspace: WorkspaceId, given: Value) -> (Outcome, Contact) {
    let kept = keep(store, workspace, given).await.unwrap();
    let read = read::get_many(store.db.read(), workspace, &[kept.contact.id]).await.unwrap();
    let shown = Contact { words: read[0].words.clone(), ..kept.contact };
    assert_eq!(shown, read[0], "what is answered is what is kept");
    (kept.outcome, shown)
}

/// The contact's history: kind, and what changed.
async fn history(store: &TestStore, contact: ContactId) -> Vec<(String, Value)> {
    let rows: Vec<(String, sqlx::types::Json<Value>)> = store
        .db
        .read()
        .sql("SELECT kind, detail FROM contact_change WHERE contact_id = $1 ORDER BY id")
        .bind(contact)
        .all()
        .await
        .unwrap();
    rows.into_iter().map(|(kind, detail)| (kind, detail.0)).collect()
}

async fn campaign(store: &TestStore, workspace: WorkspaceId, code: &str) -> CampaignId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    draft.id
}

fn property(key: &str, kind: PropertyKind) -> Property {
    Property {
        id: PropertyId::new(),
        key: key.into(),
        name: key.into(),
        description: String::new(),
        kind,
        indexed: true,
        created_at: noon(),
        updated_at: noon(),
    }
}

async fn epoch(store: &TestStore, workspace: WorkspaceId) -> i64 {
    let epoch = store.db.read().sql("SELECT segment_epoch FROM workspace WHERE id = $1");
    epoch.bind(workspace).scalar().await.unwrap()
}

on_both_engines! {
    async fn one_person_in_three_campaigns_is_one_contact_with_three_leads(store: TestStore) {
        let workspace = store.workspace("a").await;
        let intake = Intake::start(store.db.clone());
        let (_, known) = kept(&store, workspace, json!({"email": "Ada@example.com", "company": "Engines"})).await;
        for code in ["renewal", "newsletter", "white-paper"] {
            let campaign = campaign(&store, workspace, code).await;
            let person = Person {
                first_name: "Ada".into(),
                last_name: "Lovelace".into(),
                email: "ada@example.com".into(),
                phone: "+14155550100".into(),
            };
            let arrival = Arrival {
                workspace,
                campaign: CampaignRef::Id(campaign),
                who: Who::New { person, details: Details::default() },
                is_test: false,
                submit: true,
                source: "api",
                repeat: None,
                at: noon(),
                redeliver_at: noon() + Duration::seconds(30),
            };
            intake.take(arrival).await.unwrap().unwrap();
        }
        let found = leads::of_contact(&store.db, (workspace, known.id), None, 10).await.unwrap();
        assert_eq!(found.len(), 3);
        assert!(found[0].id > found[2].id, "newest first");
        let rest = leads::of_contact(&store.db, (workspace, known.id), Some(found[0].id), 10).await.unwrap();
        assert_eq!(rest.len(), 2);
        let contacts: i64 = store.db.read().sql("SELECT COUNT(*) FROM contact").scalar().await.unwrap();
        assert_eq!(contacts, 1);
        let other = store.workspace("b").await;
        let theirs = leads::of_contact(&store.db, (other, known.id), None, 10).await.unwrap();
        assert!(theirs.is_empty());
    }

    async fn a_person_is_found_by_id_then_email_then_phone(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (outcome, ada) = kept(&store, workspace, json!({"email": "ada@example.com", "phone": "+14155550100", "firstName": "ada"})).await;
        assert_eq!((outcome, ada.profile.source.as_deref(), ada.revision), (Outcome::Created, Some("api"), 1));
        assert_eq!(ada.words, " ada example com ");
        let (outcome, again) = kept(&store, workspace, json!({"email": "ada@example.com", "lastName": "King"})).await;
        assert_eq!((outcome, again.id, again.revision), (Outcome::Updated, ada.id, 2));
        let (outcome, again) = kept(&store, workspace, json!({"phone": "+14155550100", "email": "ada@example.org"})).await;
        assert_eq!((outcome, again.id, again.words.as_str()), (Outcome::Updated, ada.id, " ada king example org "));
        let (outcome, again) = kept(&store, workspace, json!({"contactId": ada.id, "phone": null, "tags": ["VIP"]})).await;
        assert_eq!((outcome, again.profile.phone, again.revision), (Outcome::Updated, None, 4));
        // Said again, nothing changes: no revision, no line.
        let lines = history(&store, ada.id).await.len();
        let (outcome, again) = kept(&store, workspace, json!({"email": "ada@example.org", "lastName": " King", "tags": [" VIP "]})).await;
        assert_eq!((outcome, again.revision, again.updated_at), (Outcome::Unchanged, 4, noon()));
        assert_eq!(history(&store, ada.id).await.len(), lines);
        let folded: sqlx::types::Json<Value> = store.db.read().sql("SELECT folded FROM contact WHERE id = $1").bind(ada.id).scalar().await.unwrap();
        assert_eq!(folded.0, json!({"firstName": "ada", "lastName": "king", "tags": ["vip"]}));
        let other = store.workspace("b").await;
        let theirs = keep(&store, other, json!({"contactId": ada.id, "lastName": "X"})).await;
        assert_eq!(theirs.unwrap_err(), Refused::Unknown);
        let (outcome, theirs) = kept(&store, other, json!({"email": "ada@example.org"})).await;
        assert_eq!((outcome, theirs.id == ada.id), (Outcome::Created, false));
    }

    async fn what_cannot_be_one_person_is_refused_and_nothing_is_written(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, ada) = kept(&store, workspace, json!({"email": "ada@example.com"})).await;
        let (_, bob) = kept(&store, workspace, json!({"phone": "+14155550100"})).await;
        for (given, refused) in [
            (json!({"email": "ada@example.com", "phone": "+14155550100"}), Refused::TwoContacts { email: ada.id, phone: bob.id }),
            (json!({"contactId": bob.id, "email": "ada@example.com"}), Refused::Taken { what: "email", owner: ada.id }),
            (json!({"firstName": "Nobody"}), Refused::Unreachable),
            (json!({"contactId": ada.id, "email": null}), Refused::Unreachable),
            (json!({"contactId": ada.id, "revision": 7, "firstName": "Ada"}), Refused::Moved(1)),
            (json!({"contactId": ContactId::new(), "firstName": "Ada"}), Refused::Unknown),
        ] {
            assert_eq!(keep(&store, workspace, given.clone()).await.unwrap_err(), refused, "{given}");
        }
        // One of these is refused, its neighbours are kept, in their order.
        let calls: Vec<Upsert> = [
            json!({"email": "new@example.com", "firstName": "New"}),
            json!({"email": "ada@example.com", "phone": "+14155550100"}),
            json!({"email": "new@example.com", "firstName": "Newer"}),
            json!({"email": "ada@example.com", "lastName": "King"}),
            json!({"phone": "+14155550100"}),
        ]
        .iter()
        .map(|given| says(workspace, given))
        .collect();
        let answers = upsert::many(&store.db, &calls).await.unwrap();
        let outcomes: Vec<Option<Outcome>> = answers.iter().map(|one| one.as_ref().ok().map(|kept| kept.outcome)).collect();
        use Outcome::{Created, Unchanged, Updated};
        assert_eq!(outcomes, [Some(Created), None, Some(Updated), Some(Updated), Some(Unchanged)]);
        let new = answers[0].as_ref().unwrap().contact.id;
        let read = read::get_many(store.db.read(), workspace, &[new]).await.unwrap();
        assert_eq!((read[0].profile.first_name.as_deref(), read[0].revision), (Some("Newer"), 1));
        // An email that a contact gives up is not another's within the same batch; after it, it is.
        let calls = [json!({"contactId": ada.id, "email": "ada@example.org"}), json!({"contactId": bob.id, "email": "ada@example.com"})];
        let calls: Vec<Upsert> = calls.iter().map(|given| says(workspace, given)).collect();
        let answers = upsert::many(&store.db, &calls).await.unwrap();
        assert_eq!((answers[0].is_ok(), answers[1].is_ok()), (true, false));
        assert!(upsert::many(&store.db, &calls[1..]).await.unwrap()[0].is_ok());
    }

    async fn a_person_who_is_kept_fifty_times_at_once_is_one_contact(store: TestStore) {
        let workspace = store.workspace("a").await;
        // Two processes, and requests that share no batch.
        let doors = [Upserter::start(store.db.clone()), Upserter::start(store.db.clone())];
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let (door, db) = (doors[n % 2].clone(), store.db.clone());
                let given = match n % 3 {
                    0 => json!({"email": "ada@example.com", "phone": "+14155550100", "company": format!("Engines {n}")}),
                    _ => json!({"email": "ada@example.com", "company": format!("Engines {n}")}),
                };
                let call = says(workspace, &given);
                tokio::spawn(async move {
                    if n % 5 == 0 { upsert::many(&db, &[call]).await.unwrap().remove(0) } else { door.one(call).await.unwrap() }
                })
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        let mut created = 0;
        for task in tasks {
            let kept = task.await.unwrap().unwrap();
            ids.insert(kept.contact.id);
            created += usize::from(kept.outcome == Outcome::Created);
        }
        assert_eq!((ids.len(), created), (1, 1));
        let id = *ids.first().unwrap();
        let read = read::get_many(store.db.read(), workspace, &[id]).await.unwrap();
        let batches = history(&store, id).await.len() as i64;
        assert_eq!(read[0].revision, batches, "a line for each revision");
        assert_eq!(read[0].profile.phone.as_deref(), Some("+14155550100"));
    }

    async fn history_tells_what_changed_from_what_to_what(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, ada) = kept(&store, workspace, json!({"email": "ada@example.com", "properties": {"tier": "gold"}})).await;
        kept(&store, workspace, json!({
            "contactId": ada.id, "lastName": "King", "properties": {"tier": null}, "tags": ["vip"],
            "doNotContactUntil": "2026-12-01T00:00:00Z",
        })).await;
        assert_eq!(history(&store, ada.id).await, [
            ("created".to_owned(), json!({})),
            ("consent".to_owned(), json!({"doNotContactUntil": {"from": null, "to": "2026-12-01T00:00:00Z"}})),
            ("tags".to_owned(), json!({"tags": {"from": [], "to": ["vip"]}})),
            (
                "fields".to_owned(),
                json!({"lastName": {"from": null, "to": "King"}, "property.tier": {"from": "gold", "to": null}}),
            ),
        ]);
    }

    async fn two_thousand_contacts_are_written_by_a_handful_of_statements(store: TestStore) {
        let workspace = store.workspace("a").await;
        let calls = |company: &str| -> Vec<Upsert> {
            let given = |n: usize| json!({"email": format!("a{n}@example.com"), "company": company});
            (0..2_000).map(|n| says(workspace, &given(n))).collect()
        };
        for (company, outcome) in [("One", Outcome::Created), ("Two", Outcome::Updated), ("Two", Outcome::Unchanged)] {
            let answers = upsert::many(&store.db, &calls(company)).await.unwrap();
            assert!(answers.iter().all(|answer| answer.as_ref().unwrap().outcome == outcome), "{company}");
        }
        let (two, revisions): (i64, i64) = store.db.read()
            .sql("SELECT COUNT(*), CAST(SUM(revision) AS BIGINT) FROM contact WHERE company = 'Two'")
            .one().await.unwrap();
        assert_eq!((two, revisions), (2_000, 4_000));
    }

    async fn tags_are_put_on_and_taken_off_many_at_once(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, ada) = kept(&store, workspace, json!({"email": "ada@example.com", "tags": ["VIP", "new"]})).await;
        let (_, bob) = kept(&store, workspace, json!({"email": "bob@example.com"})).await;
        let many: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
        let (_, full) = kept(&store, workspace, json!({"email": "full@example.com", "tags": many})).await;
        let stranger = ContactId::new();
        let tagging = tags::Tagging {
            workspace,
            contacts: vec![ada.id, bob.id, full.id, stranger, ada.id],
            add: vec!["vip".into()],
            remove: vec!["NEW".into()],
            by: "key desk".into(),
        };
        let tagged = tags::tag(&store.db, &tagging, noon()).await.unwrap();
        assert_eq!((tagged.changed, tagged.full, tagged.unknown), (vec![ada.id, bob.id], vec![full.id], vec![stranger]));
        let read = read::get_many(store.db.read(), workspace, &[ada.id]).await.unwrap();
        assert_eq!(read[0].profile.tags.0, ["VIP"], "it keeps its spelling");
        let again = tags::tag(&store.db, &tagging, noon()).await.unwrap();
        assert_eq!((again.changed, again.unchanged), (vec![], vec![ada.id, bob.id]));
        assert_eq!(history(&store, bob.id).await[1].1, json!({"tags": {"from": [], "to": ["vip"]}}));
    }

    async fn the_words_of_notes_are_words_of_the_contact(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, ada) = kept(&store, workspace, json!({"email": "ada@example.com"})).await;
        let note = |text: &str| Note { id: ContactNoteId::new(), text: text.into(), written_by: "key desk".into(), at: noon() };
        let first = note("Likes Solar.");
        assert_eq!(notes::add(&store.db, (workspace, ada.id), &first).await.unwrap(), Added::Yes);
        let again = notes::add(&store.db, (workspace, ada.id), &note("Likes Solar.")).await.unwrap();
        assert_eq!(again, Added::Same(first.clone()), "a request that is repeated");
        notes::add(&store.db, (workspace, ada.id), &note("Call back.")).await.unwrap();
        let read = read::get_many(store.db.read(), workspace, &[ada.id]).await.unwrap();
        assert_eq!((read[0].words.as_str(), read[0].revision), (" ada example com likes solar call back ", 3));
        let (_, named) = kept(&store, workspace, json!({"contactId": ada.id, "lastName": "King"})).await;
        assert_eq!(named.words, " king ada example com likes solar call back ", "a later change keeps them");
        let list = notes::list(&store.db, (workspace, ada.id), None, 10).await.unwrap();
        assert_eq!((list.len(), list[1].clone()), (2, first));
        assert_eq!(notes::list(&store.db, (workspace, ada.id), Some(list[0].id), 10).await.unwrap().len(), 1);
        let other = store.workspace("b").await;
        assert_eq!(notes::add(&store.db, (other, ada.id), &note("x")).await.unwrap(), Added::Unknown);
    }

    async fn properties_are_made_once_changed_and_read_by_rules_when_indexed(store: TestStore) {
        let workspace = store.workspace("a").await;
        let unmade = epoch(&store, workspace).await;
        let tier = property("tier", PropertyKind::Text);
        let since = property("since", PropertyKind::Datetime);
        for made in [&tier, &since] {
            assert_eq!(properties::create(&store.db, workspace, made).await.unwrap(), Created::Yes);
        }
        let made = epoch(&store, workspace).await;
        assert!(made > unmade);
        let clash = property("tier", PropertyKind::List);
        assert_eq!(properties::create(&store.db, workspace, &clash).await.unwrap(), Created::KeyTaken);
        assert_eq!(epoch(&store, workspace).await, made, "a refused one changes nothing");
        let readable = properties::readable(store.db.read(), workspace).await.unwrap();
        assert_eq!((readable.0["tier"], readable.0["since"]), (Kind::Text, Kind::DateTime));
        let changes = Changes { indexed: Some(false), name: Some("Tier of 2026".into()), description: None };
        let changed = properties::change(&store.db, (workspace, tier.id), &changes, noon()).await.unwrap().unwrap();
        assert_eq!((changed.key.as_str(), changed.name.as_str(), changed.indexed), ("tier", "Tier of 2026", false));
        assert_eq!(properties::get(&store.db, workspace, tier.id).await.unwrap(), Some(changed));
        let readable = properties::readable(store.db.read(), workspace).await.unwrap();
        assert_eq!(readable.0.keys().collect::<Vec<_>>(), ["since"]);
        assert_eq!(properties::all(store.db.read(), workspace).await.unwrap().len(), 2, "contacts may still have it");
        assert!(epoch(&store, workspace).await > made);
        let other = store.workspace("b").await;
        assert_eq!(properties::change(&store.db, (other, tier.id), &changes, noon()).await.unwrap(), None);
        assert_eq!(properties::get(&store.db, other, tier.id).await.unwrap(), None);
        for n in 2..PROPERTIES_MAX {
            let made = property(&format!("p{n}"), PropertyKind::Number);
            assert_eq!(properties::create(&store.db, workspace, &made).await.unwrap(), Created::Yes);
        }
        let more = property("more", PropertyKind::Number);
        assert_eq!(properties::create(&store.db, workspace, &more).await.unwrap(), Created::Full);
        assert_eq!(properties::list(&store.db, workspace, Some(tier.id), 2).await.unwrap()[0].key, "since");
    }
}
