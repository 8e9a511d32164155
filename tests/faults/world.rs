//! An installation: processes of the real binary, a database and a Redis of their own, a buyer in this process.
use crate::{
    desk::{Desk, config},
    sender::Sender,
    sink::Sink,
    wait::wait_for,
};
use shared::{
    ids::WorkspaceId,
    key,
    store::{Db, StoreError},
    testing::{Process, TestStore, redis_url},
};
use std::time::Duration;
use uuid::Uuid;

const LEADRAIL: &str = env!("CARGO_BIN_EXE_leadrail");
/// How long a process may take to start on a busy machine.
const START: Duration = Duration::from_secs(30);
/// How long the database may be away while a test asks it.
const DATABASE: Duration = Duration::from_secs(30);

pub struct World {
    pub db: Db,
    pub desk: Desk,
    pub sink: Sink,
    environment: Vec<(String, String)>,
    /// Whether DATABASE_URL and REDIS_URL of the tests are kept from the processes.
    embedded: bool,
    _store: Option<TestStore>,
}

impl World {
    /// On the servers that all tests share, in a fresh database and a fresh namespace.
    pub async fn new() -> Self {
        Self::with_redis(&redis_url()).await
    }

    /// In a fresh database of the shared server, on a Redis that the test may break.
    pub async fn with_redis(redis: &str) -> Self {
        let store = TestStore::postgres().await;
        let mut world = Self::bare(store.db.clone()).await;
        world.set("DATABASE_URL", &store.url);
        world.set("REDIS_URL", redis);
        world._store = Some(store);
        world
    }

    /// On a PostgreSQL that the test may break. The first process makes the tables.
    pub async fn with_postgres(database: &str) -> Self {
        let db = Db::open(database, 4).await.expect("the test's own PostgreSQL answers");
        let mut world = Self::bare(db).await;
        world.set("DATABASE_URL", database);
        world.set("REDIS_URL", &redis_url());
        world
    }

    /// For `leadrail serve` on SQLite in `folder`.
    pub async fn embedded(folder: &std::path::Path) -> Self {
        let file = format!("sqlite:{}", folder.join("leadrail.db").display());
        let mut world = Self::bare(Db::open(&file, 1).await.expect("SQLite opens")).await;
        world.set("LEADRAIL_DATA", &folder.display().to_string());
        world.embedded = true;
        world
    }

    async fn bare(db: Db) -> Self {
        let admin = key::generate();
        let desk = Desk::new(&admin);
        let sink = Sink::start().await;
        let mut world =
            Self { db, desk, sink, environment: Vec::new(), embedded: false, _store: None };
        world.set("LEADRAIL_ADMIN_KEY", &admin);
        world.set("LEADRAIL_REDIS_NAMESPACE", &format!("test-{}", Uuid::now_v7().simple()));
        world.set("LEADRAIL_LISTEN", "127.0.0.1:0");
        world.set("LEADRAIL_ALLOW_PRIVATE_ENDPOINTS", "true");
        world.set("LEADRAIL_REDELIVERY_SECONDS", "1");
        world.set("LEADRAIL_LEASE_SECONDS", "2");
        world.set("LEADRAIL_LOG", "info");
        world
    }

    /// A setting of every process that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    /// Starts the binary.
    pub fn spawn(&self, arguments: &[&str], more: &[(&str, &str)]) -> Process {
        let own = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        if !self.embedded {
            return Process::spawn(LEADRAIL, arguments, &environment);
        }
        Process::spawn("/usr/bin/env", &without_engines(arguments), &environment)
    }

    /// An API that answers. Senders go to it from now on.
    pub async fn api(&self) -> Process {
        self.api_with(&[]).await
    }

    pub async fn api_with(&self, more: &[(&str, &str)]) -> Process {
        let mut process = self.spawn(&["api"], more);
        self.listens(&mut process).await;
        process
    }

    /// Everything in one process, answering.
    pub async fn serve(&self) -> Process {
        let mut process = self.spawn(&["serve"], &[]);
        self.listens(&mut process).await;
        process
    }

    async fn listens(&self, process: &mut Process) {
        let line = process.wait_for_line("the API listens", START).await;
        let (_, address) = line.split_once("address=").expect("the line names the address");
        self.desk.follow(address.trim());
    }

    /// A worker that takes jobs.
    pub async fn worker(&self) -> Process {
        self.worker_with(&[]).await
    }

    /// A worker with a setting of its own.
    pub async fn worker_with(&self, more: &[(&str, &str)]) -> Process {
        let mut process = self.spawn(&["worker"], more);
        process.wait_for_line("the worker takes jobs", START).await;
        process
    }

    pub async fn scheduler(&self) -> Process {
        let mut process = self.spawn(&["scheduler"], &[]);
        process.wait_for_line("the scheduler ticks", START).await;
        process
    }

    /// Runs a command to its end: whether it succeeded, and what it said.
    pub async fn command(&self, arguments: &[&str]) -> (bool, String) {
        let mut process = self.spawn(arguments, &[]);
        let status = process.wait_exit(START).await;
        (status.success(), process.log())
    }

    /// A source for a new campaign that delivers to the sink's first endpoint.
    pub async fn sender(&self, idempotent: bool) -> Sender {
        let campaign = config(&self.sink, "first", idempotent, &[]);
        Sender::new(&self.desk, &self.desk.campaign("first", campaign).await, idempotent)
    }

    /// The same with a fallback campaign that delivers to the sink's second endpoint.
    pub async fn sender_with_fallback(&self, idempotent: bool) -> Sender {
        let second = config(&self.sink, "second", idempotent, &[]);
        let second = self.desk.campaign("second", second).await;
        let first = config(&self.sink, "first", idempotent, &[second.id]);
        Sender::new(&self.desk, &self.desk.campaign("first", first).await, idempotent)
    }

    /// The workspace that the installation began with.
    pub async fn workspace(&self) -> WorkspaceId {
        let first = "SELECT id FROM workspace ORDER BY id LIMIT 1";
        self.ask(async |db| db.read().sql(first).scalar().await).await
    }

    /// Asks the database, again and again while it is away.
    pub async fn ask<T>(&self, mut question: impl AsyncFnMut(&Db) -> Result<T, StoreError>) -> T {
        wait_for("the database's answer", DATABASE, async || question(&self.db).await.ok()).await
    }
}

/// Arguments for `env` that start the binary without the tests' own engines.
pub fn without_engines<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut line = vec!["-u", "DATABASE_URL", "-u", "REDIS_URL", LEADRAIL];
    line.extend(arguments);
    line
}
