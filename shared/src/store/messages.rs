//! The texts of threads: ours are claimed before they are sent, the person's are handed on together.
use super::{Db, StoreError, Tx, interactions::Interaction, refusals::unless_forbidden};
use crate::{
    clock::Time,
    ids::{InteractionId, MessageId, WorkspaceId},
    outreach::{provider::TextStatus, report::Role},
};
use serde::{Deserialize, Serialize};

/// Who wrote a text.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = MessageSource)]
pub enum Source {
    /// A person of the workspace.
    Manual,
    Api,
    /// The person who was texted.
    Inbound,
    /// The machine behind the agent.
    SmsAgent,
    /// A campaign's first action.
    System,
}

/// How far a text has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = MessageState)]
pub enum State {
    Planned,
    /// The provider is being asked, or our process died while it was.
    Sending,
    Accepted,
    Sent,
    Delivered,
    Failed,
    /// It may have been sent.
    Unsure,
    /// The person's, and nobody has it yet.
    Received,
    /// Whoever answers has it.
    HandedOn,
}

impl State {
    /// What a provider's word makes of a text that stands here; none when it says nothing new.
    pub fn after(self, status: TextStatus) -> Option<Self> {
        let rank = match self {
            Self::Sending | Self::Unsure | Self::Planned => -1,
            Self::Accepted => 0,
            Self::Sent => 2,
            _ => 3,
        };
        if i16::from(status.rank()) <= rank {
            return None;
        }
        Some(match status {
            TextStatus::Accepted | TextStatus::Sending => Self::Accepted,
            TextStatus::Sent => Self::Sent,
            TextStatus::Delivered => Self::Delivered,
            TextStatus::Failed => Self::Failed,
        })
    }
}

/// One text.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Message {
    pub id: MessageId,
    pub interaction_id: InteractionId,
    pub role: Role,
    pub source: Source,
    pub body: String,
    pub state: State,
    pub reference: Option<String>,
    pub error: Option<String>,
    pub at: Time,
    pub updated_at: Time,
}

/// A thread's texts, first to last.
pub async fn of_thread(
    db: &Db,
    workspace: WorkspaceId,
    thread: InteractionId,
) -> Result<Vec<Message>, StoreError> {
    let mut found: Vec<Message> = db
        .read()
        .sql(
            "SELECT m.id, m.interaction_id, m.role, m.source, m.body, m.state, m.reference, m.error, m.at, m.updated_at
             FROM message m WHERE m.interaction_id = $2 AND (m.workspace_id = $1) IS TRUE",
        )
        .bind(workspace)
        .bind(thread)
        .all()
        .await?;
    found.sort_by_key(|message| (message.at, message.id));
    Ok(found)
}

/// Claims a planned text, so that one worker asks the provider and nobody else does. False when it is claimed, or when nobody may text the
/// person any more: the refusal that is there before the claim stands.
pub async fn claim(
    db: &Db,
    thread: &Interaction,
    message: MessageId,
    person_hash: &str,
    now: Time,
) -> Result<bool, StoreError> {
    let claimed = db
        .write()
        .sql(concat!(
            "UPDATE message SET state = 'sending', updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND state = 'planned'",
            unless_forbidden!("sms", "opt_out_sms", "$3", "$4", "$5"),
        ))
        .bind(thread.workspace_id)
        .bind(message)
        .bind(person_hash)
        .bind(now)
        .bind(thread.lead_id)
        .run()
        .await?;
    Ok(claimed == 1)
}

/// What became of a text.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    pub state: State,
    pub reference: Option<&'a str>,
    pub error: Option<&'a str>,
}

/// Writes what became of a text that stands at one of `from`; false when it has come further in the meantime.
pub async fn settle(
    db: &Db,
    thread: &Interaction,
    message: MessageId,
    (from, sent): (&[State], Sent<'_>),
    now: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let mut changed = 0;
    for state in from {
        changed += set(&mut tx, thread.workspace_id, message, (*state, sent), now).await?;
        if changed > 0 {
            break;
        }
    }
    tx.commit().await?;
    Ok(changed > 0)
}

async fn set(
    tx: &mut Tx,
    workspace: WorkspaceId,
    message: MessageId,
    (from, sent): (State, Sent<'_>),
    now: Time,
) -> Result<u64, StoreError> {
    tx.ex()
        .sql(
            "UPDATE message SET state = $4, reference = COALESCE($5, reference), error = $6, updated_at = $7
             WHERE workspace_id = $1 AND id = $2 AND state = $3",
        )
        .bind(workspace)
        .bind(message)
        .bind(from)
        .bind(sent.state)
        .bind(sent.reference)
        .bind(sent.error)
        .bind(now)
        .run()
        .await
}

/// The reference stays with a text whose state has come further already.
pub async fn note_reference(
    db: &Db,
    thread: &Interaction,
    message: MessageId,
    reference: &str,
) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE message SET reference = COALESCE(reference, $3) WHERE workspace_id = $1 AND id = $2",
        )
        .bind(thread.workspace_id)
        .bind(message)
        .bind(reference)
        .run()
        .await?;
    Ok(())
}

async fn hand_on(
    tx: &mut Tx,
    thread: &Interaction,
    last: &Message,
    now: Time,
) -> Result<u64, StoreError> {
    tx.ex()
        .sql(
            "UPDATE message SET state = 'handed_on', updated_at = $4
             WHERE interaction_id = $2 AND (workspace_id = $1) IS TRUE AND state = 'received' AND at <= $3",
        )
        .bind(thread.workspace_id)
        .bind(thread.id)
        .bind(last.at)
        .bind(now)
        .run()
        .await
}

/// A text to add to a thread.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    pub id: MessageId,
    pub role: Role,
    pub source: Source,
    pub body: &'a str,
    pub state: State,
    pub reference: Option<&'a str>,
    pub at: Time,
}

/// Adds a text and makes the thread due, within a transaction.
pub(super) async fn add(
    tx: &mut Tx,
    workspace: WorkspaceId,
    thread: InteractionId,
    new: New<'_>,
    due_at: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO message (workspace_id, id, interaction_id, role, source, body, state, reference, at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        )
        .bind(workspace)
        .bind(new.id)
        .bind(thread)
        .bind(new.role)
        .bind(new.source)
        .bind(new.body)
        .bind(new.state)
        .bind(new.reference)
        .bind(new.at)
        .run()
        .await?;
    tx.ex()
        .sql(
            "UPDATE interaction SET due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END, updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND state = 'open'",
        )
        .bind(workspace)
        .bind(thread)
        .bind(due_at)
        .bind(new.at)
        .run()
        .await?;
    Ok(())
}

/// Notes that whoever answers has the person's texts up to `last`, and adds their answer if there is one, in one transaction: an answer
/// that is not on disk was never given. Nothing happens when the texts were handed on before.
pub async fn answer(
    db: &Db,
    thread: &Interaction,
    last: &Message,
    (reply, source): (Option<&str>, Source),
    now: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let handed = hand_on(&mut tx, thread, last, now).await?;
    if handed == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    if let Some(body) = reply {
        let id = MessageId::new();
        let (role, state) = (Role::Agent, State::Planned);
        let new = New { id, role, source, body, state, reference: None, at: now };
        add(&mut tx, thread.workspace_id, thread.id, new, now).await?;
    }
    tx.ex()
        .sql("UPDATE interaction SET tries = 0, due_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(thread.workspace_id)
        .bind(thread.id)
        .bind(now)
        .run()
        .await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_moves_back_whatever_the_order_of_what_is_heard() {
        use TextStatus::{Accepted, Delivered, Failed, Sending, Sent};
        let all = [Accepted, Sending, Sent, Delivered, Failed];
        for first in all {
            for second in all {
                let mut at = State::Sending;
                for status in [first, second, first] {
                    at = at.after(status).unwrap_or(at);
                }
                let highest = if second.rank() > first.rank() { second } else { first };
                assert_eq!(Some(at), State::Sending.after(highest), "{first:?}, {second:?}");
            }
        }
        assert_eq!(State::Delivered.after(Failed), None, "the first end stays");
    }
}
