//! F6, F8: Redis is emptied again and again, is down, hangs.
use crate::{
    oracle,
    sender::Sender,
    sink::Mode,
    wait::{pause, wait_for},
    world::World,
};
use shared::testing::{Process, RedisServer};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

pub async fn world_of_its_own() -> (RedisServer, World, [Process; 4], Sender) {
    let redis = RedisServer::new().await;
    let world = World::with_redis(&redis.url()).await;
    let processes =
        [world.api().await, world.worker().await, world.worker().await, world.scheduler().await];
    let sender = world.sender(false).await;
    (redis, world, processes, sender)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_a_redis_that_is_emptied_every_second_under_load_costs_no_lead() {
    let (redis, world, mut processes, sender) = world_of_its_own().await;
    let load = tokio::spawn(sender.clone().load(200, 1_200));
    let mut flushes = 0;
    while !load.is_finished() {
        pause(Duration::from_secs(1)).await;
        redis.flushall();
        flushes += 1;
    }
    load.await.unwrap();
    assert!(flushes >= 5, "emptied {flushes} times only");
    assert_eq!(sender.unanswered(), [], "intake does not need Redis");
    // What was under way when Redis forgot it may have been held until its answer came.
    oracle::sold(&world, 1_200, SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(1_200);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
    println!("emptied {flushes} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_a_delivery_that_redis_forgot_while_it_was_under_way_is_settled_by_its_own_answer() {
    let (redis, world, _processes, sender) = world_of_its_own().await;
    world.sink.turn(Mode::Hold);
    let leads = 20;
    sender.clone().load(50, leads).await;
    wait_for("all posts", SOON, async || (world.sink.seen().len() == leads).then_some(())).await;
    redis.flushall();
    // The due sweep pushes them again, and another hand finds attempts that nobody seems to work on.
    wait_for("a lead that is held", SOON, async || {
        let all = world.ask(oracle::submissions).await;
        all.iter().any(|one| one.run == "held").then_some(())
    })
    .await;
    world.sink.release();
    oracle::sold(&world, leads, SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(leads);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_leads_that_come_while_redis_is_down_are_taken_and_delivered_when_it_is_back() {
    let (mut redis, world, mut processes, sender) = world_of_its_own().await;
    sender.send().await;
    redis.stop().await;
    sender.clone().load(100, 300).await;
    assert_eq!(sender.unanswered(), [], "intake does not need Redis");
    assert!(world.sink.seen().len() <= 1, "the queue was away");
    redis.start().await;
    oracle::judge(&world, &sender, SOON).await.all_sold(301);
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_a_redis_that_hangs_holds_up_no_answer_and_loses_no_lead() {
    let (mut redis, world, mut processes, sender) = world_of_its_own().await;
    sender.send().await;
    wait_for("the first sale", SOON, async || (world.sink.seen().len() == 1).then_some(())).await;
    redis.freeze();
    let began = Instant::now();
    sender.clone().load(100, 200).await;
    let took = began.elapsed();
    assert_eq!(sender.unanswered(), [], "intake does not need Redis");
    assert!(took < Duration::from_secs(6), "200 leads in 2 s were answered after {took:?}");
    redis.thaw();
    oracle::judge(&world, &sender, SOON).await.all_sold(201);
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
}
