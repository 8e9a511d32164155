//! One message on its way: looked at, taken, and settled with what came of it.
use super::{MessageState, State, pause};
use crate::{
    clock::Time,
    ids::{ContactId, LeadId, WebhookId, WebhookMessageId, WorkspaceId},
    store::{Db, StoreError, Tx, notices::Notice},
    webhook::{
        Event,
        body::{About, Person},
        retry::{Came, Line},
    },
};
use serde_json::Value;
use sqlx::types::Json;
use std::collections::BTreeMap;

/// A message that is open, with its address as both are now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Look {
    pub workspace_id: WorkspaceId,
    #[sqlx(flatten)]
    pub about: About,
    pub facts: Json<Value>,
    /// Attempts that were made; those of them that count.
    pub attempt: i64,
    pub tries: i64,
    pub url: String,
    pub headers: Json<BTreeMap<String, String>>,
    pub retries: i64,
    pub timeout_s: i64,
    pub secret: String,
    pub old_secret: Option<String>,
    pub old_until: Option<Time>,
    pub webhook_state: State,
    pub probed: Option<WebhookMessageId>,
}

impl Look {
    /// Whether it tries if a paused address is back.
    pub fn is_probe(&self) -> bool {
        self.webhook_state == State::Paused && self.probed == Some(self.about.id)
    }
}

/// A message that waits after so many attempts; none: somebody else has it, it is settled, or its address is gone.
///
/// A job on the queue does not know its workspace: this is one of the few functions that find it.
pub async fn look(
    db: &Db,
    (id, attempts): (WebhookMessageId, i64),
) -> Result<Option<Look>, StoreError> {
    db.read()
        .sql(
            "SELECT m.workspace_id, m.id, m.webhook_id, m.event, m.campaign_id, m.contact_id, m.lead_id, m.submission_id, m.at,
                m.facts, m.attempt, m.tries, w.url, w.headers, w.retries, w.timeout_s, w.secret, w.old_secret, w.old_until,
                w.state AS webhook_state, w.probed
             FROM webhook_message m JOIN webhook w ON w.id = m.webhook_id AND (w.workspace_id = m.workspace_id) IS TRUE
             WHERE m.id = $1 AND m.attempt = $2 AND m.state = 'waiting'",
        )
        .bind(id)
        .bind(attempts)
        .optional()
        .await
}

/// Settles a message whose address was deleted, if that is so.
pub async fn bury(db: &Db, id: WebhookMessageId, now: Time) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE webhook_message SET state = 'failed', due_at = NULL, problem = 'its webhook was deleted', finished_at = $2
             WHERE id = $1 AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM webhook w WHERE w.id = webhook_message.webhook_id)",
        )
        .bind(id)
        .bind(now)
        .run()
        .await
        .map(drop)
}

/// An attempt that was begun. Its number is the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub workspace: WorkspaceId,
    pub webhook: WebhookId,
    pub message: WebhookMessageId,
    pub attempt: i64,
    /// Those that count, this one included if it does.
    pub tries: i64,
    pub is_probe: bool,
    /// Nobody waits for it: it is tried once, whatever its address is.
    pub is_test: bool,
    pub at: Time,
}

/// Takes a message that was looked at; none: somebody was faster. It is due again at `lost_at`, unless it is settled before: its worker
/// has died then. What was rung for is due a little later, so that it is not rung for again: `due_until`.
pub async fn take(
    db: &Db,
    look: &Look,
    now: Time,
    (due_until, lost_at): (Time, Time),
) -> Result<Option<Taken>, StoreError> {
    let taken: Option<(i64, i64)> = db
        .write()
        .sql(
            "UPDATE webhook_message SET attempt = attempt + 1, tries = tries + $5, due_at = $4,
                tried_at = COALESCE(tried_at, $6)
             WHERE id = $1 AND attempt = $2 AND state = 'waiting' AND due_at <= $3
             RETURNING attempt, tries",
        )
        .bind(look.about.id)
        .bind(look.attempt)
        .bind(due_until)
        .bind(lost_at)
        .bind(i64::from(!look.is_probe()))
        .bind(now)
        .optional()
        .await?;
    Ok(taken.map(|(attempt, tries)| Taken {
        workspace: look.workspace_id,
        webhook: look.about.webhook_id,
        message: look.about.id,
        attempt,
        tries,
        is_probe: look.is_probe(),
        is_test: look.about.event == Event::Test,
        at: now,
    }))
}

/// Holds a message whose address rests; false: the address is on by now.
pub async fn hold(db: &Db, look: &Look) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let held = tx
        .ex()
        .sql(
            "UPDATE webhook_message SET state = 'held', due_at = NULL
             WHERE id = $1 AND attempt = $2 AND state = 'waiting'",
        )
        .bind(look.about.id)
        .bind(look.attempt)
        .run()
        .await?;
    // An address that is switched on lets go what is held for it, and nothing is held after that: one of the two waits for the other.
    let state = pause::share(&mut tx, look.workspace_id, look.about.webhook_id).await?;
    if held == 0 || state.is_none_or(|state| state == State::On) {
        tx.rollback().await?;
        return Ok(held == 0);
    }
    tx.commit().await?;
    Ok(true)
}

/// Who a message is about; none: nobody may be told of them any more.
pub async fn person(
    db: &Db,
    workspace: WorkspaceId,
    (contact, lead): (ContactId, Option<LeadId>),
) -> Result<Option<Who>, StoreError> {
    let Some(lead) = lead else {
        return db
            .read()
            .sql(
                "SELECT c.first_name, c.last_name, c.email, c.phone, NULL AS source, {pg: CAST(NULL AS boolean)}{lite: NULL} AS is_test,
                    c.status = 'deleted' AS is_hidden
                 FROM contact c WHERE c.workspace_id = $1 AND c.id = $2 AND c.erased_at IS NULL",
            )
            .bind(workspace)
            .bind(contact)
            .optional()
            .await;
    };
    db.read()
        .sql(
            "SELECT l.first_name, l.last_name, l.email, l.phone, l.source, l.is_test, c.status = 'deleted' AS is_hidden
             FROM lead l JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE l.workspace_id = $1 AND l.id = $2 AND c.erased_at IS NULL",
        )
        .bind(workspace)
        .bind(lead)
        .optional()
        .await
}

/// A person, and whether they are hidden: then others learn what happened, and not to whom.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Who {
    #[sqlx(flatten)]
    pub person: Person,
    pub is_hidden: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It was posted.
    Posted(Came, Line),
    /// It could not be tried, for a reason of ours: it counts as no try.
    Later(Time, String),
    /// Nobody may be told of it any more.
    Dropped(String),
}

/// Writes down how an attempt ended, and what that makes of its address; false when a later attempt has begun, or somebody settled it:
/// then nothing is changed. `retries`: how often it may be tried again. `notice` says that the address rests now.
pub async fn settle(
    db: &Db,
    taken: &Taken,
    (end, retries): (&End, i64),
    notice: impl Fn(State, &str) -> Notice,
    now: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let (state, due_at, problem) = outcome(end, now);
    let settled = write(&mut tx, taken, (state, due_at, problem.as_deref()), now).await?;
    let Some(tried_at) = settled else {
        tx.rollback().await?;
        return Ok(false);
    };
    match end {
        End::Posted(came, line) => {
            log(&mut tx, taken, line).await?;
            let is_spent = taken.tries > retries && !taken.is_probe;
            let spent = (is_spent && !taken.is_test).then_some(tried_at);
            let address = match came {
                Came::Heard => pause::heard(&mut tx, taken).await?,
                Came::Gone => pause::gone(&mut tx, taken, (&notice, now)).await?,
                Came::Not(_) => pause::failed(&mut tx, taken, spent, (&notice, now)).await?,
            };
            if *came != Came::Heard {
                let state = match address {
                    _ if taken.is_test => MessageState::Failed,
                    State::On if is_spent => MessageState::Failed,
                    State::On => MessageState::Waiting,
                    State::Off | State::Paused | State::Gone => MessageState::Held,
                };
                rest(&mut tx, taken, state, now).await?;
            }
        }
        End::Later(..) => uncount(&mut tx, taken).await?,
        End::Dropped(_) => {}
    }
    tx.commit().await?;
    Ok(true)
}

fn outcome(end: &End, now: Time) -> (MessageState, Option<Time>, Option<String>) {
    match end {
        End::Posted(Came::Heard, _) => (MessageState::Done, None, None),
        End::Posted(came, line) => {
            let pause = match came {
                Came::Not(pause) => chrono::Duration::from_std(*pause).unwrap_or_default(),
                _ => chrono::Duration::zero(),
            };
            (MessageState::Waiting, Some(now + pause), Some(why(line)))
        }
        End::Later(at, why) => (MessageState::Waiting, Some(*at), Some(why.clone())),
        End::Dropped(why) => (MessageState::Failed, None, Some(why.clone())),
    }
}

fn why(line: &Line) -> String {
    match line.status {
        Some(status) => format!("it was answered with {status}"),
        None => line.answer.clone(),
    }
}

/// Writes the message through its fence; answers when it was first tried.
async fn write(
    tx: &mut Tx,
    taken: &Taken,
    (state, due_at, problem): (MessageState, Option<Time>, Option<&str>),
    now: Time,
) -> Result<Option<Time>, StoreError> {
    let found: Option<(Time,)> = tx
        .ex()
        .sql(
            "UPDATE webhook_message SET state = $3, due_at = $4, problem = $5, finished_at = $6
             WHERE id = $1 AND attempt = $2 AND state = 'waiting'
             RETURNING tried_at",
        )
        .bind(taken.message)
        .bind(taken.attempt)
        .bind(state)
        .bind(due_at)
        .bind(problem)
        .bind((state != MessageState::Waiting).then_some(now))
        .optional()
        .await?;
    Ok(found.map(|(tried_at,)| tried_at))
}

/// What becomes of a message that was not heard.
async fn rest(
    tx: &mut Tx,
    taken: &Taken,
    state: MessageState,
    now: Time,
) -> Result<(), StoreError> {
    if state == MessageState::Waiting {
        return Ok(());
    }
    tx.ex()
        .sql("UPDATE webhook_message SET state = $2, due_at = NULL, finished_at = $3 WHERE id = $1")
        .bind(taken.message)
        .bind(state)
        .bind((state == MessageState::Failed).then_some(now))
        .run()
        .await
        .map(drop)
}

async fn uncount(tx: &mut Tx, taken: &Taken) -> Result<(), StoreError> {
    tx.ex()
        .sql("UPDATE webhook_message SET tries = tries - $2 WHERE id = $1")
        .bind(taken.message)
        .bind(i64::from(!taken.is_probe))
        .run()
        .await
        .map(drop)
}

async fn log(tx: &mut Tx, taken: &Taken, line: &Line) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO webhook_attempt (workspace_id, message_id, attempt, status, answer, duration_us, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(taken.workspace)
        .bind(taken.message)
        .bind(taken.attempt)
        .bind(line.status.map(i64::from))
        .bind(line.answer.as_str())
        .bind(i64::try_from(line.duration.as_micros()).unwrap_or(i64::MAX))
        .bind(taken.at)
        .run()
        .await
        .map(drop)
}
