//! /properties: the fields that a workspace made up for its contacts.
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::{Id, Limit, Query},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    contact::{
        PropertyKind,
        property::{
            PROPERTIES_MAX, PROPERTY_DESCRIPTION_MAX, PROPERTY_KEY_MAX, PROPERTY_NAME_MAX, is_key,
            key_of,
        },
    },
    ids::PropertyId,
    store::properties::{self, Changes, Created},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A property to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "Date Eligible", "kind": "date"}))]
pub struct NewProperty {
    /// 1 to 100 characters.
    pub name: String,
    /// What rules, searches and payloads call it: 1 to 64 lower-case letters, digits and `_`, a letter first. Made from the name unless
    /// given. It never changes.
    pub key: Option<String>,
    /// At most 1,000 characters.
    #[serde(default)]
    pub description: String,
    /// It never changes.
    pub kind: PropertyKind,
    /// Whether rules, segments and searches may read it; true unless given.
    #[serde(default = "yes")]
    pub indexed: bool,
}

fn yes() -> bool {
    true
}

/// What of a property is changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "Eligible from"}))]
pub struct ChangedProperty {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// At most 1,000 characters.
    pub description: Option<String>,
    pub indexed: Option<bool>,
}

/// A field that the workspace made up for its contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    pub property_id: PropertyId,
    /// Rules read `property.<key>`.
    pub key: String,
    pub name: String,
    pub description: String,
    pub kind: PropertyKind,
    pub indexed: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<properties::Property> for Property {
    fn from(row: properties::Property) -> Self {
        Self {
            property_id: row.id,
            key: row.key,
            name: row.name,
            description: row.description,
            kind: row.kind,
            indexed: row.indexed,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn check(name: Option<&str>, description: Option<&str>, problems: &mut Vec<Detail>) {
    if let Some(length) = name.map(|name| name.trim().chars().count())
        && !(1..=PROPERTY_NAME_MAX).contains(&length)
    {
        let rule = format!("has {length} characters; 1 to {PROPERTY_NAME_MAX} are allowed");
        problems.push(Detail::new("name", rule));
    }
    if description.is_some_and(|text| text.chars().count() > PROPERTY_DESCRIPTION_MAX) {
        let rule = format!("has more than {PROPERTY_DESCRIPTION_MAX} characters");
        problems.push(Detail::new("description", rule));
    }
}

/// The key that is given, or the one that the name makes.
fn key(form: &NewProperty, problems: &mut Vec<Detail>) -> String {
    match (&form.key, key_of(&form.name)) {
        (Some(key), _) if is_key(key) => return key.clone(),
        (None, Some(key)) => return key,
        (Some(_), _) => {
            let rule = format!(
                "must be 1 to {PROPERTY_KEY_MAX} lower-case letters, digits and `_`, a letter first"
            );
            problems.push(Detail::new("key", rule));
        }
        (None, None) => problems.push(Detail::new("key", "cannot be made from the name; give one")),
    }
    String::new()
}

/// Make a property
///
/// Contacts may have a value of it from now on. A workspace has at most 500.
#[utoipa::path(
    post, path = "/properties", tag = "Properties", operation_id = "createProperty",
    request_body = NewProperty,
    responses((status = 201, description = "The property.", body = Success<Property>), Guarded, Sent, Conflicting)
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Data<Property>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let form: NewProperty = body.read()?;
    let mut problems = Vec::new();
    check(Some(&form.name), Some(&form.description), &mut problems);
    let key = key(&form, &mut problems);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let now = api.clock.now();
    let property = properties::Property {
        id: PropertyId::new(),
        key,
        name: form.name.trim().to_owned(),
        description: form.description,
        kind: form.kind,
        indexed: form.indexed,
        created_at: now,
        updated_at: now,
    };
    match properties::create(&caller.acting(&api.db), caller.workspace, &property).await? {
        Created::Yes => Ok((StatusCode::CREATED, Data(property.into()))),
        Created::KeyTaken => {
            let message = format!("another property has the key {}", property.key);
            Err(ApiError::new(Code::Conflict, message).at("key"))
        }
        Created::Full => {
            let message = format!("the workspace has {PROPERTIES_MAX} properties already");
            Err(ApiError::new(Code::Conflict, message))
        }
    }
}

/// Change a property
///
/// Values that contacts have stay. One that is no longer indexed can no longer be read by rules: segments that do are reported as broken.
#[utoipa::path(
    patch, path = "/properties/{propertyId}", tag = "Properties", operation_id = "changeProperty",
    params(("propertyId" = PropertyId, Path)),
    request_body = ChangedProperty,
    responses((status = 200, description = "The property as it is now.", body = Success<Property>), Guarded, Absent, Sent)
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<PropertyId>,
    body: Body,
) -> Result<Data<Property>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let form: ChangedProperty = body.read()?;
    let mut problems = Vec::new();
    check(form.name.as_deref(), form.description.as_deref(), &mut problems);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let name = form.name.map(|name| name.trim().to_owned());
    let changes = Changes { name, description: form.description, indexed: form.indexed };
    let which = (caller.workspace, id);
    let changed =
        properties::change(&caller.acting(&api.db), which, &changes, api.clock.now()).await?;
    changed.map(|row| Data(row.into())).ok_or_else(|| ApiError::not_found("property"))
}

/// Show a property
#[utoipa::path(
    get, path = "/properties/{propertyId}", tag = "Properties", operation_id = "getProperty",
    params(("propertyId" = PropertyId, Path)),
    responses((status = 200, description = "The property.", body = Success<Property>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<PropertyId>,
) -> Result<Data<Property>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let found = properties::get(&api.db, caller.workspace, id).await?;
    found.map(|row| Data(row.into())).ok_or_else(|| ApiError::not_found("property"))
}

/// Which properties.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PropertyQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<PropertyId>,
}

/// List properties
///
/// Oldest first.
#[utoipa::path(
    get, path = "/properties", tag = "Properties", operation_id = "listProperties",
    params(PropertyQuery),
    responses((status = 200, description = "A page of properties.", body = Success<Page<Property>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<PropertyQuery>,
) -> Result<Data<Page<Property>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let limit = query.limit.0;
    let rows = properties::list(&api.db, caller.workspace, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &properties::Property| row.id.to_string())))
}
