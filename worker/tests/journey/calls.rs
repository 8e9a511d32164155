//! Leads that are called first: what each end of a call leads to, and that nobody is called who must not be.
use crate::{phones::Phones, world::Run};
use chrono::Duration;
use fakes::Provider;
use serde_json::json;
use shared::{
    ids::{CampaignId, LeadId},
    moves::{self, Decision},
    on_both_engines,
    outreach::CallOutcome,
    store::{interactions::State, notices, parking},
};

on_both_engines! {
    async fn a_qualified_call_resumes_the_lead_with_its_answers(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in [("AAA", Provider::Retell), ("BBB", Provider::Vapi), ("CCC", Provider::Generic),
            ("DDD", Provider::Bland), ("EEE", Provider::ElevenLabs)] {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let before = phones.orders();
            let lead = phones.reached(campaign, "+14155550100").await;
            assert_eq!(phones.stands(lead).await, "parked pending_action", "{code}");
            phones.played().await;
            assert_eq!(phones.stands(lead).await, "finished accepted", "{code}: {:?}", phones.interactions(lead).await);
            assert_eq!(phones.delivered()["questionnaire"]["homeowner"], json!("yes"), "{code}");
            assert_eq!(phones.orders() - before, 1, "{code}");
            let row = phones.row(lead).await;
            assert_eq!(phones.world.journey(row.id).await[1..], [
                "routing passed routing_off", "first_action parked voice_ai", "first_action waits call_planned",
                "first_action resumed call_answered", "disqualification passed no_rules",
                "dynamic_keys passed no_keys", "required_fields passed complete", "field_qualification passed any_value",
                "payload passed built", "delivery sold accepted",
            ], "{code}");
        }
    }

    async fn who_is_not_reached_is_called_again_and_then_has_no_contact(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Generic, json!({})).await;
        let other = phones.world.campaign("ZZZ", crate::campaign::plain(&phones.world.sink, "/other")).await;
        for (code, digits, shown, choice, end) in [
            ("AAA", "0101", "voicemail", "no_contact", "finished no_contact"),
            ("BBB", "0102", "no_answer", "continue", "finished accepted"),
            ("CCC", "0103", "no_answer", "disqualify", "finished disqualified"),
            ("DDD", "0107", "contacted", "reject", "finished rejected"),
            ("EEE", "0102", "no_answer", "fallback", "finished no_contact"),
        ] {
            let campaign = phones.calling(code, json!({"onNoContact": choice, "retryMinutes": [30, 60]}), json!({"fallbackTo": other})).await;
            let before = phones.orders();
            let lead = phones.reached(campaign, &format!("+1415555{digits}")).await;
            phones.played().await;
            for pause in [30, 60] {
                assert_eq!(phones.stands(lead).await, format!("parked {shown}"), "{code}");
                let made = phones.orders();
                phones.later(Duration::minutes(pause) - Duration::seconds(1)).await;
                assert_eq!(phones.orders(), made, "{code}: not yet");
                phones.later(Duration::seconds(1)).await;
                assert_eq!(phones.orders(), made + 1, "{code}: after {pause} minutes");
                phones.played().await;
            }
            assert_eq!((phones.stands(lead).await.as_str(), phones.orders() - before), (end, 3), "{code}");
        }
    }

    async fn what_a_person_says_on_the_phone_is_done(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        // Wants to be called in half an hour.
        let lead = phones.reached(campaign, "+14155550104").await;
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "parked scheduled_callback");
        phones.later(Duration::minutes(29)).await;
        assert_eq!(phones.orders(), 1);
        phones.later(Duration::minutes(1)).await;
        assert_eq!(phones.orders(), 2);
        // Is no candidate.
        let lead = phones.reached(campaign, "+14155550106").await;
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "finished disqualified");
        // Cannot be dialled: tried again soon, for nothing.
        let lead = phones.reached(campaign, "+14155550119").await;
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "parked pending_action");
        phones.later(Duration::minutes(30)).await;
        assert_eq!(phones.interactions(lead).await.len(), 2);
        // The number is refused.
        let lead = phones.reached(campaign, "+14155550118").await;
        assert_eq!(phones.stands(lead).await, "finished no_contact");
        assert_eq!(phones.interactions(lead).await[0].state, State::NotPlaced);
    }
    async fn nobody_is_called_who_asked_not_to_be(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        let calls = phones.calling("AAA", json!({}), json!({})).await;
        let texts = phones.texting("BBB", json!({}), json!({})).await;
        let lead = phones.reached(calls, "+14155550105").await;
        // Of the same person, texted already and waiting.
        let waits = phones.reached(texts, "+14155550105").await;
        assert_eq!((phones.orders(), phones.stands(waits).await.as_str()), (2, "parked pending_action"));
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "finished dnc");
        for campaign in [calls, texts] {
            let lead = phones.reached(campaign, "+14155550105").await;
            assert_eq!(phones.stands(lead).await, "finished dnc");
        }
        phones.later(Duration::days(3)).await;
        assert_eq!(phones.orders(), 2, "nobody was called or texted again");
    }

    async fn nobody_is_called_before_eight_where_they_are(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        phones.agent("tester", Provider::Vapi, json!({})).await;
        let campaign = phones.calling("AAA", json!({"testAgent": "tester"}), json!({})).await;
        // Half past seven in California, half past ten in New York.
        phones.world.clock.forward(-Duration::minutes(150));
        let lead = phones.reached(campaign, "+14155550100").await;
        let test = phones.test_lead(campaign, "+14155550100").await.lead_id;
        phones.settle().await;
        let placed = phones.fake.placed();
        assert_eq!((placed.len(), placed[0].provider), (1, Provider::Vapi), "test leads are called by the agent of tests at any hour");
        assert!(phones.interactions(lead).await.is_empty() && phones.interactions(test).await[0].is_test);
        phones.later(Duration::minutes(30) - Duration::seconds(1)).await;
        assert_eq!(phones.orders(), 1);
        phones.later(Duration::seconds(1)).await;
        assert_eq!((phones.orders(), phones.fake.placed()[1].to.as_str()), (2, "+14155550100"));
    }

    async fn a_call_that_was_planned_in_time_is_not_made_too_late(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let lead = planned(&phones, campaign, "+14155550100").await;
        // The outreach lane was paused from the morning until ten at night.
        phones.later(Duration::hours(12)).await;
        assert_eq!(phones.orders(), 0);
        assert!(phones.interactions(lead).await[0].error.as_deref().unwrap().starts_with("hours:"));
        phones.later(Duration::hours(10)).await;
        assert_eq!((phones.orders(), phones.interactions(lead).await.len()), (1, 2));
    }

    async fn a_campaign_that_has_used_up_its_calls_waits_for_its_own_midnight(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let hours = json!({"from": "00:00", "to": "24:00"});
        let campaign = phones.calling("AAA", json!({"dailyCalls": 2, "hours": hours}), json!({})).await;
        let mut leads = Vec::new();
        for digits in ["0116", "0116", "0100"] {
            leads.push(phones.reached(campaign, &format!("+1415{}55{digits}", 5 + leads.len())).await);
        }
        assert_eq!(phones.orders(), 2);
        let notices = notices::list(&phones.world.store.db, phones.world.workspace, Default::default(), 10).await.unwrap();
        assert_eq!(notices.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [notices::Kind::BudgetUsedUp]);
        // The campaign's zone is UTC: it is six in the evening there.
        phones.later(Duration::hours(6) - Duration::seconds(1)).await;
        assert_eq!(phones.orders(), 2);
        phones.later(Duration::seconds(1)).await;
        assert_eq!(phones.orders(), 3);
        let row = phones.row(leads[2]).await;
        let journey = phones.world.journey(row.id).await;
        assert_eq!(journey.iter().filter(|line| line.contains("budget_used_up")).count(), 1, "{journey:?}");
    }

    async fn a_provider_that_never_tells_is_asked(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in [("AAA", Provider::Retell), ("BBB", Provider::Vapi), ("CCC", Provider::Generic)] {
            phones.agent("caller", provider, json!({})).await;
            let campaign = phones.calling(code, json!({}), json!({})).await;
            let lead = phones.reached(campaign, "+14155550108").await;
            phones.played().await;
            assert_eq!(phones.stands(lead).await, "parked pending_action", "{code}");
            phones.later(Duration::seconds(30)).await;
            assert_eq!(phones.stands(lead).await, "finished accepted", "{code}");
            assert_eq!(phones.delivered()["questionnaire"]["homeowner"], json!("yes"), "{code}");
        }
    }

    async fn a_deadline_goes_before_an_open_call_and_what_is_heard_later_is_kept(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let other = phones.world.campaign("ZZZ", crate::campaign::plain(&phones.world.sink, "/other")).await;
        for (code, choice, end) in [
            ("AAA", "continue", "finished accepted"), ("BBB", "disqualify", "finished disqualified"),
            ("CCC", "reject", "finished rejected"), ("DDD", "fallback", "finished no_contact"),
        ] {
            let campaign = phones.calling(code, json!({}), json!({"deadlineMinutes": 20, "onDeadline": choice, "fallbackTo": other})).await;
            let before = phones.orders();
            let lead = phones.reached(campaign, "+14155550100").await;
            phones.later(Duration::minutes(20)).await;
            assert_eq!(phones.stands(lead).await, end, "{code}");
            phones.played().await;
            assert_eq!(phones.stands(lead).await, end, "{code}");
            let calls = phones.interactions(lead).await;
            assert_eq!((calls[0].outcome, calls[0].state), (Some(CallOutcome::Qualified), State::Ended), "{code}");
            assert_eq!((calls.len(), phones.orders() - before), (1, 1), "{code}");
        }
    }

    async fn a_wait_that_is_started_over_does_not_call_beside_a_call_that_is_open(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let more = json!({"deadlineMinutes": 20, "onDeadline": "retry", "deadlineRetries": 1, "afterRetries": "reject"});
        let campaign = phones.calling("AAA", json!({}), more).await;
        let lead = phones.reached(campaign, "+14155550102").await;
        phones.later(Duration::minutes(20)).await;
        assert_eq!((phones.orders(), phones.stands(lead).await.as_str()), (1, "parked pending_action"), "a second round");
        let lines = phones.world.journey(phones.row(lead).await.id).await.len();
        phones.later(Duration::minutes(5)).await;
        assert_eq!(phones.world.journey(phones.row(lead).await.id).await.len(), lines, "nothing is said twice");
        phones.played().await;
        phones.later(Duration::minutes(1)).await;
        assert_eq!(phones.orders(), 2, "the first call is over");
        phones.later(Duration::minutes(14)).await;
        assert_eq!(phones.stands(lead).await, "finished rejected");
    }

    async fn a_lead_that_is_withdrawn_is_not_called(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let lead = planned(&phones, campaign, "+14155550100").await;
        phones.world.withdraw(lead).await;
        phones.settle().await;
        let calls = phones.interactions(lead).await;
        assert_eq!((phones.orders(), calls.len(), calls[0].state), (0, 1, State::NotPlaced));
        phones.later(Duration::days(3)).await;
        assert_eq!(phones.orders(), 0);
    }

    async fn an_agent_that_is_off_calls_nobody_until_it_is_on_again(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({}), json!({})).await;
        let first = planned(&phones, campaign, "+14155550100").await;
        phones.agent("caller", Provider::Retell, json!({"active": false})).await;
        let second = phones.reached(campaign, "+14155560100").await;
        phones.settle().await;
        phones.later(Duration::hours(1)).await;
        phones.later(Duration::hours(1)).await;
        assert_eq!(phones.orders(), 0);
        for lead in [first, second] {
            let journey = phones.world.journey(phones.row(lead).await.id).await;
            assert_eq!(journey.iter().filter(|line| line.contains("agent_off")).count(), 1, "{journey:?}");
        }
        phones.agent("caller", Provider::Retell, json!({})).await;
        phones.later(Duration::minutes(10)).await;
        assert_eq!(phones.orders(), 2);
        phones.played().await;
        assert_eq!((phones.stands(first).await, phones.stands(second).await), ("finished accepted".into(), "finished accepted".into()));
    }

    async fn an_outcome_that_waits_for_people_waits_for_them(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("caller", Provider::Retell, json!({})).await;
        let campaign = phones.calling("AAA", json!({"outcomes": {"completed": "wait", "voicemail": "reject"}}), json!({})).await;
        let lead = phones.reached(campaign, "+14155559000").await;
        phones.played().await;
        phones.later(Duration::hours(5)).await;
        assert_eq!((phones.stands(lead).await.as_str(), phones.orders()), ("parked contacted", 1));
        let row = phones.row(lead).await;
        let world = &phones.world;
        let park = parking::open(&world.store.db, world.workspace, row.id).await.unwrap().unwrap();
        let loaded = world.ctx.loader.load(row.id).await.unwrap().unwrap();
        let close = moves::resume(&loaded, &park, &Decision::default(), "reviewer", world.clock.now()).unwrap();
        assert!(world.ctx.closer.close(close).await.unwrap());
        phones.settle().await;
        assert_eq!(phones.stands(lead).await, "finished accepted");
        let lead = phones.reached(campaign, "+14155550101").await;
        phones.played().await;
        assert_eq!(phones.stands(lead).await, "finished rejected");
    }
}

/// A lead whose call is on disk, and of which the outreach lane has not heard.
async fn planned(phones: &Phones, campaign: CampaignId, phone: &str) -> LeadId {
    let lead = phones.lead(campaign, phone).await;
    phones.stages_only().await;
    assert_eq!(phones.interactions(lead).await[0].state, State::Planned);
    lead
}
