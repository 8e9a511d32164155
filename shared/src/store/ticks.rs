//! Who has which tick of which sweep, how it went, and what the schedulers go by. Sweeps belong to the installation, not to a workspace.
use super::{Db, Rows, StoreError};
use crate::{clock::Time, cron::Cron};
use chrono::Duration;
use uuid::Uuid;

/// A tick whose scheduler gave no sign of life for so long is taken again by another.
pub const ABANDONED: Duration = Duration::seconds(60);
/// A sweep whose tick was not taken for so long is called late.
pub const LATE: Duration = Duration::seconds(30);
/// Characters of an error that are kept; the rest is cut.
pub const ERROR_CHARS_MAX: usize = 500;

/// A scheduler that wants a tick.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    pub name: &'a str,
    pub tick: Time,
    pub holder: Uuid,
    pub now: Time,
}

/// Takes a tick; false when another has it or a later one. A tick that its scheduler did not finish and left for [`ABANDONED`] is free again.
pub async fn take(db: &Db, turn: &Turn<'_>) -> Result<bool, StoreError> {
    let taken = db
        .write()
        .sql(
            "INSERT INTO sweep (name, tick, holder, alive_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET tick = excluded.tick, holder = excluded.holder, alive_at = excluded.alive_at,
                finished_at = NULL, found = NULL, duration_us = NULL
             WHERE sweep.tick < excluded.tick OR (sweep.finished_at IS NULL AND COALESCE(sweep.alive_at, sweep.tick) < $5)",
        )
        .bind(turn.name)
        .bind(turn.tick)
        .bind(turn.holder)
        .bind(turn.now)
        .bind(turn.now - ABANDONED)
        .run()
        .await?;
    Ok(taken == 1)
}

/// Takes the sweep whoever has it, for a run by hand. A tick that was later stays the last one.
pub async fn take_over(db: &Db, turn: &Turn<'_>) -> Result<(), StoreError> {
    db.write()
        .sql(
            "INSERT INTO sweep (name, tick, holder, alive_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, alive_at = excluded.alive_at,
                tick = CASE WHEN sweep.tick < excluded.tick THEN excluded.tick ELSE sweep.tick END,
                finished_at = NULL, found = NULL, duration_us = NULL",
        )
        .bind(turn.name)
        .bind(turn.tick)
        .bind(turn.holder)
        .bind(turn.now)
        .run()
        .await?;
    Ok(())
}

/// A sign of life of who has the tick.
pub async fn still_alive(db: &Db, name: &str, holder: Uuid, now: Time) -> Result<(), StoreError> {
    db.write()
        .sql("UPDATE sweep SET alive_at = $3 WHERE name = $1 AND holder = $2")
        .bind(name)
        .bind(holder)
        .bind(now)
        .run()
        .await?;
    Ok(())
}

/// How a tick went.
#[derive(Debug, Clone)]
pub struct Ended {
    pub began_at: Time,
    pub ended_at: Time,
    pub duration_us: i64,
    /// How much it found, or why it failed.
    pub outcome: Result<i64, String>,
}

/// Notes how a tick went. It counts in any case; as the last one it is shown only if nobody has taken the sweep since.
pub async fn end(db: &Db, name: &str, holder: Uuid, ended: &Ended) -> Result<(), StoreError> {
    let found = ended.outcome.as_ref().ok().copied();
    let error = ended.outcome.as_ref().err();
    let error = error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect::<String>());
    db.write()
        .sql(
            "UPDATE sweep SET
                finished_at = CASE WHEN holder = $2 THEN $3 ELSE finished_at END,
                found = CASE WHEN holder = $2 THEN $4 ELSE found END,
                duration_us = CASE WHEN holder = $2 THEN $5 ELSE duration_us END,
                runs = COALESCE(runs, 0) + 1, failures = COALESCE(failures, 0) + $6,
                counted_since = COALESCE(counted_since, $7),
                longest_us = CASE WHEN longest_us > $5 THEN longest_us ELSE $5 END,
                last_error = COALESCE($8, last_error),
                last_error_at = CASE WHEN $6 = 1 THEN $3 ELSE last_error_at END
             WHERE name = $1",
        )
        .bind(name)
        .bind(holder)
        .bind(ended.ended_at)
        .bind(found)
        .bind(ended.duration_us)
        .bind(i64::from(ended.outcome.is_err()))
        .bind(ended.began_at)
        .bind(error)
        .run()
        .await?;
    Ok(())
}

/// What the schedulers go by, for one sweep.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Scheduled {
    pub name: String,
    pub place: i64,
    pub about: String,
    /// None: it is off.
    pub cron: Option<String>,
    pub is_default: bool,
}

/// Writes down what a scheduler that starts goes by; sweeps that it does not have are no longer shown.
pub async fn announce(db: &Db, all: &[Scheduled], now: Time) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.ex()
        .sql("DELETE FROM sweep_schedule WHERE name NOT IN (SELECT r.name FROM ROWS($1: name text) r)")
        .bind(Rows::of(all))
        .run()
        .await?;
    tx.ex()
        .sql(
            "INSERT INTO sweep_schedule (name, place, about, cron, is_default, announced_at)
             SELECT r.name, r.place, r.about, r.cron, r.is_default, $2
             FROM ROWS($1: name text, place bigint, about text, cron text, is_default boolean) r WHERE true
             ON CONFLICT (name) DO UPDATE SET place = excluded.place, about = excluded.about, cron = excluded.cron,
                is_default = excluded.is_default, announced_at = excluded.announced_at",
        )
        .bind(Rows::of(all))
        .bind(now)
        .run()
        .await?;
    tx.commit().await
}

/// A sweep, what the schedulers go by, and how it has been doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct SweepRow {
    pub name: String,
    pub about: String,
    /// None: it is off.
    pub cron: Option<String>,
    pub is_default: bool,
    /// The tick that was taken last.
    pub tick: Option<Time>,
    /// The last sign of life of who took it.
    pub alive_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub found: Option<i64>,
    pub duration_us: Option<i64>,
    pub runs: i64,
    pub failures: i64,
    pub counted_since: Option<Time>,
    pub longest_us: Option<i64>,
    pub last_error: Option<String>,
    pub last_error_at: Option<Time>,
}

/// Every sweep that the schedulers have, in their order. Empty until a scheduler has started.
pub async fn all(db: &Db) -> Result<Vec<SweepRow>, StoreError> {
    db.read()
        .sql(
            "SELECT c.name, c.about, c.cron, c.is_default, s.tick, s.alive_at, s.finished_at, s.found, s.duration_us,
                COALESCE(s.runs, 0) AS runs, COALESCE(s.failures, 0) AS failures, s.counted_since, s.longest_us, s.last_error,
                s.last_error_at
             FROM sweep_schedule c LEFT JOIN sweep s ON s.name = c.name ORDER BY c.place, c.name",
        )
        .all()
        .await
}

/// How a sweep's last tick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SweepState {
    /// It has had none.
    Never,
    Running,
    /// Its scheduler died with it. Another takes it again, or the next tick makes it up.
    CutOff,
    Done,
    /// The next tick makes it up.
    Failed,
}

impl SweepState {
    /// In words for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Running => "running",
            Self::CutOff => "cut off",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl SweepRow {
    pub fn state(&self, now: Time) -> SweepState {
        match (self.tick, self.finished_at) {
            (None, _) => SweepState::Never,
            (Some(_), Some(_)) if self.found.is_some() => SweepState::Done,
            (Some(_), Some(_)) => SweepState::Failed,
            (Some(tick), None) if self.alive_at.unwrap_or(tick) < now - ABANDONED => {
                SweepState::CutOff
            }
            (Some(_), None) => SweepState::Running,
        }
    }

    /// When it comes again; none when it is off.
    pub fn next_tick(&self, now: Time) -> Option<Time> {
        self.schedule(now)?.next(now)
    }

    /// Whether a tick is overdue by more than [`LATE`]: no scheduler runs, or the one that does is behind.
    pub fn is_late(&self, now: Time) -> bool {
        let due = self.schedule(now).and_then(|cron| cron.last(now - LATE));
        due.is_some_and(|due| self.tick.is_none_or(|tick| tick < due))
    }

    fn schedule(&self, now: Time) -> Option<Cron> {
        // One that is written down was read before; one that has run out comes no more.
        Cron::read(self.cron.as_deref()?, now).ok()
    }
}
