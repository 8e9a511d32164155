//! Leads that are texted first: replies, refusals, reminders, the machine that answers, and texts nobody knows the fate of.
use crate::{phones::Phones, world::Run};
use chrono::Duration;
use fakes::Provider;
use serde_json::json;
use shared::{on_both_engines, store::interactions::Direction};

const BOTH: [(&str, Provider); 2] = [("AAA", Provider::Twilio), ("BBB", Provider::Vonage)];
const ADA: &str = "+14155558000";

on_both_engines! {
    async fn what_a_person_replies_within_one_window_is_one_reply(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in BOTH {
            phones.agent("texter", provider, json!({})).await;
            let campaign = phones.texting(code, json!({"replyField": "roof"}), json!({})).await;
            let before = phones.orders();
            let lead = phones.reached(campaign, ADA).await;
            phones.played().await;
            assert_eq!(phones.texts(lead).await, ["delivered Hello Ada"], "{code}");
            phones.text(provider, ADA, "Yes, please.").await;
            phones.later(Duration::seconds(4)).await;
            phones.text(provider, ADA, "It is tiled.").await;
            assert_eq!(phones.again().await, 200, "{code}: the provider repeats itself");
            phones.later(Duration::seconds(6)).await;
            assert_eq!(phones.stands(lead).await, "parked pending_action", "{code}: perhaps there is more");
            phones.later(Duration::seconds(1)).await;
            assert_eq!(phones.stands(lead).await, "finished accepted", "{code}");
            assert_eq!(phones.delivered()["questionnaire"]["roof"], json!("Yes, please.\nIt is tiled."), "{code}");
            assert_eq!(phones.texts(lead).await, ["delivered Hello Ada", "handed_on Yes, please.", "handed_on It is tiled."]);
            assert_eq!(phones.orders() - before, 1, "{code}");
        }
    }

    async fn a_person_who_says_stop_is_texted_no_more_by_anybody_until_they_say_start(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, (code, provider)) in BOTH.into_iter().enumerate() {
            phones.agent("texter", provider, json!({})).await;
            let person = format!("+1415{}558000", 5 + nth);
            let campaign = phones.texting(code, json!({"reminderMinutes": [60], "reminder": "Still there?"}), json!({})).await;
            let lead = phones.reached(campaign, &person).await;
            phones.text(provider, &person, "HELP").await;
            phones.later(Duration::seconds(30)).await;
            assert_eq!(phones.stands(lead).await, "parked pending_action", "{code}: that is no reply");
            phones.text(provider, &person, "Stop.").await;
            assert_eq!(phones.stands(lead).await, "finished dnc", "{code}");
            let again = phones.reached(campaign, &person).await;
            phones.later(Duration::hours(2)).await;
            assert_eq!((phones.stands(again).await.as_str(), phones.orders_to(&person)), ("finished dnc", 1), "{code}");
            phones.text(provider, &person, "START").await;
            let third = phones.reached(campaign, &person).await;
            assert_eq!((phones.stands(third).await.as_str(), phones.orders_to(&person)), ("parked pending_action", 2), "{code}");
        }
    }

    async fn a_stop_goes_before_a_text_that_is_planned(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        let campaign = phones.texting("AAA", json!({}), json!({})).await;
        let lead = phones.lead(campaign, ADA).await;
        phones.stages_only().await;
        assert_eq!(phones.texts(lead).await, ["planned Hello Ada"]);
        phones.text(Provider::Twilio, ADA, "unsubscribe").await;
        phones.later(Duration::days(3)).await;
        assert_eq!((phones.orders(), phones.stands(lead).await.as_str()), (0, "finished dnc"));
    }

    async fn texts_that_do_not_arrive_end_the_wait_as_the_campaign_says(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        let other = phones.world.campaign("ZZZ", crate::campaign::plain(&phones.world.sink, "/other")).await;
        for (nth, (provider, digits, choice, end)) in [
            (Provider::Twilio, "0120", "no_contact", "finished no_contact"),
            (Provider::Vonage, "0120", "continue", "finished accepted"),
            (Provider::Twilio, "0118", "disqualify", "finished disqualified"),
            (Provider::Vonage, "0118", "fallback", "finished no_contact"),
            (Provider::Twilio, "0119", "continue", "finished dnc"),
        ].into_iter().enumerate() {
            phones.agent("texter", provider, json!({})).await;
            let campaign = phones.texting(&format!("AA{nth}"), json!({"onNoContact": choice}), json!({"fallbackTo": other})).await;
            let lead = phones.reached(campaign, &format!("+1415555{digits}")).await;
            phones.played().await;
            assert_eq!(phones.stands(lead).await, end, "{provider:?} {digits} {:?}", phones.messages(lead).await);
        }
    }

    async fn statuses_in_any_order_and_number_come_to_the_same_end(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (code, provider) in BOTH {
            phones.agent("texter", provider, json!({})).await;
            let campaign = phones.texting(code, json!({}), json!({})).await;
            for digits in ["0112", "0113", "0114"] {
                let lead = phones.reached(campaign, &format!("+1415555{digits}")).await;
                phones.played().await;
                assert_eq!(phones.texts(lead).await, ["delivered Hello Ada"], "{code} {digits}");
            }
            let lead = phones.reached(campaign, "+14155550115").await;
            phones.played().await;
            assert_eq!(phones.texts(lead).await, ["accepted Hello Ada"], "{code}: not signed well");
            // Nobody tells: who can be asked is asked.
            let lead = phones.reached(campaign, "+14155550108").await;
            phones.played().await;
            phones.later(Duration::minutes(2)).await;
            let state = if provider == Provider::Twilio { "delivered" } else { "accepted" };
            assert_eq!(phones.texts(lead).await, [format!("{state} Hello Ada")], "{code}");
        }
    }

    async fn reminders_are_sent_until_there_are_no_more(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        let more = json!({"reminderMinutes": [60, 120], "reminder": "Still there, {{lead.firstName}}?"});
        let campaign = phones.texting("AAA", more, json!({"deadlineMinutes": 600, "onDeadline": "reject"})).await;
        let lead = phones.reached(campaign, ADA).await;
        phones.played().await;
        for (pause, texts) in [(59, 1), (1, 2), (119, 2), (1, 3), (400, 3)] {
            phones.later(Duration::minutes(pause)).await;
            phones.played().await;
            assert_eq!(phones.orders(), texts);
        }
        assert_eq!(phones.stands(lead).await, "parked pending_action");
        assert_eq!(phones.texts(lead).await[2], "delivered Still there, Ada?");
        phones.later(Duration::minutes(20)).await;
        assert_eq!((phones.stands(lead).await.as_str(), phones.orders()), ("finished rejected", 3));
    }

    async fn a_machine_leads_the_conversation_and_ends_it(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, (mode, end, reply)) in [
            ("reply", "parked contacted", Some("You said: Yes.. Do you own your home?")),
            ("silent", "parked contacted", None),
            ("qualify", "finished accepted", Some("Thank you, somebody will call you.")),
            ("reject", "finished disqualified", Some("Thank you. We have nothing for you.")),
        ].into_iter().enumerate() {
            phones.agent("texter", Provider::Twilio, phones.brain(mode)).await;
            let campaign = phones.texting(&format!("AA{nth}"), json!({"resumeOn": "agent"}), json!({})).await;
            let person = format!("+1415{}558000", 5 + nth);
            let lead = phones.reached(campaign, &person).await;
            phones.played().await;
            phones.text(Provider::Twilio, &person, "Yes.").await;
            phones.later(Duration::seconds(7)).await;
            phones.played().await;
            assert_eq!(phones.stands(lead).await, end, "{mode}");
            let mut texts = vec!["delivered Hello Ada".to_owned(), "handed_on Yes.".to_owned()];
            texts.extend(reply.map(|reply| format!("delivered {reply}")));
            assert_eq!(phones.texts(lead).await, texts, "{mode}");
            let told = phones.fake.actions();
            assert_eq!(told.iter().filter(|action| action.path == format!("/brain/{mode}")).count(), 1, "{mode}");
        }
        assert_eq!(phones.delivered()["questionnaire"]["homeowner"], json!("yes"));
    }

    async fn a_machine_that_does_not_answer_is_told_again_and_then_people_have_it(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("texter", Provider::Twilio, phones.brain("500")).await;
        let campaign = phones.texting("AAA", json!({"resumeOn": "agent"}), json!({})).await;
        let lead = phones.reached(campaign, ADA).await;
        phones.played().await;
        phones.text(Provider::Twilio, ADA, "Yes.").await;
        phones.later(Duration::seconds(7)).await;
        for told in 1..=5 {
            assert_eq!(phones.fake.actions().len(), told);
            assert_eq!(phones.texts(lead).await[1], "received Yes.");
            phones.later(Duration::seconds(30)).await;
            phones.later(Duration::seconds(30)).await;
        }
        assert_eq!((phones.fake.actions().len(), phones.texts(lead).await[1].as_str()), (5, "handed_on Yes."));
        assert_eq!((phones.stands(lead).await.as_str(), phones.orders()), ("parked contacted", 1));
    }

    async fn who_texts_first_is_known_by_the_agents_campaigns_or_not_at_all(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        let campaign = phones.world.campaign("AAA", crate::campaign::plain(&phones.world.sink, "/buy")).await;
        let lead = phones.reached(campaign, ADA).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        phones.text(Provider::Twilio, ADA, "Who are you?").await;
        assert!(phones.interactions(lead).await.is_empty(), "the agent takes in nobody");
        phones.agent("texter", Provider::Twilio, json!({"inboundCampaigns": [campaign]})).await;
        phones.text(Provider::Twilio, "+14155558001", "Who are you?").await;
        phones.text(Provider::Twilio, ADA, "Who are you, please?").await;
        phones.later(Duration::seconds(7)).await;
        let threads = phones.interactions(lead).await;
        assert_eq!((threads.len(), threads[0].direction), (1, Direction::Inbound));
        assert_eq!(phones.texts(lead).await, ["handed_on Who are you, please?"]);
        phones.text(Provider::Twilio, ADA, "Hello?").await;
        assert_eq!((phones.interactions(lead).await.len(), phones.orders()), (1, 0));
    }

    async fn a_text_that_may_have_been_sent_is_not_sent_again(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, (code, provider)) in BOTH.into_iter().enumerate() {
            phones.agent("texter", provider, json!({})).await;
            let more = json!({"reminderMinutes": [60], "reminder": "Still there?"});
            let campaign = phones.texting(code, more, json!({})).await;
            let person = format!("+1415{}550110", 5 + nth);
            let lead = phones.reached(campaign, &person).await;
            assert_eq!(phones.texts(lead).await, ["unsure Hello Ada"], "{code}");
            phones.later(Duration::seconds(30)).await;
            let found = if provider == Provider::Twilio { "accepted" } else { "unsure" };
            assert_eq!(phones.texts(lead).await, [format!("{found} Hello Ada")], "{code}");
            for _ in 0..5 {
                phones.later(Duration::minutes(5)).await;
            }
            assert_eq!(phones.orders_to(&person), 1, "{code}");
            // What is told of it in the end names it.
            phones.played().await;
            assert_eq!(phones.texts(lead).await, ["delivered Hello Ada"], "{code}");
            phones.later(Duration::minutes(40)).await;
            assert_eq!(phones.orders_to(&person), 2, "{code}: it counts as sent, so there is a reminder");
        }
    }

    async fn a_worker_that_dies_while_it_sends_sends_nothing_twice(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        for (nth, (code, provider)) in BOTH.into_iter().enumerate() {
            phones.agent("texter", provider, json!({})).await;
            let more = json!({"reminderMinutes": [60], "reminder": "Still there?"});
            let campaign = phones.texting(code, more, json!({})).await;
            let person = format!("+1415{}550111", 5 + nth);
            let lead = phones.lead(campaign, &person).await;
            phones.stages_only().await;
            let thread = phones.interactions(lead).await.remove(0);
            let orders = phones.orders();
            tokio::select! {
                _ = phones.attend(thread.id.0) => panic!("{code}: it was answered"),
                () = phones.ordered(orders + 1) => {}
            }
            assert_eq!(phones.texts(lead).await, ["sending Hello Ada"], "{code}");
            for _ in 0..4 {
                phones.later(Duration::seconds(30)).await;
            }
            let found = if provider == Provider::Twilio { "accepted" } else { "unsure" };
            assert_eq!(phones.texts(lead).await, [format!("{found} Hello Ada")], "{code}");
            phones.later(Duration::minutes(57)).await;
            assert_eq!(phones.orders_to(&person), 1, "{code}");
        }
    }

    async fn a_text_that_was_surely_not_sent_is_sent_again(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        let campaign = phones.texting("AAA", json!({"dailyTexts": 1}), json!({})).await;
        let lead = phones.reached(campaign, "+14155550117").await;
        assert_eq!((phones.orders(), phones.texts(lead).await), (1, vec!["planned Hello Ada".to_owned()]));
        phones.later(Duration::seconds(30)).await;
        phones.played().await;
        assert_eq!((phones.orders(), phones.texts(lead).await), (2, vec!["delivered Hello Ada".to_owned()]));
        // The day's only one: the next lead waits for the campaign's midnight.
        let next = phones.reached(campaign, ADA).await;
        assert_eq!((phones.orders(), phones.stands(next).await.as_str()), (2, "parked pending_action"));
        phones.later(Duration::hours(6)).await;
        phones.later(Duration::hours(10)).await;
        assert_eq!(phones.orders(), 3);
    }
}
