//! Many suppressions at once, and how many there are: lists can be brought in and counted, never listed.
use super::{Ex, PROVIDER, Reach, STOP, StoreError, Suppression};
use crate::{
    clock::Time,
    ids::WorkspaceId,
    store::{
        Db, Rows,
        rows::{time, time_or_null},
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Kinds of suppressions (channel and reason) in a summary, at most; the most frequent ones are told.
const SUMMARY_MAX: i64 = 100;

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    channel: Reach,
    person_hash: &'a str,
    reason: &'a str,
    source: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
    #[serde(serialize_with = "time_or_null")]
    expires_at: Option<Time>,
}

/// [`super::add`] for many people, each with their hash; answers of how many something new is known. Of what is said twice of one person
/// and channel, the last counts.
pub async fn add_many(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    said: &[(String, Suppression)],
) -> Result<u64, StoreError> {
    // In one order, so that two lists that come at once do not wait for each other in a ring.
    let rows: BTreeMap<(&str, Reach), Row> = said
        .iter()
        .map(|(hash, one)| ((hash.as_str(), one.channel), row(workspace, hash, one)))
        .collect();
    let rows: Vec<Row> = rows.into_values().collect();
    ex.sql(
        "INSERT INTO suppression (workspace_id, channel, person_hash, reason, source, created_at, expires_at)
         SELECT r.workspace_id, r.channel, r.person_hash, r.reason, r.source, r.at, r.expires_at
         FROM ROWS($1: workspace_id uuid, channel text, person_hash text, reason text, source text, at timestamptz,
            expires_at timestamptz) r
         WHERE true
         ON CONFLICT (workspace_id, person_hash, channel) DO UPDATE
         SET reason = excluded.reason, source = excluded.source, created_at = excluded.created_at,
            expires_at = excluded.expires_at
         WHERE (suppression.expires_at IS NOT NULL
                AND (excluded.expires_at IS NULL OR excluded.expires_at > suppression.expires_at))
            OR (suppression.reason IN ($2, $3) AND excluded.reason NOT IN ($2, $3) AND excluded.expires_at IS NULL)",
    )
    .bind(Rows::of(&rows))
    .bind(STOP)
    .bind(PROVIDER)
    .run()
    .await
}

fn row<'a>(workspace: WorkspaceId, hash: &'a str, one: &'a Suppression) -> Row<'a> {
    Row {
        workspace_id: workspace.0,
        channel: one.channel,
        person_hash: hash,
        reason: &one.reason,
        source: &one.source,
        at: one.created_at,
        expires_at: one.expires_at,
    }
}

#[derive(Serialize)]
struct Lifted<'a> {
    workspace_id: Uuid,
    channel: Reach,
    person_hash: &'a str,
}

/// [`super::remove`] for many people, each with their hash; answers whose there were, the hash once a channel.
pub async fn remove_many(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    lifted: &[(String, Reach)],
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Lifted> = lifted
        .iter()
        .map(|(hash, channel)| Lifted {
            workspace_id: workspace.0,
            channel: *channel,
            person_hash: hash,
        })
        .collect();
    let gone: Vec<(String,)> = ex
        .sql(
            "DELETE FROM suppression WHERE (workspace_id, person_hash, channel) IN (
            SELECT x.workspace_id, x.person_hash, x.channel
            FROM ROWS($1: workspace_id uuid, channel text, person_hash text) r
            JOIN suppression x ON x.workspace_id = r.workspace_id AND x.person_hash = r.person_hash
               AND (x.channel = r.channel OR r.channel = 'all'))
         RETURNING person_hash",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(gone.into_iter().map(|(hash,)| hash).collect())
}

/// How many people are suppressed for one channel and reason.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Counted {
    pub channel: Reach,
    pub reason: String,
    pub count: i64,
}

/// What stands at `now`, counted by channel and reason, the most frequent first.
pub async fn summary(
    db: &Db,
    workspace: WorkspaceId,
    now: Time,
) -> Result<Vec<Counted>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    let found = tx
        .ex()
        .sql(
            "SELECT channel, reason, COUNT(*) AS count FROM suppression
             WHERE workspace_id = $1 AND (expires_at IS NULL OR expires_at > $2)
             GROUP BY channel, reason ORDER BY COUNT(*) DESC, channel, reason LIMIT $3",
        )
        .bind(workspace)
        .bind(now)
        .bind(SUMMARY_MAX)
        .all()
        .await?;
    tx.rollback().await?;
    Ok(found)
}
