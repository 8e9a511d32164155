//! The budget of calls and texts on both engines: of many who race for the last one, one has it.
use chrono::Duration;
use shared::{
    clock::Clock,
    ids::CampaignId,
    on_both_engines,
    outreach::agent::Channel,
    store::outreach_budget::{self, Budget},
    testing::noon,
};

/// Tasks that race.
const RACERS: usize = 64;

on_both_engines! {
    async fn no_more_are_taken_than_there_are(store: TestStore) {
        let clock = Clock::by_hand(noon());
        let workspace = store.workspace("own").await;
        let (campaign, day) = (CampaignId::new(), clock.now().date_naive());
        let calls = Budget { workspace, campaign, day, channel: Channel::Voice };
        let texts = Budget { channel: Channel::Sms, ..calls };
        for (budget, most) in [(calls, 40), (texts, 1)] {
            let racers: Vec<_> = (0..RACERS)
                .map(|_| {
                    let db = store.db.clone();
                    tokio::spawn(async move { outreach_budget::reserve(&db, budget, most).await })
                })
                .collect();
            let mut taken = 0;
            for racer in racers {
                taken += i64::from(racer.await.unwrap().unwrap());
            }
            assert_eq!((taken, outreach_budget::used(&store.db, budget).await.unwrap()), (most, most));
        }
        assert_eq!(outreach_budget::used(&store.db, calls).await.unwrap(), 40, "calls are no texts");
        outreach_budget::give_back(&store.db, calls).await.unwrap();
        assert!(outreach_budget::reserve(&store.db, calls, 40).await.unwrap());
        assert!(!outreach_budget::reserve(&store.db, calls, 40).await.unwrap());
        clock.forward(Duration::days(1));
        let tomorrow = Budget { day: clock.now().date_naive(), ..calls };
        assert_eq!(outreach_budget::used(&store.db, tomorrow).await.unwrap(), 0, "each day is a new one");
        assert!(outreach_budget::reserve(&store.db, tomorrow, 1).await.unwrap());
    }

    async fn an_empty_budget_holds_nothing_and_nothing_is_given_back_twice(store: TestStore) {
        let workspace = store.workspace("own").await;
        let (campaign, day) = (CampaignId::new(), noon().date_naive());
        for channel in [Channel::Voice, Channel::Sms] {
            let budget = Budget { workspace, campaign, day, channel };
            assert!(!outreach_budget::reserve(&store.db, budget, 0).await.unwrap());
            assert!(outreach_budget::reserve(&store.db, budget, 5).await.unwrap());
            for _ in 0..2 {
                outreach_budget::give_back(&store.db, budget).await.unwrap();
            }
            assert_eq!(outreach_budget::used(&store.db, budget).await.unwrap(), 0);
        }
        assert_eq!(outreach_budget::forget_days(&store.db, day, 10).await.unwrap(), 0);
        assert_eq!(outreach_budget::forget_days(&store.db, day.succ_opt().unwrap(), 10).await.unwrap(), 1);
    }
}
