//! Processes die at random moments while people do things that a campaign reacts to: all is reacted to once, and told outside.
use crate::{
    moving::{self, LONG, Lead, Listener, Visit, insist, times},
    wait::{pause, wait_for},
    world::World,
};
use serde_json::{Value, json};
use shared::{
    ids::{AutomationJobId, LeadId},
    testing::Process,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// What the moments and the visits follow from.
const SEED: u64 = 6;
const PEOPLE: usize = 20;
const WRITERS: u64 = 4;
/// Visits of a request.
const BATCH: usize = 8;
/// Between two requests of a writer.
const BEAT: Duration = Duration::from_millis(200);
const PAGES: [&str; 6] = ["/", "/about", "/pricing/solar", "/faq", "/team", "/jobs"];
const PRICES: &str = "/pricing/solar";

/// Numbers that look random, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

fn automation(listener: &Listener) -> Value {
    let webhook = json!({"type": "webhook", "url": format!("http://{}/", listener.address)});
    json!({
        "scoring": {"rules": [
            {"id": "visit", "name": "Visited a page", "points": 2, "repeat": "each",
             "on": [{"type": "activity", "activity": "page_visit"}]},
        ]},
        "rules": [
            {"id": "hot", "name": "Many points", "on": [{"type": "points", "reach": 20}],
             "do": [webhook, {"type": "addTag", "tag": "hot"}]},
            {"id": "prices", "name": "Looked at prices", "repeat": "each", "do": [webhook],
             "on": [{"type": "activity", "activity": "page_visit", "name": "/pricing*"}]},
        ],
    })
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Api,
    Worker,
    Scheduler,
}

async fn start(world: &World, role: Role) -> Process {
    match role {
        Role::Api => world.api().await,
        Role::Worker => world.worker().await,
        Role::Scheduler => world.scheduler().await,
    }
}

/// Sends visits until it is told to stop; answers all that were sent, and how many requests were in vain.
async fn write(
    world: crate::desk::Desk,
    people: Arc<[Lead]>,
    (seed, stop): (u64, Arc<AtomicBool>),
) -> (Vec<Visit>, usize) {
    let (mut chance, mut sent, mut in_vain) = (Chance(seed), Vec::new(), 0);
    let mut beat = tokio::time::interval(BEAT);
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let visit = |_| {
            let person = &people[chance.below(people.len())];
            Visit::new(person, PAGES[chance.below(PAGES.len())])
        };
        let batch: Vec<Visit> = (0..BATCH).map(visit).collect();
        in_vain += insist(&world, &batch).await;
        sent.extend(batch);
    }
    (sent, in_vain)
}

/// Kills each process in turn, in an order and at moments of chance, so many times each; at last all at once.
async fn kill_again_and_again(world: &World, cast: &mut [(Role, Process)], rounds: usize) {
    let mut chance = Chance(SEED);
    for _ in 0..rounds {
        let mut left: Vec<usize> = (0..cast.len()).collect();
        while !left.is_empty() {
            pause(Duration::from_millis(200 + chance.below(600) as u64)).await;
            let (role, process) = &mut cast[left.swap_remove(chance.below(left.len()))];
            process.kill9();
            *process = start(world, *role).await;
        }
    }
    for (_, process) in cast.iter_mut() {
        process.kill9();
    }
    for (role, process) in cast {
        *process = start(world, *role).await;
    }
}

/// Waits until nothing is left to be told outside.
async fn all_told(world: &World) {
    // As if a minute had passed: what a killed worker had in hand is given to another.
    let text =
        "UPDATE automation_job SET due_at = created_at WHERE state = 'waiting' AND attempt > 0";
    world.ask(async |db| db.write().sql(text).run().await).await;
    wait_for("every webhook", LONG, async || {
        let text = "SELECT count(*) FROM automation_job WHERE state = 'waiting'";
        let left: i64 = world.ask(async |db| db.read().sql(text).scalar().await).await;
        (left == 0).then_some(())
    })
    .await;
}

/// Each visit was scored once, each firing that wanted a webhook has one, and that was heard under one id with one body.
async fn judge(world: &World, listener: &Listener, people: &[Lead], sent: &[Visit]) {
    let log = moving::lawful_log(world, people).await;
    for lead in people {
        let own = || sent.iter().filter(|visit| visit.lead.id == lead.id);
        let visits = own().count();
        assert_eq!(times(&log, lead, "visit"), visits, "{lead:?}");
        assert_eq!(log[&lead.id].last().map(|fired| fired.points_after), Some(2 * visits as i64));
        let prices = own().filter(|visit| visit.page == PRICES).count();
        assert_eq!(times(&log, lead, "prices"), prices, "{lead:?}");
        assert!(visits >= 10, "enough for every lead to become hot: {visits}");
        assert_eq!(times(&log, lead, "hot"), 1, "{lead:?}");
        let shown = world.desk.ask(&format!("/leads/{}", lead.id), None).await;
        let contact = shown["contactId"].as_str().unwrap();
        let contact = world.desk.ask(&format!("/contacts/{contact}"), None).await;
        assert_eq!(contact["tags"], json!(["hot"]), "{lead:?}");
    }
    let text = "SELECT id, lead_id, firing, state FROM automation_job";
    let jobs: Vec<(AutomationJobId, LeadId, i64, String)> =
        world.ask(async |db| db.read().sql(text).all().await).await;
    let wanted: HashSet<(LeadId, i64)> = log
        .values()
        .flatten()
        .filter(|fired| fired.rule_id != "visit")
        .map(|fired| (fired.lead_id, fired.number))
        .collect();
    let kept: HashMap<(LeadId, i64), String> =
        jobs.iter().map(|(id, lead, firing, _)| ((*lead, *firing), id.to_string())).collect();
    assert_eq!(jobs.len(), kept.len(), "one job a firing");
    assert_eq!(kept.keys().copied().collect::<HashSet<_>>(), wanted);
    assert!(jobs.iter().all(|(.., state)| state == "done"), "{jobs:?}");
    let (heard, posts) = listener.heard();
    let ids: HashSet<&String> = kept.values().collect();
    assert_eq!(heard.keys().collect::<HashSet<_>>(), ids, "all were told of, and nothing else");
    for (id, bodies) in &heard {
        assert_eq!(bodies.len(), 1, "{id}: {bodies:#?}");
    }
    println!(
        "{} visits, {} webhooks, {} of them repeated",
        sent.len(),
        ids.len(),
        posts - ids.len()
    );
}

async fn survives(world: World, roles: &[Role], rounds: usize) {
    let mut cast = Vec::new();
    for role in roles {
        cast.push((*role, start(&world, *role).await));
    }
    let listener = Listener::start().await;
    let campaign = moving::campaign(&world, automation(&listener)).await;
    let people: Arc<[Lead]> = moving::leads(&world, &campaign, PEOPLE).await.into();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 1..=WRITERS {
        let given = (SEED + writer, stop.clone());
        writers.spawn(write(world.desk.clone(), people.clone(), given));
    }
    kill_again_and_again(&world, &mut cast, rounds).await;
    stop.store(true, Ordering::Relaxed);
    let (sent, in_vain): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().unzip();
    let (sent, in_vain) = (sent.concat(), in_vain.iter().sum::<usize>());
    assert!(in_vain > 0, "no kill came between a visit and its answer");
    all_told(&world).await;
    judge(&world, &listener, &people, &sent).await;
    println!("{} kills, {in_vain} requests in vain", (rounds + 1) * roles.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_is_scored_and_told_once_though_every_process_is_killed_again_and_again() {
    survives(World::new().await, &[Role::Api, Role::Worker, Role::Scheduler], 4).await;
}
