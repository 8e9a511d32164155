//! One step: some leads in the order of their ids are submitted, and it is written down how far that is, in one transaction.
use super::{IdRow, Which};
use crate::{
    clock::Time,
    ids::{CampaignId, LeadId, LeadProcessId, SubmissionId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, Rows, StoreError, Tx,
        again::again,
        intake::write::{self, SubmissionRow},
    },
    submission::Carry,
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Leads that one step submits, at most.
const MOST: usize = 500;
/// Leads that one step looks at, at most: those that were submitted before are passed over.
const LOOKED: i64 = 5_000;

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// They are in routing, at generation 1.
    pub submitted: Vec<SubmissionId>,
    /// The generation of the job of the next step; none: it is done.
    pub next: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    workspace_id: WorkspaceId,
    filter: Json<Which>,
    after_lead: Option<LeadId>,
    created_by: String,
}

/// The leads of a step, in the order of their ids, and how far it has come after them.
struct Window {
    leads: Vec<LeadId>,
    /// None: there are no more.
    until: Option<LeadId>,
}

/// Does the step of that generation. None: it was done before, or nothing is to be done any more.
pub async fn step(
    db: &Db,
    job: (LeadProcessId, i64),
    now: Time,
    redeliver_at: Time,
) -> Result<Option<Step>, StoreError> {
    let mut tries = 0;
    loop {
        match once(db, job, now, redeliver_at).await {
            Err(error) if again(&error, &mut tries) => {}
            done => return done,
        }
    }
}

async fn once(
    db: &Db,
    job: (LeadProcessId, i64),
    now: Time,
    redeliver_at: Time,
) -> Result<Option<Step>, StoreError> {
    let mut tx = db.begin().await?;
    let Some(row) = lock(&mut tx, job).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let window = window(&mut tx, &row).await?;
    let standing = lock_leads(&mut tx, row.workspace_id, &window.leads).await?;
    let known = submitted_before(&mut tx, &window.leads).await?;
    let campaigns = campaigns(&mut tx, row.workspace_id, &standing).await?;
    let mut closed = None;
    let mut rows = Vec::new();
    for lead in &standing {
        match campaigns.get(&lead.campaign_id) {
            _ if !lead.status.is_processed() || known.contains(&lead.id) => {}
            Some(campaign) if campaign.state == "active" => {
                rows.push(submission(&row, lead, campaign.revision, (now, redeliver_at)));
            }
            Some(campaign) => {
                closed = Some(format!("the campaign {} is {}", campaign.code, campaign.state));
            }
            None => {}
        }
    }
    write::open(&mut tx, &rows).await?;
    let skipped = (window.leads.len() - rows.len()) as i64;
    let next = window.until.map(|_| job.1 + 1);
    let came = Came { after: window.until, submitted: rows.len() as i64, skipped, closed };
    record(&mut tx, job, came, (now, redeliver_at)).await?;
    tx.commit().await?;
    let submitted = rows.iter().map(|row| SubmissionId(row.id)).collect();
    Ok(Some(Step { submitted, next }))
}

/// Whoever comes second waits here, and then finds another generation.
async fn lock(tx: &mut Tx, job: (LeadProcessId, i64)) -> Result<Option<Row>, StoreError> {
    tx.ex()
        .sql(
            "SELECT workspace_id, filter, after_lead, created_by FROM lead_process
             WHERE id = $1 AND generation = $2 AND state = 'running'{pg:  FOR NO KEY UPDATE}",
        )
        .bind(job.0)
        .bind(job.1)
        .optional()
        .await
}

async fn window(tx: &mut Tx, row: &Row) -> Result<Window, StoreError> {
    let after = row.after_lead.unwrap_or(LeadId(Uuid::nil()));
    let mut leads = match &row.filter.lead_ids {
        Some(ids) => ids.iter().filter(|id| **id > after).take(MOST + 1).copied().collect(),
        None => {
            let end = end(tx, &row.filter, after).await?;
            let leads = fitting(tx, row, (after, end.unwrap_or(LeadId(Uuid::max())))).await?;
            if leads.len() <= MOST {
                return Ok(Window { leads, until: end });
            }
            leads
        }
    };
    let more = leads.len() > MOST;
    leads.truncate(MOST);
    let until = leads.last().copied().filter(|_| more);
    Ok(Window { leads, until })
}

/// The last lead that this step looks at; none: there are not so many.
async fn end(tx: &mut Tx, which: &Which, after: LeadId) -> Result<Option<LeadId>, StoreError> {
    let query = match (which.import_id, which.campaign_id) {
        (Some(import), _) => tx.ex().sql(
            "SELECT l.id FROM lead l WHERE l.import_id = $1 AND l.id > $2 ORDER BY l.id LIMIT 1 OFFSET $3",
        ).bind(import),
        (None, campaign) => tx.ex().sql(
            "SELECT l.id FROM lead l WHERE l.campaign_id = $1 AND l.id > $2 ORDER BY l.id LIMIT 1 OFFSET $3",
        ).bind(campaign),
    };
    let end: Option<(LeadId,)> = query.bind(after).bind(LOOKED - 1).optional().await?;
    Ok(end.map(|(id,)| id))
}

/// A campaign's or an import's leads that were never submitted, one more than a step takes.
macro_rules! fitting {
    ($of:literal) => {
        concat!(
            "SELECT l.id FROM lead l
             WHERE ",
            $of,
            " AND l.id > $2 AND l.id <= $3 AND (l.workspace_id = $4) IS TRUE AND (l.campaign_id = $5 OR $5 IS NULL)
               AND (l.created_at >= $6 OR $6 IS NULL) AND (l.created_at <= $7 OR $7 IS NULL)
               AND l.status IN ('active', 'duplicate')
               AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.lead_id = l.id)
             ORDER BY l.id LIMIT $8"
        )
    };
}

async fn fitting(
    tx: &mut Tx,
    row: &Row,
    (after, until): (LeadId, LeadId),
) -> Result<Vec<LeadId>, StoreError> {
    let which = &row.filter.0;
    let query = match (which.import_id, which.campaign_id) {
        (Some(import), _) => tx.ex().sql(fitting!("l.import_id = $1")).bind(import),
        (None, campaign) => tx.ex().sql(fitting!("l.campaign_id = $1")).bind(campaign),
    };
    let leads: Vec<(LeadId,)> = query
        .bind(after)
        .bind(until)
        .bind(row.workspace_id)
        .bind(which.campaign_id)
        .bind(which.created_from)
        .bind(which.created_until)
        .bind(MOST as i64 + 1)
        .all()
        .await?;
    Ok(leads.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct Standing {
    id: LeadId,
    campaign_id: CampaignId,
    status: LeadStatus,
}

/// Locks the leads, so that nobody else submits them or closes them meanwhile.
async fn lock_leads(
    tx: &mut Tx,
    workspace: WorkspaceId,
    leads: &[LeadId],
) -> Result<Vec<Standing>, StoreError> {
    let rows: Vec<IdRow> =
        leads.iter().map(|lead| IdRow { workspace_id: workspace.0, id: lead.0 }).collect();
    tx.ex()
        .sql(
            "SELECT l.id, l.campaign_id, l.status FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id{pg:  FOR NO KEY UPDATE OF l}",
        )
        .bind(Rows::of(&rows))
        .all()
        .await
}

#[derive(Serialize)]
struct LeadRow {
    lead_id: Uuid,
}

/// Those of the leads that have a submission. Asked after they are locked: those that were opened meanwhile are seen.
async fn submitted_before(tx: &mut Tx, leads: &[LeadId]) -> Result<HashSet<LeadId>, StoreError> {
    let rows: Vec<LeadRow> = leads.iter().map(|lead| LeadRow { lead_id: lead.0 }).collect();
    let known: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT s.lead_id FROM ROWS($1: lead_id uuid) r JOIN submission s ON s.lead_id = r.lead_id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct Campaign {
    id: CampaignId,
    code: String,
    state: String,
    revision: i64,
}

async fn campaigns(
    tx: &mut Tx,
    workspace: WorkspaceId,
    leads: &[Standing],
) -> Result<HashMap<CampaignId, Campaign>, StoreError> {
    let wanted: BTreeSet<Uuid> = leads.iter().map(|lead| lead.campaign_id.0).collect();
    let rows: Vec<IdRow> =
        wanted.into_iter().map(|id| IdRow { workspace_id: workspace.0, id }).collect();
    let found: Vec<Campaign> = tx
        .ex()
        .sql(
            "SELECT c.id, c.code, c.state, c.revision FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN campaign c ON c.workspace_id = r.workspace_id AND c.id = r.id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(found.into_iter().map(|campaign| (campaign.id, campaign)).collect())
}

/// Its number is 1: that a lead has one first submission only is for the database to say, whoever else submits it.
fn submission(
    row: &Row,
    lead: &Standing,
    revision: i64,
    (at, due_at): (Time, Time),
) -> SubmissionRow {
    SubmissionRow {
        workspace_id: row.workspace_id.0,
        id: SubmissionId::new().0,
        lead_id: lead.id.0,
        number: 1,
        campaign_id: lead.campaign_id.0,
        revision,
        reason: format!("submitted by {}", row.created_by),
        carry: Carry::default(),
        at,
        due_at,
    }
}

/// What has come of a step.
struct Came {
    after: Option<LeadId>,
    submitted: i64,
    skipped: i64,
    /// Why leads were skipped that could have been submitted.
    closed: Option<String>,
}

async fn record(
    tx: &mut Tx,
    (id, generation): (LeadProcessId, i64),
    came: Came,
    (now, redeliver_at): (Time, Time),
) -> Result<(), StoreError> {
    let (state, finished) = match came.after {
        Some(_) => ("running", None),
        None => ("done", Some(now)),
    };
    let written = tx
        .ex()
        .sql(
            "UPDATE lead_process SET state = $3, generation = generation + 1, after_lead = COALESCE($4, after_lead),
                submitted = submitted + $5, skipped = skipped + $6, problem = COALESCE($7, problem), due_at = $8,
                updated_at = $9, finished_at = $10
             WHERE id = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(id)
        .bind(generation)
        .bind(state)
        .bind(came.after)
        .bind(came.submitted)
        .bind(came.skipped)
        .bind(came.closed)
        .bind(came.after.map(|_| redeliver_at))
        .bind(now)
        .bind(finished)
        .run()
        .await?;
    if written == 1 {
        return Ok(());
    }
    Err(StoreError::Inconsistent(format!("{id} moved while it was locked")))
}
