//! Campaigns and the clock on both engines: each date does its work once, whoever looks, and members are caught up on.
use chrono::Duration;
use scheduler::{
    Scheduler,
    sweeps::{campaign_members, campaign_windows},
};
use serde_json::json;
use shared::{
    clock::Clock,
    ids::{CampaignId, ContactId, SegmentId, WorkspaceId},
    on_both_engines,
    push::Pusher,
    queue::Queue,
    store::{
        campaign_members as members,
        campaign_window::Window,
        campaigns::{self, Draft},
        leads::{self, LeadFilter},
    },
    testing::{TestStore, noon},
};
use std::collections::BTreeSet;

fn scheduler(store: &TestStore, clock: &Clock) -> Scheduler {
    let queue = Queue::memory();
    let push = Pusher::start(queue.clone());
    let mut scheduler = Scheduler::new(store.db.clone(), queue, push, Duration::seconds(30));
    scheduler.clock = clock.clone();
    scheduler
}

/// A campaign that begins and ends so many hours after noon.
async fn campaign(
    store: &TestStore,
    workspace: WorkspaceId,
    code: &str,
    (start, end): (Option<i64>, Option<i64>),
) -> CampaignId {
    let at = |hours| noon() + Duration::hours(hours);
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    let window = Window { starts_at: start.map(at), ends_at: end.map(at) };
    campaigns::create_dated(&store.db, &draft, window).await.unwrap();
    draft.id
}

async fn state(store: &TestStore, workspace: WorkspaceId, id: CampaignId) -> String {
    campaigns::get(&store.db, workspace, id).await.unwrap().unwrap().state
}

on_both_engines! {
    async fn a_campaign_is_activated_at_its_start_and_paused_at_its_end_once_each(store: TestStore) {
        let workspace = store.workspace("a").await;
        let clock = Clock::by_hand(noon());
        let scheduler = scheduler(&store, &clock);
        let id = campaign(&store, workspace, "AAA", (Some(1), Some(3))).await;
        let is = async || state(&store, workspace, id).await;
        assert_eq!(is().await, "paused", "its start lies ahead");
        assert_eq!(campaign_windows::sweep(&scheduler).await.unwrap(), 0);
        clock.forward(Duration::hours(1));
        assert_eq!(campaign_windows::sweep(&scheduler).await.unwrap(), 1);
        assert_eq!(is().await, "active");
        // A person's word counts: the start is over and is not done again.
        campaigns::set_state(&store.db, workspace, id, "paused", clock.now()).await.unwrap();
        assert_eq!(campaign_windows::sweep(&scheduler).await.unwrap(), 0);
        assert_eq!(is().await, "paused");
        campaigns::set_state(&store.db, workspace, id, "active", clock.now()).await.unwrap();
        clock.forward(Duration::hours(2));
        assert_eq!(campaign_windows::sweep(&scheduler).await.unwrap(), 1);
        assert_eq!(is().await, "paused");
        campaigns::set_state(&store.db, workspace, id, "active", clock.now()).await.unwrap();
        clock.forward(Duration::days(1));
        assert_eq!(campaign_windows::sweep(&scheduler).await.unwrap(), 0);
        assert_eq!(is().await, "active", "somebody wants it to go on");
        let row = campaigns::get(&store.db, workspace, id).await.unwrap().unwrap();
        assert_eq!(row.window.ends_at, Some(noon() + Duration::hours(3)), "the dates are still shown");
    }

    async fn of_several_schedulers_at_once_one_turns_a_campaign(store: TestStore) {
        let workspace = store.workspace("a").await;
        let clock = Clock::by_hand(noon());
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(campaign(&store, workspace, &format!("A{n}"), (Some(1), None)).await);
        }
        let ends = campaign(&store, workspace, "END", (None, Some(1))).await;
        let slept = campaign(&store, workspace, "BOTH", (Some(1), Some(2))).await;
        let put_away = campaign(&store, workspace, "OLD", (Some(1), None)).await;
        campaigns::set_state(&store.db, workspace, put_away, "archived", noon()).await.unwrap();
        clock.forward(Duration::hours(2));
        let mut race = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let scheduler = scheduler(&store, &clock);
            race.spawn(async move { campaign_windows::sweep(&scheduler).await.unwrap() });
        }
        let mut turned = 0;
        while let Some(done) = race.join_next().await {
            turned += done.unwrap();
        }
        // Whoever found a campaign locked left it to the one who had it.
        assert_eq!(turned, 7);
        for id in ids {
            assert_eq!(state(&store, workspace, id).await, "active");
        }
        assert_eq!(state(&store, workspace, ends).await, "paused");
        assert_eq!(state(&store, workspace, slept).await, "paused");
        assert_eq!(state(&store, workspace, put_away).await, "archived");
    }

    async fn a_campaign_that_begins_takes_the_members_that_its_segments_have_by_then(store: TestStore) {
        let workspace = store.workspace("a").await;
        let clock = Clock::by_hand(noon());
        let scheduler = scheduler(&store, &clock);
        let id = campaign(&store, workspace, "AAA", (Some(1), None)).await;
        let (segment, contact) = (SegmentId::new(), ContactId::new());
        store.db.write()
            .sql(
                "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                    created_at, updated_at) VALUES ($1, $2, 'one', '', 'static', 'ready', true, 1, 0, $3, $3)",
            )
            .bind(workspace).bind(segment).bind(noon()).run().await.unwrap();
        store.db.write()
            .sql(
                "INSERT INTO contact (workspace_id, id, email, status, created_at, updated_at)
                 VALUES ($1, $2, 'a@example.com', 'active', $3, $3)",
            )
            .bind(workspace).bind(contact).bind(noon()).run().await.unwrap();
        store.db.write()
            .sql("INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4)")
            .bind(workspace).bind(segment).bind(contact).bind(noon()).run().await.unwrap();
        let wanted = BTreeSet::from([segment]);
        members::assign(&store.db, (workspace, id), &wanted, noon()).await.unwrap().unwrap();
        assert_eq!(campaign_members::sweep(&scheduler).await.unwrap(), 0, "it has not begun");
        clock.forward(Duration::hours(1));
        campaign_windows::sweep(&scheduler).await.unwrap();
        assert_eq!(campaign_members::sweep(&scheduler).await.unwrap(), 1);
        assert_eq!(campaign_members::sweep(&scheduler).await.unwrap(), 0);
        let filter = LeadFilter { campaign: Some(id), limit: 10, ..Default::default() };
        let leads = leads::list(&store.db, workspace, &filter).await.unwrap();
        assert_eq!((leads.len(), leads[0].contact_id), (1, contact));
    }
}
