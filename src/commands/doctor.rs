//! `leadrail doctor`: check what a process needs, and say what is wrong and what would be right.
use crate::{
    settings::Settings,
    system::{StartError, open_database},
};
use shared::{
    clock::Clock,
    push::lane,
    queue::Queue,
    store::{
        Db, StoreError,
        dialect::Engine,
        key_rotation, migrate, sweeps,
        ticks::{self, SweepRow, SweepState},
    },
    submission::Stage,
};
use std::time::Instant;

/// Clocks of program and database that differ more than this are a finding, in seconds.
const CLOCK_SKEW_MAX: i64 = 2;

/// Something is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the checks failed")]
pub struct Unwell(usize);

pub async fn run(settings: &Settings) -> Result<(), Unwell> {
    let mut report = Report(0);
    report.note("settings", Ok(format!("data {}", settings.data.display())));
    match open_database(settings).await {
        Err(error) => report.note("database", Err(said(&error))),
        Ok(db) => database(&mut report, &db, settings).await,
    }
    report.note("queue", queue(settings).await);
    report.note("listen", listen(settings).await);
    match report.0 {
        0 => Ok(()),
        failures => Err(Unwell(failures)),
    }
}

struct Report(usize);

impl Report {
    fn note(&mut self, what: &str, found: Result<String, String>) {
        match found {
            Ok(fine) => println!("ok    {what:<10} {fine}"),
            Err(wrong) => {
                self.0 += 1;
                println!("WRONG {what:<10} {wrong}");
            }
        }
    }
}

fn said(error: &StartError) -> String {
    let cause = std::error::Error::source(error).map_or(String::new(), |why| format!(" ({why})"));
    format!("{error}{cause}")
}

async fn database(report: &mut Report, db: &Db, settings: &Settings) {
    let began = Instant::now();
    let answered = db.ping().await;
    let took = began.elapsed();
    let answered = answered.map(|_| format!("answers in {took:.1?}"));
    report.note("database", answered.map_err(|error| error.to_string()));
    report.note("schema", schema(db).await);
    report.note("lanes", lanes(db).await.map_err(|error| error.to_string()));
    report.note("sweeps", sweeps_of(db).await);
    report.note("secrets", secrets(db, settings).await);
    if db.engine() == Engine::Postgres {
        report.note("clock", clock(db).await);
    }
    db.close().await;
}

async fn schema(db: &Db) -> Result<String, String> {
    let (found, wanted) =
        (migrate::applied(db).await.map_err(|error| error.to_string())?, migrate::latest());
    if found >= wanted {
        return Ok(format!("version {found}, this program needs {wanted}"));
    }
    Err(format!("version {found}, this program needs {wanted}: run `leadrail migrate`"))
}

async fn lanes(db: &Db) -> Result<String, StoreError> {
    let paused = sweeps::paused_lanes(db).await?;
    if paused.is_empty() {
        return Ok("none is paused".into());
    }
    let names: Vec<String> =
        paused.iter().map(|lane| format!("{} ({})", lane.lane, lane.reason)).collect();
    Ok(format!("paused: {}", names.join(", ")))
}

/// How the schedulers' sweeps went last. One that is late says that no scheduler runs, which is no fault before the first start.
async fn sweeps_of(db: &Db) -> Result<String, String> {
    let all = ticks::all(db).await.map_err(|error| error.to_string())?;
    let now = Clock::system().now();
    let names = |which: &dyn Fn(&SweepRow) -> bool| {
        let names: Vec<&str> =
            all.iter().filter(|row| which(row)).map(|row| row.name.as_str()).collect();
        names.join(", ")
    };
    let failed = names(&|row| row.state(now) == SweepState::Failed);
    if !failed.is_empty() {
        return Err(format!("failed: {failed}; see `leadrail scheduler list`"));
    }
    let (late, off) = (names(&|row| row.is_late(now)), names(&|row| row.cron.is_none()));
    let mut said = match all.len() {
        0 => "no scheduler has started yet".to_owned(),
        count => format!("{count} known"),
    };
    for (what, names) in [("late (does a scheduler run?)", late), ("off", off)] {
        if !names.is_empty() {
            said.push_str(&format!("; {what}: {names}"));
        }
    }
    Ok(said)
}

/// Whether the key ring opens what the database holds.
async fn secrets(db: &Db, settings: &Settings) -> Result<String, String> {
    let count = key_rotation::count(db).await.map_err(|error| error.to_string())?;
    let source = settings.ring().map_err(|error| error.to_string())?;
    let ring = match source.get() {
        Ok(ring) => ring,
        Err(_) if count == 0 => return Ok("no key ring, and no secret to open".into()),
        Err(error) => return Err(error.to_string()),
    };
    let found = key_rotation::check(db, &ring).await.map_err(|error| error.to_string())?;
    if let Some((workspace, why)) = found.closed.first() {
        return Err(format!(
            "{} of {count} data keys do not open; {workspace}: {why}",
            found.closed.len()
        ));
    }
    let behind = match found.behind {
        0 => String::new(),
        n => format!("; {n} wait for `leadrail secrets rotate`"),
    };
    Ok(format!("{} keys open {count} data keys{behind}", ring.ids().len()))
}

/// Due times come from the program's clock; a machine whose clock is off fires early or late.
async fn clock(db: &Db) -> Result<String, String> {
    let theirs = sweeps::database_time(db).await.map_err(|error| error.to_string())?;
    let skew = (Clock::system().now() - theirs).num_seconds().abs();
    if skew <= CLOCK_SKEW_MAX {
        return Ok(format!("{skew} s from the database's"));
    }
    Err(format!("{skew} s from the database's; at most {CLOCK_SKEW_MAX} s is safe: check NTP"))
}

async fn queue(settings: &Settings) -> Result<String, String> {
    let Some(url) = &settings.redis_url else {
        return Ok("in this process (no REDIS_URL)".into());
    };
    let queue = Queue::redis(url, &settings.redis_namespace).map_err(|error| error.to_string())?;
    let depths = queue.depths(&Stage::ALL.map(lane)).await.map_err(|error| error.to_string())?;
    let jobs: u64 = depths.iter().map(|depth| depth.ready + depth.later + depth.leased).sum();
    Ok(format!("Redis answers; {jobs} jobs in nine lanes"))
}

async fn listen(settings: &Settings) -> Result<String, String> {
    match tokio::net::TcpListener::bind(settings.listen).await {
        Ok(_) => Ok(format!("{} is free", settings.listen)),
        Err(error) => Err(format!("{}: {error} (is Leadrail running?)", settings.listen)),
    }
}
