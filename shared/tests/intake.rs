//! Taking leads in, on both engines: contacts found, duplicates marked, repeats answered, neighbours unharmed.
use chrono::Duration;
use serde_json::json;
use shared::{
    contact::ContactStatus,
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    on_both_engines,
    store::{
        campaigns::{self, Draft},
        contacts::status::{self, StatusChange},
        intake::{Arrival, CampaignRef, Declined, Intake, Receipt, RepeatKey, Taken, Who},
        lead_status, leads,
    },
    testing::{TestStore, noon},
};
use std::collections::HashSet;

async fn campaign(store: &TestStore, workspace: WorkspaceId, code: &str) -> CampaignId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: Some(30),
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    draft.id
}

fn person(name: &str) -> Person {
    let digits: u32 = name.bytes().fold(7, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    Person {
        first_name: name.into(),
        last_name: "Tester".into(),
        email: format!("{name}@example.com"),
        phone: format!("+1415{:07}", digits % 10_000_000),
    }
}

fn arrival(workspace: WorkspaceId, campaign: CampaignId, person: Person) -> Arrival {
    Arrival {
        workspace,
        campaign: CampaignRef::Id(campaign),
        who: Who::New { person, details: Details::default() },
        is_test: false,
        submit: true,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon() + Duration::seconds(30),
    }
}

fn keyed(mut arrival: Arrival, key: &str, body: &str) -> Arrival {
    arrival.repeat =
        Some(RepeatKey { route: "POST /x", key: key.into(), body_hash: shared::key::hash(body) });
    arrival
}

/// Submits them all at once, so that they share transactions.
async fn at_once(intake: &Intake, arrivals: Vec<Arrival>) -> Vec<Taken> {
    let tasks: Vec<_> = arrivals
        .into_iter()
        .map(|arrival| {
            let intake = intake.clone();
            tokio::spawn(async move { intake.take(arrival).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.push(task.await.unwrap());
    }
    taken
}

fn receipts(taken: Vec<Taken>) -> Vec<Receipt> {
    taken.into_iter().map(|taken| taken.expect("taken in")).collect()
}

on_both_engines! {
    async fn two_hundred_identical_leads_at_once_give_one_original(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = campaign(&store, workspace, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let second = Intake::start(store.db.clone()); // as another process would
        let (ours, theirs) = (0..100).map(|_| arrival(workspace, campaign, person("same")))
            .zip((0..100).map(|_| arrival(workspace, campaign, person("same")))).unzip();
        let (a, b) = tokio::join!(at_once(&intake, ours), at_once(&second, theirs));
        let receipts: Vec<_> = receipts(a).into_iter().chain(receipts(b)).collect();
        assert_eq!(receipts.len(), 200);
        assert_eq!(receipts.iter().filter(|receipt| !receipt.is_duplicate).count(), 1);
        let mut contacts = HashSet::new();
        for receipt in receipts {
            let lead = leads::get(&store.db, workspace, receipt.lead_id).await.unwrap().unwrap();
            let wanted = if receipt.is_duplicate { LeadStatus::Duplicate } else { LeadStatus::Active };
            assert_eq!(lead.lead_status, wanted);
            assert_eq!(lead.is_duplicate, lead.duplicate_of.is_some());
            contacts.insert(lead.contact_id);
        }
        assert_eq!(contacts.len(), 1);
    }

    async fn a_duplicate_is_one_by_email_or_phone_within_the_window_of_its_campaign(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (one, other) = (campaign(&store, workspace, "AAA").await, campaign(&store, workspace, "BBB").await);
        let intake = Intake::start(store.db.clone());
        let same_phone = Person { email: "else@example.com".into(), ..person("ann") };
        let same_email = Person { phone: "+14155550199".into(), ..person("ann") };
        let later = |days: i64| {
            let mut arrival = arrival(workspace, one, person("ann"));
            arrival.at = noon() + Duration::days(days);
            arrival
        };
        let test = Arrival { is_test: true, ..arrival(workspace, one, person("ann")) };
        for (what, arrival, duplicate) in [
            ("the first", arrival(workspace, one, person("ann")), false),
            ("another campaign", arrival(workspace, other, person("ann")), false),
            ("a test lead", test, false),
            ("the same phone", arrival(workspace, one, same_phone), true),
            ("the same email", arrival(workspace, one, same_email), true),
            ("the last day of the window", later(30), true),
            ("a month after the last sight", later(61), false),
            ("somebody else", arrival(workspace, one, person("bob")), false),
        ] {
            let receipt = intake.take(arrival).await.unwrap().unwrap();
            assert_eq!(receipt.is_duplicate, duplicate, "{what}");
        }
    }

    async fn a_repeated_request_gets_the_first_answer_and_has_no_second_effect(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = campaign(&store, workspace, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let request = || keyed(arrival(workspace, campaign, person("ann")), "k1", "body");
        let answers = receipts(at_once(&intake, (0..20).map(|_| request()).collect()).await);
        assert_eq!(answers.iter().map(|receipt| receipt.lead_id).collect::<HashSet<_>>().len(), 1);
        assert_eq!(answers.iter().filter(|receipt| !receipt.repeated).count(), 1);
        let again = intake.take(request()).await.unwrap().unwrap();
        assert!(again.repeated && again.lead_id == answers[0].lead_id);
        let other = keyed(arrival(workspace, campaign, person("bob")), "k1", "another body");
        assert_eq!(intake.take(other).await.unwrap(), Err(Declined::KeyReused));
        let filter = leads::LeadFilter { limit: 100, ..Default::default() };
        assert_eq!(leads::list(&store.db, workspace, &filter).await.unwrap().len(), 1);
        // Once the campaign is paused, the repeat still gets its answer, and a new request does not.
        campaigns::set_state(&store.db, workspace, campaign, "paused", noon()).await.unwrap();
        assert!(intake.take(request()).await.unwrap().unwrap().repeated);
        let closed = Err(Declined::ClosedCampaign("paused".into()));
        let new = || keyed(arrival(workspace, campaign, person("cy")), "k2", "body");
        assert_eq!(intake.take(new()).await.unwrap(), closed);
        // A declined request leaves its key free.
        campaigns::set_state(&store.db, workspace, campaign, "active", noon()).await.unwrap();
        assert!(!intake.take(new()).await.unwrap().unwrap().repeated);
    }

    async fn one_workspace_does_not_see_anothers_campaign_lead_or_key(store: TestStore) {
        let (ours, theirs) = (store.workspace("a").await, store.workspace("b").await);
        let campaign = campaign(&store, theirs, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let lead = intake.take(keyed(arrival(theirs, campaign, person("ann")), "k", "b")).await.unwrap().unwrap();
        let unknown = intake.take(keyed(arrival(ours, campaign, person("ann")), "k", "b")).await.unwrap();
        assert_eq!(unknown, Err(Declined::UnknownCampaign));
        assert!(leads::get(&store.db, ours, lead.lead_id).await.unwrap().is_none());
        assert!(leads::get(&store.db, theirs, lead.lead_id).await.unwrap().is_some());
        let by_code = Arrival { campaign: CampaignRef::Code("AAA".into()), ..arrival(theirs, campaign, person("bob")) };
        assert!(intake.take(by_code).await.unwrap().is_ok());
    }

    async fn a_known_lead_goes_through_again_with_what_the_request_adds(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = campaign(&store, workspace, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let lead = intake.take(arrival(workspace, campaign, person("ann"))).await.unwrap().unwrap().lead_id;
        let again = |id: LeadId, roof: &str| {
            let answer = shared::lead::Answer { key: "roof".into(), question: "Roof?".into(), answer: json!(roof) };
            let details = Details { questionnaire: vec![answer], ..Details::default() };
            Arrival { who: Who::Known { lead: id, details }, ..arrival(workspace, campaign, person("ann")) }
        };
        for taken in at_once(&intake, vec![again(lead, "tile"), again(lead, "tile"), again(lead, "tile")]).await {
            assert_eq!(taken.unwrap().lead_id, lead);
        }
        let rows = leads::submissions(&store.db, workspace, lead).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let row = leads::get(&store.db, workspace, lead).await.unwrap().unwrap();
        assert_eq!(row.details.questionnaire[0].answer, json!("tile"));
        let nobody = intake.take(again(LeadId::new(), "x")).await.unwrap();
        assert_eq!(nobody, Err(Declined::UnknownLead));
    }

    async fn a_row_that_cannot_be_stored_does_not_fail_its_neighbours(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = campaign(&store, workspace, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let mut arrivals: Vec<Arrival> =
            (0..40).map(|n| arrival(workspace, campaign, person(&format!("p{n}")))).collect();
        // A NUL character is refused by PostgreSQL, and with it the whole statement that it shares; SQLite stores it.
        arrivals[17].who = Who::New {
            person: Person { first_name: "a\u{0}b".into(), ..person("p17") },
            details: Details::default(),
        };
        let tasks: Vec<_> = arrivals
            .into_iter()
            .map(|arrival| {
                let intake = intake.clone();
                tokio::spawn(async move { intake.take(arrival).await })
            })
            .collect();
        let mut stored = 0;
        for (n, task) in tasks.into_iter().enumerate() {
            let taken = task.await.unwrap();
            assert!(taken.is_ok() || n == 17, "{n}: {taken:?}");
            stored += usize::from(taken.is_ok());
        }
        let wanted = if store.db.engine() == shared::store::dialect::Engine::Postgres { 39 } else { 40 };
        assert_eq!(stored, wanted);
    }
}

/// A campaign that refuses duplicates, or flags them only.
async fn acting(store: &TestStore, workspace: WorkspaceId, action: &str) -> CampaignId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: action[..3].to_uppercase(),
        name: action.into(),
        dedup_days: Some(30),
        config: json!({"duplicates": {"windowDays": 30, "action": action}}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    draft.id
}

on_both_engines! {
    async fn of_two_hundred_at_once_that_are_refused_one_is_taken_in(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = acting(&store, workspace, "refuse").await;
        let (one, other) = (Intake::start(store.db.clone()), Intake::start(store.db.clone()));
        let all = |n: usize| (0..n).map(|_| arrival(workspace, campaign, person("same"))).collect();
        let (a, b) = tokio::join!(at_once(&one, all(100)), at_once(&other, all(100)));
        let taken: Vec<_> = a.into_iter().chain(b).collect();
        let original: Vec<&Receipt> = taken.iter().filter_map(|taken| taken.as_ref().ok()).collect();
        assert_eq!(original.len(), 1);
        assert!(!original[0].is_duplicate);
        let named = Declined::Duplicate { what: "email", lead: original[0].lead_id };
        assert_eq!(taken.iter().filter(|taken| taken.as_ref() == Err(&named)).count(), 199);
        let filter = leads::LeadFilter { limit: 100, ..Default::default() };
        assert_eq!(leads::list(&store.db, workspace, &filter).await.unwrap().len(), 1);
    }

    async fn a_refused_lead_leaves_no_trace_in_the_window(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = acting(&store, workspace, "refuse").await;
        let intake = Intake::start(store.db.clone());
        let first = intake.take(arrival(workspace, campaign, person("ann"))).await.unwrap().unwrap();
        // Refused for its phone: its email was never seen, be it in the same batch.
        let same_phone = Person { email: "else@example.com".into(), ..person("ann") };
        let fresh_phone = Person { email: "else@example.com".into(), phone: "+14155550188".into(), ..person("ann") };
        let (refused, second) = tokio::join!(
            intake.take(arrival(workspace, campaign, same_phone)),
            intake.take(arrival(workspace, campaign, fresh_phone.clone())),
        );
        assert_eq!(refused.unwrap(), Err(Declined::Duplicate { what: "phone", lead: first.lead_id }));
        let second = second.unwrap().expect("its email was never seen");
        let again = intake.take(arrival(workspace, campaign, fresh_phone)).await.unwrap();
        assert_eq!(again, Err(Declined::Duplicate { what: "email", lead: second.lead_id }));
        // The window is counted from the lead that was taken in.
        for (after, refused) in [(Duration::days(29), true), (Duration::days(30), true), (Duration::days(30) + Duration::seconds(1), false)] {
            let mut late = arrival(workspace, campaign, person("ann"));
            late.at = noon() + after;
            assert_eq!(intake.take(late).await.unwrap().is_err(), refused, "{after}");
        }
        let test = Arrival { is_test: true, ..arrival(workspace, campaign, person("ann")) };
        assert!(intake.take(test).await.unwrap().is_ok());
        let nobody = Person { email: String::new(), phone: String::new(), ..person("x") };
        for n in 0..2 {
            let nobody = Person { email: if n == 0 { String::new() } else { "n@example.com".into() }, ..nobody.clone() };
            assert!(intake.take(arrival(workspace, campaign, nobody)).await.unwrap().is_ok(), "empty never matches");
        }
    }

    async fn a_flagged_duplicate_stays_active(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = acting(&store, workspace, "flag").await;
        let intake = Intake::start(store.db.clone());
        let both = at_once(&intake, vec![arrival(workspace, campaign, person("ann")), arrival(workspace, campaign, person("ann"))]).await;
        let both = receipts(both);
        assert_eq!(both.iter().filter(|receipt| receipt.is_duplicate).count(), 1);
        for receipt in both {
            let lead = leads::get(&store.db, workspace, receipt.lead_id).await.unwrap().unwrap();
            assert_eq!(lead.lead_status, LeadStatus::Active);
        }
    }

    async fn a_refused_request_frees_its_key_and_is_told_the_same_again(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = acting(&store, workspace, "refuse").await;
        let intake = Intake::start(store.db.clone());
        let first = intake.take(arrival(workspace, campaign, person("ann"))).await.unwrap().unwrap();
        let refused = Err(Declined::Duplicate { what: "email", lead: first.lead_id });
        let repeats = (0..5).map(|_| keyed(arrival(workspace, campaign, person("ann")), "k", "body")).collect();
        assert!(at_once(&intake, repeats).await.iter().all(|taken| *taken == refused));
        let mut late = keyed(arrival(workspace, campaign, person("ann")), "k", "body");
        late.at = noon() + Duration::days(31);
        assert!(!intake.take(late).await.unwrap().unwrap().repeated);
    }

    async fn a_lead_of_a_contact_that_is_not_active_is_kept_and_rejected(store: TestStore) {
        let workspace = store.workspace("a").await;
        let campaign = campaign(&store, workspace, "AAA").await;
        let intake = Intake::start(store.db.clone());
        let first = intake.take(arrival(workspace, campaign, person("ann"))).await.unwrap().unwrap();
        let contact = leads::get(&store.db, workspace, first.lead_id).await.unwrap().unwrap().contact_id;
        let set = async |to: ContactStatus| {
            let (reason, by) = ("x".to_owned(), "key desk".to_owned());
            status::change(&store.db, &StatusChange { workspace, contact, to, reason, by }, noon()).await.unwrap();
        };
        for to in [ContactStatus::Inactive, ContactStatus::Bounced, ContactStatus::Spam, ContactStatus::Deleted] {
            set(to).await;
            // By phone as well as by email; with others in the same transaction.
            let same_phone = Person { email: format!("other-{}@example.com", to.word()), ..person("ann") };
            let arrivals = vec![
                arrival(workspace, campaign, person("ann")),
                arrival(workspace, campaign, same_phone),
                arrival(workspace, campaign, person(to.word())),
            ];
            let taken = receipts(at_once(&intake, arrivals).await);
            for receipt in &taken[..2] {
                let lead = leads::get(&store.db, workspace, receipt.lead_id).await.unwrap().unwrap();
                assert_eq!((lead.contact_id, lead.lead_status), (contact, LeadStatus::Rejected), "{to:?}");
                assert_eq!(receipt.submission_id, None, "{to:?}");
                let lines = lead_status::history(&store.db, workspace, receipt.lead_id).await.unwrap();
                assert_eq!((lines.len(), lines[0].reason_code.as_str()), (1, "contact_inactive"));
                assert_eq!(lines[0].reason, format!("the contact is {}", to.word()));
            }
            assert!(taken[2].submission_id.is_some(), "{to:?}: somebody else");
        }
        let open: i64 = store.db.read().sql("SELECT COUNT(*) FROM submission").scalar().await.unwrap();
        assert_eq!(open, 5, "the first and four of others");
        set(ContactStatus::Active).await;
        let back = intake.take(arrival(workspace, campaign, person("ann"))).await.unwrap().unwrap();
        assert!(back.submission_id.is_some());
    }
}
