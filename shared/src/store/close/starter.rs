//! Beginning a delivery attempt: the places it needs and the intent are committed before the first byte leaves.
use super::{
    places::{Ledger, WindowKey},
    time,
};
use crate::{
    campaign::room::Claim,
    clock::Time,
    ids::{CampaignId, SubmissionId, WorkspaceId},
    stages::room,
    store::{
        Db, Rows, StoreError, Tx,
        batch::{Batcher, Shape},
        notices::{self, Kind, Notice},
    },
};
use serde::Serialize;
use serde_json::json;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

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
    /// The places it needs under its campaign's caps; none for a campaign without caps.
    pub needs: Option<Needs>,
    pub at: Time,
}

/// What a lead needs before it may be sent.
#[derive(Debug, Clone)]
pub struct Needs {
    pub campaign: CampaignId,
    /// The campaign revision whose caps these are. Only the newest one's count.
    pub revision: i64,
    pub claims: Vec<Claim>,
    /// Leads may be waiting: whoever came earlier goes first.
    pub in_line: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// Send now; this is the attempt's number.
    Go { number: i64 },
    /// An attempt with this number has no outcome: its worker died between sending and noting.
    Open { number: i64 },
    /// A cap is full: send nothing.
    Full { claim: Claim },
    /// Others have waited for longer: send nothing yet.
    BehindOthers,
    /// The campaign has been saved since; ask again with the needs of this revision.
    OldNeeds { newest: i64 },
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
    let declined = find_room(&mut tx, &starts).await?;
    let wanted = starts.iter().filter(|start| !declined.contains_key(&start.submission));
    let rows: Vec<StartRow> = wanted.map(start_row).collect();
    let begun = insert(&mut tx, &rows).await?;
    let missing: Vec<StartRow> =
        starts.iter().filter(|s| !begun.contains_key(&s.submission)).map(start_row).collect();
    let open = open_attempts(&mut tx, &missing).await?;
    tx.commit().await?;
    Ok(starts
        .iter()
        .map(|start| {
            let id = &start.submission;
            match (begun.get(id), open.get(id), declined.get(id)) {
                (Some(&number), ..) => Started::Go { number },
                (None, Some(&number), _) => Started::Open { number },
                (None, None, Some(declined)) => declined.clone(),
                (None, None, None) => Started::Stale,
            }
        })
        .collect())
}

async fn insert(
    tx: &mut Tx,
    rows: &[StartRow<'_>],
) -> Result<HashMap<SubmissionId, i64>, StoreError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
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
        .bind(Rows::of(rows))
        .all()
        .await?;
    Ok(begun.into_iter().collect())
}

/// Gives places to the starts that need some, oldest lead first. Says why the others must not be sent; what stays out of the answer may
/// go on, or is stale.
async fn find_room(
    tx: &mut Tx,
    starts: &[AttemptStart],
) -> Result<HashMap<SubmissionId, Started>, StoreError> {
    let mut asking: Vec<(&AttemptStart, &Needs)> =
        starts.iter().filter_map(|start| Some((start, start.needs.as_ref()?))).collect();
    if asking.is_empty() {
        return Ok(HashMap::new());
    }
    asking.sort_by_key(|(start, _)| start.submission.0);
    let found = standings(tx, &asking).await?;
    let mut declined = HashMap::new();
    asking.retain(|(start, needs)| {
        let Some(standing) = found.get(&start.submission) else { return false };
        let why = match standing {
            _ if standing.may_be_taken || standing.has_places => return false,
            _ if standing.newest != needs.revision => Started::OldNeeds { newest: standing.newest },
            _ if needs.in_line && standing.others_wait => Started::BehindOthers,
            _ => return true,
        };
        declined.insert(start.submission, why);
        false
    });
    let windows = asking.iter().flat_map(|(start, needs)| windows(start, needs));
    let mut ledger = Ledger::lock(tx, windows).await?;
    let mut notices = Vec::new();
    for (start, needs) in asking {
        let who = (start.workspace, needs.campaign, start.submission);
        if let Err((which, is_first)) = ledger.take(who, &needs.claims, start.at) {
            let claim = needs.claims[which].clone();
            if is_first {
                notices.push(cap_hit(start, needs.campaign, &claim));
            }
            declined.insert(start.submission, Started::Full { claim });
        }
    }
    ledger.write(tx).await?;
    notices::raise(tx, &notices).await?;
    Ok(declined)
}

/// A cap is full for the first time in its window: people are told once.
fn cap_hit(start: &AttemptStart, campaign: CampaignId, claim: &Claim) -> Notice {
    let window = claim.window_start.to_rfc3339();
    Notice {
        workspace: start.workspace,
        campaign: Some(campaign),
        kind: Kind::CapHit,
        subject: format!("cap_hit:{campaign}:{}:{window}", claim.cap),
        message: room::words(claim),
        details: Some(json!({
            "cap": claim.cap, "limit": claim.limit, "windowStart": claim.window_start, "windowEnd": claim.window_end,
            "firstSubmissionId": start.submission,
        })),
        at: start.at,
    }
}

fn windows(start: &AttemptStart, needs: &Needs) -> Vec<WindowKey> {
    let key =
        |claim: &Claim| (start.workspace, needs.campaign, claim.cap.clone(), claim.window_start);
    needs.claims.iter().map(key).collect()
}

/// What decides whether a start may ask for places.
#[derive(sqlx::FromRow)]
struct Standing {
    id: SubmissionId,
    /// The campaign's newest revision.
    newest: i64,
    /// From an earlier attempt that may have been taken, or from the queue.
    has_places: bool,
    others_wait: bool,
    /// An earlier attempt may have been taken: asking once more is the only way to know.
    may_be_taken: bool,
}

/// Locks the submissions that are still where their starts expect them.
async fn standings(
    tx: &mut Tx,
    asking: &[(&AttemptStart, &Needs)],
) -> Result<HashMap<SubmissionId, Standing>, StoreError> {
    let rows: Vec<StartRow> = asking.iter().map(|(start, _)| start_row(start)).collect();
    let found: Vec<Standing> = tx
        .ex()
        .sql(
            "SELECT s.id, c.revision AS newest,
                EXISTS (SELECT 1 FROM cap_place p WHERE p.workspace_id = s.workspace_id AND p.submission_id = s.id) AS has_places,
                EXISTS (SELECT 1 FROM submission q WHERE q.campaign_id = s.campaign_id AND q.run = 'parked'
                    AND q.stage = 'delivery' AND q.id < s.id AND q.due_at <= r.at) AS others_wait,
                EXISTS (SELECT 1 FROM delivery_attempt o WHERE o.workspace_id = s.workspace_id
                    AND o.submission_id = s.id AND (o.outcome IS NULL
                        OR (o.endpoint = r.endpoint AND o.outcome IN ('unknown', 'unclassified')))) AS may_be_taken
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, endpoint text, at timestamptz) r
             JOIN submission s ON s.id = r.submission_id AND (s.workspace_id = r.workspace_id) IS TRUE
                AND s.generation = r.generation AND s.run = 'ready' AND s.stage = 'delivery'
             JOIN campaign c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
             {pg: FOR UPDATE OF s}",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(found.into_iter().map(|standing| (standing.id, standing)).collect())
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
