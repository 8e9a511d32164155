//! /contacts/{id}/timeline, /merge, /export and /erase: a person's story, made one, handed out, forgotten.
use crate::{
    Api,
    error::{ApiError, Code},
    parking::REASON_MAX,
};
use shared::store::secrets::SecretError;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

pub mod erase;
pub mod export;
pub mod merge;
pub mod timeline;

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(timeline::show))
        .routes(routes!(merge::merge))
        .routes(routes!(export::export))
        .routes(routes!(erase::erase))
}

/// Why somebody does it.
fn reason(given: &str) -> Result<String, ApiError> {
    let given = given.trim();
    match given.chars().count() {
        1..=REASON_MAX => Ok(given.to_owned()),
        n => {
            let rule = format!("has {n} characters; 1 to {REASON_MAX} are needed");
            Err(ApiError::invalid_at("reason", rule))
        }
    }
}

/// Numbers are hashed with the workspace's key; when that is out of order, nothing is done.
fn out_of_order(error: SecretError) -> ApiError {
    match error {
        SecretError::Store(error) => error.into(),
        // The operator must act; the message says how, and holds no key.
        other => {
            tracing::warn!(error = %other, "a number could not be hashed");
            ApiError::new(Code::Conflict, other.to_string())
        }
    }
}
