//! The `leadrail` command: one binary, every role.

/// Like that of the standard library, but says nothing more when nobody reads: `leadrail jobs list | head`.
macro_rules! println {
    ($($told:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($told)*);
    }};
}

mod commands;
mod settings;
mod system;
mod telemetry;

use clap::{Parser, Subcommand};
use commands::{
    audit, demo, doctor, export, import, jobs, keys, migrate, scheduler, secrets, serve,
};
use settings::Settings;
use std::process::ExitCode;

/// Open-source lead distribution: take leads in, decide what each is worth, deliver it to a buyer, never lose one.
///
/// Without any setting everything runs in this process on SQLite in ./data. For production set DATABASE_URL (PostgreSQL) and REDIS_URL,
/// and run `leadrail api`, `leadrail worker` and `leadrail scheduler` as often as you like.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// API, worker and scheduler in one process (the default).
    Serve,
    /// The HTTP API only: takes leads in, answers operators.
    Api,
    /// The worker only: runs the nine stages and delivers.
    Worker,
    /// The scheduler only: sweeps, deadlines, retention. With list or run: what the sweeps do, or one of them at once.
    Scheduler(scheduler::Options),
    /// Bring the database to this program's schema, and end.
    Migrate,
    /// Check settings, database, queue and clock, and say what is wrong.
    Doctor,
    /// See it work: everything embedded, a sample buyer, 14 leads and their journeys, some of them asked first by call, text, review or webhook.
    Demo(demo::Options),
    /// API keys: create, list, revoke, generate.
    Keys(keys::Options),
    /// The key ring that guards credentials: generate, rotate.
    Secrets(secrets::Options),
    /// The audit log: who did what, when, and what it was before and after.
    Audit(audit::Options),
    /// Bring a file of leads or contacts in, or take it back.
    Import(import::Options),
    /// Leads, contacts, submissions or a segment as CSV or NDJSON.
    Export(export::Options),
    /// Stage jobs: list, show, retry, discard; pause and resume lanes.
    Jobs(jobs::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let line = Line::parse();
    match run(line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leadrail: {error}");
            let mut cause = error.source();
            while let Some(why) = cause {
                eprintln!("  because {why}");
                cause = why.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(line: Line) -> Result<(), Box<dyn std::error::Error>> {
    let settings = line.settings.tidied();
    let command = line.command.unwrap_or(Command::Serve);
    settings.check()?;
    if !matches!(command, Command::Demo(_)) {
        telemetry::start(&settings)?;
    }
    match command {
        Command::Serve => serve::all(&settings).await?,
        Command::Api => serve::role(&settings, "api").await?,
        Command::Worker => serve::role(&settings, "worker").await?,
        Command::Scheduler(options) => scheduler::run(&settings, options).await?,
        Command::Migrate => migrate::run(&settings).await?,
        Command::Doctor => doctor::run(&settings).await?,
        Command::Demo(options) => demo::run(&settings, options).await?,
        Command::Keys(options) => keys::run(&settings, options).await?,
        Command::Secrets(options) => secrets::run(&settings, options).await?,
        Command::Audit(options) => audit::run(&settings, options).await?,
        Command::Import(options) => import::run(&settings, options).await?,
        Command::Export(options) => export::run(&settings, options).await?,
        Command::Jobs(options) => jobs::run(&settings, options).await?,
    }
    Ok(())
}
