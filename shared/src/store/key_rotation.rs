//! Rotation of the key ring over all workspaces: each data key is wrapped anew, what it sealed stays as it is.
use super::{Db, StoreError, audit, secrets::SecretError};
use crate::{
    audit::Entry,
    clock::Time,
    ids::WorkspaceId,
    secret::{KeyRing, RingError},
};
use serde_json::json;
use uuid::Uuid;

/// What a look at every data key found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Wrapped with the ring's first key.
    pub current: usize,
    /// Wrapped with another key of the ring, by workspace.
    pub behind: usize,
    /// Those that the ring does not open, and why.
    pub closed: Vec<(WorkspaceId, RingError)>,
}

/// Which data keys the ring opens. Knows no workspace: it is the operator's look at the installation.
pub async fn check(db: &Db, ring: &KeyRing) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for (workspace, id, wrapped, ring_key) in all(db).await? {
        match ring.unwrap(&wrapped, &id.simple().to_string(), workspace) {
            Ok(_) if ring_key == ring.first() => found.current += 1,
            Ok(_) => found.behind += 1,
            Err(why) => found.closed.push((workspace, why)),
        }
    }
    Ok(found)
}

/// Wraps every data key with the ring's first key; answers how many were changed. One that does not open stops it, and what was done
/// before stays done: running it again goes on.
pub async fn rotate(db: &Db, ring: &KeyRing, at: Time) -> Result<u64, SecretError> {
    let mut changed = 0;
    for (workspace, id, wrapped, ring_key) in all(db).await? {
        if ring_key == ring.first() {
            continue;
        }
        let key = ring.unwrap(&wrapped, &id.simple().to_string(), workspace)?;
        let mut tx = db.begin().await?;
        let wrapped_anew = tx
            .ex()
            .sql("UPDATE data_key SET wrapped = $3, ring_key = $4 WHERE workspace_id = $1 AND wrapped = $2")
            .bind(workspace)
            .bind(wrapped)
            .bind(ring.wrap(&key, workspace))
            .bind(ring.first())
            .run()
            .await?;
        if wrapped_anew > 0 {
            let entry = Entry::new("secret.ring_rotated", "workspace", workspace)
                .from(json!({ "keyId": ring_key }))
                .to(json!({ "keyId": ring.first() }));
            audit::tell(&mut tx, workspace, &[entry], at).await?;
        }
        tx.commit().await?;
        changed += wrapped_anew;
    }
    Ok(changed)
}

/// How many data keys there are.
pub async fn count(db: &Db) -> Result<usize, StoreError> {
    Ok(all(db).await?.len())
}

async fn all(db: &Db) -> Result<Vec<(WorkspaceId, Uuid, String, String)>, StoreError> {
    db.read()
        .sql("SELECT workspace_id, id, wrapped, ring_key FROM data_key ORDER BY workspace_id")
        .all()
        .await
}
