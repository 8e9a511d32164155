//! The `bench` command: starts the system, gives it leads, checks what became of every one, and says what that took.
mod automation;
mod buyer;
mod campaign;
mod cost;
mod door;
mod end_to_end;
mod engines;
mod floor;
mod hook;
mod imports;
mod ingest;
mod leads;
mod load;
mod machine;
mod moment;
mod parking;
mod people;
mod posts;
mod proc;
mod redis;
mod report;
mod run;
mod sink;
mod system;
mod trouble;
mod verify;
mod wire;

use clap::{Parser, Subcommand};
use engines::Engines;
use run::Flags;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use trouble::{Doing, Trouble};

/// Measures Leadrail: requests a second, leads a second from end to end, delays, CPU time and memory.
///
/// Prints one line a metric: name, value, unit. A run that lost or repeated a lead prints no figures of that phase and fails.
#[derive(Debug, Parser)]
#[command(max_term_width = 110, args_conflicts_with_subcommands = true)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The buyer of a run; started by it.
    #[command(hide = true)]
    Sink,
}

#[tokio::main]
async fn main() -> ExitCode {
    let line = Line::parse();
    let outcome = match line.command {
        Some(Command::Sink) => sink::run().await.doing("the sink"),
        None => measure(&line.flags).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until the figures are there or a signal comes, and cleans up either way.
async fn measure(flags: &Flags) -> Result<(), Trouble> {
    let engines = Engines::new(flags.servers()?);
    let mut terminate = signal(SignalKind::terminate()).doing("listening for signals")?;
    let outcome = tokio::select! {
        outcome = run::run(flags, &engines) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Trouble::Interrupted),
        _ = terminate.recv() => Err(Trouble::Interrupted),
    };
    // The processes ended when the run was dropped; their databases can go.
    let cleaned = engines.clean_up().await;
    outcome.and(cleaned)
}
