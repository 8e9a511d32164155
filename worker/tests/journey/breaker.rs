//! An endpoint that fails is left alone: leads wait for it or go on, none is lost, none is sold twice, and one probe finds out.
use crate::{
    campaign::{idempotent, plain, with},
    world::{Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    breaker::{Breaker, Phase},
    ids::{CampaignId, LeadId},
    on_both_engines,
    store::{
        breakers::{self, BreakerRow, Change, Place},
        notices,
    },
    submission::Status,
};
use worker::breaker::{Answer, Breakers};

/// A campaign whose endpoint opens after so many failures or refusals, for a minute.
fn fragile(world: &World, path: &str, breaker: Value) -> Value {
    let mut config = plain(&world.sink, path);
    config["endpoints"][0]["breaker"] = breaker;
    config
}

async fn submit(world: &World, campaign: CampaignId, count: usize) -> Vec<LeadId> {
    let mut leads = Vec::new();
    for _ in 0..count {
        leads.push(world.submit(campaign, json!({})).await.lead_id);
    }
    leads
}

async fn statuses(world: &World, leads: &[LeadId]) -> Vec<Status> {
    let mut statuses = Vec::new();
    for lead in leads {
        let rows = world.submissions(*lead).await;
        assert_eq!(rows.len(), 1, "no second submission");
        statuses.push(rows[0].status);
    }
    statuses
}

async fn breaker(world: &World, campaign: CampaignId) -> BreakerRow {
    breakers::of_campaign(&world.store.db, world.workspace, campaign).await.unwrap().remove(0)
}

/// The notices, oldest first.
async fn told(world: &World) -> Vec<String> {
    let all = notices::list(&world.store.db, world.workspace, Default::default(), 99);
    all.await.unwrap().into_iter().rev().map(|notice| notice.message).collect()
}

/// How often the journey of a lead says that it waits.
async fn waits(world: &World, lead: LeadId) -> usize {
    let id = world.submissions(lead).await[0].id;
    let journey = world.journey(id).await;
    journey.iter().filter(|line| *line == "delivery again breaker_open").count()
}

on_both_engines! {
    async fn leads_wait_while_it_is_open_and_all_get_home_when_it_closes(store: TestStore) {
        let answer = |_: &str, nth| if nth < 3 { (503, json!({})) } else { yes() };
        let world = World::new(store, Run::Plain, answer).await;
        let config = fragile(&world, "/first", json!({"failures": 3}));
        let campaign = world.campaign("AAA", config).await;
        let mut leads = submit(&world, campaign, 1).await;
        for _ in 0..3 {
            world.settle().await;
        }
        assert_eq!(breaker(&world, campaign).await.phase, Phase::Open);
        leads.extend(submit(&world, campaign, 4).await);
        for _ in 0..3 {
            world.settle().await;
        }
        assert_eq!(world.calls().len(), 3, "nobody asks while it is open");
        for lead in &leads {
            assert_eq!(waits(&world, *lead).await, 1, "said once");
        }
        world.clock.forward(Duration::seconds(70));
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted; 5]);
        assert_eq!(world.calls().len(), 3 + 5, "each was sold once");
        assert_eq!(breaker(&world, campaign).await.phase, Phase::Closed);
        assert_eq!(
            told(&world).await,
            [
                "Buyer of campaign AAA failed 3 times in a row: it is left alone for 60 s",
                "Buyer of campaign AAA takes leads again",
            ]
        );
    }

    async fn waiting_costs_no_tries_however_long_it_is_down(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, nth| if nth < 9 { (503, json!({})) } else { yes() }).await;
        let config = fragile(&world, "/first", json!({"failures": 1}));
        let campaign = world.campaign("AAA", config).await;
        let leads = submit(&world, campaign, 12).await;
        for _ in 0..60 {
            world.settle().await;
            world.clock.forward(Duration::minutes(5));
        }
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted; 12]);
        let calls = world.calls();
        assert_eq!(calls.iter().filter(|line| line.contains("503")).count(), 9, "one probe each time");
        assert_eq!(calls.len(), 9 + 12);
        let mut waited = 0;
        for lead in &leads {
            waited += waits(&world, *lead).await;
        }
        // Once for each lead, and once more after each probe.
        assert!(waited <= 12 + 9, "the journey does not grow while it waits: {waited}");
    }

    async fn a_run_of_refusals_opens_it_and_only_a_sale_closes_it(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, nth| if nth < 4 { no() } else { yes() }).await;
        let config = fragile(&world, "/first", json!({"rejects": 3}));
        let campaign = world.campaign("AAA", config).await;
        let leads = submit(&world, campaign, 6).await;
        world.settle().await;
        assert_eq!(world.calls().len(), 3);
        // The probe is refused too: it stays open, twice as long.
        world.clock.forward(Duration::seconds(70));
        world.settle().await;
        assert_eq!((world.calls().len(), breaker(&world, campaign).await.openings), (4, 2));
        world.clock.forward(Duration::seconds(140));
        world.settle().await;
        let mut statuses = statuses(&world, &leads).await;
        statuses.sort_by_key(|status| *status == Status::Accepted);
        let (refused, sold) = statuses.split_at(4);
        assert!(refused.iter().all(|status| *status == Status::Rejected), "{refused:?}");
        assert!(sold.iter().all(|status| *status == Status::Accepted), "{sold:?}");
        assert_eq!(breaker(&world, campaign).await.phase, Phase::Closed);
    }

    async fn a_lead_that_does_not_wait_goes_to_the_next_endpoint(store: TestStore) {
        let answer = |path: &str, _| if path == "/first" { no() } else { yes() };
        let world = World::new(store, Run::Plain, answer).await;
        let mut config = fragile(&world, "/first", json!({"rejects": 1, "whenOpen": "next"}));
        let mut second = plain(&world.sink, "/second")["endpoints"][0].clone();
        second["id"] = json!("second");
        config["endpoints"].as_array_mut().unwrap().push(second);
        let campaign = world.campaign("AAA", config).await;
        let leads = submit(&world, campaign, 3).await;
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted; 3]);
        let calls = world.calls();
        assert_eq!(calls.iter().filter(|line| line.contains("/first")).count(), 1, "{calls:?}");
        assert_eq!(calls.len(), 4);
    }

    async fn a_lead_that_the_endpoint_may_have_is_never_given_to_another(store: TestStore) {
        let answer = |path: &str, nth| match path {
            // It may have taken the lead before it broke down.
            "/first" if nth == 0 => (500, json!({})),
            _ => yes(),
        };
        let world = World::new(store, Run::Plain, answer).await;
        let breaker = json!({"failures": 1, "whenOpen": "next"});
        let fallback = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let config = idempotent(fragile(&world, "/first", breaker));
        let config = with(config, json!({"fallback": {"campaigns": [fallback]}}));
        let campaign = world.campaign("AAA", config).await;
        let leads = submit(&world, campaign, 1).await;
        for _ in 0..3 {
            world.settle().await;
        }
        assert_eq!(waits(&world, leads[0]).await, 1, "it waits, whatever the endpoint says");
        world.clock.forward(Duration::minutes(5));
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted]);
        assert_eq!(world.calls(), ["POST /first 500 key 1", "POST /first 200 key 1"]);
    }

    async fn closing_it_by_hand_wakes_those_who_wait(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/first")).await;
        let place = Place { workspace: world.workspace, campaign, endpoint: "main".into() };
        let now = world.clock.now();
        let open = Breaker::WELL.opened_by_hand(Duration::hours(8), now);
        let change = |from: Breaker, to: Breaker| Change {
            place: &place, from, to, error: None, notice: None, at: now,
        };
        let db = &world.store.db;
        assert!(breakers::change(db, &change(Breaker::WELL, open)).await.unwrap());
        assert!(!breakers::change(db, &change(Breaker::WELL, open)).await.unwrap(), "over an old version");
        let leads = submit(&world, campaign, 3).await;
        world.settle().await;
        world.clock.forward(Duration::hours(1));
        world.settle().await;
        assert!(world.calls().is_empty());
        assert!(breakers::change(db, &change(open, open.closed())).await.unwrap());
        let woken = breakers::wake(db, world.workspace, campaign, world.clock.now(), 2).await.unwrap();
        assert_eq!(woken, 2);
        let woken = breakers::wake(db, world.workspace, campaign, world.clock.now(), 2).await.unwrap();
        assert_eq!(woken, 1);
        world.clock.forward(Duration::seconds(1));
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted; 3]);
    }

    async fn there_is_one_probe_in_the_whole_installation(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let place = Place { workspace: world.workspace, campaign: CampaignId::new(), endpoint: "x".into() };
        let now = world.clock.now();
        let open = Breaker::WELL.opened_by_hand(Duration::seconds(1), now);
        let change = Change { place: &place, from: Breaker::WELL, to: open, error: None, notice: None, at: now };
        breakers::change(&world.store.db, &change).await.unwrap();
        let later = now + Duration::seconds(2);
        let processes = [(); 3].map(|()| Breakers::new(world.store.db.clone()));
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..30 {
            let (breakers, place) = (processes[n % 3].clone(), place.clone());
            asking.spawn(async move {
                breakers.look(&place, later).await;
                breakers.admit(place, Duration::seconds(30), later).await.unwrap()
            });
        }
        let mut probes = Vec::new();
        while let Some(answer) = asking.join_next().await {
            if let Answer::Go(pass) = answer.unwrap() {
                probes.push(pass);
            }
        }
        assert_eq!(probes.len(), 1);
        // A probe that sends nothing hands its right on, and to one only.
        drop(probes);
        let mut again = 0;
        for breakers in &processes {
            for _ in 0..2 {
                let answer = breakers.admit(place.clone(), Duration::seconds(30), later).await.unwrap();
                if let Answer::Go(pass) = answer {
                    again += 1;
                    std::mem::forget(pass);
                }
            }
        }
        assert_eq!(again, 1);
    }
}
