//! What follows for a lead: firings to log, and what is to be done outside its own row.
use super::config::WebhookConfig;
use crate::{
    clock::Time,
    ids::{CampaignId, SegmentId},
    lead::LeadStatus,
};
use serde::Serialize;
use serde_json::Value;

/// All that follows from what happened, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub firings: Vec<Firing>,
    pub effects: Vec<Effect>,
    /// When the clock may next make something of the lead, reckoned from what is known now.
    pub due_at: Option<Time>,
    /// Points, memory or positions changed, so that the lead's row has to be written.
    pub changed: bool,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    pub number: i64,
    pub kind: FiringKind,
    pub rule_id: String,
    pub rule_name: String,
    /// `{"type": "activity", "activityId": …, "activity": "page_visit", "name": "/pricing"}` and the like.
    pub cause: Value,
    /// Fields that the condition reads, and their values.
    pub facts: Value,
    pub points: i64,
    pub points_after: i64,
    pub status_before: LeadStatus,
    pub status_after: LeadStatus,
    /// `[{"type": "setStatus", "before": "active", "after": "qualified"}, {"type": "addTag", "tag": "hot"}, …]`; one that was left says
    /// `"left": "why"`.
    pub actions: Vec<Value>,
    pub at: Time,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FiringKind {
    Scoring,
    Rule,
    Workflow,
    Decay,
    ByHand,
}

/// Something to do outside the lead's own row, for a firing.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The number of the firing, and which of its actions, from 0.
    pub firing: i64,
    pub action: i64,
    pub rule_id: String,
    pub rule_name: String,
    pub want: Want,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    Status { to: LeadStatus },
    Tag { tag: String, add: bool },
    Segment { segment: SegmentId, add: bool },
    Campaign(CampaignId),
    Notify { message: String },
    Repost,
    Webhook(WebhookConfig),
    CrmPush,
}
