//! Calls and threads of texts: read, moved if nobody was faster, and taken when they are due.
use super::{
    Db, Ex, Rows, StoreError, Tx,
    suppressions::{self, Person, Reach, Suppression},
};
use crate::{
    clock::Time,
    ids::{AgentId, CampaignId, InteractionId, LeadId, ParkId, SubmissionId, WorkspaceId},
    outreach::{CallOutcome, Report},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// The columns of an [`Interaction`].
macro_rules! interaction_columns {
    () => {
        "i.workspace_id, i.id, i.type AS kind, i.direction, i.lead_id, i.campaign_id, i.submission_id, i.park_id, \
         i.agent_id, i.provider, i.number, i.phone, i.own_phone, i.is_test, i.state, i.generation, i.tries, i.due_at, \
         i.reference, i.instructions, i.outcome, i.report, i.error, i.opened_at, i.updated_at, i.ended_at "
    };
}
pub(super) use interaction_columns;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = InteractionType)]
pub enum Kind {
    Call,
    Sms,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Direction {
    /// We began.
    Outbound,
    /// The person did.
    Inbound,
}

/// How far a call or a thread has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = InteractionState)]
pub enum State {
    /// A call that nobody has asked the provider for yet.
    Planned,
    /// The provider is being asked, or our process died while it was.
    Placing,
    InProgress,
    /// The call may have been made.
    Unsure,
    Ended,
    /// The call was surely not made.
    NotPlaced,
    /// A thread.
    Open,
    Closed,
}

/// A call or a thread of texts.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Interaction {
    pub workspace_id: WorkspaceId,
    pub id: InteractionId,
    pub kind: Kind,
    pub direction: Direction,
    pub lead_id: LeadId,
    pub campaign_id: CampaignId,
    pub submission_id: Option<SubmissionId>,
    pub park_id: Option<ParkId>,
    pub agent_id: AgentId,
    pub provider: String,
    /// Which call of its wait, from 1.
    pub number: i64,
    /// E.164.
    pub phone: String,
    pub own_phone: Option<String>,
    pub is_test: bool,
    pub state: State,
    pub generation: i64,
    pub tries: i64,
    pub due_at: Option<Time>,
    pub reference: Option<String>,
    pub instructions: Option<String>,
    pub outcome: Option<CallOutcome>,
    pub report: Option<Json<Report>>,
    pub error: Option<String>,
    pub opened_at: Time,
    pub updated_at: Time,
    pub ended_at: Option<Time>,
}

/// An interaction by the id that a job names. One of the few functions that find the workspace.
pub async fn get(db: &Db, id: InteractionId) -> Result<Option<Interaction>, StoreError> {
    db.read()
        .sql(concat!("SELECT ", interaction_columns!(), "FROM interaction i WHERE i.id = $1"))
        .bind(id)
        .optional()
        .await
}

/// The calls and the thread of a wait, first to last.
pub async fn of_park(
    db: &Db,
    workspace: WorkspaceId,
    park: ParkId,
) -> Result<Vec<Interaction>, StoreError> {
    let mut found: Vec<Interaction> = db
        .read()
        .sql(concat!(
            "SELECT ",
            interaction_columns!(),
            "FROM interaction i WHERE i.park_id = $2 AND (i.workspace_id = $1) IS TRUE",
        ))
        .bind(workspace)
        .bind(park)
        .all()
        .await?;
    found.sort_by_key(|one| (one.number, one.opened_at, one.id));
    Ok(found)
}

/// Whether another call or text of the agent is known by this id of the provider's: what looks like ours may be that one.
pub async fn is_known_reference(
    db: &Db,
    interaction: &Interaction,
    reference: &str,
) -> Result<bool, StoreError> {
    let known: i64 = db
        .read()
        .sql(
            "SELECT (SELECT COUNT(*) FROM interaction i WHERE i.reference = $3 AND i.agent_id = $2 AND (i.workspace_id = $1) IS TRUE)
                + (SELECT COUNT(*) FROM message m JOIN interaction t ON t.id = m.interaction_id
                    WHERE m.reference = $3 AND t.agent_id = $2 AND (m.workspace_id = $1) IS TRUE)",
        )
        .bind(interaction.workspace_id)
        .bind(interaction.agent_id)
        .bind(reference)
        .scalar()
        .await?;
    Ok(known > 0)
}

/// Everything that was said with a lead, newest first.
pub async fn of_lead(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<Interaction>, StoreError> {
    let mut found: Vec<Interaction> = db
        .read()
        .sql(concat!(
            "SELECT ",
            interaction_columns!(),
            "FROM interaction i WHERE i.lead_id = $2 AND (i.workspace_id = $1) IS TRUE",
        ))
        .bind(workspace)
        .bind(lead)
        .all()
        .await?;
    found.sort_by_key(|one| std::cmp::Reverse((one.opened_at, one.id)));
    Ok(found)
}

/// One of the workspace's.
pub async fn one(
    db: &Db,
    workspace: WorkspaceId,
    id: InteractionId,
) -> Result<Option<Interaction>, StoreError> {
    Ok(get(db, id).await?.filter(|found| found.workspace_id == workspace))
}

/// Takes what is due, of all workspaces, oldest first, and says when to look again.
pub async fn take_due(
    db: &Db,
    now: Time,
    again_at: Time,
    limit: i64,
) -> Result<Vec<InteractionId>, StoreError> {
    let due: Vec<(InteractionId,)> = db
        .write()
        .sql(
            "WITH due AS MATERIALIZED (
                SELECT q.id FROM interaction q WHERE q.due_at <= $1 ORDER BY q.due_at LIMIT $3{pg:  FOR UPDATE SKIP LOCKED})
             UPDATE interaction SET due_at = $2 WHERE id IN (SELECT due.id FROM due) AND due_at <= $1 RETURNING id",
        )
        .bind(now)
        .bind(again_at)
        .bind(limit)
        .all()
        .await?;
    Ok(due.into_iter().map(|(id,)| id).collect())
}

/// Where an interaction is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub state: State,
    pub tries: i64,
    pub due_at: Option<Time>,
    pub reference: Option<String>,
    pub report: Option<Report>,
    pub error: Option<String>,
    /// Its wait is to be looked at: something has been learnt that decides.
    pub wakes: bool,
    /// The person must not be called again.
    pub suppress: Option<String>,
    /// What was heard and has been taken in with this move.
    pub read: Vec<Uuid>,
}

impl Move {
    /// Stays as it is, but for what the caller changes.
    pub fn of(interaction: &Interaction) -> Self {
        Self {
            state: interaction.state,
            tries: interaction.tries,
            due_at: interaction.due_at,
            reference: interaction.reference.clone(),
            report: interaction.report.as_ref().map(|report| report.0.clone()),
            error: interaction.error.clone(),
            wakes: false,
            suppress: None,
            read: Vec::new(),
        }
    }
}

/// A parked submission that is to be looked at, as it was when its bell was rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Woken {
    pub id: SubmissionId,
    pub generation: i64,
}

/// What came of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Somebody was faster: nothing was written.
    No,
    Yes(Option<Woken>),
}

/// Moves an interaction that is still where it was read; a thread that got another text since is read again first.
pub async fn advance(
    db: &Db,
    interaction: &Interaction,
    to: &Move,
    now: Time,
) -> Result<Moved, StoreError> {
    let mut tx = db.begin().await?;
    if !update(&mut tx, interaction, to, now).await? {
        tx.rollback().await?;
        return Ok(Moved::No);
    }
    read(&mut tx, &to.read, now).await?;
    again_if_unread(&mut tx, interaction, now).await?;
    if let Some(hash) = &to.suppress {
        let person = Person { workspace: interaction.workspace_id, hash };
        let suppression = Suppression {
            channel: Reach::All,
            reason: "call".into(),
            source: interaction.id.to_string(),
            created_at: now,
            expires_at: None,
        };
        suppressions::add(tx.ex(), person, &suppression).await?;
    }
    let woken = if to.wakes { wake(tx.ex(), interaction, now).await? } else { None };
    tx.commit().await?;
    Ok(Moved::Yes(woken))
}

/// What came while the move was decided has made the call due, and the move has set another time: it is due all the same.
async fn again_if_unread(
    tx: &mut Tx,
    interaction: &Interaction,
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE interaction SET due_at = $3 WHERE workspace_id = $1 AND id = $2 AND EXISTS (
                SELECT 1 FROM inbound_event e WHERE e.interaction_id = $2 AND e.read_at IS NULL)",
        )
        .bind(interaction.workspace_id)
        .bind(interaction.id)
        .bind(now)
        .run()
        .await?;
    Ok(())
}

async fn update(
    tx: &mut Tx,
    interaction: &Interaction,
    to: &Move,
    now: Time,
) -> Result<bool, StoreError> {
    let outcome = to.report.as_ref().map(|report| report.outcome);
    let ends = matches!(to.state, State::Ended | State::NotPlaced | State::Closed);
    let changed = tx
        .ex()
        .sql(
            "UPDATE interaction SET state = $4, generation = generation + 1, tries = $5, due_at = $6, reference = $7,
                outcome = $8, report = $9, error = $10, updated_at = $11,
                ended_at = CASE WHEN $12 THEN COALESCE(ended_at, $11) ELSE NULL END
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND (type = 'call' OR updated_at = $13)",
        )
        .bind(interaction.workspace_id)
        .bind(interaction.id)
        .bind(interaction.generation)
        .bind(to.state)
        .bind(to.tries)
        .bind(to.due_at)
        .bind(to.reference.as_deref())
        .bind(outcome)
        .bind(to.report.as_ref().map(Json))
        .bind(to.error.as_deref())
        .bind(now)
        .bind(ends)
        .bind(interaction.updated_at)
        .run()
        .await?;
    Ok(changed == 1)
}

#[derive(Serialize)]
struct EventRow {
    id: Uuid,
}

/// Notes that events have been taken in; what they said of people goes.
pub(super) async fn read(tx: &mut Tx, events: &[Uuid], now: Time) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<EventRow> = events.iter().map(|id| EventRow { id: *id }).collect();
    tx.ex()
        .sql(
            "UPDATE inbound_event SET read_at = $2, heard = NULL FROM ROWS($1: id uuid) r
             WHERE inbound_event.id = r.id AND inbound_event.read_at IS NULL",
        )
        .bind(Rows::of(&rows))
        .bind(now)
        .run()
        .await?;
    Ok(())
}

/// Makes the wait of an interaction due now, if it still waits.
pub(super) async fn wake(
    ex: Ex<'_>,
    interaction: &Interaction,
    now: Time,
) -> Result<Option<Woken>, StoreError> {
    let Some(submission) = interaction.submission_id else { return Ok(None) };
    ex.sql(
        "UPDATE submission SET due_at = $3
         WHERE id = $2 AND (workspace_id = $1) IS TRUE AND run = 'parked' AND stage = 'first_action'
         RETURNING id, generation",
    )
    .bind(interaction.workspace_id)
    .bind(submission)
    .bind(now)
    .optional()
    .await
}
