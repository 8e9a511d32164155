//! What follows for leads: the page's examples, once and each, whose leads, and what is left alone.
use crate::world::{World, leaf, when};
use chrono::Duration;
use serde_json::json;
use shared::{
    activity::Whose,
    automation::{Happened, Occurrence},
    lead::LeadStatus,
    on_both_engines,
    store::{
        automation::due,
        live::{self, Touched, What},
    },
};

on_both_engines! {
    async fn points_over_a_threshold_qualify(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({
            "scoring": {"rules": [{"id": "visit", "name": "Visit", "points": 5, "repeat": "each",
                "on": [{"type": "activity", "activity": "page_visit"}]}]},
            "rules": [{"id": "warm", "name": "Warm", "on": [{"type": "points", "reach": 10}],
                "do": [{"type": "setStatus", "status": "qualified"}]}],
        })).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.did(ada, "page_visit", "/").await;
        assert_eq!((world.points(lead).await, world.status(lead).await), (5, LeadStatus::Active));
        world.did(ada, "page_visit", "/").await;
        assert_eq!(world.fired(lead).await, ["visit", "visit", "warm"]);
        assert_eq!((world.points(lead).await, world.status(lead).await), (10, LeadStatus::Qualified));
        let last = world.log(lead).await.pop().unwrap();
        assert_eq!((last.kind.as_str(), last.status_after, last.at), ("rule", LeadStatus::Qualified, world.clock.now()));
        // It is no longer processed.
        world.did(ada, "page_visit", "/").await;
        assert_eq!(world.fired(lead).await.len(), 3);
    }

    async fn a_visit_of_a_page_tags(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({"rules": [{"id": "pricing", "name": "Pricing",
            "on": [{"type": "activity", "activity": "page_visit", "name": "/pricing*"}],
            "do": [{"type": "addTag", "tag": "hot"}]}]})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.did(ada, "page_visit", "/about").await;
        world.did(ada, "email_opened", "/pricing").await;
        assert_eq!(world.fired(lead).await, [""; 0]);
        world.did(ada, "page_visit", "/pricing/solar").await;
        world.did(ada, "page_visit", "/pricing").await;
        assert_eq!(world.fired(lead).await, ["pricing"], "once in its life");
        assert_eq!(world.tags(ada).await, json!(["hot"]));
    }

    async fn a_competitors_email_rejects(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({"rules": [{"id": "rival", "name": "Rival",
            "when": when(leaf("contact.email", "endsWith", json!("@rival.com"))),
            "do": [{"type": "setStatus", "status": "rejected"}]}]})).await;
        let (_, ours) = world.somebody(campaign, "ada@example.com").await;
        let (_, theirs) = world.somebody(campaign, "spy@rival.com").await;
        assert_eq!((world.status(ours).await, world.fired(ours).await.len()), (LeadStatus::Active, 0));
        assert_eq!((world.status(theirs).await, world.fired(theirs).await.len()), (LeadStatus::Rejected, 1));
    }

    async fn silence_for_a_period_rejects_and_a_late_scheduler_changes_nothing(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({
            "scoring": {"rules": [{"id": "call", "name": "Call", "points": 1, "repeat": "each",
                "on": [{"type": "activity", "activity": "call"}]}]},
            "rules": [{"id": "silent", "name": "Silent", "on": [{"type": "inactivity", "for": {"amount": 30, "unit": "days"}}],
                "do": [{"type": "setStatus", "status": "rejected"}]}]})).await;
        let (_, swept) = world.somebody(campaign, "ada@example.com").await;
        let (bob, late) = world.somebody(campaign, "bob@example.com").await;
        let (cyd, heard) = world.somebody(campaign, "cyd@example.com").await;
        world.clock.forward(Duration::days(29));
        assert_eq!(due::sweep(&world.db, world.clock.now(), 100).await.unwrap(), 0);
        world.did(cyd, "call", "").await;
        world.clock.forward(Duration::days(2));
        // Nobody has looked: what comes now comes after the silence.
        let by_email = shared::activity::New { whose: Whose::Email("bob@example.com".into()), ..world.activity(bob, "call", "") };
        world.record(vec![by_email]).await;
        assert_eq!((world.status(late).await, world.fired(late).await), (LeadStatus::Rejected, vec!["silent".to_owned()]));
        due::sweep(&world.db, world.clock.now(), 100).await.unwrap();
        assert_eq!((world.status(swept).await, world.fired(swept).await), (LeadStatus::Rejected, vec!["silent".to_owned()]));
        assert_eq!((world.status(heard).await, world.fired(heard).await), (LeadStatus::Active, vec!["call".to_owned()]));
        let at = world.log(late).await[0].at;
        assert_eq!(at, world.log(swept).await[0].at, "as of the end of the silence");
        assert_eq!(at, world.clock.now() - Duration::days(1));
    }

    async fn a_batch_fires_for_each_activity_and_a_repeated_key_for_none(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({"scoring": {"rules": [
            {"id": "each", "name": "Each", "points": 2, "repeat": "each", "on": [{"type": "activity", "activity": "call"}]},
            {"id": "once", "name": "Once", "points": 100, "on": [{"type": "activity", "activity": "call"}]}]}})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        let call = |key: &str| shared::activity::New { key: Some(key.into()), ..world.activity(ada, "call", "") };
        let answers = world.record(vec![call("1"), call("2"), call("2"), call("3")]).await;
        assert_eq!(answers.iter().filter(|answer| answer.repeated).count(), 1);
        assert_eq!(world.points(lead).await, 106);
        world.record(vec![call("1"), call("3")]).await;
        assert_eq!(world.fired(lead).await, ["each", "once", "each", "each"]);
    }

    async fn each_campaign_reacts_for_its_own_lead_and_an_activity_of_one_lead_is_its_own(store: TestStore) {
        let world = World::new(store).await;
        let scoring = |points: i64| json!({"scoring": {"rules": [{"id": "call", "name": "Call", "points": points,
            "repeat": "each", "on": [{"type": "activity", "activity": "call"}]}]}});
        let (one, two) = (world.campaign("A", scoring(1)).await, world.campaign("B", scoring(10)).await);
        let (ada, first) = world.somebody(one, "ada@example.com").await;
        let second = world.lead(two, ada).await;
        world.did(ada, "call", "").await;
        assert_eq!((world.points(first).await, world.points(second).await), (1, 10));
        let named = shared::activity::New { lead: Some(second), ..world.activity(ada, "call", "") };
        world.record(vec![named]).await;
        assert_eq!((world.points(first).await, world.points(second).await), (1, 20));
    }

    async fn paused_campaigns_and_closed_leads_stand_still(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({
            "scoring": {"rules": [{"id": "call", "name": "Call", "points": 1, "repeat": "each",
                "on": [{"type": "activity", "activity": "call"}]}]},
            "rules": [{"id": "closed", "name": "Closed", "on": [{"type": "status", "to": ["rejected"]}],
                "do": [{"type": "addTag", "tag": "gone"}, {"type": "addPoints", "points": 3}]}]})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.state(campaign, "paused").await;
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(lead).await, [""; 0]);
        world.state(campaign, "active").await;
        world.set_status(lead, LeadStatus::Rejected).await;
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(lead).await, ["closed"], "that it was closed is seen, and nothing after it");
        assert_eq!(world.tags(ada).await, json!(["gone"]));
        world.set_status(lead, LeadStatus::Active).await;
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(lead).await, ["closed", "call"]);
    }

    async fn what_is_rolled_back_leaves_nothing(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({"rules": [{"id": "all", "name": "All",
            "on": [{"type": "activity", "activity": "call"}],
            "do": [{"type": "addPoints", "points": 1}, {"type": "addTag", "tag": "a"}, {"type": "notify", "message": "m"},
                {"type": "setStatus", "status": "qualified"}]}]})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        let told = |id| {
            let (kind, name, data) = ("call".to_owned(), String::new(), serde_json::Map::new());
            let what = Occurrence::Activity { id, kind, name, data, at: world.clock.now() };
            [Touched::new(world.workspace, ada, What::nothing()).and(Happened::to_contact(what))]
        };
        let id = shared::ids::ActivityId::new();
        let mut tx = world.db.begin().await.unwrap();
        live::reassess(&mut tx, &told(id), world.clock.now()).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!((world.fired(lead).await.len(), world.tags(ada).await), (0, json!([])));
        assert_eq!(world.status(lead).await, LeadStatus::Active);
        let mut tx = world.db.begin().await.unwrap();
        live::reassess(&mut tx, &told(id), world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((world.points(lead).await, world.tags(ada).await), (1, json!(["a"])));
        assert_eq!(world.status(lead).await, LeadStatus::Qualified);
    }
}
