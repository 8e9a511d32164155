//! GET /sweeps: what the schedulers do and how it goes. Sweeps belong to the installation, not to a workspace.
use crate::{
    Api,
    answer::{Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    clock::Time,
    store::ticks::{self, SweepRow, SweepState},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A scheduled pass over the tables: when it runs, and how it has been doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    #[schema(example = "forget_visits")]
    pub name: String,
    /// What it does.
    pub about: String,
    /// A cron expression, seconds first, UTC, as the scheduler that started last has it; null: the sweep is off.
    #[schema(example = "0 57 * * * *")]
    pub cron: Option<String>,
    /// Whether the settings leave the expression as it is.
    pub is_default: bool,
    pub state: SweepState,
    /// The tick that was taken last.
    pub last_tick: Option<DateTime<Utc>>,
    /// When that tick ended, well or not; null while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
    /// How much there was to do; null while it runs, and when it failed.
    pub found: Option<i64>,
    pub next_tick: Option<DateTime<Utc>>,
    /// A tick is overdue by more than 30 seconds: no scheduler runs, or the one that does is behind.
    pub is_late: bool,
    /// Ticks that ended since `countedSince`, the failed ones included.
    pub runs: i64,
    pub failures: i64,
    pub counted_since: Option<DateTime<Utc>>,
    /// The longest of them, in microseconds.
    pub longest_us: Option<i64>,
    /// Why a tick failed last; kept when later ones do not.
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
}

impl Sweep {
    /// The row as it is now.
    pub fn of(row: SweepRow, now: Time) -> Self {
        Self {
            state: row.state(now),
            next_tick: row.next_tick(now),
            is_late: row.is_late(now),
            name: row.name,
            about: row.about,
            cron: row.cron,
            is_default: row.is_default,
            last_tick: row.tick,
            finished_at: row.finished_at,
            duration_us: row.duration_us,
            found: row.found,
            runs: row.runs,
            failures: row.failures,
            counted_since: row.counted_since,
            longest_us: row.longest_us,
            last_error: row.last_error,
            last_error_at: row.last_error_at,
        }
    }
}

/// The sweeps, in the order in which the program has them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sweeps {
    pub items: Vec<Sweep>,
}

/// List sweeps
///
/// What the schedulers do for all workspaces. Empty until a scheduler has started.
#[utoipa::path(
    get, path = "/sweeps", tag = "Operations", operation_id = "listSweeps",
    responses((status = 200, description = "All of them.", body = Success<Sweeps>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<Sweeps>, ApiError> {
    caller.require(Scope::Ops)?;
    let now = api.clock.now();
    let rows = ticks::all(&api.db).await?;
    Ok(Data(Sweeps { items: rows.into_iter().map(|row| Sweep::of(row, now)).collect() }))
}
