//! POST /leads: a lead is stored and goes nowhere.
use super::{
    form::LeadForm,
    submit::{TakenIn, answer, arrival, repeat_key, take},
};
use crate::{
    Api,
    answer::{Guarded, Success, TakingIn},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::IdempotencyKey,
};
use axum::{extract::State, http::StatusCode, response::Response};
use shared::submission::Status;
use std::sync::Arc;

const ROUTE: &str = "POST /api/v1/leads";

/// Store a lead
///
/// For imports and migrations: the lead does not go through the pipeline and is not delivered. Submit it later with its `leadId`.
#[utoipa::path(
    post, path = "/leads", tag = "Leads", operation_id = "createLead",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "As for submitting a lead; keys of the two routes are apart.")),
    request_body = LeadForm,
    responses(
        (status = 201, description = "The lead is stored.", body = Success<TakenIn>),
        Guarded, TakingIn
    )
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: LeadForm = body.read()?;
    form.must_be_new()?;
    let repeat = repeat_key(ROUTE, key, &body.raw);
    let arrival = arrival(&api, &caller, form, repeat, false)?;
    let receipt = take(&api, arrival).await?;
    Ok(answer(StatusCode::CREATED, Status::New, receipt))
}
