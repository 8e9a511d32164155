//! Who tells what: each way in which something happens to a lead is heard once.
use crate::world::World;
use serde_json::{Value, json};
use shared::{
    contact::ContactStatus,
    ids::CampaignId,
    lead::LeadStatus,
    on_both_engines,
    store::{
        campaign_members,
        close::{Close, Closer, LeadMove, Place, Places, Query},
        contacts::{self, merge, status},
        intake::Receipt,
        segments,
    },
    submission::{Carry, End, Stage, State},
};

/// Says what it heard, by the id of the rule.
fn ears() -> Value {
    let rule = |id: &str, on: Value| json!({"id": id, "name": id, "on": [on], "points": 1, "repeat": "each"});
    let mut rules = vec![rule("created", json!({"type": "created"}))];
    for status in ["active", "qualified", "rejected", "duplicate", "deleted"] {
        rules.push(rule(status, json!({"type": "status", "to": [status]})));
    }
    rules.push(rule("outcome", json!({"type": "outcome", "is": ["accepted"]})));
    rules.push(rule("zip", json!({"type": "changed", "fields": ["questionnaire.zip"]})));
    json!({"scoring": {"rules": rules}})
}

/// The end of a lead's first submission.
fn ended(world: &World, taken: &Receipt, campaign: CampaignId, lead: LeadMove) -> Close {
    let at = world.clock.now();
    let place = Place {
        state: State::Finished,
        stage: Stage::Delivery,
        generation: 2,
        attempt: 0,
        due_at: None,
        campaign,
        revision: 1,
        end: Some(End::Accepted),
        reason: None,
        carry: Carry::default(),
        error_fingerprint: None,
    };
    Close {
        workspace: world.workspace,
        submission: taken.submission_id.unwrap(),
        expected: 1,
        place,
        events: Vec::new(),
        shown: None,
        extend: None,
        park: None,
        reach: None,
        unpark: None,
        attempt: None,
        places: Places::Keep,
        child: None,
        learnt: json!({"questionnaire.zip": "94110"}).as_object().unwrap().clone(),
        lead,
        notices: Vec::new(),
        query: Query::None,
        audited: None,
        at,
    }
}

on_both_engines! {
    async fn the_end_of_a_submission_and_what_was_learnt_are_told_of_once(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let taken = world.arrives(campaign, "ada@example.com").await;
        let closer = Closer::start(world.db.clone());
        let close = ended(&world, &taken, campaign, LeadMove::Nothing);
        assert!(closer.close(close.clone()).await.unwrap());
        assert!(!closer.close(close).await.unwrap(), "it has moved since");
        assert_eq!(world.fired(taken.lead_id).await, ["created", "zip", "outcome"]);
    }

    async fn an_end_that_qualifies_the_lead_is_told_of_as_both(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let taken = world.arrives(campaign, "ada@example.com").await;
        let close = ended(&world, &taken, campaign, LeadMove::To(LeadStatus::Qualified));
        assert!(Closer::start(world.db.clone()).close(close).await.unwrap());
        assert_eq!(world.status(taken.lead_id).await, LeadStatus::Qualified);
        assert_eq!(world.fired(taken.lead_id).await, ["created", "outcome", "qualified"]);
    }

    async fn a_lead_that_comes_in_is_told_of(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let taken = world.arrives(campaign, "ada@example.com").await;
        assert_eq!(world.fired(taken.lead_id).await, ["created"]);
        let (_, by_hand) = world.somebody(campaign, "bob@example.com").await;
        assert_eq!(world.fired(by_hand).await, ["created"]);
    }

    async fn a_lead_that_is_qualified_at_once_is_told_of_as_that(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign_of("A", json!({"autoQualify": true}), ears()).await;
        let taken = world.arrives(campaign, "ada@example.com").await;
        let (_, by_hand) = world.somebody(campaign, "bob@example.com").await;
        for lead in [taken.lead_id, by_hand] {
            assert_eq!(world.status(lead).await, LeadStatus::Qualified);
            assert_eq!(world.fired(lead).await, ["qualified"], "it was never processed");
        }
    }

    async fn statuses_by_hand_and_of_the_contact_are_told_of(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        world.set_status(lead, LeadStatus::Qualified).await;
        world.set_status(lead, LeadStatus::Qualified).await;
        world.set_status(lead, LeadStatus::Active).await;
        assert_eq!(world.fired(lead).await, ["created", "qualified", "active"]);
        let change = status::StatusChange {
            workspace: world.workspace,
            contact: ada,
            to: ContactStatus::Spam,
            reason: String::new(),
            by: "key ops".into(),
        };
        status::change(&world.db, &change, world.clock.now()).await.unwrap();
        assert_eq!(world.fired(lead).await, ["created", "qualified", "active", "rejected"]);
    }

    async fn segments_that_feed_a_campaign_tell_of_who_comes_leaves_and_comes_back(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let segment = world.segment("members", None).await;
        campaign_members::assign(&world.db, (world.workspace, campaign), &[segment].into(), world.clock.now()).await.unwrap().unwrap();
        let ada = world.contact("ada@example.com").await;
        let line = segments::By { who: "key ops", at: world.clock.now() };
        let key = (world.workspace, segment);
        segments::add(&world.db, key, &[ada], line).await.unwrap();
        let (lead, _, _) = world.leads_of(ada).await[0];
        assert_eq!(world.fired(lead).await, ["created"]);
        segments::remove(&world.db, key, &[ada], line).await.unwrap();
        assert_eq!(world.fired(lead).await, ["created", "deleted"]);
        segments::add(&world.db, key, &[ada], line).await.unwrap();
        assert_eq!(world.fired(lead).await, ["created", "deleted", "active"]);
    }

    async fn members_that_people_add_and_remove_have_entered_and_left(store: TestStore) {
        let world = World::new(store).await;
        let segment = world.segment("members", None).await;
        let on = |kind: &str| json!([{"type": kind, "segment": segment}]);
        let rule = |id: &str, on: Value| json!({"id": id, "name": id, "on": on, "points": 1, "repeat": "each"});
        let rules = [rule("entered", on("segmentEntered")), rule("left", on("segmentLeft"))];
        let campaign = world.campaign("A", json!({"scoring": {"rules": rules}})).await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        let line = segments::By { who: "key ops", at: world.clock.now() };
        let key = (world.workspace, segment);
        for _ in 0..2 {
            segments::add(&world.db, key, &[ada], line).await.unwrap();
        }
        assert_eq!(world.fired(lead).await, ["entered"]);
        segments::remove(&world.db, key, &[ada], line).await.unwrap();
        assert_eq!(world.fired(lead).await, ["entered", "left"]);
    }

    async fn a_merge_tells_of_leads_that_are_duplicates_now_and_keeps_their_points(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", ears()).await;
        let (ada, first) = world.somebody(campaign, "ada@example.com").await;
        let (bob, second) = world.somebody(campaign, "bob@example.com").await;
        let ask = merge::Ask {
            workspace: world.workspace,
            survivor: ada,
            from: vec![bob],
            reason: String::new(),
            by: "key ops".into(),
            at: world.clock.now(),
        };
        assert!(matches!(contacts::merge::merge(&world.db, &ask).await.unwrap(), merge::Done::Merged(_)));
        assert_eq!(world.fired(first).await, ["created"]);
        assert_eq!(world.fired(second).await, ["created", "duplicate"]);
        assert_eq!(world.points(second).await, 2);
    }
}
