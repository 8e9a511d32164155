//! Delivery attempts: the intent is committed before the first byte leaves, the outcome with the submission's move.
use super::{Close, time};
use crate::{
    clock::Time,
    ids::{SubmissionId, WorkspaceId},
    store::{
        Db, Rows, StoreError, Tx,
        batch::{Batcher, Shape},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
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

/// An attempt that is about to begin.
#[derive(Debug, Clone)]
pub struct AttemptStart {
    pub workspace: WorkspaceId,
    pub submission: SubmissionId,
    /// The generation that must still be there.
    pub generation: i64,
    pub endpoint: String,
    pub idempotency_key: String,
    /// An earlier attempt without an outcome is noted as unknown and a new one begins under the same key. Only for endpoints that
    /// recognise repeats.
    pub over_open: bool,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// Send now; this is the attempt's number.
    Go { number: i64 },
    /// An attempt with this number has no outcome: its worker died between sending and noting.
    Open { number: i64 },
    /// The submission has moved on: send nothing.
    Stale,
}

/// Begins attempts, many at once.
#[derive(Debug, Clone)]
pub struct Starter(Batcher<AttemptStart, Started>);

impl Starter {
    pub fn start(db: Db) -> Self {
        let shape = Shape { name: "attempt", most: super::MOST, at_once: 1 };
        Self(Batcher::start(shape, move |starts: Arc<[AttemptStart]>| begin(db.clone(), starts)))
    }

    /// Answers after the intent is committed.
    pub async fn begin(&self, start: AttemptStart) -> Result<Started, StoreError> {
        self.0.call(start).await
    }
}

#[derive(Serialize)]
struct StartRow<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    endpoint: &'a str,
    idempotency_key: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

fn start_row(start: &AttemptStart) -> StartRow<'_> {
    StartRow {
        workspace_id: start.workspace.0,
        submission_id: start.submission.0,
        generation: start.generation,
        endpoint: &start.endpoint,
        idempotency_key: &start.idempotency_key,
        at: start.at,
    }
}

async fn begin(db: Db, starts: Arc<[AttemptStart]>) -> Result<Vec<Started>, StoreError> {
    let mut tx = db.begin().await?;
    let over: Vec<StartRow> = starts.iter().filter(|s| s.over_open).map(start_row).collect();
    give_up_open(&mut tx, &over).await?;
    let rows: Vec<StartRow> = starts.iter().map(start_row).collect();
    // The submission's row is locked while we look, so that an operator's move and an attempt cannot pass each other.
    let begun: Vec<(SubmissionId, i64)> = tx
        .ex()
        .sql(
            "INSERT INTO delivery_attempt (workspace_id, submission_id, number, campaign_id, endpoint, idempotency_key, started_at)
             SELECT s.workspace_id, s.id,
                (SELECT COALESCE(MAX(a.number), 0) + 1 FROM delivery_attempt a
                 WHERE a.workspace_id = s.workspace_id AND a.submission_id = s.id),
                s.campaign_id, r.endpoint, r.idempotency_key, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, endpoint text, idempotency_key text,
                at timestamptz) r
             JOIN submission s ON s.id = r.submission_id AND (s.workspace_id = r.workspace_id) IS TRUE
                AND s.generation = r.generation AND s.run = 'ready' AND s.stage = 'delivery'
             WHERE NOT EXISTS (SELECT 1 FROM delivery_attempt o WHERE o.workspace_id = s.workspace_id
                AND o.submission_id = s.id AND o.outcome IS NULL)
             {pg: FOR UPDATE OF s}
             RETURNING submission_id, number",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    let begun: HashMap<_, _> = begun.into_iter().collect();
    let missing: Vec<StartRow> =
        starts.iter().filter(|s| !begun.contains_key(&s.submission)).map(start_row).collect();
    let open = open_attempts(&mut tx, &missing).await?;
    tx.commit().await?;
    Ok(starts
        .iter()
        .map(|start| match (begun.get(&start.submission), open.get(&start.submission)) {
            (Some(&number), _) => Started::Go { number },
            (None, Some(&number)) => Started::Open { number },
            (None, None) => Started::Stale,
        })
        .collect())
}

async fn give_up_open(tx: &mut Tx, rows: &[StartRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE delivery_attempt SET outcome = 'unknown', reason = 'its worker died before an answer was noted',
                finished_at = r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, at timestamptz) r
             JOIN submission s ON s.id = r.submission_id AND (s.workspace_id = r.workspace_id) IS TRUE AND s.generation = r.generation
             WHERE delivery_attempt.workspace_id = r.workspace_id AND delivery_attempt.submission_id = r.submission_id
               AND delivery_attempt.outcome IS NULL",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}

/// The attempts without an outcome among submissions that are still at their generation.
async fn open_attempts(
    tx: &mut Tx,
    rows: &[StartRow<'_>],
) -> Result<HashMap<SubmissionId, i64>, StoreError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let open: Vec<(SubmissionId, i64)> = tx
        .ex()
        .sql(
            "SELECT a.submission_id, a.number
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint) r
             JOIN submission s ON s.id = r.submission_id AND (s.workspace_id = r.workspace_id) IS TRUE AND s.generation = r.generation
             JOIN delivery_attempt a ON a.workspace_id = s.workspace_id AND a.submission_id = s.id AND a.outcome IS NULL",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    Ok(open.into_iter().collect())
}
