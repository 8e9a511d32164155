//! The people behind the leads: a million contacts, their segments built, changed one by one and in batches, and searched.
use crate::{
    door::Door,
    engines::Engines,
    moment::wait,
    report::{Report, milliseconds},
    run::{Options, record_memory},
    system::System,
    trouble::{Doing, Trouble},
};
use clap::Args;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::{Duration, Instant};
use uuid::Uuid;

mod builds;
mod changes;
mod fill;
mod rules;
mod searches;

/// How long all segments together may take to be built.
const PATIENCE: Duration = Duration::from_secs(1_200);
const LOOK: Duration = Duration::from_millis(20);

/// How many people, and what is done with them.
#[derive(Debug, Clone, Args)]
pub struct People {
    /// With --only people: contacts, each with 20 properties.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=20_000_000))]
    contacts: u64,
    /// Contacts changed one after the other.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    changes: u64,
    /// Contacts changed in batches of 1,000.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    batched: u64,
    /// Searches of each kind.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    searches: u64,
}

impl People {
    /// For the record.
    pub fn settings(&self) -> Value {
        json!({"contacts": self.contacts, "changes": self.changes, "batched": self.batched, "searches": self.searches})
    }
}

/// A running system and the database behind it.
struct Site<'a> {
    people: &'a People,
    system: System,
    /// Looks at the database beside the system.
    database: PgConnection,
    workspace: Uuid,
}

pub async fn measure(
    options: &Options,
    engines: &Engines,
    report: &mut Report,
) -> Result<(), Trouble> {
    let ground = engines.ground("people").await?;
    let Some(servers) = &ground.servers else {
        return Err("is measured on PostgreSQL").doing("--only people");
    };
    let system = System::start(&options.binary, &ground, &["api", "worker", "scheduler"]).await?;
    let mut database = PgConnection::connect(&servers.database_url).await?;
    let workspace =
        sqlx::query_scalar("SELECT id FROM workspace LIMIT 1").fetch_one(&mut database).await?;
    let mut site = Site { people: &options.people, system, database, workspace };
    fill::fill(&mut site, report).await?;
    let first = builds::one(&mut site, report).await?;
    let mut segments = builds::all(&mut site, report).await?;
    segments.push(first);
    record_memory(report, "built_", &site.system);
    changes::one_by_one(&mut site, report).await?;
    changes::batched(&mut site, report).await?;
    searches::measure(&site, report).await?;
    builds::check(&site, &segments).await?;
    site.system.check_alive()?;
    record_memory(report, "people_", &site.system);
    site.system.stop().await;
    Ok(())
}

/// A request that must work, and how long it took.
async fn timed(
    door: &Door,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(Value, f64), Trouble> {
    let began = Instant::now();
    let answer = door.ask(method, path, &body.to_string()).await?;
    Ok((answer, milliseconds(began.elapsed())))
}

/// The text of an answer's member.
fn text(answer: &Value, member: &str) -> Result<String, Trouble> {
    let found = answer[member].as_str().map(str::to_owned);
    found.ok_or_else(|| format!("no {member} in {answer}")).doing("reading an answer")
}

/// Waits until `done` says so.
async fn until(mut done: impl AsyncFnMut() -> Result<bool, Trouble>) -> Result<(), Trouble> {
    let began = Instant::now();
    while !done().await? {
        if began.elapsed() > PATIENCE {
            return Err("it took too long").doing("waiting for builds");
        }
        wait(LOOK).await;
    }
    Ok(())
}
