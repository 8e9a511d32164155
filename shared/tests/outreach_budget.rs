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
        let today = Budget { workspace, campaign: CampaignId::new(), day: clock.now().date_naive() };
        for (channel, most) in [(Channel::Voice, 40), (Channel::Sms, 1), (Channel::Sms, 1)] {
            let racers: Vec<_> = (0..RACERS)
                .map(|_| {
                    let db = store.db.clone();
                    tokio::spawn(async move { outreach_budget::reserve(db.write(), today, channel, most).await })
                })
                .collect();
            let mut taken = 0;
            for racer in racers {
                taken += i64::from(racer.await.unwrap().unwrap());
            }
            let (calls, texts) = outreach_budget::used(&store.db, today).await.unwrap();
            match channel {
                Channel::Voice => assert_eq!((taken, calls, texts), (40, 40, 0)),
                Channel::Sms => assert!(taken <= 1 && (calls, texts) == (40, 1), "{taken}"),
            }
        }
        outreach_budget::give_back(store.db.write(), today, Channel::Voice).await.unwrap();
        assert!(outreach_budget::reserve(store.db.write(), today, Channel::Voice, 40).await.unwrap());
        assert!(!outreach_budget::reserve(store.db.write(), today, Channel::Voice, 40).await.unwrap());
        clock.forward(Duration::days(1));
        let tomorrow = Budget { day: clock.now().date_naive(), ..today };
        assert_eq!(outreach_budget::used(&store.db, tomorrow).await.unwrap(), (0, 0), "each day is a new one");
        assert!(outreach_budget::reserve(store.db.write(), tomorrow, Channel::Voice, 1).await.unwrap());
    }

    async fn an_empty_budget_holds_nothing_and_nothing_is_given_back_twice(store: TestStore) {
        let workspace = store.workspace("own").await;
        let budget = Budget { workspace, campaign: CampaignId::new(), day: noon().date_naive() };
        for channel in [Channel::Voice, Channel::Sms] {
            assert!(!outreach_budget::reserve(store.db.write(), budget, channel, 0).await.unwrap());
            assert!(outreach_budget::reserve(store.db.write(), budget, channel, 5).await.unwrap());
            for _ in 0..2 {
                outreach_budget::give_back(store.db.write(), budget, channel).await.unwrap();
            }
        }
        assert_eq!(outreach_budget::used(&store.db, budget).await.unwrap(), (0, 0));
        assert_eq!(outreach_budget::forget_days(&store.db, budget.day, 10).await.unwrap(), 0);
        let tomorrow = budget.day.succ_opt().unwrap();
        assert_eq!(outreach_budget::forget_days(&store.db, tomorrow, 10).await.unwrap(), 1);
    }
}
