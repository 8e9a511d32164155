//! The sink from outside: started as a process, asked what has arrived.
use crate::{
    door::Door,
    moment::wait,
    trouble::{Doing, Trouble},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How often the sink is asked how many leads have arrived.
const LOOK: Duration = Duration::from_millis(20);

/// The running sink; ends when dropped.
pub struct Buyer {
    _process: Child,
    pub pid: u32,
    pub address: SocketAddr,
}

/// All that arrived so far.
#[derive(Debug)]
pub struct Arrivals {
    /// Of each lead, the times in microseconds.
    pub times: HashMap<u64, Vec<i64>>,
    pub keys: u64,
    pub repeated_keys: u64,
    pub unreadable: u64,
}

impl Buyer {
    pub async fn start() -> Result<Self, Trouble> {
        let program = std::env::current_exe().doing("finding this program")?;
        let mut process = Command::new(program)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .doing("starting the sink")?;
        let output = process.stdout.take().ok_or("no output").doing("starting the sink")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.doing("reading the sink's address")?;
        let address = line.trim().parse().doing("reading the sink's address")?;
        let pid = process.id().ok_or("it has ended").doing("starting the sink")?;
        Ok(Self { _process: process, pid, address })
    }

    /// The sink speaks without the API's envelope and wants no key.
    async fn ask(&self, path: &str) -> Result<Value, Trouble> {
        let door = Door { address: self.address, key: String::new() };
        let mut line = door.connect().await?;
        Ok(serde_json::from_slice(line.send("GET", path, "").await?.body)?)
    }

    /// Waits until `wanted` leads have arrived in all, or until nothing came for `patience`; returns how many did.
    pub async fn wait_for(&self, wanted: u64, patience: Duration) -> Result<u64, Trouble> {
        self.wait_until_there("arrived", wanted, patience).await
    }

    /// The same for webhooks and orders that begin a wait.
    pub async fn wait_for_waits(&self, wanted: u64, patience: Duration) -> Result<u64, Trouble> {
        self.wait_until_there("waits", wanted, patience).await
    }

    /// What the sink was told of waits: lead number, and the resume URL or the order's id.
    pub async fn waits(&self) -> Result<Vec<(u64, String)>, Trouble> {
        Ok(serde_json::from_value(self.ask("/waits").await?)?)
    }

    async fn wait_until_there(
        &self,
        what: &str,
        wanted: u64,
        patience: Duration,
    ) -> Result<u64, Trouble> {
        let (mut arrived, mut since) = (0, Instant::now());
        loop {
            let now = self.ask("/count").await?[what].as_u64().unwrap_or(0);
            if now > arrived {
                (arrived, since) = (now, Instant::now());
            }
            if arrived >= wanted || since.elapsed() > patience {
                return Ok(arrived);
            }
            wait(LOOK).await;
        }
    }

    pub async fn report(&self) -> Result<Arrivals, Trouble> {
        let report = self.ask("/report").await?;
        let number = |name: &str| report[name].as_u64().unwrap_or(0);
        let mut times: HashMap<u64, Vec<i64>> = HashMap::new();
        for arrival in report["arrivals"].as_array().into_iter().flatten() {
            if let (Some(lead), Some(at)) = (arrival[0].as_u64(), arrival[1].as_i64()) {
                times.entry(lead).or_default().push(at);
            }
        }
        Ok(Arrivals {
            times,
            keys: number("keys"),
            repeated_keys: number("repeatedKeys"),
            unreadable: number("unreadable"),
        })
    }
}
