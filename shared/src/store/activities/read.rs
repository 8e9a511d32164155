//! What a contact did, newest first, and the types that a workspace uses.
pub use super::visits::forget;
use crate::{
    clock::Time,
    ids::{ActivityId, ContactId, LeadId, WorkspaceId},
    store::{Db, StoreError},
};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

/// An activity as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Activity {
    pub id: ActivityId,
    pub lead_id: Option<LeadId>,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub name: String,
    pub data: Json<Map<String, Value>>,
    pub key: Option<String>,
    pub at: Time,
    pub received_at: Time,
}

/// Which of a contact's activities.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    pub kind: Option<&'a str>,
    /// Those that come after this one in the list.
    pub after: Option<(Time, ActivityId)>,
    pub limit: i64,
}

macro_rules! activities_of_contact {
    ($and:literal) => {
        concat!(
            "SELECT a.id, a.lead_id, a.type, a.name, a.data, a.key, a.at, a.received_at FROM activity a
             WHERE a.contact_id = $2 AND (a.workspace_id = $1) IS TRUE AND a.at <= $3 AND (a.at < $3 OR a.id < $4)",
            $and,
            " ORDER BY a.at DESC, a.id DESC LIMIT $5"
        )
    };
}

/// What a contact did, newest first; none when there is no such contact in the workspace.
pub async fn list(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    filter: Filter<'_>,
) -> Result<Option<Vec<Activity>>, StoreError> {
    let there: Option<(ContactId,)> = db
        .read()
        .sql("SELECT id FROM contact WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(contact)
        .optional()
        .await?;
    if there.is_none() {
        return Ok(None);
    }
    let text = match filter.kind {
        Some(_) => activities_of_contact!(" AND a.type = $6"),
        None => activities_of_contact!(""),
    };
    let (at, id) = filter.after.unwrap_or((LAST, ActivityId(Uuid::max())));
    let mut query = db.read().sql(text).bind(workspace).bind(contact).bind(at).bind(id);
    query = query.bind(filter.limit);
    if let Some(kind) = filter.kind {
        query = query.bind(kind.to_owned());
    }
    query.all().await.map(Some)
}

/// Later than anything that happened: the end of the year 9998.
const LAST: Time = match Time::from_timestamp(253_370_764_799, 0) {
    Some(time) => time,
    None => Time::UNIX_EPOCH,
};

/// The types that a workspace has used, by name, with the time at which each was first heard of.
pub async fn types(db: &Db, workspace: WorkspaceId) -> Result<Vec<(String, Time)>, StoreError> {
    db.read()
        .sql("SELECT type, first_seen_at FROM activity_type WHERE workspace_id = $1 ORDER BY type")
        .bind(workspace)
        .all()
        .await
}
