//! Reading the audit log: newest first, each filter by its own index.
use crate::{
    audit::area,
    clock::Time,
    ids::{AuditId, KeyId, WorkspaceId},
    store::{
        Db, StoreError,
        db::Query,
        dialect::{self, Engine},
    },
};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// Which lines. What is none does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `campaign.saved`; or with a dot at its end, `campaign.`, all that begin so.
    pub action: Option<String>,
    /// As the API shows it.
    pub object: Option<String>,
    pub key: Option<KeyId>,
    /// `key NAME` or `command NAME`, whole.
    pub actor: Option<String>,
    /// At this time or later.
    pub from: Option<Time>,
    /// Before this time.
    pub until: Option<Time>,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AuditRow {
    pub id: AuditId,
    pub actor: String,
    pub key_id: Option<KeyId>,
    pub request_id: Option<String>,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub before: Option<Json<Value>>,
    pub after: Option<Json<Value>>,
    pub at: Time,
}

/// Later than everything: 9999-12-31. (A year of five digits is no later than another as SQLite compares it, by text.)
const EVER: Time = Time::from_timestamp(253_402_214_400, 0).expect("a time");

/// A page. `$way` is what the index is searched by; the other filters look at what it yields, newest first. SQLite, which keeps no
/// statistics here, is told which index that is.
macro_rules! page {
    ($index:literal, $way:literal) => {
        concat!(
            "SELECT a.id, a.actor, a.key_id, a.request_id, a.action, a.object_kind, a.object_id, a.before, a.after, a.at \
             FROM audit_event a{lite:  INDEXED BY audit_event_by_",
            $index,
            "} WHERE ",
            $way,
            " AND a.at >= $2 AND (a.at, a.id) < ($3, $4) \
             AND COALESCE($5, a.object_id) = a.object_id AND COALESCE($6, a.action) = a.action \
             AND COALESCE($7, a.area) = a.area AND COALESCE($8, a.actor) = a.actor \
             AND (a.key_id = $9 OR $9 IS NULL) \
             ORDER BY a.at DESC, a.id DESC LIMIT $10"
        )
    };
}

/// The statement whose index fits the narrowest filter that is given.
fn page(filter: &Filter) -> &'static str {
    match filter {
        Filter { object: Some(_), .. } => {
            page!("object", "a.object_id = $5 AND (a.workspace_id = $1) IS TRUE")
        }
        Filter { key: Some(_), .. } => {
            page!("key", "a.key_id = $9 AND (a.workspace_id = $1) IS TRUE")
        }
        Filter { action: Some(action), .. } if action.ends_with('.') => {
            page!("area", "a.workspace_id = $1 AND a.area = $7")
        }
        Filter { action: Some(_), .. } => page!("action", "a.workspace_id = $1 AND a.action = $6"),
        Filter { actor: Some(_), .. } => page!("actor", "a.workspace_id = $1 AND a.actor = $8"),
        _ => page!("time", "a.workspace_id = $1"),
    }
}

/// Lines that match, newest first; `before` is the last one of the page before.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: &Filter,
    before: Option<(Time, AuditId)>,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    bound(db.read().sql(page(filter)), (workspace, filter), before, limit).all().await
}

/// How the engine finds a page, line by line: for tests of its way.
pub async fn explained(
    db: &Db,
    workspace: WorkspaceId,
    filter: &Filter,
) -> Result<Vec<String>, StoreError> {
    let text = dialect::for_engine(page(filter), db.engine());
    let explain = |word: &str| db.read().made(format!("{word} {text}"));
    if db.engine() == Engine::Postgres {
        let lines: Vec<(String,)> =
            bound(explain("EXPLAIN (COSTS OFF)"), (workspace, filter), None, 10).all().await?;
        return Ok(lines.into_iter().map(|(line,)| line).collect());
    }
    let lines: Vec<(i64, i64, i64, String)> =
        bound(explain("EXPLAIN QUERY PLAN"), (workspace, filter), None, 10).all().await?;
    Ok(lines.into_iter().map(|(.., line)| line).collect())
}

fn bound<'d>(
    query: Query<'d>,
    (workspace, filter): (WorkspaceId, &Filter),
    before: Option<(Time, AuditId)>,
    limit: i64,
) -> Query<'d> {
    // No id is smaller than none at all: with it, only what is before the time.
    let (at, id) = before.unwrap_or((filter.until.unwrap_or(EVER), AuditId(Uuid::nil())));
    let action = filter.action.as_deref();
    let (family, exact) = match action {
        Some(action) if action.ends_with('.') => (Some(area(action)), None),
        action => (None, action),
    };
    query
        .bind(workspace)
        .bind(filter.from.unwrap_or(Time::UNIX_EPOCH))
        .bind(at)
        .bind(id)
        .bind(filter.object.as_deref())
        .bind(exact)
        .bind(family)
        .bind(filter.actor.as_deref())
        .bind(filter.key)
        .bind(limit)
}
