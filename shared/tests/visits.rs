//! Visits of browsers, on both engines: kept while nobody knows whose they are, and moved once, whoever is faster.
use chrono::Duration;
use serde_json::{Map, json};
use shared::{
    activity::{
        Visit,
        visit::{Seen, VISITS_KEPT_MAX, site_key},
    },
    clock::Time,
    ids::{ContactId, SiteId, WorkspaceId},
    on_both_engines,
    store::{
        Db,
        activities::{
            Activities,
            read::{self, Filter},
            sites::{self, Added, SiteRow},
        },
    },
    testing::noon,
};
use std::sync::Arc;
use tokio::sync::Barrier;

const BROWSER: &str = "browser-1";

async fn contact(db: &Db, workspace: WorkspaceId, email: &str) -> ContactId {
    let id = ContactId::new();
    let made = db.write().sql(
        "INSERT INTO contact (workspace_id, id, email, status, created_at, updated_at) VALUES ($1, $2, $3, 'active', $4, $4)",
    );
    made.bind(workspace).bind(id).bind(email.to_owned()).bind(noon()).run().await.unwrap();
    id
}

fn page(workspace: WorkspaceId, name: &str, at: Time) -> Visit {
    let data = Map::from_iter([("host".to_owned(), json!("example.com"))]);
    let page = Some(Seen { name: name.into(), data });
    Visit { workspace, visitor: BROWSER.into(), contact: None, page, at }
}

fn identify(workspace: WorkspaceId, contact: ContactId) -> Visit {
    let contact = Some(contact);
    Visit { workspace, visitor: BROWSER.into(), contact, page: None, at: noon() }
}

/// The names of a contact's visits, newest first.
async fn visited(db: &Db, workspace: WorkspaceId, contact: ContactId) -> Vec<String> {
    let filter = Filter { kind: Some("page_visit"), after: None, limit: 1_000 };
    let found = read::list(db, (workspace, contact), filter).await.unwrap().unwrap();
    found.into_iter().map(|one| one.name).collect()
}

async fn kept(db: &Db) -> i64 {
    db.read().sql("SELECT COUNT(*) FROM anonymous_visit").scalar().await.unwrap()
}

on_both_engines! {
    async fn visits_become_the_contacts_once_it_is_known(store: TestStore) {
        let (db, own, other) = (&store.db, store.workspace("own").await, store.workspace("other").await);
        let ada = contact(db, own, "ada@example.com").await;
        let theirs = contact(db, other, "bob@example.com").await;
        let activities = Activities::start(db.clone());
        let ago = |hours| noon() - Duration::hours(hours);
        activities.visit(page(own, "/a", ago(2))).await.unwrap();
        activities.visit(page(own, "/b", ago(1))).await.unwrap();
        activities.visit(page(other, "/elsewhere", ago(1))).await.unwrap();
        // Nobody that there is.
        activities.visit(identify(own, ContactId::new())).await.unwrap();
        activities.visit(identify(own, theirs)).await.unwrap();
        assert_eq!(kept(db).await, 3);
        for _ in 0..2 {
            activities.visit(identify(own, ada)).await.unwrap();
            assert_eq!(visited(db, own, ada).await, ["/b", "/a"]);
        }
        assert_eq!(kept(db).await, 1, "the other workspace's browser is another one");
        activities.visit(page(own, "/c", noon())).await.unwrap();
        activities.visit(Visit { contact: Some(ada), ..page(own, "/d", noon() + Duration::seconds(1)) }).await.unwrap();
        assert_eq!(visited(db, own, ada).await, ["/d", "/c", "/b", "/a"]);
        let filter = Filter { kind: None, after: None, limit: 9 };
        let first = read::list(db, (own, ada), filter).await.unwrap().unwrap().pop().unwrap();
        assert!(first.key.unwrap().starts_with("visit:"));
        assert_eq!((first.at, first.received_at), (ago(2), noon()));
        assert_eq!(first.data.0["host"], "example.com");
    }

    async fn a_browser_that_says_another_name_is_that_persons_from_then_on(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let (ada, bob) = (contact(db, own, "ada@example.com").await, contact(db, own, "bob@example.com").await);
        let activities = Activities::start(db.clone());
        for (visit, name) in [(identify(own, ada), "/a"), (identify(own, bob), "/b"), (identify(own, ContactId::new()), "/c")] {
            activities.visit(visit).await.unwrap();
            activities.visit(page(own, name, noon())).await.unwrap();
        }
        assert_eq!(visited(db, own, ada).await, ["/a"]);
        assert_eq!(visited(db, own, bob).await, ["/c", "/b"]);
    }

    async fn no_visit_is_lost_between_the_identification_and_the_next_page(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        let processes: Vec<Activities> = (0..4).map(|_| Activities::start(db.clone())).collect();
        let barrier = Arc::new(Barrier::new(32));
        let visits = (0..32_usize).map(|nth| {
            let (activities, barrier) = (processes[nth % 4].clone(), barrier.clone());
            let visit = if nth % 8 == 0 { identify(own, ada) } else { page(own, "/a", noon()) };
            tokio::spawn(async move {
                barrier.wait().await;
                activities.visit(visit).await.unwrap();
            })
        });
        for visit in visits.collect::<Vec<_>>() {
            visit.await.unwrap();
        }
        assert_eq!(visited(db, own, ada).await.len(), 28);
        assert_eq!(kept(db).await, 0);
    }

    async fn so_many_visits_of_a_stranger_are_kept_for_so_long(store: TestStore) {
        let (db, own) = (&store.db, store.workspace("own").await);
        let ada = contact(db, own, "ada@example.com").await;
        let activities = Activities::start(db.clone());
        for nth in 0..VISITS_KEPT_MAX + 5 {
            activities.visit(page(own, &format!("/{nth}"), noon() + Duration::seconds(nth))).await.unwrap();
        }
        assert_eq!(kept(db).await, VISITS_KEPT_MAX);
        assert_eq!(read::forget(db, noon() + Duration::seconds(10), 4).await.unwrap(), 4);
        assert_eq!(read::forget(db, noon() + Duration::seconds(10), 100).await.unwrap(), 6);
        assert_eq!(kept(db).await, VISITS_KEPT_MAX - 10);
        activities.visit(page(own, "/again", noon() + Duration::hours(1))).await.unwrap();
        assert_eq!(kept(db).await, VISITS_KEPT_MAX - 9, "there is room again");
        activities.visit(identify(own, ada)).await.unwrap();
        let visited = visited(db, own, ada).await;
        assert_eq!((visited.len() as i64, visited[0].as_str()), (VISITS_KEPT_MAX - 9, "/again"));
        assert_eq!(read::forget(db, noon() + Duration::days(1), 100).await.unwrap(), 0);
    }

    async fn a_site_is_made_once_and_stops_for_good(store: TestStore) {
        let (db, own, other) = (&store.db, store.workspace("own").await, store.workspace("other").await);
        let site = |workspace, name: &str| SiteRow {
            workspace_id: workspace,
            id: SiteId::new(),
            key: site_key(),
            name: name.into(),
            created_at: noon(),
            revoked_at: None,
        };
        let shop = site(own, "shop");
        assert_eq!(sites::add(db, &shop).await.unwrap(), Added::Yes);
        assert_eq!(sites::add(db, &site(own, "shop")).await.unwrap(), Added::Taken);
        assert_eq!(sites::add(db, &site(other, "shop")).await.unwrap(), Added::Yes);
        assert_eq!(sites::by_key(db, &shop.key).await.unwrap(), Some(own));
        assert_eq!(sites::by_key(db, &site_key()).await.unwrap(), None);
        assert!(!sites::revoke(db, other, shop.id, noon()).await.unwrap());
        assert!(sites::revoke(db, own, shop.id, noon()).await.unwrap());
        assert!(!sites::revoke(db, own, shop.id, noon()).await.unwrap());
        assert_eq!(sites::by_key(db, &shop.key).await.unwrap(), None);
        assert_eq!(sites::add(db, &site(own, "shop")).await.unwrap(), Added::Yes, "the name is free again");
        let all = sites::list(db, own).await.unwrap();
        assert_eq!(all.iter().map(|site| site.revoked_at).collect::<Vec<_>>(), [Some(noon()), None]);
    }
}
