//! F26: workers are replaced one by one under load, as a deployment does it.
use crate::{oracle, wait::pause, world::World};
use shared::testing::Process;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const LEADS: usize = 800;

async fn leave(mut worker: Process) {
    worker.sigterm();
    let status = worker.wait_exit(SOON).await;
    assert!(status.success(), "a worker that was told to stop ended with {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f26_a_rolling_restart_every_second_loses_nothing_and_holds_nothing() {
    let world = World::new().await;
    let _others = (world.api().await, world.scheduler().await);
    let sender = world.sender(false).await;
    let mut workers =
        std::collections::VecDeque::from([world.worker().await, world.worker().await]);
    let load = tokio::spawn(sender.clone().load(100, LEADS));
    let mut restarts = 0;
    while !load.is_finished() {
        pause(Duration::from_secs(1)).await;
        workers.push_back(world.worker().await);
        leave(workers.pop_front().expect("there are two")).await;
        restarts += 1;
    }
    load.await.unwrap();
    assert!(restarts >= 4, "restarted {restarts} times only");
    assert_eq!(sender.unanswered(), []);
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(LEADS);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    for worker in workers {
        leave(worker).await;
    }
    println!("{restarts} restarts");
}
