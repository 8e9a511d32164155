//! A buyer that hangs takes its own places in a worker and no more: another buyer's leads go out meanwhile.
use crate::{
    campaign::plain,
    world::{Run, World, context, yes},
};
use axum::{Router, routing::post};
use serde_json::json;
use shared::{
    ids::CampaignId,
    on_both_engines,
    push::lane,
    queue::{Job, Queue},
    submission::Stage,
};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use worker::lanes::{self, Concurrency};

/// How long the quick buyer's leads may take; the slow one hangs longer than that.
const PATIENCE: Duration = Duration::from_secs(25);

/// A slow buyer that never answers and a quick one that counts. Gives the address, and both counts.
async fn buyers() -> (String, watch::Receiver<usize>, watch::Receiver<usize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (slow, hanging) = watch::channel(0);
    let (quick, served) = watch::channel(0);
    let hang = move || {
        slow.send_modify(|count| *count += 1);
        std::future::pending::<String>()
    };
    let answer = move || {
        quick.send_modify(|count| *count += 1);
        async { json!({"result": "accepted", "id": "B-1"}).to_string() }
    };
    let routes = Router::new().route("/slow", post(hang)).route("/quick", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (address, hanging, served)
}

async fn push(world: &World, queue: &Queue, campaign: CampaignId, count: usize) {
    let mut jobs = Vec::new();
    for _ in 0..count {
        let id = world.submit(campaign, json!({})).await.submission_id.unwrap();
        jobs.push((Job { id: id.0, generation: 1 }, Duration::ZERO));
    }
    queue.push(lane(Stage::Routing), &jobs).await.unwrap();
}

on_both_engines! {
    async fn a_buyer_that_hangs_does_not_hold_up_another(store: TestStore) {
        let (address, mut hanging, mut served) = buyers().await;
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let mut config = plain(&address, "/slow");
        config["endpoints"][0]["timeoutSeconds"] = json!(120);
        let slow = world.campaign("SLOW", config).await;
        let quick = world.campaign("QUICK", plain(&address, "/quick")).await;
        let queue = Queue::memory();
        let ctx = Arc::new(context(&world.store, &world.clock, queue.clone()));
        let much = Concurrency { quick: 16, delivery: 40, ..Concurrency::default() };
        let stop = CancellationToken::new();
        let working = tokio::spawn(lanes::run(ctx, queue.clone(), much, stop));
        // More than the worker has hands for.
        push(&world, &queue, slow, 60).await;
        timeout(PATIENCE, hanging.wait_for(|count| *count == 32)).await.unwrap().unwrap();
        push(&world, &queue, quick, 20).await;
        timeout(PATIENCE, served.wait_for(|count| *count == 20)).await.unwrap().unwrap();
        assert_eq!(*hanging.borrow(), 32, "it has its own places and no more");
        working.abort();
    }
}
