//! POST /campaigns: a new campaign, active at once or from its start.
use super::{
    form::{self, CODE_LEN},
    show::{Campaign, read},
    window,
};
use crate::{
    Api,
    answer::{Conflicting, Data, Guarded, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use shared::{
    campaign::{CampaignConfig, is_code},
    ids::CampaignId,
    key,
    store::{
        campaign_window::Window,
        campaigns::{self, Draft},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Codes made up before the API gives up: of three characters there are 46,656, so a fourth makes room when many are taken.
const TRIES: usize = 8;

/// A campaign to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "Solar California", "code": "SOL",
    "config": {
        "duplicates": {"windowDays": 30},
        "disqualification": [
            {"name": "Not in California", "rule": {"field": "address.state", "operator": "notEquals", "value": "CA"}}
        ]
    }
}))]
pub struct NewCampaign {
    /// 1 to 120 characters.
    pub name: String,
    /// 2 to 5 capital letters or digits, not used by another campaign; made up when absent. With a code, a repeated request is
    /// refused rather than done twice.
    #[schema(example = "SOL")]
    pub code: Option<String>,
    /// See the schema; every part is optional.
    #[schema(value_type = CampaignConfig)]
    pub config: Value,
    /// When it begins to take leads. One that begins later is paused until then.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it is paused; after `startsAt`, and not before now.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Create a campaign
///
/// All problems are listed at once, with paths that begin with `config.` for what is in the configuration.
#[utoipa::path(
    post, path = "/campaigns", tag = "Campaigns", operation_id = "createCampaign",
    request_body = NewCampaign,
    responses(
        (status = 201, description = "The campaign at revision 1: active, or paused until its start.", body = Success<Campaign>),
        Guarded, Sent, Conflicting
    )
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<(StatusCode, Data<Campaign>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let NewCampaign { name, code, config, starts_at, ends_at } = body.read()?;
    let mut problems = Vec::new();
    let now = api.clock.now();
    let window = window::check((starts_at, ends_at), Window::default(), now, &mut problems);
    if code.as_deref().is_some_and(|code| !is_code(code)) {
        problems.push(Detail::new("code", "must be 2 to 5 capital letters or digits"));
    }
    let config = form::check(&api, &caller, None, (&name, config), problems).await?;
    let draft = draft(&api, &caller, (CampaignId::new(), &name), &config);
    store(&api, &caller, (draft, window), code).await.map(|row| (StatusCode::CREATED, Data(row)))
}

/// The checked form as a request to the store; the code is still open.
pub(super) fn draft(
    api: &Api,
    caller: &Caller,
    (id, name): (CampaignId, &str),
    config: &CampaignConfig,
) -> Draft {
    Draft {
        workspace: caller.workspace,
        id,
        code: String::new(),
        name: name.trim().to_owned(),
        dedup_days: config.duplicates.as_ref().map(|duplicates| duplicates.window_days),
        config: serde_json::to_value(config).expect("a configuration is plain data"),
        at: api.clock.now(),
    }
}

/// Stores it under the code that was asked for, or under one that is free.
async fn store(
    api: &Api,
    caller: &Caller,
    (mut draft, window): (Draft, Window),
    code: Option<String>,
) -> Result<Campaign, ApiError> {
    for attempt in 0..TRIES {
        draft.code = code.clone().unwrap_or_else(|| made_up(CODE_LEN + attempt / (TRIES / 2)));
        match campaigns::create_dated(&caller.acting(&api.db), &draft, window).await {
            Ok(()) => return Ok(read(&api.db, draft.workspace, draft.id).await?.into()),
            Err(error) if error.is_taken() && code.is_none() => {}
            Err(error) if error.is_taken() => {
                let message = format!("another campaign has the code {}", draft.code);
                return Err(ApiError::new(Code::Conflict, message).at("code"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::new(Code::Conflict, "no free code was found; choose one").at("code"))
}

/// Random capital letters and digits.
fn made_up(length: usize) -> String {
    let mut code = String::new();
    while code.len() < length {
        let fits = |c: &char| c.is_ascii_uppercase() || c.is_ascii_digit();
        code.extend(key::token().chars().filter(fits).take(length - code.len()));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_made_up_is_a_code() {
        for length in [CODE_LEN, CODE_LEN + 1] {
            let code = made_up(length);
            assert!(is_code(&code) && code.len() == length, "{code}");
        }
    }
}
