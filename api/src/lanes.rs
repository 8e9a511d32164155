//! Lanes: one for each stage; operators pause and resume them. Lanes belong to the installation, not to a workspace.
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
    parking::REASON_MAX,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    push,
    store::sweeps::{self, PausedLane},
    submission::Stage,
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A stage's lane.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    pub stage: Stage,
    pub is_paused: bool,
    pub reason: Option<String>,
    pub paused_by: Option<String>,
    pub paused_at: Option<DateTime<Utc>>,
    /// Jobs that wait for a free worker; null when the queue cannot be asked.
    pub ready: Option<u64>,
    /// Jobs that wait for their time.
    pub later: Option<u64>,
    /// Jobs in a worker's hands.
    pub running: Option<u64>,
}

/// The nine lanes, in the order of the stages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lanes {
    pub items: Vec<Lane>,
}

/// List lanes
#[utoipa::path(
    get, path = "/lanes", tag = "Operations", operation_id = "listLanes",
    responses((status = 200, description = "All nine.", body = Success<Lanes>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<Lanes>, ApiError> {
    caller.require(Scope::Ops)?;
    Ok(Data(Lanes { items: read(&api).await? }))
}

async fn read(api: &Api) -> Result<Vec<Lane>, ApiError> {
    let paused = sweeps::paused_lanes(&api.db).await?;
    let depths = match &api.depths {
        Some(queue) => queue.depths(&Stage::ALL.map(push::lane)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the queue's depths are not known");
            Vec::new()
        }),
        None => Vec::new(),
    };
    let lanes = Stage::ALL.into_iter().enumerate().map(|(at, stage)| {
        let pause = paused.iter().find(|pause| pause.lane == stage.name());
        let depth = depths.get(at);
        Lane {
            stage,
            is_paused: pause.is_some(),
            reason: pause.map(|pause| pause.reason.clone()),
            paused_by: pause.map(|pause| pause.paused_by.clone()),
            paused_at: pause.map(|pause| pause.paused_at),
            ready: depth.map(|depth| depth.ready),
            later: depth.map(|depth| depth.later),
            running: depth.map(|depth| depth.leased),
        }
    });
    Ok(lanes.collect())
}

/// Why a lane stops.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reason": "the buyer is down for maintenance"}))]
pub struct Pause {
    /// 1 to 500 characters.
    pub reason: String,
}

/// Pause a lane
///
/// Workers finish what they hold and take nothing more of this stage, for all workspaces. A lane that is paused already keeps its first
/// reason.
#[utoipa::path(
    post, path = "/lanes/{stage}/pause", tag = "Operations", operation_id = "pauseLane",
    params(("stage" = Stage, Path)),
    request_body = Pause,
    responses((status = 200, description = "All lanes.", body = Success<Lanes>), Guarded, Absent, Sent)
)]
pub async fn pause(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
    body: Body,
) -> Result<Data<Lanes>, ApiError> {
    caller.require(Scope::Installation)?;
    let stage = stage(&name)?;
    let reason = body.read::<Pause>()?.reason.trim().to_owned();
    let length = reason.chars().count();
    if !(1..=REASON_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {REASON_MAX} are needed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    let lane = stage.name().to_owned();
    let pause = PausedLane { lane, reason, paused_by: caller.by(), paused_at: api.clock.now() };
    sweeps::pause_lane(&caller.acting(&api.db), caller.workspace, &pause).await?;
    Ok(Data(Lanes { items: read(&api).await? }))
}

/// Resume a lane
///
/// Repeating it changes nothing.
#[utoipa::path(
    post, path = "/lanes/{stage}/resume", tag = "Operations", operation_id = "resumeLane",
    params(("stage" = Stage, Path)),
    responses((status = 200, description = "All lanes.", body = Success<Lanes>), Guarded, Absent)
)]
pub async fn resume(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
) -> Result<Data<Lanes>, ApiError> {
    caller.require(Scope::Installation)?;
    let (db, stage, at) = (caller.acting(&api.db), stage(&name)?, api.clock.now());
    sweeps::resume_lane(&db, caller.workspace, stage.name(), at).await?;
    Ok(Data(Lanes { items: read(&api).await? }))
}

fn stage(name: &str) -> Result<Stage, ApiError> {
    Stage::parse(name).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::name).join(", ");
        ApiError::new(Code::NotFound, format!("there is no such lane; the lanes are {known}"))
    })
}
