//! An import at work: claimed by one worker at a time, part by part, each in one transaction that says at the same time that it is done.
//!
//! A worker that dies leaves its claim to run out; whoever takes it then goes on with the next part. One that was only slow finds that the
//! generation has moved on, and writes nothing.
use super::{
    Counts, Db, Key, State, StoreError, Tx,
    apply::{self, Applied, Stop, Work},
    bad,
    part::{self, Ahead, Open},
    undo,
};
use crate::{
    clock::{Clock, Time},
    failpoint::failpoint,
    ids::{ImportId, WorkspaceId},
    import::{ImportConfig, Known, Plan},
    store::{
        live,
        notices::{self, Kind, Notice},
        properties,
    },
};
use chrono::TimeDelta;
use sqlx::types::Json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long an import is a worker's without a part that goes well.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long a worker stays with an import before it lets others have their turn: shorter than a process that stops waits for its jobs.
const TURN: Duration = Duration::from_secs(8);
/// Claims without a part that goes well after which an import is given up.
pub const ATTEMPTS_MAX: i64 = 5;
/// How long after a part that went wrong it is tried again, for each claim so far.
const PAUSE: TimeDelta = TimeDelta::seconds(2);
/// How often a transaction is tried that meets another.
const TRIES: usize = 5;

/// What working on an import came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// Its turn is over, and there is more: ring again with this generation.
    More(i64),
    /// It has ended so.
    Ended(State),
    /// Another has it, or it waits for its next try.
    Nothing,
}

/// An import that is this worker's for now.
pub(super) struct Claim {
    pub key: Key,
    pub generation: i64,
    pub file_name: String,
    attempt: i64,
    state: State,
    config: ImportConfig,
    header: Vec<String>,
    problem: Option<String>,
    until: Instant,
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    workspace_id: WorkspaceId,
    file_name: String,
    state: State,
    config: Json<ImportConfig>,
    header: Json<Vec<String>>,
    generation: i64,
    attempt: i64,
    problem: Option<String>,
}

/// Imports that are due, of all workspaces, with their generations: started, left by a worker that died, or waiting for another try.
pub async fn due(db: &Db, now: Time, limit: i64) -> Result<Vec<(ImportId, i64)>, StoreError> {
    db.read()
        .sql("SELECT id, generation FROM import WHERE due_at <= $1 ORDER BY due_at LIMIT $2")
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// Works on an import for a while, if it still has that generation. An error means that the database is away; the import is due again
/// when the claim runs out.
pub async fn work(
    db: &Db,
    id: ImportId,
    generation: i64,
    clock: &Clock,
) -> Result<Worked, StoreError> {
    let Some(claim) = claim(db, id, generation, clock.now()).await? else {
        return Ok(Worked::Nothing);
    };
    if claim.attempt > ATTEMPTS_MAX {
        let last = claim.problem.clone().unwrap_or_else(|| "the process died".into());
        return claim.give_up(db, &last, clock).await;
    }
    let came = match claim.state {
        State::Undoing => undo::drive(db, &claim, clock).await,
        _ => claim.drive(db, clock).await,
    };
    match came {
        Ok(worked) => Ok(worked),
        Err(Stop::Hopeless(why)) => claim.fail(db, &why, clock).await,
        Err(Stop::Store(error)) if error.is_outage() => Err(error),
        Err(Stop::Store(error)) if claim.attempt >= ATTEMPTS_MAX => {
            claim.give_up(db, &error.to_string(), clock).await
        }
        Err(Stop::Store(error)) => claim.postpone(db, &error.to_string(), clock.now()).await,
    }
}

async fn claim(
    db: &Db,
    id: ImportId,
    generation: i64,
    now: Time,
) -> Result<Option<Claim>, StoreError> {
    let row: Option<ClaimRow> = db
        .write()
        .sql(
            "UPDATE import SET generation = generation + 1, attempt = attempt + 1, due_at = $3, updated_at = $4
             WHERE id = $1 AND generation = $2 AND due_at IS NOT NULL
             RETURNING workspace_id, file_name, state, config, header, generation, attempt, problem",
        )
        .bind(id)
        .bind(generation)
        .bind(now + LEASE)
        .bind(now)
        .optional()
        .await?;
    Ok(row.map(|row| Claim {
        key: (row.workspace_id, id),
        generation: row.generation,
        file_name: row.file_name,
        attempt: row.attempt,
        state: row.state,
        config: row.config.0,
        header: row.header.0,
        problem: row.problem,
        until: Instant::now() + TURN,
    }))
}

impl Claim {
    /// Whether the worker's turn is over.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// What the rows of the file mean, as of now.
    async fn plan(&self, db: &Db, now: Time) -> Result<Plan, Stop> {
        plan(db, self.key, &self.config, &self.header, now).await
    }

    /// Takes part after part. While one is written, the next is read.
    async fn drive(&self, db: &Db, clock: &Clock) -> Result<Worked, Stop> {
        let plan = Arc::new(self.plan(db, clock.now()).await?);
        let mut ahead = Ahead::start(db, self.key, plan.clone(), None);
        loop {
            let Some(open) = ahead.wait().await? else { return self.done(db, clock.now()).await };
            ahead = Ahead::start(db, self.key, plan.clone(), Some(open.number));
            if !self.take(db, &plan, &open, clock).await? {
                return Ok(Worked::Nothing);
            }
            if self.is_over() {
                return self.release(db, clock.now()).await;
            }
        }
    }

    /// Takes a part, again if it met another transaction; false if the import is another's by now.
    async fn take(&self, db: &Db, plan: &Plan, open: &Open, clock: &Clock) -> Result<bool, Stop> {
        let mut tries = 1;
        loop {
            match self.once(db, plan, open, clock.now()).await {
                Err(Stop::Store(error))
                    if (error.is_conflict() || error.is_taken()) && tries < TRIES =>
                {
                    tries += 1;
                }
                came => return came,
            }
        }
    }

    async fn once(&self, db: &Db, plan: &Plan, open: &Open, now: Time) -> Result<bool, Stop> {
        let mut tx = db.begin().await?;
        if !self.hold(&mut tx).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        part::close(&mut tx, self.key, open.number, now).await?;
        let (workspace, import) = self.key;
        let work = Work { workspace, import, file_name: &self.file_name, plan, now };
        let applied = apply::apply(&mut tx, &work, open.records.clone()).await?;
        bad::keep(&mut tx, self.key, &applied.bad).await?;
        self.count(&mut tx, &applied, now).await?;
        live::reassess(&mut tx, &applied.touched, now).await?;
        failpoint("import.before_commit", &open.number.to_string());
        tx.commit().await?;
        failpoint("import.after_commit", &open.number.to_string());
        Ok(true)
    }

    /// Locks the import; false if it is not this worker's any more. For PostgreSQL also says that this transaction need not reach the disk
    /// before the next: a part that is lost with all that it wrote is simply open again.
    pub async fn hold(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let held: Option<(String,)> = tx
            .ex()
            .sql(
                "SELECT {pg: set_config('synchronous_commit', 'off', true)}{lite: 'off'} FROM import
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND due_at IS NOT NULL{pg:  FOR NO KEY UPDATE}",
            )
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(self.generation)
            .optional()
            .await?;
        Ok(held.is_some())
    }

    async fn count(&self, tx: &mut Tx, applied: &Applied, now: Time) -> Result<(), StoreError> {
        let Counts { created, updated, unchanged, skipped, failed } = applied.counts;
        tx.ex()
            .sql(
                "UPDATE import SET created = created + $3, updated = updated + $4, unchanged = unchanged + $5,
                    skipped = skipped + $6, failed = failed + $7, attempt = 0, problem = NULL, due_at = $8, updated_at = $9
                 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(created)
            .bind(updated)
            .bind(unchanged)
            .bind(skipped)
            .bind(failed)
            .bind(now + LEASE)
            .bind(now)
            .run()
            .await
            .map(drop)
    }

    /// Lets others have their turn: the import is due at once, under the same generation.
    pub async fn release(&self, db: &Db, now: Time) -> Result<Worked, Stop> {
        let released = db
            .write()
            .sql(
                "UPDATE import SET due_at = $4
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND due_at IS NOT NULL",
            )
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(self.generation)
            .bind(now)
            .run()
            .await?;
        Ok(if released == 1 { Worked::More(self.generation) } else { Worked::Nothing })
    }

    async fn done(&self, db: &Db, now: Time) -> Result<Worked, Stop> {
        Ok(self.end(db.begin().await?, State::Done, None, now).await?)
    }

    /// Ends the import's work, if it is this worker's still.
    pub async fn end(
        &self,
        mut tx: Tx,
        state: State,
        problem: Option<&str>,
        now: Time,
    ) -> Result<Worked, StoreError> {
        let ended = tx
            .ex()
            .sql(
                "UPDATE import SET state = $4, problem = $5, due_at = NULL, finished_at = $6, updated_at = $6
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND due_at IS NOT NULL",
            )
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(self.generation)
            .bind(state)
            .bind(problem)
            .bind(now)
            .run()
            .await?;
        if ended == 0 {
            tx.rollback().await?;
            return Ok(Worked::Nothing);
        }
        tx.commit().await?;
        Ok(Worked::Ended(state))
    }

    async fn give_up(&self, db: &Db, last: &str, clock: &Clock) -> Result<Worked, StoreError> {
        self.fail(db, &format!("it went wrong {ATTEMPTS_MAX} times: {last}"), clock).await
    }

    /// It cannot go on; people are told. Whoever mends what is wrong starts it again.
    async fn fail(&self, db: &Db, why: &str, clock: &Clock) -> Result<Worked, StoreError> {
        let now = clock.now();
        let mut tx = db.begin().await?;
        if !self.hold(&mut tx).await? {
            tx.rollback().await?;
            return Ok(Worked::Nothing);
        }
        let what = if self.state == State::Undoing { "was not undone" } else { "has stopped" };
        let notice = Notice {
            workspace: self.key.0,
            campaign: self.config.fallback_campaign_id,
            kind: Kind::ImportFailed,
            subject: format!("import_failed {} {}", self.key.1, self.generation),
            message: format!("the import {} of {} {what}: {why}", self.key.1, self.file_name),
            details: None,
            at: now,
        };
        notices::raise(&mut tx, &[notice]).await?;
        self.end(tx, State::Failed, Some(why), now).await
    }

    /// Something went wrong that may pass: it is tried again after a pause.
    async fn postpone(&self, db: &Db, why: &str, now: Time) -> Result<Worked, StoreError> {
        let tries = i32::try_from(self.attempt).unwrap_or(i32::MAX);
        tracing::warn!(import = %self.key.1, attempt = self.attempt, error = why, "a part of an import went wrong");
        db.write()
            .sql(
                "UPDATE import SET problem = $4, due_at = $5
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND due_at IS NOT NULL",
            )
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(self.generation)
            .bind(why)
            .bind(now + PAUSE * tries)
            .run()
            .await?;
        Ok(Worked::Nothing)
    }
}

/// What the rows of a file mean.
pub(super) async fn plan(
    db: &Db,
    (workspace, import): Key,
    config: &ImportConfig,
    header: &[String],
    now: Time,
) -> Result<Plan, Stop> {
    let kinds = properties::all(db.read(), workspace).await?;
    let by = apply::by(import);
    let known = Known { properties: &kinds, now, by: &by };
    Plan::new(config, header, &known).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Stop::Hopeless(said.join("; "))
    })
}
