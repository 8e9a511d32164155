//! The story of a submission: one event for each move.
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// What happened to a submission. Append-only.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JourneyEvent {
    /// The submission's generation after the event: 1, 2, 3, …
    pub generation: i64,
    /// Where: `accepted` or a stage's name.
    pub stage: String,
    /// What was said: `passed`, `refused`, `parked`, `again`, `sold`, …
    pub verdict: String,
    /// Why, in a stable word.
    pub reason_code: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Which try of the stage, from 0.
    pub attempt: i64,
    /// Values compared, answers received.
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
    /// How long the stage worked, in microseconds.
    pub duration_us: i64,
    pub at: DateTime<Utc>,
}
