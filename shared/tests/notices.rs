//! Notices: raised with what they tell of, once a subject, counted when they repeat.
use serde_json::json;
use shared::{
    ids::{CampaignId, WorkspaceId},
    on_both_engines,
    store::{
        Db,
        notices::{self, Kind, Notice, NoticeFilter, NoticeRow},
    },
    testing::noon,
};

fn notice(workspace: WorkspaceId, campaign: CampaignId, subject: &str) -> Notice {
    Notice {
        workspace,
        campaign: Some(campaign),
        kind: Kind::CapHit,
        subject: subject.into(),
        message: format!("about {subject}"),
        details: Some(json!({ "subject": subject })),
        at: noon(),
    }
}

async fn raise(db: &Db, all: &[Notice]) {
    let mut tx = db.begin().await.unwrap();
    notices::raise(&mut tx, all).await.unwrap();
    tx.commit().await.unwrap();
}

fn words(rows: &[NoticeRow]) -> Vec<String> {
    rows.iter().map(|row| format!("{} x{}", row.message, row.times)).collect()
}

on_both_engines! {
    async fn a_repeat_is_counted_and_keeps_the_first_message(store: TestStore) {
        let workspace = store.workspace("notices").await;
        let campaign = CampaignId::new();
        let one = notice(workspace, campaign, "one");
        let mut later = one.clone();
        later.message = "another message".into();
        later.at = noon() + chrono::Duration::minutes(5);
        // Twice in one statement, and once more in another.
        raise(&store.db, &[one.clone(), notice(workspace, campaign, "two"), one]).await;
        raise(&store.db, &[later.clone()]).await;
        let rows = notices::list(&store.db, workspace, NoticeFilter::default(), 10).await.unwrap();
        let mut told = words(&rows);
        told.sort();
        assert_eq!(told, ["about one x3", "about two x1"]);
        let row = rows.iter().find(|row| row.times == 3).unwrap();
        assert_eq!((row.at, row.last_at), (noon(), later.at));
        assert_eq!(row.details.as_ref().unwrap().0, json!({"subject": "one"}));
    }

    async fn what_is_rolled_back_was_not_raised(store: TestStore) {
        let workspace = store.workspace("notices").await;
        let mut tx = store.db.begin().await.unwrap();
        notices::raise(&mut tx, &[notice(workspace, CampaignId::new(), "one")]).await.unwrap();
        drop(tx);
        let rows = notices::list(&store.db, workspace, NoticeFilter::default(), 10).await.unwrap();
        assert!(rows.is_empty());
    }

    async fn the_same_subject_in_two_workspaces_is_two_notices(store: TestStore) {
        let (one, two) = (store.workspace("one").await, store.workspace("two").await);
        let campaign = CampaignId::new();
        raise(&store.db, &[notice(one, campaign, "same"), notice(two, campaign, "same")]).await;
        for workspace in [one, two] {
            for campaign in [None, Some(campaign)] {
                let filter = NoticeFilter { campaign, ..NoticeFilter::default() };
                let rows = notices::list(&store.db, workspace, filter, 10).await.unwrap();
                assert_eq!(words(&rows), ["about same x1"]);
            }
        }
    }

    async fn a_list_is_filtered_and_paged_with_the_newest_first(store: TestStore) {
        let workspace = store.workspace("notices").await;
        let (ours, other) = (CampaignId::new(), CampaignId::new());
        for n in 0..3 {
            raise(&store.db, &[notice(workspace, ours, &format!("ours {n}"))]).await;
            let mut theirs = notice(workspace, other, &format!("other {n}"));
            theirs.kind = Kind::BreakerOpened;
            raise(&store.db, &[theirs]).await;
        }
        let list = async |filter, limit| {
            notices::list(&store.db, workspace, filter, limit).await.unwrap()
        };
        let all = NoticeFilter::default();
        let first = list(all, 2).await;
        assert_eq!(words(&first), ["about other 2 x1", "about ours 2 x1"]);
        let next = list(NoticeFilter { before: Some(first[1].id), ..all }, 2).await;
        assert_eq!(words(&next), ["about other 1 x1", "about ours 1 x1"]);
        let kind = list(NoticeFilter { kind: Some(Kind::BreakerOpened), ..all }, 9).await;
        assert_eq!(kind.len(), 3);
        assert!(kind.iter().all(|row| row.campaign_id == Some(other)));
        let campaign = list(NoticeFilter { campaign: Some(ours), ..all }, 9).await;
        assert_eq!(campaign.len(), 3);
        let neither =
            NoticeFilter { campaign: Some(ours), kind: Some(Kind::BreakerOpened), ..all };
        assert!(list(neither, 9).await.is_empty());
    }
}
