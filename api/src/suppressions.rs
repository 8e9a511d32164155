//! POST and DELETE /suppressions, POST /suppressions/check: whom nobody may call or text.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    person,
    store::{
        secrets::SecretError,
        suppressions::{self, Person, Reach, Suppression},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a reason, at most.
pub const REASON_MAX: usize = 200;

/// A person who must not be reached.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100", "channel": "sms", "reason": "asked by mail"}))]
pub struct NewSuppression {
    /// E.164, or a number of the United States.
    pub phone: String,
    #[serde(default)]
    pub channel: Reach,
    /// Why, in at most 200 characters that do not say who; `manual` unless given. A person's own START takes back what has the reason
    /// `stop` and concerns texts.
    pub reason: Option<String>,
}

/// A person who may be reached again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100"}))]
pub struct Lifted {
    pub phone: String,
    /// `all` takes everything back, whatever it was for.
    #[serde(default)]
    pub channel: Reach,
}

/// A person who may or may not be reached.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100"}))]
pub struct Asked {
    pub phone: String,
}

/// By what a person may not be reached.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suppressed {
    /// Empty: by everything the person may be reached.
    pub suppressed: Vec<Reach>,
}

/// Suppress a number
///
/// From now on no campaign of the workspace calls or texts it, whoever the lead is; what is under way goes on. It outlives the person's
/// data: only a hash of the number is kept, so numbers are never listed. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/suppressions", tag = "Suppressions", operation_id = "suppress",
    request_body = NewSuppression,
    responses((status = 200, description = "Everything that the number is suppressed for.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NewSuppression { phone, channel, reason } = body.read()?;
    let reason = reason.unwrap_or_else(|| "manual".to_owned());
    let mut problems = Vec::new();
    if reason.trim().is_empty() || reason.chars().any(char::is_control) {
        problems.push(Detail::new("reason", "must be words without control characters"));
    } else if reason.chars().count() > REASON_MAX {
        problems.push(Detail::new("reason", format!("has more than {REASON_MAX} characters")));
    }
    let hash = match person::phone(&phone, None) {
        Err(why) => {
            problems.insert(0, Detail::new("phone", why));
            return Err(ApiError::invalid(problems));
        }
        Ok(_) if !problems.is_empty() => return Err(ApiError::invalid(problems)),
        Ok(phone) => hash(&api, &caller, &phone).await?,
    };
    let suppression = Suppression {
        channel,
        reason: reason.trim().to_owned(),
        source: caller.by(),
        created_at: api.clock.now(),
    };
    let person = Person { workspace: caller.workspace, hash: &hash };
    suppressions::suppress(&caller.acting(&api.db), person, &suppression).await?;
    known(&api, &caller, &hash).await
}

/// Lift a suppression
///
/// The number may be called or texted again. What stays, say for `all` when `sms` was lifted, is in the answer. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/suppressions", tag = "Suppressions", operation_id = "liftSuppression",
    request_body = Lifted,
    responses((status = 200, description = "Everything that the number is still suppressed for.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let Lifted { phone, channel } = body.read()?;
    let hash = hash_of(&api, &caller, &phone).await?;
    let person = Person { workspace: caller.workspace, hash: &hash };
    let db = caller.acting(&api.db);
    suppressions::unsuppress(&db, person, channel, api.clock.now()).await?;
    known(&api, &caller, &hash).await
}

/// Check a number
///
/// Whether a number is suppressed. Numbers are kept hashed, so one has to be known to be asked for.
#[utoipa::path(
    post, path = "/suppressions/check", tag = "Suppressions", operation_id = "checkSuppression",
    request_body = Asked,
    responses((status = 200, description = "Everything that the number is suppressed for.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn check(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let Asked { phone } = body.read()?;
    let hash = hash_of(&api, &caller, &phone).await?;
    known(&api, &caller, &hash).await
}

async fn known(api: &Api, caller: &Caller, hash: &str) -> Result<Data<Suppressed>, ApiError> {
    let person = Person { workspace: caller.workspace, hash };
    let found = suppressions::find(&api.db, person).await?;
    Ok(Data(Suppressed { suppressed: found.into_iter().map(|one| one.channel).collect() }))
}

async fn hash_of(api: &Api, caller: &Caller, phone: &str) -> Result<String, ApiError> {
    let phone = person::phone(phone, None).map_err(|why| ApiError::invalid_at("phone", why))?;
    hash(api, caller, &phone).await
}

/// By what a number (E.164) is known in the caller's workspace.
pub async fn hash(api: &Api, caller: &Caller, phone: &str) -> Result<String, ApiError> {
    let hash = api.secrets.person_hash(caller.workspace, phone, api.clock.now()).await;
    hash.map_err(|error| match error {
        SecretError::Store(error) => error.into(),
        // The operator must act; the message says how, and holds no key.
        other => {
            tracing::warn!(error = %other, "a number could not be hashed");
            ApiError::new(Code::Conflict, other.to_string())
        }
    })
}
