//! What contacts do: told by a workspace's systems, or seen by a script in its pages.
pub mod list;
pub mod pages;
pub mod record;
pub mod sites;

use crate::Api;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes that want a key.
pub fn keyed() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(record::record))
        .routes(routes!(list::types))
        .routes(routes!(list::of_contact))
        .routes(routes!(sites::create, sites::list))
        .routes(routes!(sites::revoke))
}

/// What pages of other people's websites ask for, outside `/api/v1`.
pub fn open() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(pages::script))
        .routes(routes!(pages::pixel))
        .routes(routes!(pages::beacon))
}
