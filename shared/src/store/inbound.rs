//! What providers tell us: each thing once, on disk before it is acknowledged. A person's text goes into its thread at once, and a person's
//! STOP holds from the same moment; everything else waits here for the outreach lane.
use super::{
    Db, StoreError, Tx,
    again::again,
    agents::AgentRow,
    live,
    messages::{self, New, Source, State},
    secrets::{SecretError, Secrets},
    suppressions::{self, Person, Reach, Suppression},
};
use crate::{
    clock::Time,
    ids::{CampaignId, InteractionId, LeadId, MessageId},
    outreach::{
        Heard, What,
        provider::{InboundText, TextStatus},
        report::Role,
    },
};
use chrono::Duration;
use sqlx::types::Json;
use uuid::Uuid;

mod said;
mod waiting;

pub use waiting::{Unread, forget, unread};

/// A call or a thread that has something to do, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bell {
    pub interaction: InteractionId,
    pub after: Duration,
}

/// Takes in what an agent's provider has told; what was told before has no effect. Says whose bell is to be rung.
pub async fn take_in(
    db: &Db,
    secrets: &Secrets,
    agent: &AgentRow,
    heard: &[Heard],
    now: Time,
) -> Result<Vec<Bell>, SecretError> {
    let mut bells = Vec::new();
    for one in heard {
        let person = match &one.what {
            What::Text(text) => Some(text.from.clone()),
            told if told.is_opt_out() => texted(db, agent, one).await?,
            _ => None,
        };
        let person = match person {
            Some(phone) => Some(secrets.person_hash(agent.workspace_id, &phone, now).await?),
            None => None,
        };
        let bell = take(db, agent, one, person.as_deref(), now).await?;
        bells.extend(bell);
    }
    Ok(bells)
}

async fn take(
    db: &Db,
    agent: &AgentRow,
    heard: &Heard,
    person: Option<&str>,
    now: Time,
) -> Result<Option<Bell>, StoreError> {
    let mut tries = 0;
    loop {
        match once(db, agent, heard, person, now).await {
            Err(error) if again(&error, &mut tries) => {}
            done => return done,
        }
    }
}

async fn once(
    db: &Db,
    agent: &AgentRow,
    heard: &Heard,
    person: Option<&str>,
    now: Time,
) -> Result<Option<Bell>, StoreError> {
    let mut tx = db.begin().await?;
    let mut touched = Vec::new();
    let Some(event) = remember(&mut tx, agent, heard, now).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let bell = match &heard.what {
        What::Text(text) => {
            touched = said::keep(&mut tx, agent, text, person.unwrap_or_default(), now).await?;
            let bell = text_in(&mut tx, agent, (heard, text), now).await?;
            super::interactions::read(&mut tx, &[event], now).await?;
            bell
        }
        What::Status { status, error } => {
            if let Some(hash) = person {
                let person = Person { workspace: agent.workspace_id, hash };
                suppressions::add(tx.ex(), person, &opt_out(agent, now)).await?;
            }
            status_in(&mut tx, agent, (event, heard), (*status, error.as_deref()), now).await?
        }
        What::Call { .. } | What::Progress { .. } => {
            call_in(&mut tx, agent, event, heard, now).await?
        }
    };
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    Ok(bell)
}

/// The provider knows of an opt-out that we had not heard of.
fn opt_out(agent: &AgentRow, now: Time) -> Suppression {
    Suppression {
        channel: Reach::Sms,
        reason: suppressions::PROVIDER.into(),
        source: agent.config.0.provider.name().into(),
        created_at: now,
        expires_at: None,
    }
}

/// The number that a text of ours went to.
async fn texted(db: &Db, agent: &AgentRow, heard: &Heard) -> Result<Option<String>, StoreError> {
    let ours = heard.ours.as_deref().and_then(|id| MessageId::parse(id).ok());
    let found: Option<(String,)> = db
        .read()
        .sql(
            "SELECT i.phone FROM message m JOIN interaction i ON i.workspace_id = m.workspace_id AND i.id = m.interaction_id
             WHERE (m.id = $3 OR m.reference = $4) AND i.agent_id = $2 AND m.workspace_id = $1 LIMIT 1",
        )
        .bind(agent.workspace_id)
        .bind(agent.id)
        .bind(ours)
        .bind(heard.reference.as_deref())
        .optional()
        .await?;
    Ok(found.map(|(phone,)| phone))
}

/// Writes the event down; none when it is there already.
async fn remember(
    tx: &mut Tx,
    agent: &AgentRow,
    heard: &Heard,
    now: Time,
) -> Result<Option<Uuid>, StoreError> {
    let id = Uuid::now_v7();
    let new = tx
        .ex()
        .sql(
            "INSERT INTO inbound_event (workspace_id, id, agent_id, dedupe_key, reference, heard, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(agent.workspace_id)
        .bind(id)
        .bind(agent.id)
        .bind(heard.key.as_str())
        .bind(heard.reference.as_deref())
        .bind(Json(heard))
        .bind(now)
        .run()
        .await?;
    Ok((new == 1).then_some(id))
}

/// Something about a call: its bell is rung if we know the call already. If not, the event waits until we do.
async fn call_in(
    tx: &mut Tx,
    agent: &AgentRow,
    event: Uuid,
    heard: &Heard,
    now: Time,
) -> Result<Option<Bell>, StoreError> {
    let ours = heard.ours.as_deref().and_then(|id| InteractionId::parse(id).ok());
    let found: Option<(InteractionId,)> = tx
        .ex()
        .sql(
            "UPDATE interaction SET due_at = $5
             WHERE id = (SELECT i.id FROM interaction i WHERE i.id = $3 AND i.agent_id = $2 AND (i.workspace_id = $1) IS TRUE
                UNION ALL SELECT i.id FROM interaction i WHERE i.reference = $4 AND i.agent_id = $2
                    AND (i.workspace_id = $1) IS TRUE LIMIT 1)
             RETURNING id",
        )
        .bind(agent.workspace_id)
        .bind(agent.id)
        .bind(ours)
        .bind(heard.reference.as_deref())
        .bind(now)
        .optional()
        .await?;
    let Some((interaction,)) = found else { return Ok(None) };
    tx.ex()
        .sql("UPDATE inbound_event SET interaction_id = $2 WHERE id = $1 AND agent_id = $3")
        .bind(event)
        .bind(interaction)
        .bind(agent.id)
        .run()
        .await?;
    Ok(Some(Bell { interaction, after: Duration::zero() }))
}

#[derive(sqlx::FromRow)]
struct Ours {
    id: MessageId,
    interaction_id: InteractionId,
    state: State,
}

/// How far a text of ours has come. One that we do not know by that id yet waits.
async fn status_in(
    tx: &mut Tx,
    agent: &AgentRow,
    (event, heard): (Uuid, &Heard),
    (status, error): (TextStatus, Option<&str>),
    now: Time,
) -> Result<Option<Bell>, StoreError> {
    let ours = heard.ours.as_deref().and_then(|id| MessageId::parse(id).ok());
    let found: Option<Ours> = tx
        .ex()
        .sql(
            "SELECT m.id, m.interaction_id, m.state FROM message m
             JOIN interaction i ON i.workspace_id = m.workspace_id AND i.id = m.interaction_id
             WHERE (m.id = $3 OR m.reference = $4) AND i.agent_id = $2 AND m.workspace_id = $1 LIMIT 1{pg:  FOR UPDATE OF m}",
        )
        .bind(agent.workspace_id)
        .bind(agent.id)
        .bind(ours)
        .bind(heard.reference.as_deref())
        .optional()
        .await?;
    let Some(found) = found else { return Ok(None) };
    super::interactions::read(tx, &[event], now).await?;
    let Some(state) = found.state.after(status) else { return Ok(None) };
    tx.ex()
        .sql(
            "UPDATE message SET state = $3, error = $4, reference = COALESCE(reference, $5), updated_at = $6
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(agent.workspace_id)
        .bind(found.id)
        .bind(state)
        .bind(error)
        .bind(heard.reference.as_deref())
        .bind(now)
        .run()
        .await?;
    if state != State::Failed {
        return Ok(None);
    }
    due(tx, agent, found.interaction_id, now).await?;
    Ok(Some(Bell { interaction: found.interaction_id, after: Duration::zero() }))
}

/// A person's text goes into its thread.
async fn text_in(
    tx: &mut Tx,
    agent: &AgentRow,
    (heard, text): (&Heard, &InboundText),
    now: Time,
) -> Result<Option<Bell>, StoreError> {
    let Some(thread) = thread_of(tx, agent, text, now).await? else {
        tracing::info!(agent = %agent.id, "a text from a stranger, and no campaign takes in strangers");
        return Ok(None);
    };
    let keyword = said::keyword(text);
    let new = New {
        id: MessageId::new(),
        role: Role::User,
        source: Source::Inbound,
        body: &text.body,
        state: if keyword.is_none() { State::Received } else { State::HandedOn },
        reference: heard.reference.as_deref(),
        at: now,
    };
    // Whoever answers waits for more, but not for those who want no answer.
    let after = match keyword {
        None => Duration::milliseconds(agent.config.0.batch_window_ms),
        Some(_) => Duration::zero(),
    };
    messages::add(tx, agent.workspace_id, thread, new, now + after).await?;
    Ok(Some(Bell { interaction: thread, after }))
}

async fn due(
    tx: &mut Tx,
    agent: &AgentRow,
    thread: InteractionId,
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql("UPDATE interaction SET due_at = $3, updated_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(agent.workspace_id)
        .bind(thread)
        .bind(now)
        .run()
        .await
        .map(drop)
}

/// The thread that a person's text belongs to: the one that was last used, or a new one of a lead of theirs in the agent's inbound
/// campaigns.
async fn thread_of(
    tx: &mut Tx,
    agent: &AgentRow,
    text: &InboundText,
    now: Time,
) -> Result<Option<InteractionId>, StoreError> {
    let open: Option<(InteractionId,)> = tx
        .ex()
        .sql(
            "SELECT i.id FROM interaction i
             WHERE i.agent_id = $2 AND i.phone = $3 AND i.type = 'sms' AND i.state = 'open' AND (i.workspace_id = $1) IS TRUE
             ORDER BY i.updated_at DESC, i.id DESC LIMIT 1",
        )
        .bind(agent.workspace_id)
        .bind(agent.id)
        .bind(text.from.as_str())
        .optional()
        .await?;
    if let Some((thread,)) = open {
        return Ok(Some(thread));
    }
    let Some((lead, campaign)) = lead_of(tx, agent, &text.from).await? else { return Ok(None) };
    open_thread(tx, agent, text, (lead, campaign), now).await.map(Some)
}

#[derive(sqlx::FromRow)]
struct Known {
    id: LeadId,
    campaign_id: CampaignId,
}

/// The person's newest lead in the first of the agent's inbound campaigns that has one.
async fn lead_of(
    tx: &mut Tx,
    agent: &AgentRow,
    phone: &str,
) -> Result<Option<(LeadId, CampaignId)>, StoreError> {
    let mut known: Vec<Known> = tx
        .ex()
        .sql(
            "SELECT l.id, l.campaign_id FROM contact c
             JOIN lead l ON l.contact_id = c.id AND (l.workspace_id = c.workspace_id) IS TRUE
             WHERE c.workspace_id = $1 AND c.phone = $2 AND l.status <> 'deleted'",
        )
        .bind(agent.workspace_id)
        .bind(phone)
        .all()
        .await?;
    known.sort_by_key(|lead| std::cmp::Reverse(lead.id));
    let inbound = &agent.config.0.inbound_campaigns;
    let found =
        inbound.iter().find_map(|campaign| known.iter().find(|lead| lead.campaign_id == *campaign));
    Ok(found.map(|lead| (lead.id, lead.campaign_id)))
}

async fn open_thread(
    tx: &mut Tx,
    agent: &AgentRow,
    text: &InboundText,
    (lead, campaign): (LeadId, CampaignId),
    now: Time,
) -> Result<InteractionId, StoreError> {
    // Somebody may open it at the same moment to text the person: then it is theirs.
    let (thread,): (InteractionId,) = tx
        .ex()
        .sql(
            "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, agent_id, provider, number,
                phone, own_phone, is_test, state, generation, tries, opened_at, updated_at)
             SELECT $1, $2, 'sms', 'inbound', l.id, $4, $5, $6, 1, $7, $8, l.is_test, 'open', 1, 0, $9, $9
             FROM lead l WHERE l.workspace_id = $1 AND l.id = $3
             ON CONFLICT (agent_id, phone, lead_id) WHERE type = 'sms' AND state = 'open'
                DO UPDATE SET updated_at = excluded.updated_at
             RETURNING id",
        )
        .bind(agent.workspace_id)
        .bind(InteractionId::new())
        .bind(lead)
        .bind(campaign)
        .bind(agent.id)
        .bind(agent.config.0.provider.name())
        .bind(text.from.as_str())
        .bind(text.to.as_str())
        .bind(now)
        .one()
        .await?;
    Ok(thread)
}
