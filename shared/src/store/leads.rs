//! Reading leads, submissions, journeys and delivery attempts, always within one workspace.
use super::{Db, StoreError, close::Outcome, db::Query};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    journey::JourneyEvent,
    lead::{Details, LeadStatus},
    submission::{Carry, End, Kind, Stage, Status},
};
use sqlx::types::Json;
use uuid::Uuid;

/// Leads `l` and what hangs on them: their points `p`, their campaign's automation `a`, their latest submission `s`.
macro_rules! lead_source {
    () => {
        "FROM lead l LEFT JOIN lead_automation p ON p.workspace_id = l.workspace_id AND p.lead_id = l.id \
         LEFT JOIN automation a ON a.workspace_id = l.workspace_id AND a.campaign_id = l.campaign_id \
         LEFT JOIN submission s ON s.lead_id = l.id AND (s.workspace_id = l.workspace_id) IS TRUE \
         AND s.number = (SELECT MAX(n.number) FROM submission n \
         WHERE n.lead_id = l.id) "
    };
}
pub(super) use lead_source;

/// A lead and its latest submission, as [`LeadRow`] reads them.
macro_rules! lead_columns {
    () => {
        concat!(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status AS lead_status, l.first_name, l.last_name, l.email, l.phone, \
             l.details, l.is_test, l.is_duplicate, l.duplicate_of, l.source, l.created_at, l.updated_at, \
             s.id AS latest_submission, s.status AS latest_status, COALESCE(s.number, 0) AS submissions, \
             COALESCE(p.points, 0) AS points, \
             COALESCE(CAST(a.config->'scoring'->>'pointsPerStar' AS bigint), 10) AS points_per_star ",
            lead_source!()
        )
    };
}
pub(super) use lead_columns;

/// What [`LeadFilter::bind`] binds says of leads.
macro_rules! lead_conditions {
    () => {
        "COALESCE($3, l.campaign_id) = l.campaign_id AND COALESCE($4, l.status) = l.status \
         AND COALESCE($5, s.status, '') = COALESCE(s.status, '') \
         AND COALESCE($6, l.email) = l.email AND COALESCE($7, l.phone) = l.phone \
         AND COALESCE($8, l.created_at) <= l.created_at AND COALESCE($9, l.created_at) >= l.created_at "
    };
}
pub(super) use lead_conditions;

/// A submission and its campaign's name, as [`SubmissionRow`] reads them.
macro_rules! submission_columns {
    () => {
        "SELECT s.id, s.lead_id, s.number, s.kind, s.campaign_id, c.code AS campaign_code, c.name AS campaign_name, \
         s.revision, s.parent_id, s.run, s.stage, s.generation, s.attempt, s.due_at, s.status, s.outcome, \
         s.reason_code, s.reason, s.carry, s.error_fingerprint, s.buyer_lead_id, s.created_at, s.updated_at, s.finished_at \
         FROM submission s JOIN campaign c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id "
    };
}
pub(super) use submission_columns;

/// A lead with its latest submission's status.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LeadRow {
    pub id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub lead_status: LeadStatus,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub details: Json<Details>,
    pub is_test: bool,
    pub is_duplicate: bool,
    pub duplicate_of: Option<LeadId>,
    pub source: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub latest_submission: Option<SubmissionId>,
    pub latest_status: Option<Status>,
    pub submissions: i64,
    pub points: i64,
    /// Of its campaign's automation.
    pub points_per_star: i64,
}

/// Which leads to list. What is none does not narrow.
#[derive(Debug, Clone, Default)]
pub struct LeadFilter {
    pub campaign: Option<CampaignId>,
    pub lead_status: Option<LeadStatus>,
    pub status: Option<Status>,
    /// An email or a phone, normalised, exactly.
    pub email: Option<String>,
    pub phone: Option<String>,
    pub from: Option<Time>,
    pub until: Option<Time>,
    /// Leads older than this one.
    pub before: Option<LeadId>,
    pub limit: i64,
}

impl LeadFilter {
    /// The parameters of [`lead_conditions`], after two others.
    pub(super) fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query
            .bind(self.campaign)
            .bind(self.lead_status)
            .bind(self.status)
            .bind(self.email.as_deref())
            .bind(self.phone.as_deref())
            .bind(self.from)
            .bind(self.until)
    }
}

/// Leads, newest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: &LeadFilter,
) -> Result<Vec<LeadRow>, StoreError> {
    let query = db
        .read()
        .sql(concat!(
            lead_columns!(),
            "WHERE l.workspace_id = $1 AND l.id < $2 AND ",
            lead_conditions!(),
            "ORDER BY l.id DESC LIMIT $10",
        ))
        .bind(workspace)
        .bind(filter.before.unwrap_or(LeadId(Uuid::max())));
    filter.bind(query).bind(filter.limit).all().await
}

pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: LeadId,
) -> Result<Option<LeadRow>, StoreError> {
    db.read()
        .sql(concat!(lead_columns!(), "WHERE l.workspace_id = $1 AND l.id = $2",))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// A contact's leads, newest first; older ones than `before` when it is given.
pub async fn of_contact(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    before: Option<LeadId>,
    limit: i64,
) -> Result<Vec<LeadRow>, StoreError> {
    db.read()
        .sql(concat!(
            lead_columns!(),
            "WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE AND l.id < $3
             ORDER BY l.id DESC LIMIT $4",
        ))
        .bind(workspace)
        .bind(contact)
        .bind(before.unwrap_or(LeadId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}

/// A submission as people look at it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SubmissionRow {
    pub id: SubmissionId,
    pub lead_id: LeadId,
    pub number: i64,
    pub kind: Kind,
    pub campaign_id: CampaignId,
    pub campaign_code: String,
    pub campaign_name: String,
    pub revision: i64,
    pub parent_id: Option<SubmissionId>,
    pub run: String,
    pub stage: Stage,
    pub generation: i64,
    pub attempt: i64,
    pub due_at: Option<Time>,
    pub status: Status,
    pub outcome: Option<End>,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub carry: Json<Carry>,
    pub error_fingerprint: Option<String>,
    /// The buyer's id of the lead, where a person noted it.
    pub buyer_lead_id: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub finished_at: Option<Time>,
}

/// A lead's submissions, first to last.
pub async fn submissions(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<SubmissionRow>, StoreError> {
    db.read()
        .sql(concat!(
            submission_columns!(),
            "WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE ORDER BY s.number",
        ))
        .bind(workspace)
        .bind(lead)
        .all()
        .await
}

/// The campaigns that the lead was reposted to, in order, each once.
pub async fn reposted_to(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<CampaignId>, StoreError> {
    let campaigns: Vec<(CampaignId,)> = db
        .read()
        .sql(
            "SELECT s.campaign_id FROM submission s
             WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE AND s.kind = 'repost' ORDER BY s.number",
        )
        .bind(workspace)
        .bind(lead)
        .all()
        .await?;
    let mut once = Vec::new();
    for (campaign,) in campaigns {
        if !once.contains(&campaign) {
            once.push(campaign);
        }
    }
    Ok(once)
}

pub async fn submission(
    db: &Db,
    workspace: WorkspaceId,
    id: SubmissionId,
) -> Result<Option<SubmissionRow>, StoreError> {
    db.read()
        .sql(concat!(submission_columns!(), "WHERE s.workspace_id = $1 AND s.id = $2",))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// A submission's story, first to last.
pub async fn journey(
    db: &Db,
    workspace: WorkspaceId,
    submission: SubmissionId,
) -> Result<Vec<JourneyEvent>, StoreError> {
    db.read()
        .sql(
            "SELECT generation, stage, verdict, reason_code, reason, attempt, details, duration_us, at
             FROM journey_event WHERE workspace_id = $1 AND submission_id = $2 ORDER BY generation",
        )
        .bind(workspace)
        .bind(submission)
        .all()
        .await
}

/// What routing said about the submissions of a lead, each with its submission.
pub async fn routing(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<(SubmissionId, JourneyEvent)>, StoreError> {
    let rows: Vec<OfSubmission> = db
        .read()
        .sql(
            "SELECT e.submission_id, e.generation, e.stage, e.verdict, e.reason_code, e.reason, e.attempt, e.details,
                e.duration_us, e.at
             FROM submission s
             JOIN journey_event e ON e.workspace_id = s.workspace_id AND e.submission_id = s.id AND e.stage = 'routing'
             WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE ORDER BY s.number, e.generation",
        )
        .bind(workspace)
        .bind(lead)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.submission_id, row.event)).collect())
}

/// An event with its submission.
#[derive(sqlx::FromRow)]
pub(super) struct OfSubmission {
    pub submission_id: SubmissionId,
    #[sqlx(flatten)]
    pub event: JourneyEvent,
}

/// One HTTP exchange with a buyer.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AttemptRow {
    pub number: i64,
    pub endpoint: String,
    pub idempotency_key: String,
    pub started_at: Time,
    pub outcome: Option<Outcome>,
    pub status_code: Option<i64>,
    pub reason: Option<String>,
    pub buyer_lead_id: Option<String>,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub answer: Option<String>,
    pub duration_us: Option<i64>,
    pub finished_at: Option<Time>,
}

/// Whether one of the attempts at an endpoint that came before this number may have been taken.
pub fn may_be_taken(attempts: &[AttemptRow], endpoint: &str, before: i64) -> bool {
    let surely_not = [Outcome::Failed, Outcome::Rejected, Outcome::Duplicate];
    attempts.iter().any(|attempt| {
        attempt.endpoint == endpoint
            && attempt.number < before
            && attempt.outcome.is_none_or(|outcome| !surely_not.contains(&outcome))
    })
}

/// A submission's delivery attempts, first to last.
pub async fn attempts(
    db: &Db,
    workspace: WorkspaceId,
    submission: SubmissionId,
) -> Result<Vec<AttemptRow>, StoreError> {
    db.read()
        .sql(
            "SELECT number, endpoint, idempotency_key, started_at, outcome, status_code, reason, buyer_lead_id,
                price_minor, currency, answer, duration_us, finished_at
             FROM delivery_attempt WHERE workspace_id = $1 AND submission_id = $2 ORDER BY number",
        )
        .bind(workspace)
        .bind(submission)
        .all()
        .await
}
