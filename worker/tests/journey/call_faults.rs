//! Calls on bad days: providers that err, stay silent or repeat themselves, and workers that die. Nobody is called twice for one plan.
use crate::{phones::Phones, world::Run};
use chrono::Duration;
use fakes::Provider;
use serde_json::json;
use shared::{ids::LeadId, on_both_engines, outreach::CallOutcome, store::interactions::State};

/// Providers that differ in what they tell and in what they can be asked.
const THREE: [(&str, Provider); 3] =
    [("AAA", Provider::Retell), ("BBB", Provider::Vapi), ("CCC", Provider::Generic)];

on_both_engines! {
    async fn an_order_that_went_wrong_and_was_placed_is_found_and_not_repeated(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in THREE {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let before = phones.orders();
            let lead = phones.reached(campaign, "+14155550110").await;
            assert_eq!(state(&phones, lead).await, State::Unsure, "{code}");
            phones.later(Duration::seconds(5)).await;
            let found = if provider == Provider::Generic { State::Unsure } else { State::InProgress };
            assert_eq!(state(&phones, lead).await, found, "{code}: who can be asked is asked");
            phones.played().await;
            assert_eq!((phones.stands(lead).await.as_str(), phones.orders() - before), ("finished accepted", 1), "{code}");
        }
    }

    async fn an_order_that_was_not_placed_is_placed_again_only_once_that_is_known(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, (code, provider)) in THREE.into_iter().enumerate() {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({"retryMinutes": [60]}), json!({})).await;
            let phone = format!("+1415{}550109", 5 + nth);
            let lead = phones.reached(campaign, &phone).await;
            assert_eq!(state(&phones, lead).await, State::Unsure, "{code}");
            phones.later(Duration::seconds(5)).await;
            if provider == Provider::Generic {
                // Nobody can be asked: for a quarter of an hour it may have been made, then it counts as one of which nothing was heard.
                for _ in 0..4 {
                    assert_eq!(phones.orders_to(&phone), 1, "{code}");
                    phones.later(Duration::minutes(5)).await;
                }
                assert_eq!(phones.interactions(lead).await[0].outcome, Some(CallOutcome::Unknown), "{code}");
                assert_eq!(phones.stands(lead).await, "parked no_answer", "{code}");
                phones.later(Duration::minutes(61)).await;
            } else {
                assert_eq!(state(&phones, lead).await, State::Unsure, "{code}: its list may lag");
                phones.later(Duration::seconds(30)).await;
                assert_eq!(state(&phones, lead).await, State::NotPlaced, "{code}: there is no such call");
                phones.later(Duration::minutes(1)).await;
            }
            assert_eq!(phones.orders_to(&phone), 2, "{code}");
        }
    }

    async fn a_busy_provider_is_asked_again_after_a_pause(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({"dailyCalls": 1}), json!({})).await;
        let lead = phones.reached(campaign, "+14155550117").await;
        assert_eq!((phones.orders(), state(&phones, lead).await), (1, State::Planned));
        phones.later(Duration::seconds(5)).await;
        assert_eq!((phones.orders(), phones.interactions(lead).await.len()), (2, 1), "the same call, and the day's only one");
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "finished accepted");
    }

    async fn what_is_told_counts_once_whenever_and_however_often(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in THREE {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            // Before the order is answered; ten times at once; the last one first.
            for digits in ["0112", "0113", "0114"] {
                let before = phones.orders();
                let lead = phones.reached(campaign, &format!("+1415555{digits}")).await;
                phones.played().await;
                assert_eq!(phones.stands(lead).await, "finished accepted", "{code} {digits}");
                assert_eq!(phones.delivered()["questionnaire"]["homeowner"], json!("yes"), "{code} {digits}");
                assert_eq!((phones.orders() - before, phones.interactions(lead).await.len()), (1, 1), "{code} {digits}");
                let refused = phones.fake.webhooks().iter().filter(|sent| sent.status != Some(200)).count();
                assert_eq!(refused, 0, "{code} {digits}");
            }
        }
    }

    async fn what_is_not_signed_well_has_no_effect(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in THREE {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let lead = phones.reached(campaign, "+14155550115").await;
            phones.played().await;
            let calls = phones.interactions(lead).await;
            assert_eq!((calls[0].state, calls[0].report.is_none()), (State::InProgress, true), "{code}");
            // Asking is the way that is left.
            phones.later(Duration::seconds(30)).await;
            assert_eq!(phones.stands(lead).await, "finished accepted", "{code}");
        }
        assert!(phones.fake.webhooks().iter().all(|sent| sent.status == Some(401)));
    }

    async fn each_thing_told_in_its_own_time_comes_to_the_same_end(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in THREE {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let lead = phones.reached(campaign, "+14155550100").await;
            let id = phones.interactions(lead).await[0].reference.clone().unwrap();
            while phones.fake.step(&id).await {
                phones.settle().await;
            }
            assert_eq!(phones.stands(lead).await, "finished accepted", "{code}");
            assert_eq!(phones.delivered()["questionnaire"]["homeowner"], json!("yes"), "{code}");
        }
    }

    async fn an_analysis_that_does_not_come_is_not_waited_for_for_ever(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Generic, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let lead = phones.reached(campaign, "+14155550100").await;
        let id = phones.interactions(lead).await[0].reference.clone().unwrap();
        assert!(phones.fake.step(&id).await && phones.fake.step(&id).await);
        phones.settle().await;
        assert_eq!(state(&phones, lead).await, State::InProgress, "it has ended and is not analysed");
        phones.later(Duration::seconds(60)).await;
        assert_eq!(phones.stands(lead).await, "finished accepted");
        // It comes after all: kept with the call, and nothing else.
        phones.fake.step(&id).await;
        phones.settle().await;
        let calls = phones.interactions(lead).await;
        let report = calls[0].report.as_ref().unwrap();
        assert_eq!((calls[0].outcome, report.answers["homeowner"].as_str()), (Some(CallOutcome::Completed), Some("yes")));
        assert_eq!(phones.world.bodies().len(), 1);
    }

    async fn a_worker_that_dies_while_it_asks_calls_nobody_twice(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in THREE {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let before = phones.orders();
            // 0111: the order is placed and never answered. The worker dies over it.
            let lead = phones.lead(campaign, "+14155550111").await;
            phones.stages_only().await;
            let call = phones.interactions(lead).await.remove(0);
            tokio::select! {
                _ = phones.attend(call.id.0) => panic!("{code}: it was answered"),
                () = phones.ordered(before + 1) => {}
            }
            assert_eq!(state(&phones, lead).await, State::Placing, "{code}");
            phones.later(Duration::seconds(60)).await;
            assert_eq!((state(&phones, lead).await, phones.orders() - before), (State::Placing, 1), "{code}");
            phones.later(Duration::seconds(60)).await;
            assert_eq!(state(&phones, lead).await, State::Unsure, "{code}");
            phones.later(Duration::seconds(5)).await;
            phones.played().await;
            assert_eq!((phones.stands(lead).await.as_str(), phones.orders() - before), ("finished accepted", 1), "{code}");
        }
    }

    async fn what_is_told_of_a_call_whose_worker_died_is_enough(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Generic, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let lead = phones.lead(campaign, "+14155550111").await;
        phones.stages_only().await;
        let call = phones.interactions(lead).await.remove(0);
        tokio::select! {
            _ = phones.attend(call.id.0) => panic!("it was answered"),
            () = phones.ordered(1) => {}
        }
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "parked pending_action", "its worker may still be at it");
        phones.later(Duration::seconds(120)).await;
        assert_eq!((phones.stands(lead).await.as_str(), phones.orders()), ("finished accepted", 1));
    }

    async fn a_worker_that_dies_before_it_asks_calls_nobody_and_the_next_one_calls(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let lead = phones.lead(campaign, "+14155550100").await;
        phones.stages_only().await;
        let (call, now) = (phones.interactions(lead).await.remove(0), phones.world.clock.now());
        let db = &phones.world.store.db;
        assert!(shared::store::calls::claim(db, &call, "nobody", (now, now + Duration::seconds(120))).await.unwrap());
        phones.settle().await;
        phones.later(Duration::seconds(119)).await;
        assert_eq!((state(&phones, lead).await, phones.orders()), (State::Placing, 0));
        phones.later(Duration::seconds(1)).await;
        phones.later(Duration::seconds(5)).await;
        phones.later(Duration::seconds(30)).await;
        assert_eq!(state(&phones, lead).await, State::NotPlaced, "the provider has no such call");
        phones.later(Duration::minutes(1)).await;
        assert_eq!((phones.orders(), phones.interactions(lead).await.len()), (1, 2));
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "finished accepted");
    }
}

async fn state(phones: &Phones, lead: LeadId) -> State {
    phones.interactions(lead).await.pop().unwrap().state
}
