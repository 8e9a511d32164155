//! /health/live: the process answers. /health/ready: the database answers too, and has the schema that this program needs.
use crate::{
    Api,
    answer::{Data, Open, Success},
    error::{ApiError, Code},
};
use axum::extract::State;
use serde::Serialize;
use shared::store::migrate;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How long the database may take to answer.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    pub status: String,
}

/// Is the process alive?
#[utoipa::path(
    get, path = "/health/live", tag = "Health", operation_id = "live", security(()),
    responses((status = 200, description = "It is.", body = Success<Health>))
)]
pub async fn live() -> Data<Health> {
    Data(Health { status: "live".to_owned() })
}

/// Can it serve requests?
#[utoipa::path(
    get, path = "/health/ready", tag = "Health", operation_id = "ready", security(()),
    responses((status = 200, description = "It can.", body = Success<Health>), Open)
)]
pub async fn ready(State(api): State<Arc<Api>>) -> Result<Data<Health>, ApiError> {
    let not_now = |message: &str| ApiError::new(Code::Unavailable, message);
    match tokio::time::timeout(DATABASE_PATIENCE, migrate::applied(&api.db)).await {
        Ok(Ok(version)) if version >= migrate::latest() => {
            Ok(Data(Health { status: "ready".to_owned() }))
        }
        Ok(Ok(_)) => Err(not_now("the database has not got this program's schema; run migrate")),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(not_now("the database did not answer within 2 seconds")),
    }
}
