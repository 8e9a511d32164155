//! Human reviews: the most urgent first, each with one reviewer at a time, and decisions that respect claims.
use crate::{
    campaign::{plain, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::{Map, Value, json};
use shared::{
    ids::{CampaignId, ParkId},
    moves::review::{self, ReviewDecision, Word},
    on_both_engines,
    store::{
        close::Close,
        load,
        reviews::{self, Review, ReviewFilter},
    },
    submission::Status,
};
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Barrier;

/// How many reviewers ask at once.
const REVIEWERS: usize = 32;

async fn campaign(world: &World, code: &str, review: Value) -> CampaignId {
    let action =
        json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 60, "review": review}});
    world.campaign(code, with(plain(&world.sink, "/buy"), action)).await
}

async fn open(world: &World, filter: &ReviewFilter) -> Vec<Review> {
    let now = world.clock.now();
    reviews::list(&world.store.db, world.workspace, filter, now, 100).await.unwrap()
}

async fn get(world: &World, id: ParkId) -> Review {
    reviews::get(&world.store.db, world.workspace, id).await.unwrap().unwrap()
}

async fn claim(world: &World, id: ParkId, who: &str) -> bool {
    let (now, until) = (world.clock.now(), world.clock.now() + Duration::minutes(15));
    reviews::claim(&world.store.db, (world.workspace, id), who, now, until).await.unwrap()
}

fn word(decision: ReviewDecision, who: &str) -> Word {
    Word { decision, reason: Some("seen".into()), answers: Map::new(), who: who.into() }
}

/// The move that a word makes, whoever has claimed the review.
async fn close(world: &World, review: &Review, decision: ReviewDecision, who: &str) -> Close {
    let loaded = load::read(world.store.db.read(), &[review.park.submission_id]).await.unwrap();
    let mut park = review.park.clone();
    (park.claimed_by, park.claimed_until) = (None, None);
    review::decide(&loaded[0], &park, &word(decision, who), world.clock.now()).unwrap()
}

on_both_engines! {
    async fn the_most_urgent_comes_first_and_then_the_oldest(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let low = campaign(&world, "LOW", json!({"priority": "low"})).await;
        let usual = campaign(&world, "USU", json!({})).await;
        let high = campaign(&world, "HIG", json!({"priority": "high", "reason": "a large roof"})).await;
        for to in [low, usual, high, usual, high, low] {
            world.submit(to, json!({})).await;
            world.settle().await;
            world.clock.forward(Duration::seconds(1));
        }
        let all = open(&world, &ReviewFilter::default()).await;
        let order: Vec<_> = all.iter().map(|row| row.campaign_id).collect();
        assert_eq!(order, [high, high, usual, usual, low, low]);
        assert!(all.chunks(2).all(|pair| pair[0].park.opened_at < pair[1].park.opened_at));
        assert_eq!(all[0].park.asked_for.as_deref(), Some("a large roof"));
        // Page by page it is the same list.
        let mut paged: Vec<ParkId> = Vec::new();
        let mut after = None;
        loop {
            let filter = ReviewFilter { after, ..Default::default() };
            let page = reviews::list(&world.store.db, world.workspace, &filter, world.clock.now(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.park.priority.unwrap(), last.park.opened_at, last.park.id));
            paged.extend(page.iter().map(|row| row.park.id));
        }
        assert_eq!(paged, all.iter().map(|row| row.park.id).collect::<Vec<_>>());
        let other = world.store.workspace("other").await;
        assert!(reviews::list(&world.store.db, other, &ReviewFilter::default(), world.clock.now(), 9).await.unwrap().is_empty());
        assert!(reviews::get(&world.store.db, other, paged[0]).await.unwrap().is_none());
        let narrow = ReviewFilter { campaign: Some(usual), priority: Some(1), ..Default::default() };
        assert_eq!(open(&world, &narrow).await.len(), 2);
        assert!(open(&world, &ReviewFilter { priority: Some(0), ..narrow }).await.is_empty());
    }

    async fn a_claim_is_one_persons_until_it_expires_or_is_given_up(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = campaign(&world, "AAA", json!({})).await;
        world.submit(campaign, json!({})).await;
        world.settle().await;
        let id = open(&world, &ReviewFilter::default()).await[0].park.id;
        assert!(claim(&world, id, "ada").await);
        assert!(!claim(&world, id, "bob").await, "it is ada's");
        world.clock.forward(Duration::minutes(14));
        assert!(claim(&world, id, "ada").await, "extended");
        world.clock.forward(Duration::minutes(14));
        assert!(!claim(&world, id, "bob").await);
        let mine = |who: &str| ReviewFilter { claimed: Some(true), by: Some(who.into()), ..Default::default() };
        assert_eq!((open(&world, &mine("ada")).await.len(), open(&world, &mine("bob")).await.len()), (1, 0));
        let free = ReviewFilter { claimed: Some(false), ..Default::default() };
        assert!(open(&world, &free).await.is_empty());
        world.clock.forward(Duration::minutes(1));
        assert_eq!(open(&world, &free).await.len(), 1, "an expired claim is none");
        assert!(claim(&world, id, "bob").await);
        let (db, workspace) = (&world.store.db, world.workspace);
        assert!(!reviews::release(db, workspace, id, "ada").await.unwrap(), "no longer hers");
        assert!(reviews::release(db, workspace, id, "bob").await.unwrap());
        assert!(claim(&world, id, "ada").await);
        let other = world.store.workspace("other").await;
        assert!(!reviews::release(db, other, id, "ada").await.unwrap());
        let until = world.clock.now() + Duration::hours(1);
        assert!(!reviews::claim(db, (other, id), "ada", world.clock.now(), until).await.unwrap());
    }

    async fn of_many_who_ask_for_the_next_one_at_once_no_two_get_the_same(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = campaign(&world, "AAA", json!({})).await;
        for _ in 0..REVIEWERS - 2 {
            world.submit(campaign, json!({})).await;
        }
        world.settle().await;
        let barrier = Arc::new(Barrier::new(REVIEWERS));
        let (workspace, now) = (world.workspace, world.clock.now());
        let tasks = (0..REVIEWERS).map(|nth| {
            let (db, barrier) = (world.store.db.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                let times = (now, now + Duration::minutes(15));
                let who = format!("reviewer {nth}");
                reviews::claim_next(&db, workspace, (Some(campaign), None), &who, times).await.unwrap()
            })
        });
        let mut got = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            got.extend(task.await.unwrap());
        }
        let different: HashSet<&ParkId> = got.iter().collect();
        assert_eq!((got.len(), different.len()), (REVIEWERS - 2, REVIEWERS - 2), "each got one, and two got none");
        let times = (now, now + Duration::minutes(15));
        let next = async |priority| reviews::claim_next(&world.store.db, workspace, (None, priority), "late", times).await.unwrap();
        assert_eq!(next(None).await, None);
        let free = get(&world, got[0]).await;
        let who = free.park.claimed_by.unwrap();
        assert!(reviews::release(&world.store.db, workspace, got[0], &who).await.unwrap());
        assert_eq!((next(Some(0)).await, next(Some(1)).await), (None, Some(got[0])));
    }

    async fn of_many_decisions_at_once_one_counts(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = campaign(&world, "AAA", json!({})).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let review = open(&world, &ReviewFilter::default()).await.remove(0);
        let mut closes = Vec::new();
        for nth in 0..REVIEWERS {
            let who = format!("reviewer {nth}");
            let decision = if nth % 2 == 0 { ReviewDecision::Approve } else { ReviewDecision::Reject };
            closes.push((close(&world, &review, decision, &who).await, who));
        }
        let tasks = closes.into_iter().map(|(close, who)| {
            let (db, now) = (world.store.db.clone(), world.clock.now());
            tokio::spawn(async move { reviews::decide(&db, &[close], &who, now).await.unwrap().len() })
        });
        let mut moved = 0;
        for task in tasks.collect::<Vec<_>>() {
            moved += task.await.unwrap();
        }
        assert_eq!(moved, 1);
        world.settle().await;
        assert_eq!(world.submissions(lead).await.len(), 1);
        let decided = get(&world, review.park.id).await.park;
        assert_eq!(decided.resolved_by.as_deref(), Some("person"));
        assert!(!claim(&world, review.park.id, "late").await, "nothing is left to claim");
    }

    async fn a_decision_that_meets_anothers_claim_is_not_written_and_the_others_beside_it_are(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = campaign(&world, "AAA", json!({})).await;
        let mut leads = Vec::new();
        for _ in 0..3 {
            leads.push(world.submit(campaign, json!({})).await.lead_id);
            world.settle().await;
            world.clock.forward(Duration::seconds(1));
        }
        let all = open(&world, &ReviewFilter::default()).await;
        let mut closes = Vec::new();
        for review in &all {
            closes.push(close(&world, review, ReviewDecision::Approve, "ada").await);
        }
        // Claimed after the decision was made up, before it is written.
        assert!(claim(&world, all[1].park.id, "bob").await);
        assert!(claim(&world, all[2].park.id, "ada").await, "her own is no obstacle");
        let moved = reviews::decide(&world.store.db, &closes, "ada", world.clock.now()).await.unwrap();
        assert_eq!(moved, HashSet::from([all[0].park.submission_id, all[2].park.submission_id]));
        world.settle().await;
        let claimed = get(&world, all[1].park.id).await.park;
        assert_eq!((claimed.resolution, claimed.claimed_by.as_deref()), (None, Some("bob")));
        for (nth, status) in [Status::Accepted, Status::PendingAction, Status::Accepted].into_iter().enumerate() {
            assert_eq!(world.submissions(leads[nth]).await[0].status, status);
        }
    }
}
