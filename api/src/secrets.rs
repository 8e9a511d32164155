//! GET /secrets, PUT and DELETE /secrets/{name}: the workspace's credentials, which nobody can read back.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    campaign::config::{SECRET_NAME_MAX, is_secret_name},
    ids::{CampaignId, WorkspaceId},
    secret::Sensitive,
    store::secrets::{self, Deleted, SecretError, SecretRow, Use, Users},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Bytes of a secret's value, at most.
pub const SECRET_BYTES_MAX: usize = 8_192;

/// What is shown of a secret: never its value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Campaigns name it by this: `{"secret": "NAME"}`.
    pub name: String,
    /// The value's last four characters; null when it has fewer than 12.
    pub last_four: Option<String>,
    /// The key of the installation's ring that guards it.
    pub key_id: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The campaigns whose newest revision uses it.
    pub used_by: Vec<SecretUse>,
    /// The agents that use it, by name.
    pub used_by_agents: Vec<String>,
}

/// A campaign that uses a secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretUse {
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
    /// `active`, `paused` or `archived`.
    pub state: String,
}

/// The workspace's secrets, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Secrets {
    pub items: Vec<Secret>,
}

/// A value to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretValue {
    /// 1 to 8,192 bytes without control characters (line breaks within are allowed) or spaces around it.
    #[schema(value_type = String, write_only)]
    pub value: Sensitive,
}

/// That a secret is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretGone {
    pub name: String,
}

/// List secrets
///
/// Their names and who uses them. No route shows a value.
#[utoipa::path(
    get, path = "/secrets", tag = "Secrets", operation_id = "listSecrets",
    responses((status = 200, description = "All of them, by name.", body = Success<Secrets>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<Secrets>, ApiError> {
    caller.require(Scope::SecretsWrite)?;
    Ok(Data(Secrets { items: shown(&api, caller.workspace).await? }))
}

/// Keep a secret
///
/// Under a new name, or in place of the value before: every campaign and agent that names it uses the new value within five seconds. Repeating it
/// changes nothing. The value is encrypted before it is stored.
#[utoipa::path(
    put, path = "/secrets/{secretName}", tag = "Secrets", operation_id = "putSecret",
    params(("secretName" = String, Path, description = "1 to 64 letters, digits, `.`, `_` or `-`.")),
    request_body = SecretValue,
    responses((status = 200, description = "What is shown of it.", body = Success<Secret>), Guarded, Sent, Conflicting)
)]
pub async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
    body: Body,
) -> Result<Data<Secret>, ApiError> {
    caller.require(Scope::SecretsWrite)?;
    let SecretValue { value } = body.read()?;
    check(&name, value.expose())?;
    let secrets = api.secrets.acting(caller.actor());
    secrets.put(caller.workspace, &name, &value, api.clock.now()).await.map_err(refusal)?;
    let found = shown(&api, caller.workspace).await?.into_iter().find(|one| one.name == name);
    Ok(Data(found.ok_or_else(|| ApiError::not_found("secret"))?))
}

/// Delete a secret
///
/// Refused while an agent uses it, or the newest revision of a campaign that is not archived.
#[utoipa::path(
    delete, path = "/secrets/{secretName}", tag = "Secrets", operation_id = "deleteSecret",
    params(("secretName" = String, Path)),
    responses((status = 200, description = "It is gone.", body = Success<SecretGone>), Guarded, Absent, Conflicting)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
) -> Result<Data<SecretGone>, ApiError> {
    caller.require(Scope::SecretsWrite)?;
    let secrets = api.secrets.acting(caller.actor());
    match secrets.delete(caller.workspace, &name, api.clock.now()).await? {
        Deleted::Gone => Ok(Data(SecretGone { name })),
        Deleted::Absent => Err(ApiError::not_found("secret")),
        Deleted::Used(users) => Err(ApiError::new(Code::Conflict, still_used(&name, &users))),
    }
}

fn still_used(name: &str, users: &Users) -> String {
    let campaigns = users.campaigns.iter().map(|one| format!("{} ({})", one.name, one.code));
    let (campaigns, agents) = (campaigns.collect::<Vec<_>>().join(", "), users.agents.join(", "));
    match (campaigns.as_str(), agents.as_str()) {
        (campaigns, "") => format!("campaigns use the secret {name}: {campaigns}"),
        ("", agents) => format!("agents use the secret {name}: {agents}"),
        (campaigns, agents) => {
            format!("campaigns and agents use the secret {name}: {campaigns}; {agents}")
        }
    }
}

fn check(name: &str, value: &str) -> Result<(), ApiError> {
    if !is_secret_name(name) {
        let rule = format!("must be 1 to {SECRET_NAME_MAX} letters, digits, `.`, `_` or `-`");
        return Err(ApiError::invalid_at("secretName", rule));
    }
    let stray = |c: char| c.is_control() && c != '\n';
    let wrong = match value.len() {
        0 => "must not be empty".to_owned(),
        n if n > SECRET_BYTES_MAX => {
            format!("has {n} bytes; at most {SECRET_BYTES_MAX} are allowed")
        }
        _ if value.trim() != value => "has spaces or line breaks around it".to_owned(),
        _ if value.contains(stray) => "contains control characters".to_owned(),
        _ => return Ok(()),
    };
    Err(ApiError::invalid_at("value", wrong))
}

async fn shown(api: &Api, workspace: WorkspaceId) -> Result<Vec<Secret>, ApiError> {
    let rows = secrets::list(&api.db, workspace).await?;
    let uses = secrets::uses(api.db.read(), workspace).await?;
    let agents = secrets::agent_uses(api.db.read(), workspace).await?;
    Ok(rows.into_iter().map(|row| one(row, &uses, &agents)).collect())
}

fn one(row: SecretRow, uses: &[Use], agents: &[(String, String)]) -> Secret {
    let agents = agents.iter().filter(|(secret, _)| *secret == row.name);
    let uses = uses.iter().filter(|one| one.secret_name == row.name);
    let used_by = uses.map(|one| SecretUse {
        campaign_id: one.campaign_id,
        code: one.code.clone(),
        name: one.name.clone(),
        state: one.state.clone(),
    });
    Secret {
        used_by: used_by.collect(),
        used_by_agents: agents.map(|(_, agent)| agent.clone()).collect(),
        name: row.name,
        last_four: row.last_four,
        key_id: row.ring_key,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(crate) fn refusal(error: SecretError) -> ApiError {
    match error {
        SecretError::Store(error) => error.into(),
        // The operator must act; the message says how, and holds no key.
        other => {
            tracing::warn!(error = %other, "a secret could not be kept");
            ApiError::new(Code::Conflict, other.to_string())
        }
    }
}
