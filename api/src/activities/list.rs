//! GET /contacts/{id}/activities and GET /activities/types: what a contact did, and what there is to do.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use shared::{
    activity::{KNOWN_TYPES, draft},
    clock::Time,
    ids::{ActivityId, ContactId, LeadId},
    store::activities::read::{self, Filter},
};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// Something that a contact did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub activity_id: ActivityId,
    #[serde(rename = "type")]
    pub kind: String,
    /// What exactly; empty when the sender gave none.
    pub name: String,
    pub lead_id: Option<LeadId>,
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// The sender's own id of it; `visit:…` of visits that were kept until it was known whose they were.
    pub key: Option<String>,
    pub at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
}

impl From<read::Activity> for Activity {
    fn from(row: read::Activity) -> Self {
        Self {
            activity_id: row.id,
            kind: row.kind,
            name: row.name,
            lead_id: row.lead_id,
            data: row.data.0,
            key: row.key,
            at: row.at,
            received_at: row.received_at,
        }
    }
}

/// Which activities.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Only those of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// 1 to 100; 50 unless given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// The last activity of a page: when it happened, and which it is.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(Time, ActivityId);

impl Cursor {
    fn of(row: &read::Activity) -> String {
        format!("{}~{}", row.at.to_rfc3339_opts(SecondsFormat::Micros, true), row.id)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once('~').and_then(|(at, id)| {
            let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
            Some(Self(at, ActivityId::parse(id).ok()?))
        });
        parts.ok_or_else(|| de::Error::custom("is not the nextCursor of a page of activities"))
    }
}

/// List a contact's activities
///
/// By when they happened, newest first. The cursor is the last activity, so pages stay stable while activities come in.
#[utoipa::path(
    get, path = "/contacts/{contactId}/activities", tag = "Activities", operation_id = "listActivities",
    params(("contactId" = ContactId, Path), ActivityQuery),
    responses((status = 200, description = "A page of activities.", body = Success<Page<Activity>>), Guarded, Absent, Asked)
)]
pub async fn of_contact(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    Query(query): Query<ActivityQuery>,
) -> Result<Data<Page<Activity>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    if let Some(kind) = &query.kind {
        draft::kind(kind).map_err(|why| ApiError::invalid_at("type", why))?;
    }
    let limit = query.limit.0;
    let filter = Filter {
        kind: query.kind.as_deref(),
        after: query.cursor.map(|Cursor(at, id)| (at, id)),
        limit: limit + 1,
    };
    let rows = read::list(&api.db, (caller.workspace, id), filter).await?;
    let rows = rows.ok_or_else(|| ApiError::not_found("contact"))?;
    Ok(Data(Page::of(rows, limit as usize, Cursor::of)))
}

/// A type of activities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityType {
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether every workspace has it.
    pub is_built_in: bool,
    /// When the first activity of it came in; null when none has.
    pub first_seen_at: Option<DateTime<Utc>>,
}

/// Types of activities, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivityTypes {
    pub items: Vec<ActivityType>,
}

/// List types of activities
///
/// Those that every workspace has and those that this one has used; 200 together, at most. Rules read each as `event.<type>`.
#[utoipa::path(
    get, path = "/activities/types", tag = "Activities", operation_id = "listActivityTypes",
    responses((status = 200, description = "All of them.", body = Success<ActivityTypes>), Guarded)
)]
pub async fn types(
    State(api): State<Arc<Api>>,
    caller: Caller,
) -> Result<Data<ActivityTypes>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let mut all: BTreeMap<String, Option<Time>> =
        KNOWN_TYPES.iter().map(|kind| ((*kind).to_owned(), None)).collect();
    let seen = read::types(&api.db, caller.workspace).await?;
    all.extend(seen.into_iter().map(|(kind, at)| (kind, Some(at))));
    let items = all.into_iter().map(|(kind, first_seen_at)| {
        let is_built_in = KNOWN_TYPES.contains(&kind.as_str());
        ActivityType { kind, is_built_in, first_seen_at }
    });
    Ok(Data(ActivityTypes { items: items.collect() }))
}
