//! What must hold once every fault is over: the sender's book, the database and the buyer's book tell the same story.
use crate::{
    sender::Sender,
    sink::{Said, Seen},
    wait::wait_for,
    world::World,
};
use chrono::{DateTime, Utc};
use shared::{
    clock::Clock,
    ids::{LeadId, SubmissionId},
    store::{Db, StoreError},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

/// A submission and its lead's email.
#[derive(Debug, Clone)]
pub struct Submission {
    pub id: SubmissionId,
    pub lead: LeadId,
    pub email: String,
    pub run: String,
    pub stage: String,
    pub due_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub reason: String,
}

impl Submission {
    pub fn is_accepted(&self) -> bool {
        self.run == "finished" && self.outcome.as_deref() == Some("accepted")
    }

    /// Nothing will happen to it before its time comes or a person acts.
    fn is_at_rest(&self) -> bool {
        let future = self.due_at.is_some_and(|due| due > Clock::system().now());
        match self.run.as_str() {
            "ready" => false,
            "parked" => future,
            _ => true,
        }
    }
}

/// How the submissions of a test ended.
#[derive(Debug)]
pub struct Tally {
    pub accepted: usize,
    /// Finished in another way.
    pub others: Vec<Submission>,
    pub held: Vec<Submission>,
    pub failed: Vec<Submission>,
    /// Requests that the buyer saw, and how many of them repeated an earlier key.
    pub requests: usize,
    pub repeats: usize,
}

impl Tally {
    /// Every one of `leads` was sold; nothing was held, failed or ended otherwise.
    pub fn all_sold(&self, leads: usize) {
        assert!(self.held.is_empty(), "{} held: {:#?}", self.held.len(), self.held.first());
        assert!(self.failed.is_empty(), "{} failed: {:#?}", self.failed.len(), self.failed.first());
        assert!(self.others.is_empty(), "{} ended so: {:#?}", self.others.len(), self.others[0]);
        assert_eq!(self.accepted, leads, "each lead is sold once");
    }
}

/// Waits until nothing is under way and then checks everything.
///
/// # Panics
/// With the first thing that does not hold.
pub async fn judge(world: &World, sender: &Sender, limit: Duration) -> Tally {
    let submissions = at_rest(world, limit).await;
    let seen = world.sink.seen();
    leads_are_there(world, sender, &submissions).await;
    journeys_are_whole(world, &submissions).await;
    one_key_for_each_delivery(&seen);
    assert!(sender.idempotent || nobody_was_sold_twice(&seen), "an endpoint took a lead twice");
    books_agree(world, &submissions, &seen).await;
    tally(submissions, &seen)
}

/// All submissions, once each of them is at rest.
pub async fn at_rest(world: &World, limit: Duration) -> Vec<Submission> {
    let mut moving = Vec::new();
    let found = tokio::time::timeout(limit, async {
        wait_for("submissions at rest", limit * 2, async || {
            let all = submissions(&world.db).await.ok()?;
            moving = all.iter().filter(|one| !one.is_at_rest()).cloned().collect();
            moving.is_empty().then_some(all)
        })
        .await
    })
    .await;
    found.unwrap_or_else(|_| {
        let some: Vec<_> = moving.iter().take(5).collect();
        panic!("{} submissions still move after {limit:?}: {some:#?}", moving.len())
    })
}

/// Waits until so many are sold, for answers that settle what is held. What is missing at the end is for [`judge`] to tell.
pub async fn sold(world: &World, leads: usize, limit: Duration) {
    let all_sold = wait_for("all sales", limit * 2, async || {
        let all = submissions(&world.db).await.ok()?;
        (all.iter().filter(|one| one.is_accepted()).count() >= leads).then_some(())
    });
    let _ = tokio::time::timeout(limit, all_sold).await; // the judge says what is missing
}

/// The newest submission of a lead.
pub async fn of_lead(world: &World, email: &str) -> Option<Submission> {
    let all = world.ask(submissions).await;
    all.into_iter().rfind(|one| one.email == email)
}

type Row = (
    SubmissionId,
    LeadId,
    String,
    String,
    String,
    Option<DateTime<Utc>>,
    Option<String>,
    Option<String>,
);

pub async fn submissions(db: &Db) -> Result<Vec<Submission>, StoreError> {
    let rows: Vec<Row> = db
        .read()
        .sql(
            "SELECT s.id, s.lead_id, l.email, s.run, s.stage, s.due_at, s.outcome, s.reason
             FROM submission s JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id ORDER BY s.id",
        )
        .all()
        .await?;
    let submission = |(id, lead, email, run, stage, due_at, outcome, reason): Row| {
        let reason = reason.unwrap_or_default();
        Submission { id, lead, email, run, stage, due_at, outcome, reason }
    };
    Ok(rows.into_iter().map(submission).collect())
}

/// 1. Every 202 is in the database, and no request made two leads.
async fn leads_are_there(world: &World, sender: &Sender, submissions: &[Submission]) {
    let known: HashSet<_> = submissions.iter().map(|one| (one.lead, one.id)).collect();
    let mut receipts = HashSet::new();
    for sent in sender.sent() {
        let receipt = sent.receipt();
        assert!(known.contains(&(receipt.lead, receipt.submission)), "lost: {sent:?}");
        assert!(receipts.insert(receipt.lead), "two requests were told the same lead: {sent:?}");
    }
    let emails = world
        .ask(async |db| db.read().sql("SELECT email FROM lead").all::<(String,)>().await)
        .await;
    let people: BTreeSet<_> = emails.iter().map(|(email,)| email).collect();
    assert_eq!(people.len(), emails.len(), "a request that was repeated made a second lead");
    assert_eq!(emails.len(), receipts.len(), "leads that nobody was told of");
}

/// 5. Generations are 1, 2, … n without a gap, and n is the submission's own. One statement, because a held one may move meanwhile.
async fn journeys_are_whole(world: &World, submissions: &[Submission]) {
    let rows = world
        .ask(async |db| {
            db.read()
                .sql(
                    "SELECT s.id, s.generation, count(*), min(j.generation), max(j.generation)
                     FROM submission s JOIN journey_event j ON j.submission_id = s.id GROUP BY s.id, s.generation",
                )
                .all::<(SubmissionId, i64, i64, i64, i64)>()
                .await
        })
        .await;
    for (id, generation, events, first, last) in &rows {
        let whole = (generation, &1, generation);
        assert_eq!((events, first, last), whole, "events, first and last of the journey of {id}");
    }
    assert_eq!(rows.len(), submissions.len(), "every submission has a journey");
}

/// 2 and 3. A lead comes to an endpoint under one key, and with one body for each key.
fn one_key_for_each_delivery(seen: &[Seen]) {
    let mut keys: HashMap<(&str, &str), &str> = HashMap::new();
    let mut bodies: HashMap<&str, &str> = HashMap::new();
    for one in seen {
        let key = keys.entry((&one.email, &one.endpoint)).or_insert(&one.key);
        assert_eq!(*key, one.key, "{} came to {} under two keys", one.email, one.endpoint);
        let body = bodies.entry(&one.key).or_insert(&one.body_hash);
        assert_eq!(*body, one.body_hash, "two bodies under the key {}", one.key);
    }
}

/// An endpoint that does not recognise repeats was never asked again after it took a lead.
fn nobody_was_sold_twice(seen: &[Seen]) -> bool {
    let mut taken = HashSet::new();
    seen.iter().filter(|one| one.said == Said::Accepted).all(|one| taken.insert(&one.key))
}

/// 4. What the buyer took we know as sold, or as held; what we know as sold the buyer took.
async fn books_agree(world: &World, submissions: &[Submission], seen: &[Seen]) {
    let by_id: HashMap<_, _> = submissions.iter().map(|one| (one.id, one)).collect();
    let rows = world
        .ask(async |db| {
            db.read()
                .sql("SELECT DISTINCT submission_id, idempotency_key FROM delivery_attempt")
                .all::<(SubmissionId, String)>()
                .await
        })
        .await;
    let intents: HashMap<_, _> = rows.into_iter().map(|(id, key)| (key, id)).collect();
    let mut took = HashSet::new();
    for one in seen {
        let id = intents.get(&one.key);
        let id = id.unwrap_or_else(|| panic!("sent without an intent on disk: {one:?}"));
        if one.said == Said::Accepted {
            let submission = by_id[id];
            let known = submission.is_accepted() || submission.run == "held";
            assert!(known, "the buyer took it and we do not know: {submission:?}");
            took.insert(*id);
        }
    }
    for one in submissions.iter().filter(|one| one.is_accepted()) {
        assert!(took.contains(&one.id), "sold, but the buyer did not take it: {one:?}");
    }
}

fn tally(submissions: Vec<Submission>, seen: &[Seen]) -> Tally {
    let keys: HashSet<_> = seen.iter().map(|one| &one.key).collect();
    let mut tally = Tally {
        accepted: 0,
        others: Vec::new(),
        held: Vec::new(),
        failed: Vec::new(),
        requests: seen.len(),
        repeats: seen.len() - keys.len(),
    };
    for one in submissions {
        match one.run.as_str() {
            "held" => tally.held.push(one),
            "failed" => tally.failed.push(one),
            _ if one.is_accepted() => tally.accepted += 1,
            _ => tally.others.push(one),
        }
    }
    tally
}
