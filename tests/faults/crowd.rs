//! Thousands of parked leads are resumed by their tokens at once, and one of two workers dies in the middle of it.
use crate::{desk::config, oracle, sender::Sender, stages::leave, wait::wait_for, world::World};
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet};

const LEADS: usize = 2_000;
/// Leads a second that the source sends.
const RATE: u32 = 400;
/// Tokens that are used at once.
const AT_ONCE: usize = 64;
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_parked_leads_that_are_resumed_at_once_are_sold_once_each_though_a_worker_dies()
 {
    let mut world = World::new().await;
    world.set("LEADRAIL_LEASE_SECONDS", "1");
    let _others = [world.api().await, world.scheduler().await];
    let mut waiting = config(&world.sink, "first", true, &[]);
    waiting["firstAction"] = json!({
        "kind": "webhook", "url": format!("http://{}/hook", world.sink.address), "deadlineMinutes": 600,
    });
    let campaign = world.desk.campaign("waiting", waiting).await;
    let sender = Sender::new(&world.desk, &campaign, true);
    let (mut doomed, healthy) = (world.worker().await, world.worker().await);
    let began = std::time::Instant::now();
    sender.clone().load(RATE, LEADS).await;
    sender.insist(LONG).await;
    println!("{LEADS} taken after {:?}", began.elapsed());
    let all =
        wait_for("every token", LONG, async || (world.sink.counts().1 >= LEADS).then_some(()));
    all.await;
    let told = world.sink.told();
    println!("{LEADS} parked after {:?}", began.elapsed());
    let tokens: HashMap<String, String> = told
        .iter()
        .map(|hook| {
            let url = hook["resumeUrl"].as_str().unwrap();
            (hook["lead"]["email"].to_string(), url.rsplit('/').next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(tokens.len(), LEADS);
    let (mut resumes, gate) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for token in tokens.into_values() {
        let (desk, gate) = (world.desk.clone(), gate.clone());
        resumes.spawn(async move {
            let _turn = gate.acquire().await.unwrap();
            desk.resume(&token).await["data"]["repeated"].clone()
        });
    }
    wait_for("a quarter of the sales", LONG, async || {
        (world.sink.counts().0 >= LEADS / 4).then_some(())
    })
    .await;
    doomed.kill9();
    assert!(world.sink.counts().0 < LEADS, "it died in the middle");
    let answers = resumes.join_all().await;
    assert_eq!(answers.iter().filter(|repeated| **repeated == json!(false)).count(), LEADS);
    let sold = "SELECT count(*) FROM submission WHERE run = 'finished' AND outcome = 'accepted'";
    wait_for("all sales", LONG, async || {
        let sold: i64 = world.ask(async |db| db.read().sql(sold).scalar().await).await;
        (sold >= LEADS as i64).then_some(())
    })
    .await;
    let tally = oracle::judge(&world, &sender, LONG).await;
    println!("sold after {:?}, {} posts repeated", began.elapsed(), tally.repeats);
    tally.all_sold(LEADS);
    leave(healthy).await;
    let seen = world.sink.seen();
    let keys: HashSet<_> = seen.iter().map(|one| (&one.email, &one.key)).collect();
    let people: HashSet<_> = seen.iter().map(|one| &one.email).collect();
    assert_eq!((keys.len(), people.len()), (LEADS, LEADS), "each lead under one key");
}
