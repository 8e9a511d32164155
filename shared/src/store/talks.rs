//! Calls and texts that people ask for: decided and written under the lead's lock. And what was said with a lead, page by page.
use super::{
    Db, Ex, Rows, StoreError, Tx, audit,
    contacts::consent,
    desk::{Ask, repeat},
    interactions::{Interaction, interaction_columns},
    messages::{self, New, Source, State},
    suppressions::Suppression,
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{
        AgentId, CampaignId, ContactId, InteractionId, LeadId, MessageId, ParkId, SubmissionId,
        WorkspaceId,
    },
    lead::LeadStatus,
    outreach::report::Role,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// How often the whole transaction is tried when another call or thread was opened in between, or the engine says "try again".
const TRIES: usize = 4;

/// The wait for a call that a lead is in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Wait {
    pub submission: SubmissionId,
    pub park: ParkId,
    pub campaign: CampaignId,
    pub revision: i64,
}

/// The lead as it is, under its lock.
#[derive(Debug, Clone)]
pub struct Known {
    pub status: LeadStatus,
    /// E.164, or what was given instead.
    pub phone: String,
    /// Its calls and threads, newest first.
    pub interactions: Vec<Interaction>,
    pub wait: Option<Wait>,
    /// Everything that is said against reaching the person.
    pub suppressed: Vec<Suppression>,
    /// The contact is to be left alone until then.
    pub not_before: Option<Time>,
}

/// A call or a text that is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    pub campaign: CampaignId,
    pub agent: AgentId,
    pub provider: &'static str,
    /// E.164.
    pub phone: String,
    pub is_test: bool,
    pub what: What,
    /// What the caller is told; kept for repeats of the request.
    pub answer: Value,
}

#[derive(Debug, Clone)]
pub enum What {
    Call {
        id: InteractionId,
        /// The wait that its outcome counts for.
        wait: Option<Wait>,
        /// Which call of its wait, or of the lead's latest submission, from 1.
        number: i64,
        instructions: Option<String>,
    },
    Text {
        thread: InteractionId,
        /// The thread is to be opened.
        is_new: bool,
        message: MessageId,
        source: Source,
        body: String,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Done<R> {
    /// It is on disk, and the interaction has something to do.
    Planned {
        interaction: InteractionId,
        answer: Value,
    },
    /// The same request was answered so before.
    Repeated(Value),
    /// The key was used before with another body.
    KeyReused,
    NoSuchLead,
    /// Nothing was written.
    Refused(R),
    /// Others open calls or threads with the person all the time: nothing was written.
    Busy,
}

/// Locks the lead, lets `decide` look at it, and writes what it says. `person_hash` is that of the number that the lead is believed to
/// have.
pub async fn at<R>(
    db: &Db,
    ask: &Ask,
    person_hash: &str,
    decide: impl Fn(&Known) -> Result<Plan, R>,
) -> Result<Done<R>, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, ask, person_hash, &decide).await {
            Ok(Some(done)) => return Ok(done),
            // Another call, or another thread with the person, was faster: look again.
            Ok(None) if tries < TRIES => tries += 1,
            Ok(None) => return Ok(Done::Busy),
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn once<R>(
    db: &Db,
    ask: &Ask,
    person_hash: &str,
    decide: &impl Fn(&Known) -> Result<Plan, R>,
) -> Result<Option<Done<R>>, StoreError> {
    let mut tx = db.begin().await?;
    let done = within(&mut tx, ask, person_hash, decide).await?;
    // What is refused leaves nothing, its key neither: mended, it may be sent again.
    if matches!(done, Some(Done::Planned { .. })) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(done)
}

async fn within<R>(
    tx: &mut Tx,
    ask: &Ask,
    person_hash: &str,
    decide: &impl Fn(&Known) -> Result<Plan, R>,
) -> Result<Option<Done<R>>, StoreError> {
    match repeat::take(tx, ask).await? {
        repeat::Key::Ours => {}
        repeat::Key::Answered(answer) => return Ok(Some(Done::Repeated(answer))),
        repeat::Key::OtherBody => return Ok(Some(Done::KeyReused)),
    }
    let Some(known) = known(tx, ask, person_hash).await? else {
        return Ok(Some(Done::NoSuchLead));
    };
    let plan = match decide(&known) {
        Ok(plan) => plan,
        Err(refused) => return Ok(Some(Done::Refused(refused))),
    };
    let Some(interaction) = carry_out(tx, ask, &plan).await? else { return Ok(None) };
    repeat::keep(tx, ask, &plan.answer).await?;
    audit::tell(tx, ask.workspace, &[told(ask, &plan, interaction)], ask.at).await?;
    Ok(Some(Done::Planned { interaction, answer: plan.answer }))
}

fn told(ask: &Ask, plan: &Plan, interaction: InteractionId) -> Entry {
    let action = match plan.what {
        What::Call { .. } => "lead.called",
        What::Text { .. } => "lead.texted",
    };
    let planned = json!({
        "interactionId": interaction, "campaignId": plan.campaign, "agentId": plan.agent,
    });
    Entry::new(action, "lead", ask.lead).to(planned)
}

async fn known(tx: &mut Tx, ask: &Ask, person_hash: &str) -> Result<Option<Known>, StoreError> {
    let lead: Option<(LeadStatus, String, ContactId)> = tx
        .ex()
        .sql(
            "SELECT l.status, l.phone, l.contact_id FROM lead l
             WHERE l.workspace_id = $1 AND l.id = $2{pg:  FOR NO KEY UPDATE}",
        )
        .bind(ask.workspace)
        .bind(ask.lead)
        .optional()
        .await?;
    let Some((status, phone, contact)) = lead else { return Ok(None) };
    let mut interactions: Vec<Interaction> = tx
        .ex()
        .sql(concat!(
            "SELECT ",
            interaction_columns!(),
            "FROM interaction i WHERE i.lead_id = $2 AND (i.workspace_id = $1) IS TRUE",
        ))
        .bind(ask.workspace)
        .bind(ask.lead)
        .all()
        .await?;
    interactions.sort_by_key(|one| std::cmp::Reverse((one.opened_at, one.id)));
    let wait = wait_of(tx.ex(), ask.workspace, ask.lead).await?;
    let mut suppressed: Vec<Suppression> = tx
        .ex()
        .sql(
            "SELECT channel, reason, source, created_at, expires_at FROM suppression
             WHERE workspace_id = $1 AND person_hash = $2 AND (expires_at IS NULL OR expires_at > $3) ORDER BY channel",
        )
        .bind(ask.workspace)
        .bind(person_hash)
        .bind(ask.at)
        .all()
        .await?;
    let word = consent::word(tx.ex(), (ask.workspace, contact)).await?;
    suppressed.extend(word.suppressions(ask.at));
    let not_before = word.not_before(ask.at);
    Ok(Some(Known { status, phone, interactions, wait, suppressed, not_before }))
}

/// The open wait for a call that the lead is in, if it is in one.
pub async fn wait_of(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Option<Wait>, StoreError> {
    ex.sql(
        "SELECT s.id AS submission, p.id AS park, s.campaign_id AS campaign, s.revision FROM submission s
         JOIN parked_action p ON p.workspace_id = $1 AND p.submission_id = s.id
         WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE AND s.run = 'parked'
           AND p.kind = 'voice_ai' AND p.resolved_at IS NULL
         ORDER BY s.number DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(lead)
    .optional()
    .await
}

/// Writes the plan; none when something else was faster.
async fn carry_out(
    tx: &mut Tx,
    ask: &Ask,
    plan: &Plan,
) -> Result<Option<InteractionId>, StoreError> {
    match &plan.what {
        What::Call { id, .. } => Ok(open(tx, ask, plan).await?.then_some(*id)),
        What::Text { thread, is_new, message, source, body } => {
            let is_there =
                if *is_new { open(tx, ask, plan).await? } else { touch(tx, ask, *thread).await? };
            if !is_there {
                return Ok(None);
            }
            let (role, state) = (Role::Agent, State::Planned);
            let (id, source, at) = (*message, *source, ask.at);
            let new = New { id, role, source, body, state, reference: None, at };
            messages::add(tx, ask.workspace, *thread, new, at).await?;
            Ok(Some(*thread))
        }
    }
}

/// Opens the call or the thread; false when the lead has one already.
async fn open(tx: &mut Tx, ask: &Ask, plan: &Plan) -> Result<bool, StoreError> {
    let (kind, state) = match plan.what {
        What::Call { .. } => ("call", "planned"),
        What::Text { .. } => ("sms", "open"),
    };
    let (id, wait, number, instructions) = match &plan.what {
        What::Call { id, wait, number, instructions } => {
            (*id, wait.as_ref(), *number, instructions.as_deref())
        }
        What::Text { thread, .. } => (*thread, None, 1, None),
    };
    let opened = tx
        .ex()
        .sql(
            "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, submission_id, park_id,
                agent_id, provider, number, phone, is_test, state, generation, tries, due_at, instructions, opened_at,
                updated_at)
             VALUES ($1, $2, $3, 'outbound', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, 0, $14, $15, $14, $14)
             ON CONFLICT DO NOTHING",
        )
        .bind(ask.workspace)
        .bind(id)
        .bind(kind)
        .bind(ask.lead)
        .bind(plan.campaign)
        .bind(wait.map(|wait| wait.submission))
        .bind(wait.map(|wait| wait.park))
        .bind(plan.agent)
        .bind(plan.provider)
        .bind(number)
        .bind(plan.phone.as_str())
        .bind(plan.is_test)
        .bind(state)
        .bind(ask.at)
        .bind(instructions)
        .run()
        .await?;
    Ok(opened == 1)
}

/// Holds the thread open until we are done; false when it was closed.
async fn touch(tx: &mut Tx, ask: &Ask, thread: InteractionId) -> Result<bool, StoreError> {
    let open = tx
        .ex()
        .sql(
            "UPDATE interaction SET updated_at = $3 WHERE workspace_id = $1 AND id = $2 AND state = 'open'",
        )
        .bind(ask.workspace)
        .bind(thread)
        .bind(ask.at)
        .run()
        .await?;
    Ok(open == 1)
}

/// A lead's calls and threads before `before`, newest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
    before: Option<InteractionId>,
    limit: i64,
) -> Result<Vec<Interaction>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            interaction_columns!(),
            "FROM interaction i WHERE i.lead_id = $2 AND i.id < $3 AND (i.workspace_id = $1) IS TRUE
             ORDER BY i.id DESC LIMIT $4",
        ))
        .bind(workspace)
        .bind(lead)
        .bind(before.unwrap_or(InteractionId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

/// How many texts each of these threads has; those without one are left out.
pub async fn text_counts(
    db: &Db,
    workspace: WorkspaceId,
    threads: &[InteractionId],
) -> Result<HashMap<InteractionId, i64>, StoreError> {
    let wanted: Vec<Wanted> = threads.iter().map(|id| Wanted { id: id.0 }).collect();
    let counts: Vec<(InteractionId, i64)> = db
        .read()
        .sql(
            "SELECT m.interaction_id, COUNT(*) FROM ROWS($2: id uuid) r
             JOIN message m ON m.interaction_id = r.id AND (m.workspace_id = $1) IS TRUE
             GROUP BY m.interaction_id",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(counts.into_iter().collect())
}
