//! The buyer is down for a while and says so: nothing was taken, so nothing is in doubt.
use crate::{
    oracle,
    sink::{Mode, Said},
    wait::{pause, wait_for},
    world::World,
};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_answers_503_for_a_while_gets_each_lead_once_when_it_is_back() {
    let world = World::new().await;
    let _processes = (world.api().await, world.worker().await, world.scheduler().await);
    let sender = world.sender(false).await;
    world.sink.turn(Mode::Busy);
    let leads = 50;
    sender.clone().load(50, leads).await;
    wait_for("a refusal of each", SOON, async || (world.sink.seen().len() >= leads).then_some(()))
        .await;
    pause(Duration::from_secs(1)).await;
    world.sink.turn(Mode::Accept);
    oracle::judge(&world, &sender, SOON).await.all_sold(leads);
    let took = world.sink.seen().iter().filter(|one| one.said == Said::Accepted).count();
    assert_eq!(took, leads, "each was taken once");
}
