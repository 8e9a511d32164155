//! How a delivery attempt ended: written with the submission's move.
use super::{Close, time};
use crate::{
    clock::Time,
    store::{Rows, StoreError, Tx},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What came of an attempt.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    Accepted,
    Rejected,
    Duplicate,
    /// Surely not taken.
    Failed,
    /// Perhaps taken: bytes left and no answer came.
    Unknown,
    /// Answered, but no response rule knows the answer.
    Unclassified,
}

/// The end of an attempt.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    pub number: i64,
    pub outcome: Outcome,
    pub status_code: Option<u16>,
    pub reason: Option<String>,
    pub buyer_lead_id: Option<String>,
    /// Minor units and ISO currency.
    pub price: Option<(i64, String)>,
    /// The answer's beginning.
    pub answer: Option<String>,
    pub duration_us: i64,
}

#[derive(Serialize)]
struct EndRow<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    number: i64,
    outcome: Outcome,
    status_code: Option<u16>,
    reason: Option<&'a str>,
    buyer_lead_id: Option<&'a str>,
    price_minor: Option<i64>,
    currency: Option<&'a str>,
    answer: Option<&'a str>,
    duration_us: i64,
    #[serde(serialize_with = "time")]
    at: Time,
}

pub(super) async fn end(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let ended = closes.iter().filter_map(|close| Some((close, close.attempt.as_ref()?)));
    let rows: Vec<EndRow> = ended
        .map(|(close, end)| EndRow {
            workspace_id: close.workspace.0,
            submission_id: close.submission.0,
            number: end.number,
            outcome: end.outcome,
            status_code: end.status_code,
            reason: end.reason.as_deref(),
            buyer_lead_id: end.buyer_lead_id.as_deref(),
            price_minor: end.price.as_ref().map(|(minor, _)| *minor),
            currency: end.price.as_ref().map(|(_, currency)| currency.as_str()),
            answer: end.answer.as_deref(),
            duration_us: end.duration_us,
            at: close.at,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE delivery_attempt SET outcome = r.outcome, status_code = r.status_code, reason = r.reason,
                buyer_lead_id = r.buyer_lead_id, price_minor = r.price_minor, currency = r.currency, answer = r.answer,
                duration_us = r.duration_us, finished_at = r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, number bigint, outcome text, status_code bigint,
                reason text, buyer_lead_id text, price_minor bigint, currency text, answer text, duration_us bigint,
                at timestamptz) r
             WHERE delivery_attempt.workspace_id = r.workspace_id AND delivery_attempt.submission_id = r.submission_id
               AND delivery_attempt.number = r.number",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
