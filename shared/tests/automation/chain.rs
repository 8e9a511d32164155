//! What reactions change is reacted to: through tags, segments and other campaigns, and not without end.
use crate::world::{World, leaf, when};
use serde_json::{Value, json};
use shared::{
    lead::LeadStatus,
    on_both_engines,
    store::notices::{self, Kind, NoticeFilter},
};

fn rule(id: &str, on: Value, condition: Option<Value>, actions: Value) -> Value {
    json!({"id": id, "name": id, "on": [on], "when": condition, "do": actions, "repeat": "each"})
}

on_both_engines! {
    async fn an_activity_leads_through_a_tag_and_a_segment_into_another_campaign(store: TestStore) {
        let world = World::new(store).await;
        let hot = world.segment("hot", Some(when(leaf("contact.tags", "contains", json!("hot"))))).await;
        let other = world.campaign("B", json!({"rules": [rule("welcome", json!({"type": "created"}), None,
            json!([{"type": "addPoints", "points": 7}]))]})).await;
        let campaign = world.campaign("A", json!({"rules": [
            rule("entered", json!({"type": "segmentEntered", "segment": hot}), None,
                json!([{"type": "addToCampaign", "campaign": other}])),
            rule("left", json!({"type": "segmentLeft", "segment": hot}), None, json!([{"type": "setStatus", "status": "rejected"}])),
            rule("call", json!({"type": "activity", "activity": "call"}), None, json!([{"type": "addTag", "tag": "hot"}])),
            rule("bye", json!({"type": "activity", "activity": "bye"}), None, json!([{"type": "removeTag", "tag": "hot"}]))]}))
            .await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(lead).await, ["call", "entered"]);
        let leads = world.leads_of(ada).await;
        let new = leads.iter().find(|(_, of, _)| *of == other).unwrap();
        assert_eq!((world.points(new.0).await, world.fired(new.0).await), (7, vec!["welcome".to_owned()]));
        world.did(ada, "bye", "").await;
        assert_eq!(world.fired(lead).await, ["call", "entered", "bye", "left"]);
        assert_eq!(world.status(lead).await, LeadStatus::Rejected);
    }

    async fn campaigns_that_undo_each_others_work_stop(store: TestStore) {
        let world = World::new(store).await;
        let tagged = Some(when(leaf("contact.tags", "contains", json!("x"))));
        let changed = || json!({"type": "changed", "fields": ["contact.tags"]});
        let start = rule("start", json!({"type": "activity", "activity": "call"}), None, json!([{"type": "addTag", "tag": "x"}]));
        let off = rule("off", changed(), tagged, json!([{"type": "removeTag", "tag": "x"}]));
        let untagged = when(leaf("contact.tags", "isEmpty", json!(null)));
        let on = rule("on", changed(), Some(untagged), json!([{"type": "addTag", "tag": "x"}]));
        let one = world.campaign("A", json!({"rules": [start, off]})).await;
        let two = world.campaign("B", json!({"rules": [on]})).await;
        let (ada, first) = world.somebody(one, "ada@example.com").await;
        let second = world.lead(two, ada).await;
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(first).await, ["start", "off"]);
        assert_eq!(world.fired(second).await, ["on"]);
        assert_eq!(world.tags(ada).await, json!(["x"]), "each fires once in a chain");
        world.did(ada, "call", "").await;
        assert_eq!(world.fired(first).await, ["start", "off", "start"], "the tag was there: nothing changed");
    }

    async fn a_chain_that_is_too_long_ends_with_a_notice(store: TestStore) {
        let world = World::new(store).await;
        let mut rules = vec![rule("r0", json!({"type": "activity", "activity": "call"}), None,
            json!([{"type": "addTag", "tag": "t0"}]))];
        for n in 1..=20 {
            let before = leaf("contact.tags", "contains", json!(format!("t{}", n - 1)));
            rules.push(json!({"id": format!("r{n}"), "name": "next", "on": [{"type": "matches"}], "when": when(before),
                "do": [{"type": "addTag", "tag": format!("t{n}")}]}));
        }
        let campaign = world.campaign("A", json!({"rules": rules})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.did(ada, "call", "").await;
        let links = shared::store::live::LINKS_MAX;
        assert_eq!(world.fired(lead).await.len(), links);
        assert_eq!(world.tags(ada).await.as_array().unwrap().len(), links);
        let filter = NoticeFilter { kind: Some(Kind::AutomationLoop), campaign: Some(campaign), before: None };
        let raised = notices::list(&world.db, world.workspace, filter, 10).await.unwrap();
        assert_eq!((raised.len(), raised[0].times), (1, 1));
        assert!(raised[0].message.contains(&lead.to_string()));
    }
}
