//! POST and GET /tracking-sites, DELETE /tracking-sites/{id}: whose pages may report visits.
use super::pages;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    activity::visit::{SITE_NAME_MAX, SITES_MAX, site_key},
    ids::SiteId,
    store::activities::sites::{self, Added, SiteRow},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A website whose visits are to be taken in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "shop.example.com"}))]
pub struct NewSite {
    /// 1 to 100 characters; no other site of the workspace that is not revoked has it.
    pub name: String,
}

/// A website that reports visits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    pub site_id: SiteId,
    pub name: String,
    /// Public: who knows it can add visits and nothing else.
    #[schema(example = "trk_4fGh…")]
    pub site_key: String,
    /// What to put into each page.
    pub tag: String,
    pub created_at: DateTime<Utc>,
    /// No visits are taken in since then.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Site {
    fn of(row: SiteRow, public_url: &str) -> Self {
        Self {
            tag: pages::tag(public_url, &row.key),
            site_id: row.id,
            name: row.name,
            site_key: row.key,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The workspace's sites, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sites {
    pub items: Vec<Site>,
}

/// Create a tracking site
///
/// Its `tag` goes into the pages of a website, which then report visits.
#[utoipa::path(
    post, path = "/tracking-sites", tag = "Tracking", operation_id = "createTrackingSite",
    request_body = NewSite,
    responses((status = 201, description = "The site.", body = Success<Site>), Guarded, Sent, Conflicting)
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Data<Site>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let NewSite { name } = body.read()?;
    let name = name.trim().to_owned();
    if !(1..=SITE_NAME_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let why = format!("must be 1 to {SITE_NAME_MAX} characters without control characters");
        return Err(ApiError::invalid_at("name", why));
    }
    let row = SiteRow {
        workspace_id: caller.workspace,
        id: SiteId::new(),
        key: site_key(),
        name,
        created_at: api.clock.now(),
        revoked_at: None,
    };
    let refused = |why: String| Err(ApiError::new(Code::Conflict, why));
    match sites::add(&caller.acting(&api.db), &row).await? {
        Added::Yes => Ok((StatusCode::CREATED, Data(Site::of(row, &api.settings.public_url)))),
        Added::Taken => refused("there is a site of that name".into()),
        Added::Full => refused(format!("the workspace has {SITES_MAX} sites, which is the most")),
    }
}

/// List tracking sites
#[utoipa::path(
    get, path = "/tracking-sites", tag = "Tracking", operation_id = "listTrackingSites",
    responses((status = 200, description = "All of them, revoked ones too.", body = Success<Sites>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<Sites>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let rows = sites::list(&api.db, caller.workspace).await?;
    let items = rows.into_iter().map(|row| Site::of(row, &api.settings.public_url)).collect();
    Ok(Data(Sites { items }))
}

/// Revoke a tracking site
///
/// For good: its key takes in no more visits. Other API processes may believe it for five seconds more. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/tracking-sites/{siteId}", tag = "Tracking", operation_id = "revokeTrackingSite",
    params(("siteId" = SiteId, Path)),
    responses((status = 200, description = "The site, revoked.", body = Success<Site>), Guarded, Absent)
)]
pub async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SiteId>,
) -> Result<Data<Site>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    sites::revoke(&caller.acting(&api.db), caller.workspace, id, api.clock.now()).await?;
    let rows = sites::list(&api.db, caller.workspace).await?;
    let row = rows.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| ApiError::not_found("tracking site"))?;
    api.tracking.forget(&row.key);
    Ok(Data(Site::of(row, &api.settings.public_url)))
}
