//! GET /leads/{id}/explain: why a lead has its points and its status, and what its campaign would say of it now.
use super::firings::{self, Firing, FiringQuery};
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    leads::status::HistoryLine,
    params::{Id, Query},
    rules::test::RuleTested,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    automation::{Memory, config::Trigger, doc::stars, outcome::FiringKind},
    ids::{CampaignId, ContactId, LeadId},
    lead::LeadStatus,
    store::{
        automation::explain::{self, AskedNow, PositionRow, Standing},
        lead_status,
    },
};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// What is remembered of a reaction to a lead.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RememberedRule {
    /// The id of the scoring rule, the rule or the workflow.
    pub rule_id: String,
    /// How often it fired.
    pub times: i64,
    pub last_at: Option<DateTime<Utc>>,
    /// Whether its condition held when it was last asked (trigger `matches`).
    pub holds: bool,
    /// By trigger: the date, or the beginning of the silence, that has been handled.
    #[schema(value_type = Object)]
    pub marks: BTreeMap<String, String>,
}

/// Where a lead waits in a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowPosition {
    pub workflow_id: String,
    /// The step that it waits at.
    pub step_id: String,
    /// When it goes on.
    pub due_at: DateTime<Utc>,
    pub entered_at: DateTime<Utc>,
    pub moved_at: DateTime<Utc>,
}

impl From<PositionRow> for WorkflowPosition {
    fn from(row: PositionRow) -> Self {
        Self {
            workflow_id: row.workflow_id,
            step_id: row.step_id,
            due_at: row.due_at,
            entered_at: row.entered_at,
            moved_at: row.moved_at,
        }
    }
}

/// What a condition says now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleNow {
    /// `scoring`, `rule` or `workflow`.
    pub kind: FiringKind,
    pub rule_id: String,
    pub rule_name: String,
    /// What it reacts to.
    pub on: Vec<Trigger>,
    /// Whether its condition holds now; one without a condition always does.
    pub holds: bool,
    /// The values compared; null when there is no condition.
    pub said: Option<RuleTested>,
}

impl From<AskedNow> for RuleNow {
    fn from(asked: AskedNow) -> Self {
        Self {
            kind: asked.kind,
            rule_id: asked.id,
            rule_name: asked.name,
            on: asked.on,
            holds: asked.said.as_ref().is_none_or(|said| said.evaluation.matched),
            said: asked.said.map(|said| RuleTested::of(&said.evaluation, said.leaves)),
        }
    }
}

/// Firings that are older than the workspace keeps them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoldedFirings {
    pub count: i64,
    /// The points that they made.
    pub points: i64,
    /// When the last of them was.
    pub until: DateTime<Utc>,
}

impl FoldedFirings {
    fn of(standing: &Standing) -> Option<Self> {
        let until = standing.folded_until?;
        Some(Self { count: standing.folded, points: standing.folded_points, until })
    }
}

/// Why a lead is as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedLead {
    pub lead_id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub lead_status: LeadStatus,
    /// The sum of its firings' points.
    pub points: i64,
    pub stars: f64,
    pub points_per_star: i64,
    /// How many firings it has.
    pub firing_count: i64,
    /// The newest, page by page.
    pub firings: Page<Firing>,
    /// Those that are no longer kept; null when all are.
    pub folded: Option<FoldedFirings>,
    /// How it came to its status, first to last.
    pub history: Vec<HistoryLine>,
    /// By the rule's id.
    pub remembered: Vec<RememberedRule>,
    /// When its points last faded.
    pub decayed_at: Option<DateTime<Utc>>,
    /// By the workflow's id.
    pub workflows: Vec<WorkflowPosition>,
    /// When the clock looks at it next; it may be earlier than anything happens. Null: never.
    pub next_due_at: Option<DateTime<Utc>>,
    /// What the conditions of its campaign's rules and workflows say now, in the order in which they are asked. Null: the campaign has no
    /// automation that is on and can be evaluated.
    pub now: Option<Vec<RuleNow>>,
}

fn remembered(memory: &Memory) -> Vec<RememberedRule> {
    let rules = memory.rules.iter().map(|(id, one)| RememberedRule {
        rule_id: id.clone(),
        times: one.times,
        last_at: one.last_at,
        holds: one.holds,
        marks: one.marks.clone(),
    });
    rules.collect()
}

/// Explain a lead
///
/// Why it has its points and its status: every firing with what caused it, the values that its condition read then, points and status
/// before and after; the history of its status; what is remembered of it; where it waits;
/// and what the conditions say now.
#[utoipa::path(
    get, path = "/leads/{leadId}/explain", tag = "Automation", operation_id = "explainLead",
    params(("leadId" = LeadId, Path), FiringQuery),
    responses((status = 200, description = "The reasons.", body = Success<ExplainedLead>), Guarded, Absent, Asked)
)]
pub async fn explain(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadId>,
    Query(query): Query<FiringQuery>,
) -> Result<Data<ExplainedLead>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let lead = firings::lead(&api, &caller, id).await?;
    let workspace = caller.workspace;
    let standing = explain::standing(&api.db, workspace, id).await?;
    let memory = standing.as_ref().map(|one| one.memory.0.clone()).unwrap_or_default();
    let history = lead_status::history(&api.db, workspace, id).await?;
    let positions = explain::positions(&api.db, workspace, id).await?;
    let now = explain::ask_now(&api.db, (workspace, id), api.clock.now()).await?;
    Ok(Data(ExplainedLead {
        lead_id: id,
        contact_id: lead.contact_id,
        campaign_id: lead.campaign_id,
        lead_status: lead.lead_status,
        points: lead.points,
        stars: stars(lead.points, lead.points_per_star),
        points_per_star: lead.points_per_star,
        firing_count: standing.as_ref().map_or(0, |one| one.number),
        firings: firings::page(&api, &caller, (id, &query)).await?,
        folded: standing.as_ref().and_then(FoldedFirings::of),
        history: history.into_iter().map(HistoryLine::from).collect(),
        remembered: remembered(&memory),
        decayed_at: memory.decayed_at,
        workflows: positions.into_iter().map(WorkflowPosition::from).collect(),
        next_due_at: standing.and_then(|one| one.due_at),
        now: now.map(|asked| asked.into_iter().map(RuleNow::from).collect()),
    }))
}
