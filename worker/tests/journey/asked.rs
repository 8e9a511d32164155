//! Held deliveries that the buyer can be asked about: its word settles them, nothing else does, and nobody is asked for ever.
use crate::{
    campaign::{plain, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, LeadId},
    on_both_engines,
    push::STATUS_QUERIES,
    queue::{Delivered, Job, Settle},
    store::{
        close::Outcome,
        leads,
        notices::{self, Kind},
        status_queries,
    },
    submission::Status,
};
use tokio_util::sync::CancellationToken;

/// A campaign whose buyer breaks down after it was posted to, can be asked, and has a fallback.
async fn askable(world: &World, more: Value) -> CampaignId {
    let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
    let mut config = plain(&world.sink, "/first");
    let mut query = json!({
        "url": format!("{}/status/{{idempotencyKey}}", world.sink),
        "tries": 3,
        "response": {"rules": [
            {"outcome": "accepted", "when": {"text": {"contains": "sold"}}},
            {"outcome": "rejected", "when": {"status": [404]}},
        ], "buyerLeadId": {"jsonPath": "$.id"},
           "price": {"from": {"jsonPath": "$.price"}, "currency": "USD", "unit": "major"}},
    });
    query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config["endpoints"][0]["statusQuery"] = query;
    world.campaign("AAA", with(config, json!({"fallback": {"campaigns": [second]}}))).await
}

/// Does the questions that are due, each `times` times. Says how many there were.
async fn ask(world: &World, times: usize) -> usize {
    let now = world.clock.now();
    let again = now + Duration::seconds(30);
    let due = status_queries::take_due(&world.store.db, now, again, 10).await.unwrap();
    for due in &due {
        for _ in 0..times {
            let job = Job { id: due.submission_id.0, generation: due.generation };
            let delivered = Delivered {
                lane: STATUS_QUERIES,
                job,
                delivery: 1,
                cancelled: CancellationToken::new(),
            };
            assert_eq!(worker::status_query::ask(&world.ctx, delivered).await, Settle::Done);
        }
    }
    world.settle().await;
    due.len()
}

/// A lead that is held because the buyer broke down.
async fn held(world: &World, campaign: CampaignId) -> LeadId {
    let lead = world.submit(campaign, json!({})).await.lead_id;
    world.settle().await;
    assert_eq!(world.submissions(lead).await[0].run, "held");
    assert_eq!(ask(world, 1).await, 0, "not at once");
    world.clock.forward(Duration::seconds(60));
    lead
}

fn first_breaks(then: (u16, Value)) -> impl Fn(&str, usize) -> (u16, Value) + Send + Sync {
    move |path, _| match path {
        "/first" => (500, json!({})),
        "/second" => yes(),
        _ => then.clone(),
    }
}

on_both_engines! {
    async fn a_buyer_that_has_the_lead_settles_it_as_sold_with_its_price(store: TestStore) {
        let told = (200, json!({"state": "sold", "id": "B-7", "price": 12.5}));
        let world = World::new(store, Run::Plain, first_breaks(told)).await;
        let campaign = askable(&world, json!({})).await;
        let lead = held(&world, campaign).await;
        assert_eq!(ask(&world, 2).await, 1);
        let rows = world.submissions(lead).await;
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [Status::Accepted]);
        let attempts = leads::attempts(&world.store.db, world.workspace, rows[0].id).await.unwrap();
        let last = attempts.last().unwrap();
        assert_eq!((attempts.len(), last.outcome), (1, Some(Outcome::Accepted)));
        assert_eq!((last.price_minor, last.buyer_lead_id.as_deref()), (Some(1250), Some("B-7")));
        let asked = format!("GET /status/{} 200 key 2", last.idempotency_key);
        assert_eq!(world.calls(), ["POST /first 500 key 1", asked.as_str()]);
        let row = status_queries::get(&world.store.db, world.workspace, rows[0].id).await.unwrap();
        assert_eq!(row, None, "there is nothing left to ask");
    }

    async fn a_buyer_that_has_not_got_it_sends_the_lead_to_fallback(store: TestStore) {
        let world = World::new(store, Run::Plain, first_breaks((404, json!({})))).await;
        let campaign = askable(&world, json!({"method": "POST"})).await;
        let lead = held(&world, campaign).await;
        ask(&world, 2).await;
        let rows = world.submissions(lead).await;
        let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [Status::Rejected, Status::Accepted]);
        let journey = world.journey(rows[0].id).await;
        assert!(journey.contains(&"delivery refused status_query".to_owned()), "{journey:?}");
        assert_eq!(world.calls().iter().filter(|line| line.contains("/second")).count(), 1);
    }

    async fn one_that_never_knows_is_asked_as_often_as_it_says_and_left_to_a_person(store: TestStore) {
        let world = World::new(store, Run::Plain, first_breaks((200, json!({"state": "?"})))).await;
        let campaign = askable(&world, json!({"everySeconds": 10})).await;
        let lead = held(&world, campaign).await;
        for _ in 0..6 {
            // A question that is done twice counts once.
            ask(&world, 2).await;
            world.clock.forward(Duration::seconds(10));
        }
        let rows = world.submissions(lead).await;
        assert_eq!((rows.len(), rows[0].run.as_str()), (1, "held"));
        let asked = world.calls().iter().filter(|line| line.starts_with("GET")).count();
        assert!((3..=6).contains(&asked), "{asked}");
        let row = status_queries::get(&world.store.db, world.workspace, rows[0].id).await.unwrap();
        let row = row.unwrap();
        assert_eq!((row.asked, row.due_at), (3, None));
        assert_eq!(row.said.as_deref(), Some("it answered 200, which no rule knows"));
        let told = notices::list(&world.store.db, world.workspace, Default::default(), 9).await;
        let kinds: Vec<_> = told.unwrap().into_iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, [Kind::StatusQueryEnded, Kind::DeliveryUnknown]);
    }

    async fn a_person_who_was_faster_ends_the_questions(store: TestStore) {
        let world = World::new(store, Run::Plain, first_breaks((200, json!({"state": "sold"})))).await;
        let campaign = askable(&world, json!({})).await;
        let lead = held(&world, campaign).await;
        let id = world.submissions(lead).await[0].id;
        let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
        let now = world.clock.now();
        let not_sold = shared::moves::Settlement::NotSold;
        let close = shared::moves::settle(&loaded, not_sold, None, "ops", now).unwrap();
        assert!(world.ctx.closer.close(close).await.unwrap());
        assert_eq!(ask(&world, 1).await, 0);
        assert!(world.calls().iter().all(|line| !line.starts_with("GET")));
        assert_eq!(world.submissions(lead).await.last().unwrap().status, Status::Accepted);
    }

    async fn a_url_that_cannot_be_filled_asks_nobody(store: TestStore) {
        let world = World::new(store, Run::Plain, first_breaks(yes())).await;
        let url = format!("{}/status/{{buyerLeadId}}", world.sink);
        let campaign = askable(&world, json!({"url": url})).await;
        let lead = held(&world, campaign).await;
        assert_eq!(ask(&world, 1).await, 1);
        world.clock.forward(Duration::days(1));
        assert_eq!(ask(&world, 1).await, 0);
        assert_eq!(world.submissions(lead).await[0].run, "held");
        assert_eq!(world.calls(), ["POST /first 500 key 1"]);
    }
}
