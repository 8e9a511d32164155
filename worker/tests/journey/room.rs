//! Campaigns that are full or closed: never one lead too many, nobody forgotten, and those who wait go in order.
use crate::{
    campaign::{idempotent, plain, with},
    world::{Run, World, no, yes},
};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use shared::{
    campaign::Room,
    ids::{CampaignId, LeadId, SubmissionId},
    on_both_engines,
    queue::{Job, Settle},
    store::{campaigns, caps, leads::SubmissionRow},
    submission::{Stage, Status},
};

fn daily(leads: i64, when_full: Value) -> Value {
    json!({"caps": [{"period": "daily", "leads": leads, "whenFull": when_full}]})
}

async fn many(world: &World, campaign: CampaignId, count: usize) -> Vec<(LeadId, SubmissionId)> {
    let mut leads = Vec::new();
    for _ in 0..count {
        let receipt = world.submit(campaign, json!({})).await;
        leads.push((receipt.lead_id, receipt.submission_id.unwrap()));
        world.clock.forward(Duration::milliseconds(1));
    }
    leads
}

async fn first(world: &World, lead: LeadId) -> SubmissionRow {
    world.submissions(lead).await.remove(0)
}

async fn statuses(world: &World, leads: &[(LeadId, SubmissionId)]) -> Vec<Status> {
    let mut found = Vec::new();
    for (lead, _) in leads {
        found.push(first(world, *lead).await.status);
    }
    found
}

/// What is taken of a campaign's caps now, and the sum of the places: they must agree.
async fn taken(world: &World, campaign: CampaignId) -> Vec<(String, i64, i64)> {
    let row = campaigns::get(&world.store.db, world.workspace, campaign).await.unwrap().unwrap();
    let claims = Room::of_config(&row.config.0).unwrap().claims(world.clock.now());
    let usage = caps::usage(&world.store.db, (world.workspace, campaign), &claims).await.unwrap();
    usage.into_iter().map(|one| (one.cap, one.taken, one.confirmed)).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

on_both_engines! {
    async fn five_hundred_racing_leads_find_a_hundred_places(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = with(plain(&world.sink, "/buyer"), daily(100, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 500).await;
        for (_, id) in &leads {
            world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
        }
        let first_worker = world.ctx.clone();
        world.another_worker();
        let second_worker = world.ctx.clone();
        let mut race = tokio::task::JoinSet::new();
        for (n, (_, id)) in leads.iter().enumerate() {
            let ctx = if n % 2 == 0 { first_worker.clone() } else { second_worker.clone() };
            let id = *id;
            race.spawn(async move {
                let loaded = ctx.loader.load(id).await.unwrap().unwrap();
                let job = Job { id: id.0, generation: loaded.generation };
                // Whoever finds no place at the endpoint comes again.
                while crate::world::deliver(&ctx, Stage::Delivery, job).await != Settle::Done {
                    tokio::task::yield_now().await;
                }
            });
        }
        race.join_all().await;
        assert_eq!(world.bodies().len(), 100, "exactly as many as the cap allows");
        let seen = statuses(&world, &leads).await;
        let count = |status| seen.iter().filter(|one| **one == status).count();
        assert_eq!((count(Status::Accepted), count(Status::Queued)), (100, 400));
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 100, 100)]);
    }

    async fn a_new_day_lets_the_oldest_go_and_the_others_wait_on(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let config = with(plain(&world.sink, "/buyer"), daily(2, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 7).await;
        world.settle().await;
        let queued = first(&world, leads[2].0).await;
        assert_eq!((queued.status, queued.run.as_str()), (Status::Queued, "parked"));
        assert_eq!(queued.due_at, Some(at("2026-11-22T00:00:00Z")));
        assert_eq!(queued.reason.as_deref(), Some("the daily cap of 2 leads is full until 2026-11-22T00:00:00+00:00"));
        assert_eq!(world.drain().await, 0, "nobody is due today");
        for (day, sold) in [(1, 4), (2, 6), (3, 7)] {
            world.clock.forward(Duration::days(1));
            world.drain().await;
            world.settle().await;
            let seen = statuses(&world, &leads).await;
            let accepted = seen.iter().take_while(|status| **status == Status::Accepted).count();
            assert_eq!(accepted, sold, "day {day}: the oldest, {seen:?}");
            assert!(seen[sold..].iter().all(|status| *status == Status::Queued), "{seen:?}");
        }
        assert_eq!(world.bodies().len(), 7);
    }

    async fn a_newcomer_lines_up_behind_those_who_wait(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = with(plain(&world.sink, "/buyer"), daily(1, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let mut leads = many(&world, campaign, 2).await;
        world.settle().await;
        world.clock.forward(Duration::days(1));
        leads.extend(many(&world, campaign, 1).await);
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted, Status::Queued, Status::Queued]);
        world.drain().await;
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted, Status::Accepted, Status::Queued]);
    }

    async fn a_refused_lead_gives_its_place_back_to_the_next_in_line(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, nth| if nth == 0 { no() } else { yes() }).await;
        let config = with(plain(&world.sink, "/buyer"), daily(1, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 3).await;
        world.settle().await;
        for _ in 0..3 {
            world.drain().await;
            world.settle().await;
        }
        let seen = statuses(&world, &leads).await;
        assert_eq!(seen, [Status::Rejected, Status::Accepted, Status::Queued]);
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 1, 1)]);
    }

    async fn a_lead_that_the_buyer_may_have_keeps_its_place(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (500, json!({}))).await;
        let config = with(plain(&world.sink, "/buyer"), daily(1, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 2).await;
        world.settle().await;
        assert_eq!(first(&world, leads[0].0).await.run, "held");
        assert_eq!(statuses(&world, &leads).await[1], Status::Queued);
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 1, 0)]);
    }

    async fn a_lead_that_is_withdrawn_while_the_buyer_may_have_it_keeps_its_place(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (500, json!({}))).await;
        let config = idempotent(with(plain(&world.sink, "/buyer"), daily(1, json!({"action": "queue"}))));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 1).await;
        world.settle().await;
        world.withdraw(leads[0].0).await;
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Rejected]);
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 1, 0)]);
    }

    async fn a_repeat_under_the_same_key_goes_out_although_it_is_closed_by_then(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, nth| if nth == 0 { (500, json!({})) } else { yes() }).await;
        let hours = json!({
            "schedule": {"windows": [{"days": ["sat"], "from": "12:00", "until": "12:01"}],
                         "whenClosed": {"action": "next_priority"}},
            "caps": [{"period": "hourly", "leads": 1}],
        });
        let config = idempotent(with(plain(&world.sink, "/buyer"), hours));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 1).await;
        world.settle().await;
        assert_eq!(first(&world, leads[0].0).await.attempt, 1, "nobody knows whether it was taken");
        world.clock.forward(Duration::hours(2));
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted]);
        assert_eq!(world.calls(), ["POST /buyer 500 key 1", "POST /buyer 200 key 1"]);
    }

    async fn a_full_campaign_hands_the_lead_to_its_list_or_to_one_campaign(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let named = world.campaign("CCC", plain(&world.sink, "/named")).await;
        for (code, when_full, path) in [
            ("AAA", json!({"action": "next_priority"}), "/second"),
            ("DDD", json!({"action": "campaign", "campaign": named}), "/named"),
        ] {
            let mut config = with(plain(&world.sink, "/first"), daily(0, when_full));
            config["fallback"] = json!({"campaigns": [second]});
            let full = world.campaign(code, config).await;
            let lead = world.submit(full, json!({})).await.lead_id;
            world.settle().await;
            let rows = world.submissions(lead).await;
            let seen: Vec<_> = rows.iter().map(|row| row.status).collect();
            assert_eq!(seen, [Status::Disqualified, Status::Accepted], "{code}");
            assert_eq!(rows[0].reason_code.as_deref(), Some("cap_full"));
            assert!(world.calls().last().unwrap().contains(path), "{code}: {:?}", world.calls());
        }
        assert!(world.calls().iter().all(|call| !call.contains("/first")));
    }

    async fn when_nobody_else_takes_it_the_lead_waits_or_is_disqualified(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let waits = json!({"action": "next_priority"});
        let ends = json!({"action": "next_priority", "ifNobody": "disqualify"});
        let waiting = world.campaign("AAA", with(plain(&world.sink, "/a"), daily(0, waits))).await;
        let ending = world.campaign("BBB", with(plain(&world.sink, "/b"), daily(0, ends))).await;
        let waits = world.submit(waiting, json!({})).await.lead_id;
        let ends = world.submit(ending, json!({})).await.lead_id;
        world.settle().await;
        let (waits, ends) = (first(&world, waits).await, first(&world, ends).await);
        assert_eq!((waits.status, waits.outcome), (Status::Queued, None));
        assert_eq!((ends.status, ends.run.as_str()), (Status::Disqualified, "finished"));
        assert_eq!(world.calls().len(), 0);
    }

    async fn outside_its_hours_a_campaign_holds_leads_until_it_opens(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        // The world begins on Saturday 2026-11-21 at noon UTC: 07:00 in New York.
        let hours = json!({"timezone": "America/New_York", "schedule": {"windows": [
            {"days": ["sat", "sun"], "from": "09:00", "until": "10:00"}]}});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buyer"), hours)).await;
        let leads = many(&world, campaign, 2).await;
        world.settle().await;
        let row = first(&world, leads[0].0).await;
        assert_eq!((row.status, row.due_at), (Status::Queued, Some(at("2026-11-21T14:00:00Z"))));
        world.clock.forward(Duration::minutes(119));
        assert_eq!(world.drain().await, 0);
        world.clock.forward(Duration::minutes(1));
        assert_eq!(world.drain().await, 2);
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted; 2]);
        let journey = world.journey(leads[0].1).await;
        assert_eq!(
            journey[7..],
            ["payload passed built", "delivery queued closed", "delivery released room", "delivery sold accepted"]
        );
    }

    async fn a_cap_that_is_raised_lets_those_who_wait_go(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = |leads| with(plain(&world.sink, "/buyer"), daily(leads, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config(1)).await;
        let leads = many(&world, campaign, 4).await;
        world.settle().await;
        world.save(campaign, config(3)).await;
        assert_eq!(world.drain().await, 2);
        world.settle().await;
        let seen = statuses(&world, &leads).await;
        assert_eq!(seen, [Status::Accepted, Status::Accepted, Status::Accepted, Status::Queued]);
    }

    async fn a_cap_that_is_lowered_binds_leads_that_began_under_the_old_one(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = |leads| with(plain(&world.sink, "/buyer"), daily(leads, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config(5)).await;
        let leads = many(&world, campaign, 3).await;
        world.save(campaign, config(1)).await;
        world.settle().await;
        let seen = statuses(&world, &leads).await;
        assert_eq!(seen, [Status::Accepted, Status::Queued, Status::Queued]);
    }

    async fn a_money_cap_counts_what_buyers_pay(store: TestStore) {
        let price = |path: &str, nth: usize| {
            let paid = if nth == 0 { "30.00" } else { "9.00" };
            assert_eq!(path, "/buyer");
            (200, json!({"result": "accepted", "price": paid}))
        };
        let world = World::new(store, Run::Plain, price).await;
        let mut config = with(plain(&world.sink, "/buyer"), json!({"caps": [{
            "period": "monthly", "money": {"amountMinor": 5_000, "currency": "USD", "reserveMinor": 1_000}}]}));
        config["endpoints"][0]["response"]["price"] = json!({"from": {"jsonPath": "$.price"}, "currency": "USD"});
        let campaign = world.campaign("AAA", config).await;
        let mut leads = Vec::new();
        for _ in 0..4 {
            leads.extend(many(&world, campaign, 1).await);
            world.settle().await;
        }
        // 30.00, then 39.00; the third needs 10.00 and finds 11.00, the fourth does not.
        let seen = statuses(&world, &leads).await;
        assert_eq!(seen, [Status::Accepted, Status::Accepted, Status::Accepted, Status::Queued]);
        assert_eq!(taken(&world, campaign).await, [("monthly.USD".to_owned(), 4_800, 4_800)]);
    }

    async fn a_withdrawn_lead_gives_up_the_place_that_the_queue_gave_it(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = with(plain(&world.sink, "/buyer"), daily(1, json!({"action": "queue"})));
        let campaign = world.campaign("AAA", config).await;
        let leads = many(&world, campaign, 2).await;
        world.settle().await;
        world.clock.forward(Duration::days(1));
        assert_eq!(world.drain().await, 1);
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 1, 0)]);
        world.withdraw(leads[1].0).await;
        world.settle().await;
        assert_eq!(statuses(&world, &leads).await, [Status::Accepted, Status::Rejected]);
        assert_eq!(taken(&world, campaign).await, [("daily.leads".to_owned(), 0, 0)]);
    }
}
