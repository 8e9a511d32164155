//! Figures, not promises: `cargo test --release speed -- --ignored --nocapture --test-threads 1`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn speed_of_redis() {
    let (queue, _server) = redis_queue();
    measure("redis", &queue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn speed_of_memory() {
    measure("memory", &Queue::memory()).await;
}

async fn measure(kind: &str, queue: &Queue) {
    for hands in [1, 16, 64] {
        println!("{kind}: {:.0} no-op jobs/s at concurrency {hands}", drained(queue, hands).await);
    }
    for batch in [1, 50, 500] {
        println!("{kind}: {:.0} pushes/s in batches of {batch}", pushed(queue, batch).await);
    }
    let (p50, p99) = latency(queue).await;
    println!("{kind}: push to start p50 {p50:?}, p99 {p99:?}");
    let (rate, p50, p99) = paced(queue).await;
    println!("{kind}: paced {rate:.0} jobs/s, push to start p50 {p50:?}, p99 {p99:?}");
}

fn start_counting(queue: &Queue, hands: usize) -> (Running, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let running = start(queue, concurrency(hands), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Settle::Done)
    });
    (running, count)
}

async fn drained(queue: &Queue, hands: usize) -> f64 {
    const COUNT: usize = 50_000;
    queue.push(LANE, &jobs(COUNT as i64)).await.unwrap();
    let started = Instant::now();
    let (running, count) = start_counting(queue, hands);
    until(async || count.load(Ordering::Relaxed) == COUNT).await;
    let rate = COUNT as f64 / started.elapsed().as_secs_f64();
    running.stop().await;
    rate
}

async fn pushed(queue: &Queue, batch: usize) -> f64 {
    let count = batch * 200;
    let all = jobs(count as i64);
    let started = Instant::now();
    for some in all.chunks(batch) {
        queue.push(LANE, some).await.unwrap();
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    let (running, done) = start_counting(queue, 64);
    until(async || done.load(Ordering::Relaxed) == count).await;
    running.stop().await;
    rate
}

/// One job at a time into an idle lane.
async fn latency(queue: &Queue) -> (Duration, Duration) {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let running = start(queue, concurrency(4), move |_| {
        told.send(Instant::now()).unwrap();
        std::future::ready(Settle::Done)
    });
    let mut took = Vec::new();
    for generation in 0..500 {
        tokio::time::sleep(millis(4)).await;
        let started = Instant::now();
        queue.push(LANE, &[(job(generation), NOW)]).await.unwrap();
        took.push(heard.recv().await.unwrap() - started);
    }
    running.stop().await;
    quantiles(took)
}

/// Four jobs each millisecond for two seconds, by pushes of one: the pipeline's own load.
async fn paced(queue: &Queue) -> (f64, Duration, Duration) {
    const COUNT: i64 = 8_000;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let running = start(queue, concurrency(16), move |delivered| {
        told.send((delivered.job.generation, Instant::now())).unwrap();
        std::future::ready(Settle::Done)
    });
    let mut ticks = tokio::time::interval(millis(1));
    let mut began = Vec::new();
    let started = Instant::now();
    for generation in 0..COUNT {
        if generation % 4 == 0 {
            ticks.tick().await;
        }
        began.push(Instant::now());
        let queue = queue.clone();
        tokio::spawn(async move { queue.push(LANE, &[(job(generation), NOW)]).await.unwrap() });
    }
    let mut took = Vec::new();
    while took.len() < COUNT as usize {
        let (generation, at) = heard.recv().await.unwrap();
        took.push(at - began[generation as usize]);
    }
    let rate = COUNT as f64 / started.elapsed().as_secs_f64();
    running.stop().await;
    let (p50, p99) = quantiles(took);
    (rate, p50, p99)
}

fn quantiles(mut took: Vec<Duration>) -> (Duration, Duration) {
    took.sort();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}
