//! Calls and texts that a submission's move plans: written with the move, made by the outreach lane afterwards.
use super::{Close, time};
use crate::{
    clock::Time,
    ids::{AgentId, CampaignId, InteractionId, LeadId, MessageId, ParkId},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use uuid::Uuid;

/// A call to make, or a text to send, for a wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// The call; the thread, a new one or the one that is open already.
    pub interaction: InteractionId,
    pub lead: LeadId,
    pub campaign: CampaignId,
    pub park: ParkId,
    pub agent: AgentId,
    pub provider: &'static str,
    /// Which call of its wait, from 1.
    pub number: i64,
    /// E.164.
    pub phone: String,
    pub is_test: bool,
    pub what: Planned,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    Call {
        /// What the voice agent is told besides its prompt.
        instructions: Option<String>,
    },
    Text {
        message: MessageId,
        body: String,
        /// When the wait began: a worker whose clock is behind must not write a text that seems older than its wait.
        not_before: Time,
    },
}

#[derive(Serialize)]
struct InteractionRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    kind: &'a str,
    lead_id: Uuid,
    campaign_id: Uuid,
    submission_id: Uuid,
    park_id: Uuid,
    agent_id: Uuid,
    provider: &'a str,
    number: i64,
    phone: &'a str,
    is_test: bool,
    state: &'a str,
    instructions: Option<&'a str>,
    #[serde(serialize_with = "time")]
    at: Time,
}

#[derive(Serialize)]
struct MessageRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    submission_id: Uuid,
    park_id: Uuid,
    agent_id: Uuid,
    lead_id: Uuid,
    phone: &'a str,
    body: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

fn row<'a>(close: &Close, reach: &'a Reach) -> InteractionRow<'a> {
    let (kind, state, instructions) = match &reach.what {
        Planned::Call { instructions } => ("call", "planned", instructions.as_deref()),
        Planned::Text { .. } => ("sms", "open", None),
    };
    InteractionRow {
        workspace_id: close.workspace.0,
        id: reach.interaction.0,
        kind,
        lead_id: reach.lead.0,
        campaign_id: reach.campaign.0,
        submission_id: close.submission.0,
        park_id: reach.park.0,
        agent_id: reach.agent.0,
        provider: reach.provider,
        number: reach.number,
        phone: &reach.phone,
        is_test: reach.is_test,
        state,
        instructions,
        at: close.at,
    }
}

/// Writes what is planned. A lead that is called already, for whatever reason, gets no second call: the plan is dropped, and the
/// wait looks again. An open thread is taken over by the wait.
pub(super) async fn plan(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let reaches: Vec<(&Close, &Reach)> =
        closes.iter().filter_map(|close| Some((*close, close.reach.as_ref()?))).collect();
    if reaches.is_empty() {
        return Ok(());
    }
    let rows: Vec<InteractionRow> =
        reaches.iter().map(|(close, reach)| row(close, reach)).collect();
    interactions(tx, &rows).await?;
    let texts: Vec<MessageRow> = reaches
        .iter()
        .filter_map(|(close, reach)| {
            let Planned::Text { message, body, not_before } = &reach.what else { return None };
            Some(MessageRow {
                workspace_id: close.workspace.0,
                id: message.0,
                submission_id: close.submission.0,
                park_id: reach.park.0,
                agent_id: reach.agent.0,
                lead_id: reach.lead.0,
                phone: &reach.phone,
                body,
                at: close.at.max(*not_before),
            })
        })
        .collect();
    if texts.is_empty() { Ok(()) } else { messages(tx, &texts).await }
}

async fn interactions(tx: &mut Tx, rows: &[InteractionRow<'_>]) -> Result<(), StoreError> {
    let rows = Rows::of(rows);
    tx.ex()
        .sql(
            "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, submission_id, park_id,
                agent_id, provider, number, phone, is_test, state, generation, tries, due_at, instructions, opened_at,
                updated_at)
             SELECT r.workspace_id, r.id, r.kind, 'outbound', r.lead_id, r.campaign_id, r.submission_id, r.park_id,
                r.agent_id, r.provider, r.number, r.phone, r.is_test, r.state, 1, 0, r.at, r.instructions, r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, kind text, lead_id uuid, campaign_id uuid, submission_id uuid,
                park_id uuid, agent_id uuid, provider text, number bigint, phone text, is_test boolean, state text,
                instructions text, at timestamptz) r
             WHERE TRUE ON CONFLICT DO NOTHING",
        )
        .bind(rows)
        .run()
        .await?;
    Ok(())
}

/// The thread is found by what makes it one: the id that was meant for it may have lost against another's.
async fn messages(tx: &mut Tx, rows: &[MessageRow<'_>]) -> Result<(), StoreError> {
    for text in [
        "INSERT INTO message (workspace_id, id, interaction_id, role, source, body, state, at, updated_at)
         SELECT r.workspace_id, r.id, i.id, 'agent', 'system', r.body, 'planned', r.at, r.at
         FROM ROWS($1: workspace_id uuid, id uuid, submission_id uuid, park_id uuid, agent_id uuid, lead_id uuid,
            phone text, body text, at timestamptz) r
         JOIN interaction i ON i.agent_id = r.agent_id AND i.phone = r.phone AND i.lead_id = r.lead_id
            AND i.type = 'sms' AND i.state = 'open'",
        "UPDATE interaction SET due_at = r.at, updated_at = r.at, submission_id = r.submission_id, park_id = r.park_id
         FROM ROWS($1: workspace_id uuid, id uuid, submission_id uuid, park_id uuid, agent_id uuid, lead_id uuid,
            phone text, body text, at timestamptz) r
         WHERE interaction.agent_id = r.agent_id AND interaction.phone = r.phone
            AND interaction.lead_id = r.lead_id AND interaction.type = 'sms' AND interaction.state = 'open'",
    ] {
        tx.ex().sql(text).bind(Rows::of(rows)).run().await?;
    }
    Ok(())
}
