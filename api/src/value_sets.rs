//! /value-sets: lists that several campaigns share.
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Saving, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::{Id, Limit, Query},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    campaign::CampaignConfig,
    ids::{ValueSetId, WorkspaceId},
    store::{
        Db, campaigns, segments,
        value_sets::{self, SetDraft, SetRow},
    },
    value_set::{self, Member, SET_NAME_MAX},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Bytes of a value set's body, at most.
pub const VALUE_SET_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Characters of a description, at most.
pub const DESCRIPTION_MAX: usize = 1_000;
/// Campaigns that a refused deletion names, at most.
const NAMED_MAX: usize = 20;
/// Campaigns read at once to find those that name a set.
const READ_AT_ONCE: i64 = 50;

/// A value set to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "western-states", "values": ["CA", {"value": "NV", "label": "Nevada", "synonyms": ["Nev."]}]}))]
pub struct NewValueSet {
    /// What rules and accepted values call it: 1 to 64 letters, digits, `_`, `.` or `-`. It never changes.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// 1 to 100,000 values, each a text, number or boolean, or `{value, label?, synonyms?}`.
    #[schema(value_type = Vec<Member>)]
    pub values: Vec<Value>,
}

/// A set's new values, whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedValueSet {
    #[serde(default)]
    pub description: String,
    #[schema(value_type = Vec<Member>)]
    pub values: Vec<Value>,
    /// The revision that was read. When the set has moved on since, nothing is saved; absent: the newest is replaced.
    pub revision: Option<i64>,
}

/// A value set without its values.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSetSummary {
    pub value_set_id: ValueSetId,
    pub name: String,
    pub description: String,
    /// Grows by one with every save.
    pub revision: i64,
    /// How many values it has.
    pub size: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A value set.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSet {
    #[serde(flatten)]
    pub summary: ValueSetSummary,
    pub values: Vec<Member>,
}

impl From<SetRow> for ValueSetSummary {
    fn from(row: SetRow) -> Self {
        Self {
            value_set_id: row.id,
            name: row.name,
            description: row.description,
            revision: row.revision,
            size: row.size,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

async fn read(db: &Db, workspace: WorkspaceId, id: ValueSetId) -> Result<ValueSet, ApiError> {
    let found = value_sets::get(db, workspace, id).await?;
    let (row, values) = found.ok_or_else(|| ApiError::not_found("value set"))?;
    Ok(ValueSet { summary: row.into(), values })
}

/// Checks a set; every problem is listed at once.
fn check(name: Option<&str>, description: &str, values: &[Value]) -> Result<Vec<Member>, ApiError> {
    let mut problems = Vec::new();
    if name.is_some_and(|name| !value_set::is_name(name)) {
        let rule = format!("must be 1 to {SET_NAME_MAX} letters, digits, `_`, `.` or `-`");
        problems.push(Detail::new("name", rule));
    }
    if description.chars().count() > DESCRIPTION_MAX {
        let rule = format!("has more than {DESCRIPTION_MAX} characters");
        problems.push(Detail::new("description", rule));
    }
    match value_set::read(values, "values") {
        Ok(members) if problems.is_empty() => return Ok(members),
        Ok(_) => {}
        Err(found) => problems.extend(found.into_iter().map(Detail::from)),
    }
    Err(ApiError::invalid(problems))
}

/// Create a value set
///
/// A list that the rules and accepted values of several campaigns may name. A repeated request is refused, because the name is taken.
#[utoipa::path(
    post, path = "/value-sets", tag = "Value sets", operation_id = "createValueSet",
    request_body = NewValueSet,
    responses((status = 201, description = "The set, at revision 1.", body = Success<ValueSet>), Guarded, Sent, Conflicting)
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<VALUE_SET_BYTES_MAX>,
) -> Result<(StatusCode, Data<ValueSet>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let NewValueSet { name, description, values } = body.read()?;
    let members = check(Some(&name), &description, &values)?;
    let (workspace, id, at) = (caller.workspace, ValueSetId::new(), api.clock.now());
    let draft = SetDraft { workspace, id, name, description, members, at };
    let Some(id) = value_sets::create(&caller.acting(&api.db), &draft).await? else {
        let message = format!("another value set has the name {}", draft.name);
        return Err(ApiError::new(Code::Conflict, message).at("name"));
    };
    Ok((StatusCode::CREATED, Data(read(&api.db, workspace, id).await?)))
}

/// Save a value set
///
/// Replaces the values. Every process sees them a second later at most, in all campaign revisions that name the set, also for submissions
/// that are under way.
#[utoipa::path(
    put, path = "/value-sets/{valueSetId}", tag = "Value sets", operation_id = "saveValueSet",
    params(("valueSetId" = ValueSetId, Path)),
    request_body = ChangedValueSet,
    responses((status = 200, description = "The set as saved.", body = Success<ValueSet>), Guarded, Absent, Sent, Saving)
)]
pub async fn save(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ValueSetId>,
    body: Body<VALUE_SET_BYTES_MAX>,
) -> Result<Data<ValueSet>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let ChangedValueSet { description, values, revision } = body.read()?;
    let members = check(None, &description, &values)?;
    let (workspace, at) = (caller.workspace, api.clock.now());
    let draft = SetDraft { workspace, id, name: String::new(), description, members, at };
    let saved = value_sets::save(&caller.acting(&api.db), &draft, revision).await?;
    let set = read(&api.db, workspace, id).await?;
    if !saved {
        let message = format!("the value set is at revision {}", set.summary.revision);
        return Err(ApiError::new(Code::RevisionConflict, message).at("revision"));
    }
    Ok(Data(set))
}

/// Show a value set
#[utoipa::path(
    get, path = "/value-sets/{valueSetId}", tag = "Value sets", operation_id = "getValueSet",
    params(("valueSetId" = ValueSetId, Path)),
    responses((status = 200, description = "The set with all its values.", body = Success<ValueSet>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ValueSetId>,
) -> Result<Data<ValueSet>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    Ok(Data(read(&api.db, caller.workspace, id).await?))
}

/// Which value sets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ValueSetQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ValueSetId>,
}

/// List value sets
///
/// Oldest first, without their values.
#[utoipa::path(
    get, path = "/value-sets", tag = "Value sets", operation_id = "listValueSets",
    params(ValueSetQuery),
    responses((status = 200, description = "A page of sets.", body = Success<Page<ValueSetSummary>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<ValueSetQuery>,
) -> Result<Data<Page<ValueSetSummary>>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let limit = query.limit.0;
    let rows = value_sets::list(&api.db, caller.workspace, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &SetRow| row.id.to_string())))
}

/// Delete a value set
///
/// Refused while the newest revision of a campaign, or a segment's rule, names it. Submissions under an older revision still find its values.
#[utoipa::path(
    delete, path = "/value-sets/{valueSetId}", tag = "Value sets", operation_id = "deleteValueSet",
    params(("valueSetId" = ValueSetId, Path)),
    responses((status = 200, description = "The set as it was.", body = Success<ValueSetSummary>), Guarded, Absent, Conflicting)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ValueSetId>,
) -> Result<Data<ValueSetSummary>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let set = read(&api.db, caller.workspace, id).await?.summary;
    let mut users = users(&api.db, caller.workspace, &set.name).await?;
    let naming = segments::naming_set(api.db.read(), caller.workspace, &set.name).await?;
    users.extend(naming.iter().take(NAMED_MAX).map(|name| format!("segment \"{name}\"")));
    if !users.is_empty() {
        let message = format!("it is named by {}", users.join(", "));
        return Err(ApiError::new(Code::Conflict, message));
    }
    value_sets::delete(&caller.acting(&api.db), caller.workspace, id, api.clock.now()).await?;
    Ok(Data(set))
}

/// The campaigns whose newest revision names the set: code and place, archived campaigns too.
async fn users(db: &Db, workspace: WorkspaceId, name: &str) -> Result<Vec<String>, ApiError> {
    let (mut users, mut cursor) = (Vec::new(), None);
    loop {
        let page = campaigns::list(db, workspace, cursor, true, READ_AT_ONCE).await?;
        cursor = page.last().map(|row| row.id);
        let is_last = page.len() < READ_AT_ONCE as usize;
        for row in page {
            // A revision that this program cannot read names no set that it would know.
            let Ok(config) = serde_json::from_value::<CampaignConfig>(row.config.0) else {
                continue;
            };
            let mut named = config.named_sets().into_iter().filter(|(_, set)| *set == name);
            users.extend(named.next().map(|(path, _)| format!("{} (config.{path})", row.code)));
        }
        if is_last || users.len() >= NAMED_MAX {
            users.truncate(NAMED_MAX);
            return Ok(users);
        }
    }
}
