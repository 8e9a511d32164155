//! Leads that move by themselves: what a campaign reacts to, and why a lead has the points and the status that it has.
pub mod document;
pub mod dry_run;
pub mod explain;
pub mod firings;
pub mod jobs;
pub mod points;
pub mod positions;
pub mod save;

use crate::Api;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes about a campaign's automation, and about what it did to a lead.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(document::show, save::save))
        .routes(routes!(document::revisions))
        .routes(routes!(positions::list))
        .routes(routes!(dry_run::run))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::retry))
        .routes(routes!(explain::explain))
        .routes(routes!(firings::list))
        .routes(routes!(points::give))
}
