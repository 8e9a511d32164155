//! Leases: who lost one can neither prolong nor settle what somebody else holds now.

use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::queue::redis_lane::RedisLane;
use crate::queue::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(30);

/// A lane without a worker, so that a test decides who holds what.
fn lane(server: &Server) -> Arc<RedisLane> {
    RedisServer::open(&server.url(), "test").unwrap().lane(LANE)
}

#[tokio::test]
async fn an_expired_lease_is_taken_by_another_and_fences_the_first() {
    let server = Server::start();
    let lane = lane(&server);
    lane.push(&jobs(1)).await.unwrap();
    let first = lane.take(1, millis(50)).await.unwrap().leases[0];
    assert_eq!(lane.renew(&[first], millis(50)).await.unwrap(), []);
    assert!(lane.take(1, LEASE).await.unwrap().leases.is_empty(), "it is held");

    tokio::time::sleep(millis(60)).await;
    let second = lane.take(1, LEASE).await.unwrap().leases[0];
    assert_eq!((first.delivery, second.delivery), (1, 2));
    for settle in [Settle::Done, Settle::Back, Settle::Again(NOW)] {
        assert_eq!(lane.settle(&[(first, settle)]).await.unwrap(), 0, "{settle:?}");
    }
    assert_eq!(lane.renew(&[second, first], LEASE).await.unwrap(), [first]);
    assert_eq!(lane.settle(&[(second, Settle::Done)]).await.unwrap(), 1);
    assert_eq!(server.ask::<u64>(&["DBSIZE"]).await, 0);
}

#[tokio::test]
async fn a_lease_of_an_earlier_life_of_the_job_is_void() {
    let server = Server::start();
    let lane = lane(&server);
    lane.push(&jobs(1)).await.unwrap();
    let before = lane.take(1, LEASE).await.unwrap().leases[0];
    assert_eq!(lane.settle(&[(before, Settle::Done)]).await.unwrap(), 1);
    lane.push(&jobs(1)).await.unwrap();
    let after = lane.take(1, LEASE).await.unwrap().leases[0];
    assert_eq!(before.delivery, after.delivery);
    assert_eq!(lane.settle(&[(before, Settle::Done)]).await.unwrap(), 0, "said twice");
    assert_eq!(lane.settle(&[(after, Settle::Back)]).await.unwrap(), 1);
    let back = lane.take(1, LEASE).await.unwrap().leases[0];
    assert_eq!(back.delivery, 1, "given back does not count");
    assert_eq!(lane.settle(&[(after, Settle::Back)]).await.unwrap(), 0, "said twice");
    assert_eq!(lane.settle(&[(back, Settle::Done)]).await.unwrap(), 1);
}

#[tokio::test]
async fn an_expired_lease_settles_nothing_once_the_job_is_ready_again() {
    let server = Server::start();
    let lane = lane(&server);
    lane.push(&jobs(2)).await.unwrap();
    let both = lane.take(2, millis(20)).await.unwrap().leases;
    tokio::time::sleep(millis(30)).await;
    assert_eq!(
        lane.settle(&[(both[1], Settle::Done)]).await.unwrap(),
        1,
        "late, yet still its own"
    );
    // Anybody's take puts back what expired; this one then takes it.
    let taken = lane.take(5, LEASE).await.unwrap().leases;
    assert_eq!(taken.len(), 1);
    assert_eq!(lane.settle(&[(both[0], Settle::Done)]).await.unwrap(), 0);
    assert_eq!(lane.renew(&both, LEASE).await.unwrap(), both);
}

#[tokio::test]
async fn one_take_is_bounded() {
    let server = Server::start();
    let lane = lane(&server);
    lane.push(&jobs(300)).await.unwrap();
    let mut taken = 0;
    while taken < 300 {
        let leases = lane.take(1_000, millis(500)).await.unwrap().leases;
        assert!(!leases.is_empty() && leases.len() <= 64);
        taken += leases.len();
    }
    tokio::time::sleep(millis(510)).await;
    lane.take(1, LEASE).await.unwrap();
    let ready: u64 = server.ask(&["LLEN", "{test:stage}:ready"]).await;
    let leased: u64 = server.ask(&["ZCARD", "{test:stage}:lease"]).await;
    assert_eq!((ready, leased), (99, 201), "at most 100 expired leases are put back at once");
}

/// The first worker's only thread sleeps through its leases. The second gets the job; the first is
/// told, and its answer changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_worker_is_told_and_fenced() {
    let server = Server::start();
    let queue = server.queue();
    queue.push(LANE, &jobs(1)).await.unwrap();
    let url = server.url();
    let (told, heard) = std::sync::mpsc::channel();
    let stalled = std::thread::spawn(move || stall(&url, &told));

    until(async || counts(&queue).await.2 == 1).await;
    let seen = Seen::default();
    let noted = seen.clone();
    let running = start(&queue, concurrency(1), move |delivered| {
        noted.note(&delivered);
        std::future::ready(Settle::Again(Duration::from_secs(600)))
    });
    assert_eq!(seen.wait_for(1).await, [(0, 2)]);
    until(async || counts(&queue).await == (0, 1, 0)).await;

    tokio::task::spawn_blocking(move || stalled.join().unwrap()).await.unwrap();
    assert!(heard.recv().unwrap(), "the stalled handler is told that it lost its lease");
    assert_eq!(counts(&queue).await, (0, 1, 0), "its `Done` did not count");
    running.stop().await;
}

/// A worker on a runtime of one thread, whose handler blocks that thread, waits to be told, and
/// says `Done`.
fn stall(url: &str, told: &std::sync::mpsc::Sender<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let queue = Queue::redis(url, "test").unwrap();
        let options = RunOptions { lease: millis(200), ..concurrency(1) };
        let stop = CancellationToken::new();
        let (stopped, told) = (stop.clone(), told.clone());
        let handler = move |delivered: Delivered| {
            let (stop, told) = (stop.clone(), told.clone());
            async move {
                std::thread::sleep(millis(2_000));
                let started = Instant::now();
                let wait = tokio::time::timeout(PATIENCE, delivered.cancelled.cancelled());
                told.send(wait.await.is_ok() && started.elapsed() < millis(1_000)).unwrap();
                stop.cancel();
                Settle::Done
            }
        };
        queue.run(LANE, options, stopped, handler).await;
    });
}
