//! Building a segment: its members are made those who belong, a range of contacts at a time, while contacts change.
//!
//! A worker claims the segment, takes steps and finishes. Nothing of its progress is kept: a build that dies is begun again by whoever
//! claims it next, and finds most members right.
use super::{
    StoreError, Tx, Which,
    definitions::{self, Broken, Definition, Definitions},
    due, flips, gate,
    step::{Step, Stepped},
    write,
};
use crate::{
    clock::{Clock, Time},
    ids::SegmentId,
    store::Db,
};
use chrono::TimeDelta;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

mod claim;
mod survey;

pub use claim::{claim, due};

use claim::token;

/// How long a build is a worker's without a sign of life.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long a step should take: so long at most a change of a contact waits for it.
const STEP: Duration = Duration::from_millis(20);
/// Contacts of a first step, and of any.
const FIRST_SIZE: i64 = 500;
const SIZE_MIN: i64 = 50;
const SIZE_MAX: i64 = 20_000;
/// A statement that takes so long has gone wrong.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a step is tried that meets another transaction.
const TRIES: usize = 5;

/// What claiming a segment came to.
pub enum Claimed {
    Ours(Box<Build>),
    /// It asks about segments that are to be built first.
    Waits,
    /// Another worker has it, or nothing is to be done.
    Nothing,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The segment is ready. Those that ask about it are to be built, too, if anything may have changed.
    Ready { askers: Vec<(SegmentId, i64)> },
    /// Its definition changed, or somebody else has it now: nothing more is done here.
    Cancelled,
}

/// A build under way.
pub struct Build {
    name: String,
    definitions: Arc<Definitions>,
    place: usize,
    as_of: Time,
    /// Whether members were right before but for the clock: then only what is changed here is news.
    is_clean: bool,
    /// Whether it was built before, by this definition or an older one.
    was_built: bool,
    claimed_until: Time,
    after: Uuid,
    size: i64,
    began: Instant,
    sum: Stepped,
}

impl Build {
    fn definition(&self) -> &Definition {
        &self.definitions.dynamic[self.place]
    }

    /// Whether anything that others rely on may be another than before.
    fn is_news(&self) -> bool {
        !self.is_clean || self.sum.added + self.sum.removed > 0
    }

    /// From here on the clock's part is reckoned from `as_of`: who changes a contact meanwhile asks as of then or later.
    async fn hold(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let moves = !self.definition().clocks.is_none();
        tx.ex()
            .sql(
                "UPDATE segment SET state = 'building', claimed_until = $3, swept_at = $4, flips_at = NULL
                 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition().id)
            .bind(self.claimed_until)
            .bind(moves.then_some(self.as_of))
            .run()
            .await
            .map(drop)
    }

    /// Whether it is still ours; for PostgreSQL also says that this transaction need not reach the disk before the next: members can
    /// be made again, and the last transaction of the build waits for all.
    async fn is_ours(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let found: Option<(String,)> = tx
            .ex()
            .sql(
                "SELECT {pg: set_config('synchronous_commit', 'off', true)}{lite: 'off'} FROM segment
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND state = 'building' AND claimed_until = $4
                    AND is_enabled AND deleted_at IS NULL",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition().id)
            .bind(self.definition().generation)
            .bind(self.claimed_until)
            .optional()
            .await?;
        Ok(found.is_some())
    }

    /// Takes a step. Answers whether there is more to do; none if the build is no longer ours.
    pub async fn step(&mut self, db: &Db) -> Result<Option<bool>, StoreError> {
        let mut tx = db.begin().await?;
        gate::alone(&mut tx, self.definitions.workspace).await?;
        let began = Instant::now();
        if !self.is_ours(&mut tx).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        // Campaigns may have begun to react after the build began.
        let watches = definitions::of(&mut tx, self.definitions.workspace).await?;
        tx.widen(STEP_TIMEOUT).await?;
        let step = Step {
            definitions: &self.definitions,
            definition: self.definition(),
            as_of: self.as_of,
            after: self.after,
            size: self.size,
            is_watched: watches.is_watched(self.definition().id),
        };
        let stepped = step.run(&mut tx).await?;
        tx.commit().await?;
        self.sum.fitting += stepped.fitting;
        self.sum.added += stepped.added;
        self.sum.removed += stepped.removed;
        self.size = next_size(self.size, began.elapsed());
        if let Some(edge) = stepped.edge {
            self.after = edge;
        }
        Ok(Some(stepped.edge.is_some()))
    }

    /// Keeps the claim when half of it is over; false if it is no longer ours.
    async fn renew(&mut self, db: &Db, now: Time) -> Result<bool, StoreError> {
        if self.claimed_until - now > LEASE / 2 {
            return Ok(true);
        }
        let until = token(now);
        let renewed = db
            .write()
            .sql(
                "UPDATE segment SET claimed_until = $4
                 WHERE workspace_id = $1 AND id = $2 AND claimed_until = $3 AND state = 'building'",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition().id)
            .bind(self.claimed_until)
            .bind(until)
            .run()
            .await?;
        self.claimed_until = until;
        Ok(renewed == 1)
    }

    /// Says that the segment is ready.
    pub async fn finish(&self, db: &Db, now: Time) -> Result<Ended, StoreError> {
        let mut tx = db.begin().await?;
        let flips_at =
            flips::next(&mut tx, self.definition(), self.definitions.workspace, self.as_of).await?;
        if !self.be_ready(&mut tx, flips_at, now).await? {
            tx.rollback().await?;
            return Ok(Ended::Cancelled);
        }
        self.count(&mut tx, now).await?;
        let mut askers = Vec::new();
        if self.is_news() {
            askers = self.askers_due(&mut tx, now).await?;
            if self.definitions.fed.contains(&self.definition().id) {
                let fed = [self.definition().id];
                write::campaigns_due(&mut tx, self.definitions.workspace, &fed, now).await?;
            }
        }
        tx.commit().await?;
        Ok(Ended::Ready { askers })
    }

    async fn be_ready(
        &self,
        tx: &mut Tx,
        flips: Option<Time>,
        now: Time,
    ) -> Result<bool, StoreError> {
        let one = self.definition();
        let ready = tx
            .ex()
            .sql(
                // Who changed a contact meanwhile may have said that the clock has to be looked at sooner.
                "UPDATE segment SET state = 'ready', problem = NULL, build_due_at = NULL, claimed_until = NULL, built_at = $5,
                    build_ms = $6, member_count = $7, flips_at = CASE WHEN $8 IS NULL OR flips_at < $8 THEN flips_at ELSE $8 END
                 WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND state = 'building' AND claimed_until = $4
                    AND is_enabled AND deleted_at IS NULL",
            )
            .bind(self.definitions.workspace)
            .bind(one.id)
            .bind(one.generation)
            .bind(self.claimed_until)
            .bind(now)
            .bind(self.millis())
            .bind(self.sum.fitting)
            .bind(flips)
            .run()
            .await?;
        Ok(ready == 1)
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    async fn count(&self, tx: &mut Tx, now: Time) -> Result<(), StoreError> {
        tx.ex()
            .sql(
                "INSERT INTO segment_count (workspace_id, segment_id, at, members, added, removed, build_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (workspace_id, segment_id, at) DO UPDATE SET members = excluded.members,
                    added = segment_count.added + excluded.added, removed = segment_count.removed + excluded.removed,
                    build_ms = excluded.build_ms",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition().id)
            .bind(now)
            .bind(self.sum.fitting)
            .bind(self.sum.added)
            .bind(self.sum.removed)
            .bind(self.millis())
            .run()
            .await
            .map(drop)
    }

    async fn askers_due(
        &self,
        tx: &mut Tx,
        now: Time,
    ) -> Result<Vec<(SegmentId, i64)>, StoreError> {
        let places = self.definitions.askers(self.definition().id);
        let askers: Vec<(SegmentId, i64)> = places
            .map(|place| &self.definitions.dynamic[place])
            .map(|one| (one.id, one.generation))
            .collect();
        let ids: Vec<SegmentId> = askers.iter().map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            due::make_due(tx, self.definitions.workspace, Which::These(&ids), now).await?;
        }
        Ok(askers)
    }

    /// The database refuses to work the rule out: the segment is broken, nobody else is harmed.
    async fn break_off(&self, db: &Db, problem: String, now: Time) -> Result<(), StoreError> {
        let mut tx = db.begin().await?;
        let broken = Broken { id: self.definition().id, name: self.name.clone(), problem };
        definitions::mark_broken(&mut tx, self.definitions.workspace, &broken, now).await?;
        tx.commit().await
    }
}

fn next_size(size: i64, took: Duration) -> i64 {
    let fits = size as f64 * STEP.as_secs_f64() / took.as_secs_f64().max(1e-6);
    (fits as i64).clamp(size / 4, size * 2).clamp(SIZE_MIN, SIZE_MAX)
}

/// Builds the segment if it is due and nobody else does.
pub async fn run(db: &Db, id: SegmentId, clock: &Clock) -> Result<Option<Ended>, StoreError> {
    let Claimed::Ours(mut build) = claim(db, id, clock.now()).await? else { return Ok(None) };
    match build.drive(db, clock).await {
        Ok(ended) => Ok(Some(ended)),
        Err(error) if error.is_outage() || error.is_conflict() => Err(error),
        Err(error) => {
            build.break_off(db, error.to_string(), clock.now()).await?;
            Ok(Some(Ended::Cancelled))
        }
    }
}

impl Build {
    async fn drive(&mut self, db: &Db, clock: &Clock) -> Result<Ended, StoreError> {
        if let Some(fitting) = self.is_right(db).await? {
            self.sum.fitting = fitting;
            return self.finish(db, clock.now()).await;
        }
        let mut tries = 1;
        loop {
            if !self.renew(db, clock.now()).await? {
                return Ok(Ended::Cancelled);
            }
            match self.step(db).await {
                Ok(Some(true)) => tries = 1,
                Ok(Some(false)) => return self.finish(db, clock.now()).await,
                Ok(None) => return Ok(Ended::Cancelled),
                Err(error) if (error.is_conflict() || error.is_taken()) && tries < TRIES => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
