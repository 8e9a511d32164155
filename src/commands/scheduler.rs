//! `leadrail scheduler`: play the role; or list the sweeps, or run one of them at once, straight on the database.
use crate::{
    commands::serve,
    settings::Settings,
    system::{StartError, open_database},
};
use api::sweeps::Sweep;
use clap::{Args, Subcommand};
use scheduler::{Scheduler, Timetable, run::by_hand, sweeps::Kind};
use shared::{
    audit::{Actor, Entry},
    clock::{Clock, Time},
    push::Pusher,
    queue::Queue,
    store::{
        Db, StoreError, audit, keys, migrate,
        ticks::{self, Scheduled, SweepRow},
    },
};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every sweep: what it does, when it runs, how its last run went.
    List {
        /// For machines: an array of the objects that GET /sweeps answers with.
        #[arg(long)]
        json: bool,
    },
    /// Run a sweep once, now, whatever its schedule.
    Run {
        /// Its name, as `leadrail scheduler list` shows it.
        sweep: String,
    },
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    match options.action {
        None => Ok(serve::role(settings, "scheduler").await?),
        Some(Action::List { json }) => list(settings, json).await,
        Some(Action::Run { sweep }) => once(settings, &sweep).await,
    }
}

async fn open(settings: &Settings) -> Result<Db, StartError> {
    let db = open_database(settings).await?;
    migrate::migrate(&db).await?;
    Ok(db)
}

async fn list(settings: &Settings, json: bool) -> Result<(), Failure> {
    let timetable = settings.timetable()?;
    let db = open(settings).await?;
    let now = Clock::system().now();
    let announced = ticks::all(&db).await?;
    db.close().await;
    for other in differing(&timetable, &announced) {
        eprintln!("{other}");
    }
    let rows = if announced.is_empty() { unannounced(&timetable) } else { announced };
    let sweeps: Vec<Sweep> = rows.into_iter().map(|row| Sweep::of(row, now)).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&sweeps)?);
        return Ok(());
    }
    for sweep in &sweeps {
        println!("{}", shown(sweep));
    }
    Ok(())
}

/// Where this command's settings are not what the schedulers go by.
fn differing(timetable: &Timetable, announced: &[SweepRow]) -> Vec<String> {
    if announced.is_empty() {
        return vec!["no scheduler has started yet; this is what one would do".to_owned()];
    }
    let or_off = |cron: &Option<String>| cron.clone().unwrap_or_else(|| "off".into());
    let differs = |ours: Scheduled| {
        let Some(theirs) = announced.iter().find(|row| row.name == ours.name) else {
            return Some(format!(
                "{}: the scheduler that started last does not have it",
                ours.name
            ));
        };
        let (says, has) = (or_off(&ours.cron), or_off(&theirs.cron));
        let name = ours.name;
        (says != has).then(|| {
            format!("{name}: the scheduler that started last has {has}, the settings of this command say {says}")
        })
    };
    timetable.scheduled().into_iter().filter_map(differs).collect()
}

/// What a scheduler with these settings would do.
fn unannounced(timetable: &Timetable) -> Vec<SweepRow> {
    let row = |scheduled: Scheduled| SweepRow {
        name: scheduled.name,
        about: scheduled.about,
        cron: scheduled.cron,
        is_default: scheduled.is_default,
        ..SweepRow::default()
    };
    timetable.scheduled().into_iter().map(row).collect()
}

/// A sweep in a few lines.
fn shown(sweep: &Sweep) -> String {
    let overridden = if sweep.is_default { "" } else { " (set)" };
    let late = if sweep.is_late { ", LATE" } else { "" };
    let cron = sweep.cron.as_deref().unwrap_or("off");
    let mut text = format!(
        "{:<22} {:<24} {}{late}",
        sweep.name,
        format!("{cron}{overridden}"),
        sweep.state.word()
    );
    text.push_str(&format!("\n    {}", sweep.about));
    let mut facts = Vec::new();
    if let Some(tick) = sweep.last_tick {
        facts.push(format!("last tick {}", time(tick)));
    }
    if let (Some(at), Some(us)) = (sweep.finished_at, sweep.duration_us) {
        let found = sweep.found.map_or(String::new(), |found| format!(", found {found}"));
        facts.push(format!("ended {} after {}{found}", time(at), duration(us)));
    }
    if let Some(next) = sweep.next_tick {
        facts.push(format!("next tick {}", time(next)));
    }
    if let (Some(since), Some(longest)) = (sweep.counted_since, sweep.longest_us) {
        let (runs, failures) = (sweep.runs, sweep.failures);
        let longest = duration(longest);
        facts.push(format!(
            "{runs} runs since {}, {failures} failed, the longest {longest}",
            time(since)
        ));
    }
    if let (Some(error), Some(at)) = (&sweep.last_error, sweep.last_error_at) {
        facts.push(format!("failed last {}: {error}", time(at)));
    }
    for fact in facts {
        text.push_str(&format!("\n    {fact}"));
    }
    text
}

fn time(time: Time) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn duration(us: i64) -> String {
    format!("{:.1} ms", us as f64 / 1_000.0)
}

/// Sweeps are the installation's: the audit log of the first admin's workspace tells that one was run by hand.
async fn tell(db: &Db, settings: &Settings, sweep: &str) -> Result<(), StoreError> {
    let Some(workspace) = keys::find_workspace(db, &settings.admin_workspace).await? else {
        return Ok(());
    };
    let mut tx = db.acting(Actor::command("scheduler run")).begin().await?;
    let entry = Entry::new("sweep.run", "sweep", sweep);
    audit::tell(&mut tx, workspace.id, &[entry], Clock::system().now()).await?;
    tx.commit().await
}

async fn once(settings: &Settings, name: &str) -> Result<(), Failure> {
    let timetable = settings.timetable()?;
    let sweep = timetable.named(name)?.sweep;
    let queue = match &settings.redis_url {
        Some(url) => Queue::redis(url, &settings.redis_namespace)?,
        None if sweep.kind == Kind::Retention => Queue::memory(),
        None => {
            let why = "it needs the queue, which without REDIS_URL lives in the process that serves; that process runs it by itself";
            return Err(format!("{name} cannot be run from here: {why}").into());
        }
    };
    let db = open(settings).await?;
    tell(&db, settings, name).await?;
    let (push, pushed) = Pusher::start_for_a_while(queue.clone());
    let scheduler = Scheduler::new(db.clone(), queue, push, settings.redelivery());
    let began = Instant::now();
    let found = by_hand(&scheduler, sweep).await.map_err(|error| format!("{name} failed: {error}"));
    let took = began.elapsed();
    drop(scheduler);
    pushed.await?;
    db.close().await;
    println!("{name}: found {}, took {:.1} ms", found?, took.as_secs_f64() * 1_000.0);
    Ok(())
}
