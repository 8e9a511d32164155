//! Whom nobody may reach, on both engines: hashes that outlive rotation and mean nothing elsewhere.
use chrono::Duration;
use shared::{
    ids::WorkspaceId,
    on_both_engines,
    outreach::agent::Channel,
    secret::{KeyRing, RingSource},
    store::{
        key_rotation,
        secrets::Secrets,
        suppressions::{self, Person, Reach, Suppression},
    },
    testing::{noon, ring},
};

const PHONE: &str = "+14155550100";

fn because(channel: Reach, reason: &str) -> Suppression {
    Suppression {
        channel,
        reason: reason.into(),
        source: "test".into(),
        created_at: noon(),
        expires_at: None,
    }
}

async fn hash(secrets: &Secrets, workspace: WorkspaceId, phone: &str) -> String {
    secrets.person_hash(workspace, phone, noon()).await.unwrap()
}

on_both_engines! {
    async fn a_hash_is_one_persons_in_one_workspace_and_outlives_rotation(store: TestStore) {
        let (own, other) = (store.workspace("own").await, store.workspace("other").await);
        let (old, new) = (KeyRing::new_entry(), KeyRing::new_entry());
        let given = |text: &str| RingSource::Given(KeyRing::parse(text).unwrap());
        let before = Secrets::new(store.db.clone(), given(&old));
        let known = hash(&before, own, PHONE).await;
        assert_eq!(known.len(), 64);
        assert!(!known.contains("4155550100"));
        assert_eq!(hash(&before, own, PHONE).await, known);
        assert_ne!(hash(&before, own, "+14155550101").await, known);
        assert_ne!(hash(&before, other, PHONE).await, known);
        let both = KeyRing::parse(&format!("{},{}", *new, *old)).unwrap();
        assert_eq!(key_rotation::rotate(&store.db, &both, noon()).await.unwrap(), 2);
        let after = Secrets::new(store.db.clone(), given(&new));
        assert_eq!(hash(&after, own, PHONE).await, known);
        let lost = Secrets::new(store.db.clone(), given(&old));
        assert!(lost.person_hash(own, PHONE, noon()).await.is_err(), "a hash is never made with another key");
    }

    async fn two_processes_that_begin_at_once_make_one_key(store: TestStore) {
        let own = store.workspace("own").await;
        let processes: Vec<Secrets> = (0..8).map(|_| Secrets::new(store.db.clone(), ring())).collect();
        let begun: Vec<_> = processes
            .into_iter()
            .map(|one| tokio::spawn(async move { one.person_hash(own, PHONE, noon()).await.unwrap() }))
            .collect();
        let mut hashes = Vec::new();
        for one in begun {
            hashes.push(one.await.unwrap());
        }
        hashes.dedup();
        assert_eq!(hashes.len(), 1);
    }

    async fn a_person_is_suppressed_for_the_channels_that_were_said(store: TestStore) {
        let (own, other) = (store.workspace("own").await, store.workspace("other").await);
        let (db, hash) = (&store.db, hash(&Secrets::new(store.db.clone(), ring()), own, PHONE).await);
        let person = Person { workspace: own, hash: &hash };
        let is = async |channel| suppressions::is_suppressed(db.read(), person, channel, noon()).await.unwrap();
        assert!(!is(Channel::Sms).await && !is(Channel::Voice).await);
        suppressions::add(db.write(), person, &because(Reach::Sms, "stop")).await.unwrap();
        assert!(is(Channel::Sms).await && !is(Channel::Voice).await);
        let elsewhere = Person { workspace: other, hash: &hash };
        assert!(!suppressions::is_suppressed(db.read(), elsewhere, Channel::Sms, noon()).await.unwrap());

        let mut tx = db.begin().await.unwrap();
        suppressions::add(tx.ex(), person, &because(Reach::All, "call")).await.unwrap();
        assert!(suppressions::is_suppressed(tx.ex(), person, Channel::Voice, noon()).await.unwrap(), "seen where it was said");
        tx.commit().await.unwrap();
        assert_eq!(suppressions::remove(db.write(), person, Reach::Sms).await.unwrap(), 1);
        assert!(is(Channel::Sms).await && is(Channel::Voice).await, "all is all");
        suppressions::add(db.write(), person, &because(Reach::Voice, "call")).await.unwrap();
        assert_eq!(suppressions::remove(db.write(), elsewhere, Reach::All).await.unwrap(), 0);
        assert_eq!(suppressions::remove(db.write(), person, Reach::All).await.unwrap(), 2);
        assert!(!is(Channel::Sms).await && !is(Channel::Voice).await);
    }

    async fn a_start_takes_back_a_stop_and_nothing_else(store: TestStore) {
        let own = store.workspace("own").await;
        let (db, hash) = (&store.db, hash(&Secrets::new(store.db.clone(), ring()), own, PHONE).await);
        let person = Person { workspace: own, hash: &hash };
        let said = |channel, reason: &str, hours: i64| Suppression {
            created_at: noon() + Duration::hours(hours), ..because(channel, reason)
        };
        let add = async |channel, reason: &str, hours: i64| {
            suppressions::add(db.write(), person, &said(channel, reason, hours)).await.unwrap()
        };
        let known = async || suppressions::find(db, person).await.unwrap();
        for reason in ["stop", "provider"] {
            add(Reach::Sms, reason, 0).await;
            assert_eq!(suppressions::lift_stop(db.write(), person).await.unwrap(), 1, "{reason}");
        }
        assert!(add(Reach::Sms, "stop", 0).await);
        assert!(!add(Reach::Sms, "provider", 1).await);
        assert_eq!(known().await, [said(Reach::Sms, "stop", 0)], "the first stays");
        assert!(add(Reach::Sms, "manual", 2).await);
        assert!(!add(Reach::Sms, "stop", 3).await);
        assert!(!add(Reach::Sms, "letter of a lawyer", 4).await);
        assert!(add(Reach::All, "call", 5).await);
        assert_eq!(suppressions::lift_stop(db.write(), person).await.unwrap(), 0);
        assert_eq!(known().await, [said(Reach::All, "call", 5), said(Reach::Sms, "manual", 2)]);
    }

    async fn what_lasts_longer_counts_and_what_has_ended_stands_no_more(store: TestStore) {
        let own = store.workspace("own").await;
        let person = Person { workspace: own, hash: "h" };
        let until = |hours| Some(noon() + Duration::hours(hours));
        let add = async |reason: &str, expires_at| {
            let said = Suppression { expires_at, ..because(Reach::Voice, reason) };
            suppressions::add(store.db.write(), person, &said).await.unwrap()
        };
        let at = async |hours| {
            let now = noon() + Duration::hours(hours);
            suppressions::is_suppressed(store.db.read(), person, Channel::Voice, now).await.unwrap()
        };
        assert!(add("manual", until(2)).await && !add("manual", until(1)).await);
        assert!(at(1).await && !at(2).await);
        assert!(add("manual", until(3)).await && at(2).await);
        assert!(add("stop", None).await && at(9).await);
        assert!(!add("manual", until(5)).await, "a STOP for ever is not made shorter");
        assert!(add("manual", None).await, "this one the person cannot take back");
    }
}
