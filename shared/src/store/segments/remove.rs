//! Deleting a segment, and what keeps it from being deleted: other segments' rules and campaigns that name it.
use super::{
    around,
    save::{Key, SaveError, open},
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{CampaignId, SegmentId, WorkspaceId},
    segment::{check::Refusal, named::names_set},
    store::{Db, Ex, StoreError, audit, live},
};
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

/// Members that go in one transaction.
const REMOVED_AT_ONCE: i64 = 5_000;

/// Who names a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// Segments whose rules ask for it.
    pub segments: Vec<(SegmentId, String)>,
    /// Campaigns that it feeds, and those whose automation names it: id, code, name.
    pub campaigns: Vec<(CampaignId, String, String)>,
}

impl Users {
    /// All of them, for people.
    pub fn names(&self) -> Vec<String> {
        let segments = self.segments.iter().map(|(_, name)| format!("segment \"{name}\""));
        let campaigns = self.campaigns.iter().map(|(_, code, _)| format!("campaign {code}"));
        segments.chain(campaigns).collect()
    }
}

/// Who names the segment. `asking` is what all segments ask for.
pub async fn users(
    ex: Ex<'_>,
    (workspace, id): Key,
    asking: &around::Asking,
) -> Result<Users, StoreError> {
    let asks = asking.iter().filter(|(_, (_, asked))| asked.contains(&id));
    let campaigns = ex
        .sql(
            "SELECT c.id, c.code, c.name FROM campaign c
             WHERE c.workspace_id = $1 AND c.id IN (
                SELECT f.campaign_id FROM campaign_segment f WHERE f.segment_id = $2 AND f.workspace_id = $1
                UNION SELECT a.campaign_id FROM automation a WHERE a.workspace_id = $1
                    AND {pg: POSITION($3 IN CAST(a.config AS text))}{lite: instr(a.config, $3)} > 0)
             ORDER BY c.id",
        )
        .bind(workspace)
        .bind(id)
        .bind(id.to_string())
        .all()
        .await?;
    Ok(Users { segments: asks.map(|(id, (name, _))| (*id, name.clone())).collect(), campaigns })
}

/// The names of the segments whose rules name a value set.
pub async fn naming_set(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    set: &str,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String, Json<Value>)> = ex
        .sql(
            "SELECT name, rule FROM segment
             WHERE workspace_id = $1 AND deleted_at IS NULL AND rule IS NOT NULL ORDER BY id",
        )
        .bind(workspace)
        .all()
        .await?;
    let naming = rows.into_iter().filter(|(_, rule)| names_set(&rule.0, set));
    Ok(naming.map(|(name, _)| name).collect())
}

/// Deletes a segment that nobody names; its members are no members any more. Its name may be used again.
pub async fn delete(db: &Db, key: Key, at: Time) -> Result<(), SaveError> {
    let (workspace, id) = key;
    let mut tx = db.begin().await?;
    let (found, _) = open(&mut tx, key).await?;
    let asking = around::asking(tx.ex(), workspace).await?;
    let users = users(tx.ex(), key, &asking).await?.names();
    if !users.is_empty() {
        return Err(Refusal::Used(users).into());
    }
    tx.ex()
        .sql(
            "UPDATE segment SET deleted_at = $3, updated_at = $3, state = 'ready', problem = NULL, build_due_at = NULL,
                claimed_until = NULL, swept_at = NULL, flips_at = NULL, generation = generation + 1, member_count = 0
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(at)
        .run()
        .await?;
    live::changed(&mut tx, workspace).await?;
    let gone = json!({ "name": found.name, "members": found.member_count });
    let entry = Entry::new("segment.deleted", "segment", id).from(gone);
    audit::tell(&mut tx, workspace, &[entry], at).await?;
    tx.commit().await?;
    // From here on nobody sees the members: what a crash leaves behind is in nobody's way.
    while empty(db, key).await? > 0 {}
    Ok(())
}

async fn empty(db: &Db, (workspace, id): Key) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id <= COALESCE(
                (SELECT m.contact_id FROM segment_member m WHERE m.workspace_id = $1 AND m.segment_id = $2
                 ORDER BY m.contact_id LIMIT 1 OFFSET $3), $4)",
        )
        .bind(workspace)
        .bind(id)
        .bind(REMOVED_AT_ONCE - 1)
        .bind(Uuid::max())
        .run()
        .await
}
