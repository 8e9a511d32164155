//! Whom nobody may reach. A person is known by the keyed hash of their number, or of their address, only.
use super::{
    Db, Ex, StoreError, audit,
    secrets::{SecretError, Secrets},
};
use crate::{audit::Entry, clock::Time, ids::WorkspaceId, outreach::agent::Channel};
use serde::{Deserialize, Serialize};
use serde_json::json;

mod bulk;

pub use bulk::{Counted, add_many, remove_many, summary};

/// The reason of the person's own word, sent as a text.
pub const STOP: &str = "stop";
/// The reason of what a provider says of the person: they have told it to stop.
pub const PROVIDER: &str = "provider";
/// The reason of what is kept with the contact: it wants no calls, or no texts.
pub const CONSENT: &str = "consent";

/// Characters of a person's hash that the audit log tells.
const HASH_TOLD: usize = 16;

/// By what a person may not be reached.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reach {
    /// Neither calls nor texts.
    #[default]
    All,
    Sms,
    Voice,
    /// Mail: what is hashed is an address, and nothing else can be said of one.
    Email,
}

impl Reach {
    /// Whether this says that the person may not be called, or not be texted.
    pub fn covers(self, channel: Channel) -> bool {
        self == Self::All || self == Self::from(channel)
    }
}

impl From<Channel> for Reach {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Voice => Self::Voice,
            Channel::Sms => Self::Sms,
        }
    }
}

/// That a person may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Suppression {
    pub channel: Reach,
    /// [`STOP`], [`PROVIDER`], `call`, or what a person wrote.
    pub reason: String,
    /// Who or what said so.
    pub source: String,
    pub created_at: Time,
    /// Until when; for ever unless said.
    pub expires_at: Option<Time>,
}

impl Suppression {
    pub fn stands(&self, now: Time) -> bool {
        self.expires_at.is_none_or(|until| now < until)
    }
}

/// A person of a workspace, by [`Secrets::person_hash`].
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub workspace: WorkspaceId,
    pub hash: &'a str,
}

impl Secrets {
    /// By what a number (E.164), or an address in lower case, is known here: a hash with the workspace's data key, which is made if there
    /// is none. Asks the database once a process and workspace.
    pub async fn person_hash(
        &self,
        workspace: WorkspaceId,
        known_as: &str,
        at: Time,
    ) -> Result<String, SecretError> {
        Ok(self.data_key_or_make(workspace, at).await?.keyed_hash(known_as))
    }

    /// [`Self::person_hash`] of many.
    pub async fn person_hashes(
        &self,
        workspace: WorkspaceId,
        known_as: &[String],
        at: Time,
    ) -> Result<Vec<String>, SecretError> {
        let key = self.data_key_or_make(workspace, at).await?;
        Ok(known_as.iter().map(|text| key.keyed_hash(text)).collect())
    }

    /// [`Self::person_hashes`]; none in a workspace that has never hashed anybody.
    pub async fn known_hashes(
        &self,
        workspace: WorkspaceId,
        known_as: &[String],
    ) -> Result<Vec<String>, SecretError> {
        let key = self.data_key_if_made(workspace).await?;
        Ok(key.iter().flat_map(|key| known_as.iter().map(|text| key.keyed_hash(text))).collect())
    }
}

/// Notes that a person may not be reached; false when it was known. What lasts longer counts; of what lasts for ever, what was said first
/// stays, unless the person could take it back with a text and this one they could not.
pub async fn add(
    ex: Ex<'_>,
    person: Person<'_>,
    suppression: &Suppression,
) -> Result<bool, StoreError> {
    let said = [(person.hash.to_owned(), suppression.clone())];
    Ok(add_many(ex, person.workspace, &said).await? == 1)
}

/// [`add`] by somebody, with a line of the audit log.
pub async fn suppress(
    db: &Db,
    person: Person<'_>,
    suppression: &Suppression,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let is_new = add(tx.ex(), person, suppression).await?;
    if is_new {
        let entry = told("suppression.added", person).to(json!({ "channel": suppression.channel }));
        audit::tell(&mut tx, person.workspace, &[entry], suppression.created_at).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// Neither the number nor the reason, which people write as they like; the hash finds its row and nobody else.
fn told(action: &'static str, person: Person<'_>) -> Entry {
    let hash: String = person.hash.chars().take(HASH_TOLD).collect();
    Entry::new(action, "suppression", hash)
}

/// The person takes their STOP back, to us or to the provider. What others have said of them stays. Answers how many there were.
pub async fn lift_stop(ex: Ex<'_>, person: Person<'_>) -> Result<u64, StoreError> {
    ex.sql(
        "DELETE FROM suppression
         WHERE workspace_id = $1 AND person_hash = $2 AND channel = 'sms' AND reason IN ($3, $4)",
    )
    .bind(person.workspace)
    .bind(person.hash)
    .bind(STOP)
    .bind(PROVIDER)
    .run()
    .await
}

/// Takes back what was said of one channel for one reason; answers how many there were.
pub async fn lift(
    ex: Ex<'_>,
    person: Person<'_>,
    channel: Reach,
    reason: &str,
) -> Result<u64, StoreError> {
    ex.sql(
        "DELETE FROM suppression WHERE workspace_id = $1 AND person_hash = $2 AND channel = $3 AND reason = $4",
    )
    .bind(person.workspace)
    .bind(person.hash)
    .bind(channel)
    .bind(reason)
    .run()
    .await
}

/// Takes it back for one channel, or for every one when `channel` is [`Reach::All`]; answers how many there were.
pub async fn remove(ex: Ex<'_>, person: Person<'_>, channel: Reach) -> Result<u64, StoreError> {
    ex.sql(
        "DELETE FROM suppression
         WHERE workspace_id = $1 AND person_hash = $2 AND (channel = $3 OR $3 = 'all')",
    )
    .bind(person.workspace)
    .bind(person.hash)
    .bind(channel)
    .run()
    .await
}

/// [`remove`] by somebody, with a line of the audit log.
pub async fn unsuppress(
    db: &Db,
    person: Person<'_>,
    channel: Reach,
    at: Time,
) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gone = remove(tx.ex(), person, channel).await?;
    if gone > 0 {
        let entry = told("suppression.lifted", person).from(json!({ "channel": channel }));
        audit::tell(&mut tx, person.workspace, &[entry], at).await?;
    }
    tx.commit().await?;
    Ok(gone)
}

/// What is known of a person, also what has come to its end.
pub async fn find(db: &Db, person: Person<'_>) -> Result<Vec<Suppression>, StoreError> {
    db.read()
        .sql(
            "SELECT channel, reason, source, created_at, expires_at FROM suppression
             WHERE workspace_id = $1 AND person_hash = $2 ORDER BY channel",
        )
        .bind(person.workspace)
        .bind(person.hash)
        .all()
        .await
}

/// Whether texts are suppressed for this very reason.
pub async fn is_said(ex: Ex<'_>, person: Person<'_>, reason: &str) -> Result<bool, StoreError> {
    let found: Option<(Reach,)> = ex
        .sql(
            "SELECT channel FROM suppression
             WHERE workspace_id = $1 AND person_hash = $2 AND channel = 'sms' AND reason = $3",
        )
        .bind(person.workspace)
        .bind(person.hash)
        .bind(reason)
        .optional()
        .await?;
    Ok(found.is_some())
}

/// Whether a person may not be called, or may not be texted.
pub async fn is_suppressed(
    ex: Ex<'_>,
    person: Person<'_>,
    channel: Channel,
    now: Time,
) -> Result<bool, StoreError> {
    let found: Option<(Reach,)> = ex
        .sql(
            "SELECT channel FROM suppression
             WHERE workspace_id = $1 AND person_hash = $2 AND channel IN ($3, 'all')
               AND (expires_at IS NULL OR expires_at > $4) LIMIT 1",
        )
        .bind(person.workspace)
        .bind(person.hash)
        .bind(Reach::from(channel))
        .bind(now)
        .optional()
        .await?;
    Ok(found.is_some())
}
