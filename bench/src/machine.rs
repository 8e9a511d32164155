//! What the figures were measured on.
use crate::{engines::Servers, redis, trouble::Trouble};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{fs, path::Path, thread};
use tokio::process::Command;

/// Settings of PostgreSQL that decide what an insert costs.
const POSTGRES: [&str; 6] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
];
/// Fields of Redis's INFO that decide what a push costs.
const REDIS: [&str; 3] = ["redis_version", "aof_enabled", "io_threads_active"];

/// Machine, program and servers.
pub async fn facts(binary: &Path, servers: Option<&Servers>) -> Result<Value, Trouble> {
    let (postgres, redis) = match servers {
        Some(servers) => {
            (postgres(&servers.database_url).await?, redis_facts(&servers.redis_url).await?)
        }
        None => (Value::Null, Value::Null),
    };
    Ok(json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "kernel": text("/proc/sys/kernel/osrelease"),
        "load": text("/proc/loadavg"),
        "leadrail": version(binary).await,
        "postgres": postgres,
        "redis": redis,
    }))
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

async fn postgres(url: &str) -> Result<Value, Trouble> {
    let mut admin = PgConnection::connect(url).await?;
    let mut facts = serde_json::Map::new();
    for name in POSTGRES {
        let show = AssertSqlSafe(format!("SHOW {name}"));
        let value: String = sqlx::query_scalar(show).fetch_one(&mut admin).await?;
        facts.insert(name.into(), value.into());
    }
    Ok(facts.into())
}

async fn redis_facts(url: &str) -> Result<Value, Trouble> {
    let info = redis::Info::of(url).await?;
    Ok(REDIS.iter().map(|name| ((*name).to_owned(), json!(info.value(name)))).collect())
}

async fn version(binary: &Path) -> Option<String> {
    let output = Command::new(binary).arg("--version").output().await.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The value of the first line that begins with the name.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_matches(|c: char| c.is_whitespace() || ":=\"".contains(c)).to_owned())
}
