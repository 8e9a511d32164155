//! GET /audit: who did what to what, and when.
use crate::{
    Api,
    answer::{Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Limit, Moment, Query},
};
use axum::extract::State;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use shared::{
    clock::Time,
    ids::{AuditId, KeyId},
    store::audit::{self, AuditRow, Filter},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of the audit log.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine {
    pub audit_id: AuditId,
    /// `key NAME`, or `command NAME` of somebody on the machine.
    #[schema(example = "key crm")]
    pub actor: String,
    pub key_id: Option<KeyId>,
    /// The request, as `X-Request-Id` and log lines name it.
    pub request_id: Option<String>,
    #[schema(example = "campaign.saved")]
    pub action: String,
    /// The word of the kind of thing that `objectId` names.
    #[schema(example = "campaign")]
    pub object_kind: String,
    #[schema(example = "cmp_01jd5p0m9we1n8x8m3t1h6y7aq")]
    pub object_id: String,
    /// What it was: what changed only, by path for documents.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What it is since.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    pub at: DateTime<Utc>,
}

impl From<AuditRow> for AuditLine {
    fn from(row: AuditRow) -> Self {
        Self {
            audit_id: row.id,
            actor: row.actor,
            key_id: row.key_id,
            request_id: row.request_id,
            action: row.action,
            object_kind: row.object_kind,
            object_id: row.object_id,
            before: row.before.map(|json| json.0),
            after: row.after.map(|json| json.0),
            at: row.at,
        }
    }
}

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `campaign.saved`; or with a dot at its end, `campaign.`, all actions of that kind.
    pub action: Option<String>,
    /// What it was done to, as the API shows it.
    pub object_id: Option<String>,
    pub key_id: Option<KeyId>,
    /// `key NAME` or `command NAME`, whole.
    pub actor: Option<String>,
    /// On this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub from: Option<Moment>,
    /// Before this time or day (UTC).
    #[param(value_type = Option<String>)]
    pub until: Option<Moment>,
    /// 1 to 100; 50 unless given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// The last line of a page: when it was written, and which it is.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(Time, AuditId);

impl Cursor {
    fn of(row: &AuditRow) -> String {
        format!("{}~{}", row.at.to_rfc3339_opts(SecondsFormat::Micros, true), row.id)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once('~').and_then(|(at, id)| {
            let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
            Some(Self(at, AuditId::parse(id).ok()?))
        });
        parts.ok_or_else(|| de::Error::custom("is not the nextCursor of a page of the audit log"))
    }
}

/// List the audit log
///
/// What keys and commands did to configuration, keys, statuses, jobs and people's data; the newest first. A line is written with what it
/// tells of and never changes. It names no person: only ids, statuses and the names of fields.
#[utoipa::path(
    get, path = "/audit", tag = "Workspace", operation_id = "listAudit",
    params(AuditQuery),
    responses((status = 200, description = "A page of lines.", body = Success<Page<AuditLine>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Data<Page<AuditLine>>, ApiError> {
    caller.require(Scope::Admin)?;
    let filter = Filter {
        action: query.action,
        object: query.object_id,
        key: query.key_id,
        actor: query.actor,
        from: query.from.map(Moment::first),
        until: query.until.map(Moment::first),
    };
    let before = query.cursor.map(|Cursor(at, id)| (at, id));
    let limit = query.limit.0;
    let rows = audit::list(&api.db, caller.workspace, &filter, before, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, Cursor::of)))
}
