//! Tests of the queue, and what they share: a private Redis, a worker to start, things to wait for.

mod conformance;
mod faults;
mod fences;
mod speed;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::queue::{Delivered, Depth, Job, Lane, Pushed, Queue, QueueError, RunOptions, Settle};

pub(super) const LANE: Lane = Lane::new("stage");
pub(super) const NOW: Duration = Duration::ZERO;
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A Redis of its own for one test, on a socket in a folder of its own; without any persistence.
pub(super) struct Server {
    folder: PathBuf,
    process: Option<Child>,
}

impl Server {
    pub(super) fn start() -> Self {
        let mut server = Self::down();
        server.up();
        server
    }

    /// Its address is known before it runs.
    pub(super) fn down() -> Self {
        let folder = std::env::temp_dir().join(format!("queue-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&folder).unwrap();
        Self { folder, process: None }
    }

    pub(super) fn up(&mut self) {
        let socket = self.folder.join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(&self.folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need a Redis: install redis-server or set REDIS_URL");
        self.process = Some(process);
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(started.elapsed() < PATIENCE, "redis-server does not open its socket");
            std::thread::sleep(millis(5));
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends it a signal, such as `STOP`: it keeps its connections and says nothing.
    pub(super) fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id).status().unwrap().success());
    }

    pub(super) fn url(&self) -> String {
        format!("unix://{}", self.folder.join("redis.sock").display())
    }

    /// A queue with a connection of its own, as another process would have.
    pub(super) fn queue(&self) -> Queue {
        Queue::redis(&self.url(), "test").unwrap()
    }

    pub(super) async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A queue on the Redis of `REDIS_URL`, in a namespace nobody else has, or on one of its own.
pub(super) fn redis_queue() -> (Queue, Option<Server>) {
    match std::env::var_os("REDIS_URL") {
        Some(url) => {
            let namespace = format!("test-{}", Uuid::now_v7().simple());
            (Queue::redis(url.to_str().unwrap(), &namespace).unwrap(), None)
        }
        None => {
            let server = Server::start();
            (server.queue(), Some(server))
        }
    }
}

pub(super) fn job(generation: i64) -> Job {
    Job { id: Uuid::from_u128(7), generation }
}

pub(super) fn jobs(count: i64) -> Vec<(Job, Duration)> {
    (0..count).map(|generation| (job(generation), NOW)).collect()
}

pub(super) fn concurrency(concurrency: usize) -> RunOptions {
    RunOptions { concurrency, ..RunOptions::default() }
}

/// What handlers saw: generation and delivery, in order.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<(i64, u32)>>>);

impl Seen {
    pub(super) fn note(&self, delivered: &Delivered) {
        self.0.lock().unwrap().push((delivered.job.generation, delivered.delivery));
    }

    pub(super) fn all(&self) -> Vec<(i64, u32)> {
        self.0.lock().unwrap().clone()
    }

    pub(super) async fn wait_for(&self, count: usize) -> Vec<(i64, u32)> {
        until(async || self.0.lock().unwrap().len() >= count).await;
        self.all()
    }
}

/// A running worker.
pub(super) struct Running {
    stop: CancellationToken,
    run: JoinHandle<()>,
}

impl Running {
    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.run).await.expect("the worker does not stop").unwrap();
    }
}

pub(super) fn start<F, R>(queue: &Queue, options: RunOptions, handler: F) -> Running
where
    F: Fn(Delivered) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Settle> + Send + 'static,
{
    let (queue, stop) = (queue.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let run = tokio::spawn(async move { queue.run(LANE, options, stopped, handler).await });
    Running { stop, run }
}

/// A worker that notes every job and is done with it.
pub(super) fn start_noting(queue: &Queue, options: RunOptions, seen: &Seen) -> Running {
    let seen = seen.clone();
    start(queue, options, move |delivered| {
        seen.note(&delivered);
        std::future::ready(Settle::Done)
    })
}

pub(super) async fn until(condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "waited for {PATIENCE:?} in vain");
        tokio::time::sleep(millis(2)).await;
    }
}

/// Ready, later, leased.
pub(super) async fn counts(queue: &Queue) -> (u64, u64, u64) {
    let Depth { ready, later, leased, .. } = queue.depths(&[LANE]).await.unwrap()[0];
    (ready, later, leased)
}
