//! GET and PUT /workspace/retention: how long the workspace keeps what, and how far forgetting has come.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Detail},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::WorkspaceId,
    retention::{ALL, Kind},
    store::retention::{self, Periods},
};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(show, save))
}

/// How long one kind of data is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptKind {
    pub kind: Kind,
    /// What goes after so many days, and what stays.
    pub about: &'static str,
    /// What the workspace has set; null: the default holds.
    pub days: Option<i64>,
    /// Null: for ever.
    pub default_days: Option<i64>,
    pub min_days: i64,
    pub max_days: i64,
    /// What is over and older than this is gone. Null: nothing was looked at yet.
    pub done_until: Option<DateTime<Utc>>,
    /// Things that are older and were not over when they were looked at; they go as soon as they are.
    pub left: i64,
}

/// How long the workspace keeps what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    pub kinds: Vec<KeptKind>,
}

/// Days by kind. Null or absent: the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"payloads": 90, "journeys": 365, "activities": null}))]
pub struct NewRetention {
    pub payloads: Option<i64>,
    pub journeys: Option<i64>,
    pub activities: Option<i64>,
    pub attempts: Option<i64>,
    pub conversations: Option<i64>,
    pub firings: Option<i64>,
    pub webhooks: Option<i64>,
    pub imports: Option<i64>,
    pub audit: Option<i64>,
    pub duplicates: Option<i64>,
}

impl NewRetention {
    fn days(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Payloads => self.payloads,
            Kind::Journeys => self.journeys,
            Kind::Activities => self.activities,
            Kind::Attempts => self.attempts,
            Kind::Conversations => self.conversations,
            Kind::Firings => self.firings,
            Kind::Webhooks => self.webhooks,
            Kind::Imports => self.imports,
            Kind::Audit => self.audit,
            Kind::Duplicates => self.duplicates,
        }
    }

    /// The periods, or everything that is wrong with them.
    fn checked(&self) -> Result<Periods, ApiError> {
        let (mut periods, mut problems) = (Periods::new(), Vec::new());
        for rule in &ALL {
            let Some(days) = self.days(rule.kind) else { continue };
            match rule.problem(days) {
                None => drop(periods.insert(rule.kind, days)),
                Some(message) => problems.push(Detail::new(rule.name, message)),
            }
        }
        if problems.is_empty() { Ok(periods) } else { Err(ApiError::invalid(problems)) }
    }
}

/// Show how long what is kept
///
/// Every kind of data that can go, with its period, the default and its limits, and how far forgetting has come. Scope: admin.
#[utoipa::path(
    get, path = "/workspace/retention", tag = "Workspace", operation_id = "getRetention",
    responses((status = 200, description = "The periods of all kinds.", body = Success<Retention>), Guarded)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
) -> Result<Data<Retention>, ApiError> {
    caller.require(Scope::Admin)?;
    Ok(Data(read(&api, caller.workspace).await?))
}

/// Say how long what is kept
///
/// Replaces all periods: a kind that is null or absent has its default again. What is older goes within the hour, in steps, and cannot be
/// brought back; what is not over yet stays, however old it is. Scope: admin.
#[utoipa::path(
    put, path = "/workspace/retention", tag = "Workspace", operation_id = "saveRetention",
    request_body = NewRetention,
    responses((status = 200, description = "The periods as they are now.", body = Success<Retention>), Guarded, Sent)
)]
pub async fn save(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Retention>, ApiError> {
    caller.require(Scope::Admin)?;
    let periods = body.read::<NewRetention>()?.checked()?;
    let by = (&caller.actor(), api.clock.now());
    retention::put(&api.db, caller.workspace, &periods, by).await?;
    Ok(Data(read(&api, caller.workspace).await?))
}

async fn read(api: &Api, workspace: WorkspaceId) -> Result<Retention, ApiError> {
    let periods = retention::periods(&api.db, workspace).await?;
    let progress = retention::progress(&api.db, workspace).await?;
    let kind = |rule: &'static shared::retention::Rule| {
        let come = progress.get(&rule.kind).copied().unwrap_or_default();
        KeptKind {
            kind: rule.kind,
            about: rule.about,
            days: periods.get(&rule.kind).copied(),
            default_days: rule.default_days,
            min_days: rule.days_min,
            max_days: rule.days_max(),
            done_until: come.done_until,
            left: come.left,
        }
    };
    Ok(Retention { kinds: ALL.iter().map(kind).collect() })
}
