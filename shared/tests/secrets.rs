//! The secret store on both engines: what is kept opens, stays in its place, survives rotation, and is nowhere in clear.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, WorkspaceId},
    on_both_engines,
    secret::{KeyRing, RingError, RingSource, Sensitive},
    store::{
        Db,
        campaigns::{self, Draft},
        key_rotation,
        secrets::{self, Deleted, SECRETS_MAX, SecretError, Secrets},
    },
    testing::{TestStore, noon, ring},
};

const CANARY: &str = "zz-canary-7f3a-value";

async fn opened(secrets: &Secrets, workspace: WorkspaceId, name: &str) -> Option<String> {
    let opened = secrets.open(workspace, name, noon()).await.unwrap();
    opened.map(|opened| opened.value.expose().to_owned())
}

async fn campaign(db: &Db, workspace: WorkspaceId, config: Value) -> Draft {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: "AAA".into(),
        name: "first".into(),
        dedup_days: None,
        config,
        at: noon(),
    };
    campaigns::create(db, &draft).await.unwrap();
    draft
}

fn uses(name: &str) -> Value {
    json!({"endpoints": [{"headers": {"X-Key": {"secret": name}}}]})
}

on_both_engines! {
    async fn a_value_opens_in_its_workspace_under_its_newest_value(store: TestStore) {
        let secrets = Secrets::new(store.db.clone(), ring());
        let (own, other) = (store.workspace("own").await, store.workspace("other").await);
        let (old, new) = (Sensitive::from("old value"), Sensitive::from(CANARY));
        secrets.put(own, "buyer", &old, noon()).await.unwrap();
        assert_eq!(opened(&secrets, own, "buyer").await.as_deref(), Some("old value"));
        assert_eq!(opened(&secrets, other, "buyer").await, None);
        let elsewhere = Secrets::new(store.db.clone(), ring());
        assert_eq!(opened(&elsewhere, own, "buyer").await.as_deref(), Some("old value"));
        secrets.put(own, "buyer", &new, noon()).await.unwrap();
        assert_eq!(opened(&secrets, own, "buyer").await.as_deref(), Some(CANARY));
        let later = elsewhere.open(own, "buyer", noon() + Duration::seconds(5)).await.unwrap();
        assert_eq!(later.unwrap().value, new, "another process believes the old one for five seconds");
        let rows = secrets::list(&store.db, own).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].last_four.as_deref(), rows[0].ring_key.as_str()), (Some("alue"), "test"));
        assert!(!format!("{rows:?} {secrets:?} {new:?}").contains("canary"));
    }

    async fn another_ring_opens_nothing_and_names_the_key_it_lacks(store: TestStore) {
        let own = store.workspace("own").await;
        Secrets::new(store.db.clone(), ring()).put(own, "buyer", &CANARY.into(), noon()).await.unwrap();
        let stranger = RingSource::Given(KeyRing::parse(&KeyRing::new_entry()).unwrap());
        let secrets = Secrets::new(store.db.clone(), stranger.clone());
        let error = secrets.open(own, "buyer", noon()).await.unwrap_err();
        assert!(matches!(&error, SecretError::Ring(RingError::Missing { wrapped, .. }) if wrapped == "test"), "{error}");
        assert!(secrets.put(own, "buyer", &"other".into(), noon()).await.is_err(), "nothing is written over");
        let found = key_rotation::check(&store.db, &stranger.get().unwrap()).await.unwrap();
        assert_eq!((found.current, found.behind, found.closed.len()), (0, 0, 1));
        let nowhere = Secrets::new(store.db.clone(), RingSource::Nowhere);
        let error = nowhere.put(store.workspace("new").await, "a", &CANARY.into(), noon()).await.unwrap_err();
        assert!(error.to_string().contains("set LEADRAIL_SECRET_KEYS"), "{error}");
    }

    async fn rotation_wraps_anew_and_every_value_still_opens(store: TestStore) {
        let (one, two) = (store.workspace("one").await, store.workspace("two").await);
        let (old, new) = (KeyRing::new_entry(), KeyRing::new_entry());
        let given = |text: &str| RingSource::Given(KeyRing::parse(text).unwrap());
        let before = Secrets::new(store.db.clone(), given(&old));
        before.put(one, "a", &CANARY.into(), noon()).await.unwrap();
        before.put(two, "a", &CANARY.into(), noon()).await.unwrap();
        let both = KeyRing::parse(&format!("{},{}", *new, *old)).unwrap();
        assert_eq!(key_rotation::check(&store.db, &both).await.unwrap().behind, 2);
        assert_eq!(key_rotation::rotate(&store.db, &both, noon()).await.unwrap(), 2);
        assert_eq!(key_rotation::rotate(&store.db, &both, noon()).await.unwrap(), 0, "running it again changes nothing");
        let after = Secrets::new(store.db.clone(), given(&new));
        assert_eq!(opened(&after, one, "a").await.as_deref(), Some(CANARY));
        assert_eq!(opened(&after, two, "a").await.as_deref(), Some(CANARY));
        let lost = Secrets::new(store.db.clone(), given(&old));
        assert!(lost.open(one, "a", noon()).await.is_err(), "the old key is of no use any more");
    }

    async fn a_secret_that_a_campaign_uses_stays_and_one_that_is_not_there_cannot_be_used(store: TestStore) {
        let secrets = Secrets::new(store.db.clone(), ring());
        let own = store.workspace("own").await;
        secrets.put(own, "buyer", &CANARY.into(), noon()).await.unwrap();
        let draft = campaign(&store.db, own, uses("buyer")).await;
        let Deleted::Used(by) = secrets.delete(own, "buyer", noon()).await.unwrap() else { panic!("it is used") };
        let by = by.campaigns;
        assert_eq!((by.len(), by[0].name.as_str(), by[0].code.as_str()), (1, "first", "AAA"));
        let dangling = Draft { config: uses("nobody"), ..draft.clone() };
        assert!(campaigns::save(&store.db, &dangling, 1).await.unwrap_err().is_dangling());
        campaigns::set_state(&store.db, own, draft.id, "archived", noon()).await.unwrap();
        assert_eq!(secrets.delete(own, "buyer", noon()).await.unwrap(), Deleted::Gone, "archived ones do not count");
        assert_eq!(secrets.delete(own, "buyer", noon()).await.unwrap(), Deleted::Absent);
        secrets.put(own, "buyer", &CANARY.into(), noon()).await.unwrap();
        assert_eq!(campaigns::save(&store.db, &draft, 1).await.unwrap(), Some(2));
        let without = Draft { config: json!({}), ..draft };
        assert_eq!(campaigns::save(&store.db, &without, 2).await.unwrap(), Some(3));
        assert_eq!(secrets.delete(own, "buyer", noon()).await.unwrap(), Deleted::Gone, "only the newest revision counts");
    }

    async fn there_is_a_most_of_secrets_and_replacing_one_is_always_possible(store: TestStore) {
        let secrets = Secrets::new(store.db.clone(), ring());
        let own = store.workspace("own").await;
        for n in 0..SECRETS_MAX {
            secrets.put(own, &format!("s{n}"), &CANARY.into(), noon()).await.unwrap();
        }
        let error = secrets.put(own, "more", &CANARY.into(), noon()).await.unwrap_err();
        assert!(error.to_string().contains("200 secrets"), "{error}");
        secrets.put(own, "s0", &"new".into(), noon()).await.unwrap();
        assert_eq!(opened(&secrets, own, "s0").await.as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn a_value_is_not_in_the_bytes_of_the_database_and_moved_to_another_row_it_does_not_open() {
    let store = TestStore::sqlite().await;
    let secrets = Secrets::new(store.db.clone(), ring());
    let (own, other) = (store.workspace("own").await, store.workspace("other").await);
    secrets.put(own, "buyer", &CANARY.into(), noon()).await.unwrap();
    secrets.put(own, "second", &"another value".into(), noon()).await.unwrap();
    secrets.put(other, "buyer", &"another value".into(), noon()).await.unwrap();
    let file = store.url.strip_prefix("sqlite:").unwrap().to_owned();
    for end in ["", "-wal"] {
        let bytes = std::fs::read(format!("{file}{end}")).unwrap();
        let there = |text: &str| bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert!(!there(CANARY) && !there("canary"), "{file}{end}");
    }
    store
        .db
        .write()
        .sql(
            "UPDATE secret SET sealed = (SELECT o.sealed FROM secret o WHERE o.workspace_id = $1 AND o.name = 'buyer')
             WHERE workspace_id = $1 AND name = 'second'",
        )
        .bind(own)
        .run()
        .await
        .unwrap();
    let error =
        Secrets::new(store.db.clone(), ring()).open(own, "second", noon()).await.unwrap_err();
    assert!(error.to_string().contains("the secret second does not open"), "{error}");
}

#[tokio::test]
async fn a_ring_file_that_was_lost_is_not_made_anew() {
    let store = TestStore::sqlite().await;
    let (own, other) = (store.workspace("own").await, store.workspace("other").await);
    let path = std::path::Path::new(store.url.strip_prefix("sqlite:").unwrap())
        .with_file_name("secret.keys");
    let source = RingSource::File(path.clone());
    Secrets::new(store.db.clone(), source.clone())
        .put(own, "a", &CANARY.into(), noon())
        .await
        .unwrap();
    let reopened = Secrets::new(store.db.clone(), source.clone());
    assert_eq!(opened(&reopened, own, "a").await.as_deref(), Some(CANARY));
    std::fs::remove_file(&path).unwrap();
    let after = Secrets::new(store.db.clone(), source);
    let error = after.put(other, "a", &CANARY.into(), noon()).await.unwrap_err();
    assert!(error.to_string().contains("restore it from your backup"), "{error}");
    assert!(!path.exists());
}
