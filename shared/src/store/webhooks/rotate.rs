//! The secrets of addresses: sealed, opened, and made anew.
use super::WebhookRow;
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{WebhookId, WorkspaceId},
    secret::{Place, Sensitive},
    store::{
        StoreError, audit,
        secrets::{SecretError, Secrets},
    },
    webhook::secret,
};

/// A new secret of an address: in the clear, and sealed.
pub async fn make(
    secrets: &Secrets,
    (workspace, id): (WorkspaceId, WebhookId),
    now: Time,
) -> Result<(Sensitive, String), SecretError> {
    let clear = secret::make();
    let key = secrets.data_key_or_make(workspace, now).await?;
    let row = id.0.simple().to_string();
    let sealed = key.seal(clear.expose().as_bytes(), place(&row, workspace));
    Ok((clear, sealed))
}

/// A secret that signs; one that has retired keeps its place.
fn place(row: &str, workspace: WorkspaceId) -> Place<'_> {
    Place { table: "webhook", column: "secret", row, workspace }
}

/// Opens what [`make`] sealed.
pub async fn opened(
    secrets: &Secrets,
    (workspace, id): (WorkspaceId, WebhookId),
    sealed: &str,
) -> Result<Sensitive, SecretError> {
    let wrong = |why| SecretError::Sealed { name: format!("of {id}"), why };
    let row = id.0.simple().to_string();
    let clear = secrets.data_key(workspace).await?.open(sealed, place(&row, workspace));
    let clear = clear.map_err(wrong)?;
    let text = std::str::from_utf8(&clear).map_err(|_| wrong(crate::secret::SealError::Form))?;
    Ok(text.into())
}

/// Gives an address a new secret; the one before signs beside it for a day. Answers with it, for the one time; none when the address is
/// not there.
pub async fn rotate(
    secrets: &Secrets,
    (workspace, id): (WorkspaceId, WebhookId),
    (actor, now): (&Actor, Time),
) -> Result<Option<(Sensitive, WebhookRow)>, SecretError> {
    let (clear, sealed) = make(secrets, (workspace, id), now).await?;
    let mut tx = secrets.db.begin().await?;
    let changed = tx
        .ex()
        .sql(
            "UPDATE webhook SET old_secret = secret, old_until = $4, secret = $3, updated_at = $5
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(sealed)
        .bind(now + secret::OVERLAP)
        .bind(now)
        .run()
        .await?;
    if changed == 0 {
        return Ok(None);
    }
    let entry = Entry::new("webhook.secret_rotated", "webhook", id);
    audit::add(&mut tx, workspace, actor, &[entry], now).await?;
    tx.commit().await?;
    let row = super::get(&secrets.db, workspace, id).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent(format!("{id} is gone")))?;
    Ok(Some((clear, row)))
}
