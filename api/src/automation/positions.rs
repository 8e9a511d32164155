//! GET /campaigns/{id}/automation/positions: how many leads wait where.
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    campaigns::show::read,
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    ids::CampaignId,
    store::automation::explain::{self, StepCount},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A step of a workflow at which leads wait.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingStep {
    pub step_id: String,
    /// How many leads wait at it.
    pub leads: i64,
    /// When the next of them goes on.
    pub next_due_at: DateTime<Utc>,
}

/// A workflow in which leads wait.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingWorkflow {
    pub workflow_id: String,
    /// How many leads are in it.
    pub leads: i64,
    /// By the step's id. Those at which nobody waits are left out.
    pub steps: Vec<WaitingStep>,
}

/// The campaign's workflows in which leads wait, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingLeads {
    pub items: Vec<WaitingWorkflow>,
}

impl WaitingLeads {
    /// The counts come by workflow.
    fn of(counts: Vec<StepCount>) -> Self {
        let mut items: Vec<WaitingWorkflow> = Vec::new();
        for count in counts {
            let step = WaitingStep {
                step_id: count.step_id,
                leads: count.leads,
                next_due_at: count.next_due_at,
            };
            match items.last_mut().filter(|one| one.workflow_id == count.workflow_id) {
                Some(one) => {
                    one.leads += count.leads;
                    one.steps.push(step);
                }
                None => items.push(WaitingWorkflow {
                    workflow_id: count.workflow_id,
                    leads: count.leads,
                    steps: vec![step],
                }),
            }
        }
        Self { items }
    }
}

/// Count the leads in workflows
///
/// By workflow and step, with the time at which the next one goes on.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/automation/positions", tag = "Automation", operation_id = "getWorkflowPositions",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "Who waits where.", body = Success<WaitingLeads>), Guarded, Absent)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
) -> Result<Data<WaitingLeads>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    read(&api.db, caller.workspace, campaign).await?;
    let counts = explain::waiting(&api.db, caller.workspace, campaign).await?;
    Ok(Data(WaitingLeads::of(counts)))
}
