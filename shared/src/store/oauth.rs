//! Access tokens that the workers share: sealed, numbered, and fetched by one of them at a time.
use super::{
    Db, StoreError,
    secrets::{SecretError, Secrets},
};
use crate::{
    clock::Time,
    ids::WorkspaceId,
    secret::{Place, SealError, Sensitive},
};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Which token: what it is asked with, of which workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenKey {
    pub workspace: WorkspaceId,
    /// SHA-256 of URL, grant, client, scope, audience and the names of the secrets.
    pub grant_hash: String,
}

/// What a token server gave.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tokens {
    pub access: Sensitive,
    /// The one to ask with next time.
    pub refresh: Option<Sensitive>,
}

/// A token as it is kept.
#[derive(Debug, Clone)]
pub struct KeptToken {
    pub tokens: Tokens,
    /// SHA-256 of the secrets' value ids that it was asked with.
    pub made_of: String,
    pub serial: i64,
    /// When another one is to be fetched; none: when it is refused.
    pub usable_until: Option<Time>,
}

/// The row of a token, with or without one.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Row {
    made_of: String,
    sealed: Option<String>,
    serial: i64,
    usable_until: Option<Time>,
}

/// The token that is kept, and the serial that the next one must follow.
pub async fn load(
    secrets: &Secrets,
    key: &TokenKey,
) -> Result<(Option<KeptToken>, i64), SecretError> {
    let row: Option<Row> = secrets
        .db
        .read()
        .sql(
            "SELECT made_of, sealed, serial, usable_until FROM oauth_token
             WHERE workspace_id = $1 AND grant_hash = $2",
        )
        .bind(key.workspace)
        .bind(key.grant_hash.as_str())
        .optional()
        .await?;
    let Some(Row { made_of, sealed, serial, usable_until }) = row else { return Ok((None, 0)) };
    let Some(sealed) = sealed else { return Ok((None, serial)) };
    let data_key = secrets.data_key(key.workspace).await?;
    let wrong = |why| SecretError::Sealed { name: "of an access token".into(), why };
    let clear = data_key.open(&sealed, place(key, &row_name(key, serial))).map_err(wrong)?;
    let tokens = serde_json::from_slice(&clear).map_err(|_| wrong(SealError::Form))?;
    Ok((Some(KeptToken { tokens, made_of, serial, usable_until }), serial))
}

/// Takes the right to fetch a token until `until`; false while somebody else has it.
pub async fn claim(
    db: &Db,
    key: &TokenKey,
    fetcher: Uuid,
    now: Time,
    until: Time,
) -> Result<bool, StoreError> {
    let claimed = db
        .write()
        .sql(
            "INSERT INTO oauth_token (workspace_id, grant_hash, made_of, serial, fetcher, fetch_until, updated_at)
             VALUES ($1, $2, '', 0, $3, $5, $4)
             ON CONFLICT (workspace_id, grant_hash) DO UPDATE
                SET fetcher = excluded.fetcher, fetch_until = excluded.fetch_until, updated_at = excluded.updated_at
                WHERE oauth_token.fetch_until IS NULL OR oauth_token.fetch_until <= $4",
        )
        .bind(key.workspace)
        .bind(key.grant_hash.as_str())
        .bind(fetcher)
        .bind(now)
        .bind(until)
        .run()
        .await?;
    Ok(claimed == 1)
}

/// Gives the right to fetch back.
pub async fn release(db: &Db, key: &TokenKey, fetcher: Uuid) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE oauth_token SET fetcher = NULL, fetch_until = NULL
             WHERE workspace_id = $1 AND grant_hash = $2 AND fetcher = $3",
        )
        .bind(key.workspace)
        .bind(key.grant_hash.as_str())
        .bind(fetcher)
        .run()
        .await
        .map(drop)
}

/// Keeps a token as the one after `token.serial - 1`, and gives the right to fetch back; false when somebody else kept one since.
pub async fn keep(
    secrets: &Secrets,
    key: &TokenKey,
    token: &KeptToken,
    at: Time,
) -> Result<bool, SecretError> {
    let data_key = secrets.data_key(key.workspace).await?;
    let refresh = token.tokens.refresh.as_ref().map(Sensitive::expose);
    let clear = json!({"access": token.tokens.access.expose(), "refresh": refresh}).to_string();
    let clear = Zeroizing::new(clear);
    let sealed = data_key.seal(clear.as_bytes(), place(key, &row_name(key, token.serial)));
    let kept = secrets
        .db
        .write()
        .sql(
            "UPDATE oauth_token SET made_of = $3, sealed = $4, serial = $5, usable_until = $6, fetcher = NULL,
                fetch_until = NULL, updated_at = $7
             WHERE workspace_id = $1 AND grant_hash = $2 AND serial = $5 - 1",
        )
        .bind(key.workspace)
        .bind(key.grant_hash.as_str())
        .bind(token.made_of.as_str())
        .bind(sealed)
        .bind(token.serial)
        .bind(token.usable_until)
        .bind(at)
        .run()
        .await?;
    Ok(kept == 1)
}

/// Notes that a buyer refused the token of that serial: nobody uses it any more.
pub async fn spent(db: &Db, key: &TokenKey, serial: i64, at: Time) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE oauth_token SET usable_until = $4, updated_at = $4
             WHERE workspace_id = $1 AND grant_hash = $2 AND serial = $3",
        )
        .bind(key.workspace)
        .bind(key.grant_hash.as_str())
        .bind(serial)
        .bind(at)
        .run()
        .await
        .map(drop)
}

fn row_name(key: &TokenKey, serial: i64) -> String {
    format!("{}/{serial}", key.grant_hash)
}

fn place<'a>(key: &TokenKey, row: &'a str) -> Place<'a> {
    Place { table: "oauth_token", column: "sealed", row, workspace: key.workspace }
}
