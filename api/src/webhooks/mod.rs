//! /webhooks: who is told what happens, what they were told, and what came of it.
pub mod form;
pub mod log;
pub mod manage;
pub mod replay;

use crate::Api;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes about webhooks.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(manage::create, manage::list))
        .routes(routes!(manage::show, manage::change, manage::delete))
        .routes(routes!(manage::rotate))
        .routes(routes!(manage::test))
        .routes(routes!(log::list))
        .routes(routes!(log::show))
        .routes(routes!(replay::one))
        .routes(routes!(replay::many))
}
