//! GET and PATCH /workspace: the plan, and the zone in which days begin.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    segments::ring_for,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    ids::WorkspaceId,
    plan::Plan,
    segment::check,
    store::workspaces::{self, Change, Settings},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    pub workspace_id: WorkspaceId,
    pub name: String,
    /// What it may use.
    pub plan: Plan,
    /// The zone in which days begin for rules on contacts, by its IANA name.
    pub timezone: String,
}

impl Workspace {
    fn of(workspace_id: WorkspaceId, settings: Settings) -> Self {
        let Settings { name, plan, timezone } = settings;
        Self { workspace_id, name, plan, timezone }
    }
}

/// What of the workspace is to be another. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"timezone": "America/Los_Angeles"}))]
pub struct ChangedWorkspace {
    /// Wants the scope `installation`.
    pub plan: Option<Plan>,
    /// An IANA name.
    pub timezone: Option<String>,
}

/// Show the workspace
#[utoipa::path(
    get, path = "/workspace", tag = "Workspace", operation_id = "getWorkspace",
    responses((status = 200, description = "The key's workspace.", body = Success<Workspace>), Guarded)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
) -> Result<Data<Workspace>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let settings = workspaces::settings(api.db.read(), caller.workspace).await?;
    Ok(Data(Workspace::of(caller.workspace, settings)))
}

/// Change the workspace
///
/// The zone with the scope `admin`, the plan with the scope `installation`. With a lower plan the segments that it does not allow are
/// frozen, their members stay; with a higher one they are built again. With another zone, segments without a zone of their own are built
/// again.
#[utoipa::path(
    patch, path = "/workspace", tag = "Workspace", operation_id = "changeWorkspace",
    request_body = ChangedWorkspace,
    responses((status = 200, description = "The workspace as it is now.", body = Success<Workspace>), Guarded, Sent)
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Workspace>, ApiError> {
    let ChangedWorkspace { plan, timezone } = match body.read() {
        Ok(form) => form,
        Err(error) => {
            caller.require(Scope::Admin)?;
            return Err(error);
        }
    };
    if plan.is_some() {
        caller.require(Scope::Installation)?;
    }
    if plan.is_none() || timezone.is_some() {
        caller.require(Scope::Admin)?;
    }
    if let Some(problem) = timezone.as_deref().and_then(check::zone) {
        return Err(ApiError::invalid_at(problem.path, problem.message));
    }
    let (workspace, change) = (caller.workspace, Change { plan, timezone });
    let changed =
        workspaces::change(&caller.acting(&api.db), workspace, &change, api.clock.now()).await?;
    for (segment, generation) in changed.to_build {
        ring_for(&api, segment, generation);
    }
    Ok(Data(Workspace::of(workspace, changed.settings)))
}
