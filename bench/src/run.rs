//! A run from its options to its figures.
use crate::{
    automation::{self, Automation},
    buyer::Buyer,
    end_to_end,
    engines::{Engines, Servers},
    imports::{self, Imports},
    ingest, machine,
    parking::{self, Waits},
    people::{self, People},
    proc,
    report::Report,
    system::System,
    trouble::{Doing, Trouble},
};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

/// What the system stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// PostgreSQL and Redis of DATABASE_URL and REDIS_URL; api, worker and scheduler in processes of their own.
    Postgres,
    /// SQLite and an in-process queue; `leadrail serve`.
    Embedded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    Ingest,
    EndToEnd,
    /// Leads that wait and are woken. Not part of a run unless asked for.
    Parking,
    /// A million contacts and their segments. Not part of a run unless asked for.
    People,
    /// A million leads, scored and moved by themselves. Not part of a run unless asked for.
    Automation,
    /// Files of contacts and leads, beside a plain COPY of the same rows. Not part of a run unless asked for.
    Import,
}

#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// What the system stands on.
    #[arg(long, value_enum)]
    engines: Option<EngineChoice>,
    /// A PostgreSQL on which databases may be created.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A Redis; only keys of this run are touched.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// The program to measure; without it, the `leadrail` beside this program.
    #[arg(long)]
    leadrail: Option<PathBuf>,
    /// Only this phase.
    #[arg(long, value_enum)]
    only: Option<Phase>,
    /// Leads sent through all nine stages at full speed.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    leads: u64,
    /// Connections that submit leads, and connections that insert for the floor.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Rounds of ingest, each beside one of the floor; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=30))]
    rounds: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Seconds in which leads come at a steady rate.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    latency_seconds: u64,
    /// That rate, in leads a second.
    #[arg(long, default_value_t = 10.0)]
    latency_rate: f64,
    /// An empty campaign instead of a realistic one.
    #[arg(long)]
    simple: bool,
    #[command(flatten)]
    waits: Waits,
    #[command(flatten)]
    people: People,
    #[command(flatten)]
    automation: Automation,
    #[command(flatten)]
    imports: Imports,
    /// Write the JSON (all metrics, settings, facts of the machine) to this file instead of the last line of output.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Checked flags.
#[derive(Debug)]
pub struct Options {
    pub binary: PathBuf,
    pub leads: u64,
    pub connections: usize,
    pub rounds: u32,
    pub seconds: u64,
    pub latency_seconds: u64,
    pub latency_rate: f64,
    pub simple: bool,
    pub waits: Waits,
    pub people: People,
    pub automation: Automation,
    pub imports: Imports,
}

impl Flags {
    /// The servers to use; none for the embedded system.
    pub fn servers(&self) -> Result<Option<Servers>, Trouble> {
        let flag = "give --engines postgres or --engines embedded";
        match (self.engines.ok_or(flag).doing("options")?, &self.database_url, &self.redis_url) {
            (EngineChoice::Embedded, ..) => Ok(None),
            (EngineChoice::Postgres, Some(database_url), Some(redis_url)) => Ok(Some(Servers {
                database_url: database_url.clone(),
                redis_url: redis_url.clone(),
            })),
            (EngineChoice::Postgres, ..) => {
                Err("needs DATABASE_URL and REDIS_URL").doing("--engines postgres")
            }
        }
    }

    fn options(&self) -> Result<Options, Trouble> {
        let binary = match &self.leadrail {
            Some(binary) => binary.clone(),
            None => {
                std::env::current_exe().doing("finding this program")?.with_file_name("leadrail")
            }
        };
        if !binary.is_file() {
            let why = "there is no such program; build it, or name one with --leadrail";
            return Err(why).doing(binary.display().to_string());
        }
        Ok(Options {
            binary,
            leads: self.leads,
            connections: usize::from(self.connections),
            rounds: self.rounds,
            seconds: self.seconds,
            latency_seconds: self.latency_seconds,
            latency_rate: self.latency_rate.clamp(0.1, 1_000.0),
            simple: self.simple,
            waits: self.waits.clone(),
            people: self.people.clone(),
            automation: self.automation.clone(),
            imports: self.imports.clone(),
        })
    }

    fn wants(&self, phase: Phase) -> bool {
        self.only.is_none_or(|only| only == phase)
    }
}

/// Measures and prints; the JSON comes last, so that it exists only when every check has held.
pub async fn run(flags: &Flags, engines: &Engines) -> Result<(), Trouble> {
    let options = flags.options()?;
    let machine = machine::facts(&options.binary, engines.servers.as_ref()).await?;
    let mut report = Report::default();
    if flags.wants(Phase::Ingest) {
        let buyer = Buyer::start().await?;
        ingest::measure(&options, engines, &buyer, &mut report).await?;
    }
    if flags.wants(Phase::EndToEnd) {
        end_to_end::measure(&options, engines, &mut report).await?;
    }
    if flags.only == Some(Phase::Parking) {
        parking::measure(&options, engines, &mut report).await?;
    }
    if flags.only == Some(Phase::People) {
        people::measure(&options, engines, &mut report).await?;
    }
    if flags.only == Some(Phase::Automation) {
        automation::measure(&options, engines, &mut report).await?;
    }
    if flags.only == Some(Phase::Import) {
        imports::measure(&options, engines, &mut report).await?;
    }
    let settings = json!({
        "engines": if engines.servers.is_some() { "postgres" } else { "embedded" },
        "campaign": if options.simple { "simple" } else { "realistic" },
        "leads": options.leads,
        "connections": options.connections,
        "rounds": options.rounds,
        "secondsOfARound": options.seconds,
        "steadyLeadsPerSecond": options.latency_rate,
        "waits": options.waits.settings(),
        "people": options.people.settings(),
        "automation": options.automation.settings(),
        "imports": options.imports.settings(),
    });
    let whole = report.json(settings, machine);
    let Some(path) = &flags.json else {
        println!("{whole}");
        return Ok(());
    };
    std::fs::write(path, format!("{whole:#}\n")).doing(format!("writing {}", path.display()))
}

/// Memory of each role at the end of a phase, and its highest.
pub fn record_memory(report: &mut Report, phase: &str, system: &System) {
    for role in &system.roles {
        if let Some((now, peak)) = proc::memory_mb(role.pid) {
            report.say(format!("{phase}rss_{}_mb", role.name), now, "MB");
            report.say(format!("{phase}rss_{}_peak_mb", role.name), peak, "MB");
        }
    }
}
