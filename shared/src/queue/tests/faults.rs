//! What becomes of workers and pushes when Redis stalls, forgets, dies or is not there yet.

use std::time::Instant;

use super::*;

#[test]
fn a_url_or_namespace_that_can_never_work_is_refused() {
    assert!(matches!(Queue::redis("postgres://x", "a"), Err(QueueError::Url(_))));
    for namespace in ["", "a b", "{a}", "a:b", "ä"] {
        let refused = Queue::redis("redis://localhost", namespace);
        assert!(matches!(refused, Err(QueueError::Namespace(_))), "{namespace:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_another_process_wakes_at_once() {
    let server = Server::start();
    let seen = Seen::default();
    let running = start_noting(&server.queue(), concurrency(1), &seen);
    until(async || !server.ask::<Vec<String>>(&["PUBSUB", "CHANNELS"]).await.is_empty()).await;
    tokio::time::sleep(millis(100)).await;
    for generation in 0..5 {
        let started = Instant::now();
        server.queue().push(LANE, &[(job(generation), NOW)]).await.unwrap();
        seen.wait_for(1 + generation as usize).await;
        assert!(started.elapsed() < millis(400), "it waited for the safety poll");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_the_same_process_wakes_without_pub_sub() {
    let server = Server::start();
    let queue = server.queue();
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(1), &seen);
    until(async || !server.ask::<Vec<String>>(&["PUBSUB", "CHANNELS"]).await.is_empty()).await;
    for generation in 0..5 {
        tokio::time::sleep(millis(20)).await;
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        let started = Instant::now();
        queue.push(LANE, &[(job(generation), NOW)]).await.unwrap();
        seen.wait_for(1 + generation as usize).await;
        assert!(started.elapsed() < millis(200), "it waited for the channel or a poll");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_costs_only_the_jobs_in_it() {
    let server = Server::start();
    let queue = server.queue();
    let seen = Seen::default();
    let noted = seen.clone();
    let options = RunOptions { lease: millis(300), ..concurrency(4) };
    let running = start(&queue, options, move |delivered| {
        noted.note(&delivered);
        async move {
            if delivered.job.generation < 4 {
                delivered.cancelled.cancelled().await;
            }
            Settle::Done
        }
    });
    queue.push(LANE, &jobs(100)).await.unwrap();
    seen.wait_for(4).await;
    let () = server.ask(&["FLUSHALL"]).await;
    // The four in hand feel the loss, end, and settle into nothing.
    until(async || counts(&queue).await == (0, 0, 0)).await;
    let fresh: Vec<_> = (200..300).map(|generation| (job(generation), NOW)).collect();
    assert_eq!(queue.push(LANE, &fresh).await.unwrap().fresh, 100);
    seen.wait_for(104).await;
    running.stop().await;
    assert_eq!(server.ask::<u64>(&["DBSIZE"]).await, 0, "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_outlives_its_redis() {
    let mut server = Server::start();
    let queue = server.queue();
    let seen = Seen::default();
    let noted = seen.clone();
    let running = start(&queue, concurrency(4), move |delivered| {
        noted.note(&delivered);
        async {
            tokio::time::sleep(millis(5)).await;
            Settle::Done
        }
    });
    queue.push(LANE, &jobs(2_000)).await.unwrap();
    seen.wait_for(50).await;
    server.kill();
    let started = Instant::now();
    assert!(queue.push(LANE, &jobs(10)).await.is_err());
    assert!(queue.depths(&[LANE]).await.is_err());
    assert!(started.elapsed() < millis(1_000), "away is said at once");
    tokio::time::sleep(millis(500)).await;
    server.up();
    let before = seen.all().len();
    let pushed = queue.push(LANE, &jobs(100)).await.unwrap();
    assert_eq!(
        pushed.fresh, 100,
        "the new redis is empty, and the first push after its return works"
    );
    seen.wait_for(before + 100).await;
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_starts_before_its_redis() {
    let mut server = Server::down();
    let queue = server.queue();
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(2), &seen);
    let started = Instant::now();
    assert!(matches!(queue.push(LANE, &jobs(1)).await, Err(QueueError::Redis(_))));
    assert!(started.elapsed() < millis(1_000));
    tokio::time::sleep(millis(300)).await;
    server.up();
    queue.push(LANE, &jobs(3)).await.unwrap();
    assert_eq!(seen.wait_for(3).await, [(0, 1), (1, 1), (2, 1)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_costs_a_push_less_than_a_second() {
    let server = Server::start();
    let queue = server.queue();
    queue.push(LANE, &jobs(1)).await.unwrap();
    server.signal("STOP");
    let started = Instant::now();
    assert!(matches!(queue.push(LANE, &jobs(2)).await, Err(QueueError::Silent(_))));
    assert!(started.elapsed() < millis(1_000), "{:?}", started.elapsed());
    server.signal("CONT");
    until(async || queue.push(LANE, &jobs(2)).await.is_ok()).await;
    assert_eq!(counts(&queue).await.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stops_without_its_redis() {
    let mut server = Server::start();
    let queue = server.queue();
    queue.push(LANE, &jobs(9)).await.unwrap();
    let seen = Seen::default();
    let noted = seen.clone();
    let running = start(&queue, concurrency(2), move |delivered| {
        noted.note(&delivered);
        async {
            tokio::time::sleep(millis(200)).await;
            Settle::Done
        }
    });
    seen.wait_for(2).await;
    server.kill();
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_job_is_thrown_out() {
    let server = Server::start();
    let queue = server.queue();
    for stray in ["stray", "0123456789abcdef0123456789abcdef:x"] {
        let _: u64 = server.ask(&["HSET", "{test:stage}:live", stray, "0"]).await;
        let _: u64 = server.ask(&["RPUSH", "{test:stage}:ready", stray]).await;
    }
    let _: u64 = server.ask(&["RPUSH", "{test:stage}:ready", "forgotten"]).await;
    queue.push(LANE, &jobs(1)).await.unwrap();
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(8), &seen);
    seen.wait_for(1).await;
    running.stop().await;
    assert_eq!(server.ask::<u64>(&["DBSIZE"]).await, 0);
}
