//! F4 and F24 for calls: processes die around the order and the outcome, providers break, are silent or say everything twice. Nobody is
//! called twice, and nobody waits for ever.
use crate::{
    phones::Phones,
    stages::{SOON, died_at, leave},
    wait::wait_for,
    world::World,
};
use fakes::Provider;
use shared::testing::RedisServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fa_a_worker_that_dies_before_it_asks_for_a_call_costs_no_lead_and_nobody_is_called_twice()
{
    let phones = Phones::open(Provider::Vapi).await;
    let sent = phones.dies("call.before_call", "0100").await;
    assert_eq!(phones.ordered(&sent), 0);
    let healthy = phones.world.worker().await;
    phones.sold_in_time(&sent).await;
    leave(healthy).await;
    assert_eq!(phones.ordered(&sent), 1, "the provider knew no such call, so it was made");
    phones.judge().await.all_sold(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fb_a_call_that_was_made_when_its_worker_died_is_not_made_again() {
    let phones = Phones::open(Provider::Vapi).await;
    // Of the first call webhooks tell; the second one has to be found, and asked about.
    for digits in ["0100", "0108"] {
        let sent = phones.dies("call.after_call", digits).await;
        assert_eq!(phones.ordered(&sent), 1, "{digits}");
        let healthy = phones.world.worker().await;
        phones.sold_in_time(&sent).await;
        leave(healthy).await;
        assert_eq!(phones.ordered(&sent), 1, "{digits}");
    }
    phones.judge().await.all_sold(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fb_a_worker_that_dies_while_the_provider_is_silent_costs_no_lead() {
    let phones = Phones::open(Provider::Vapi).await;
    let mut worker = phones.world.worker().await;
    let sent = phones.sender.send_to("0111").await;
    phones.placed(&sent).await;
    worker.kill9();
    let healthy = phones.world.worker().await;
    phones.sold_in_time(&sent).await;
    leave(healthy).await;
    assert_eq!(phones.ordered(&sent), 1);
    phones.judge().await.all_sold(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fc_an_outcome_whose_takers_die_is_taken_in_once() {
    let mut phones = Phones::open(Provider::Vapi).await;
    phones.fake.hold();
    let worker = phones.world.worker().await;
    let sent = phones.sender.send_to("0100").await;
    let call = phones.placed(&sent).await;
    // The person picks up and hangs up; the last webhook tells what was said.
    assert!(phones.fake.step(&call).await && phones.fake.step(&call).await);
    leave(worker).await;
    phones.restart_api(&[("LEADRAIL_FAILPOINT", "hook.before_bell")]).await;
    assert!(phones.fake.step(&call).await);
    died_at(&mut phones.api, "hook.before_bell").await;
    assert_eq!(phones.fake.webhooks().last().unwrap().status, None, "it was not acknowledged");
    phones.restart_api(&[]).await;
    let mut doomed =
        phones.world.worker_with(&[("LEADRAIL_FAILPOINT", "call.before_outcome")]).await;
    died_at(&mut doomed, "call.before_outcome").await;
    assert_eq!(phones.of(&sent).await.run, "parked");
    let healthy = phones.world.worker().await;
    // No time has to pass: what was told is on disk, and the bell is rung by the sweep.
    phones.sold_soon(&sent).await;
    leave(healthy).await;
    assert_eq!(phones.ordered(&sent), 1);
    phones.judge().await.all_sold(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_providers_that_break_repeat_forge_or_confuse_their_webhooks_call_each_person_once() {
    let phones = Phones::open(Provider::Vapi).await;
    let worker = phones.world.worker().await;
    let mut all = Vec::new();
    // See docs/fakes.md for what happens to whom.
    for digits in ["0100", "0108", "0110", "0112", "0113", "0114", "0115", "0117"] {
        all.push((digits, phones.sender.send_to(digits).await));
    }
    for (digits, sent) in &all {
        phones.sold_in_time(sent).await;
        let orders = if *digits == "0117" { 2 } else { 1 };
        assert_eq!(phones.ordered(sent), orders, "{digits}");
    }
    leave(worker).await;
    let told = phones.fake.webhooks();
    assert!(told.iter().any(|one| one.status == Some(401)), "forged webhooks are refused");
    phones.judge().await.all_sold(8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_calls_that_are_never_heard_of_or_never_made_end_by_the_deadline() {
    let phones = Phones::open(Provider::Vapi).await;
    let worker = phones.world.worker().await;
    let endless = phones.sender.send_to("0116").await;
    let broken = phones.sender.send_to("0109").await;
    phones.placed(&endless).await;
    phones.in_time("a second order", async || (phones.ordered(&broken) > 1).then_some(())).await;
    phones.time_passes(600 * 60).await;
    for sent in [&endless, &broken] {
        let end = wait_for("the end", SOON, async || {
            Some(phones.of(sent).await).filter(|one| one.run == "finished")
        })
        .await;
        assert_eq!(end.outcome.as_deref(), Some("disqualified"), "{end:?}");
    }
    leave(worker).await;
    assert_eq!((phones.ordered(&endless), phones.reached(&broken)), (1, 0));
    let tally = phones.judge().await;
    assert_eq!((tally.accepted, tally.others.len()), (0, 2), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_a_redis_that_is_emptied_while_calls_are_planned_and_open_costs_no_call_and_makes_none_twice()
 {
    let redis = RedisServer::new().await;
    let phones = Phones::on(World::with_redis(&redis.url()).await, Provider::Vapi).await;
    phones.fake.hold();
    let leads = 40;
    let mut all = Vec::new();
    let worker = phones.world.worker().await;
    for nth in 0..leads {
        if nth == leads / 2 {
            redis.flushall();
        }
        all.push(phones.sender.send_to("0100").await);
    }
    redis.flushall();
    for sent in &all {
        phones.in_time("an order", async || (phones.ordered(sent) > 0).then_some(())).await;
    }
    redis.flushall();
    for sent in &all {
        phones.fake.send_webhooks_of(&phones.placed(sent).await).await;
        redis.flushall();
    }
    // A worker that loses its lease is told to stop, and what it had in hand counts as a death.
    for sent in &all {
        phones.sold_in_time(sent).await;
    }
    leave(worker).await;
    assert_eq!(phones.fake.placed().len(), leads);
    phones.judge().await.all_sold(leads);
}
