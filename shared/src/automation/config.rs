//! A campaign's automation as the API takes it: one strict document, saved as a whole.
use super::Distance;
use crate::{
    ids::{CampaignId, SegmentId},
    lead::LeadStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that a campaign does with its leads by itself, beside the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutomationConfig {
    /// Nothing of it runs while it is off.
    pub enabled: bool,
    pub scoring: Scoring,
    /// Asked in this order.
    pub rules: Vec<RuleConfig>,
    pub workflows: Vec<WorkflowConfig>,
}

impl Default for AutomationConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            scoring: Scoring::default(),
            rules: Vec::new(),
            workflows: Vec::new(),
        }
    }
}

/// How leads get points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scoring {
    /// Points that make a star; a lead has `points / pointsPerStar` stars, from 0 to 5.
    pub points_per_star: i64,
    /// Points fade while nothing is heard of the contact; they do not when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
    /// Asked in this order, before the automation rules.
    pub rules: Vec<ScoringRule>,
}

impl Default for Scoring {
    fn default() -> Self {
        Self { points_per_star: 10, decay: None, rules: Vec::new() }
    }
}

/// After each such time without an activity, that part of the points is taken away, rounded up to whole points, down to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decay {
    pub every: Distance,
    /// 1 to 100.
    pub percent: i64,
}

/// How often a reaction may fire for a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Once in a lead's life.
    #[default]
    Once,
    /// Each time that its trigger occurs.
    Each,
}

/// Points for what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoringRule {
    /// What firings and memories call it; unique within the document. Another id is another rule.
    pub id: String,
    pub name: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What it reacts to, any of these; `matches` when absent.
    #[serde(default)]
    pub on: Vec<Trigger>,
    /// The condition, in the rule language; none holds always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub when: Option<Value>,
    /// Added, or taken when negative.
    pub points: i64,
    #[serde(default)]
    pub repeat: Repeat,
    /// Whether leads that fit when it is saved are meant, too (triggers `matches` and `inactivity`).
    #[serde(default = "yes")]
    pub existing_leads: bool,
}

/// Actions for what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleConfig {
    /// What firings and memories call it; unique within the document. Another id is another rule.
    pub id: String,
    pub name: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What it reacts to, any of these; `matches` when absent.
    #[serde(default)]
    pub on: Vec<Trigger>,
    /// The condition, in the rule language; none holds always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub when: Option<Value>,
    /// Done in this order.
    pub r#do: Vec<Action>,
    #[serde(default)]
    pub repeat: Repeat,
    /// Whether leads that fit when it is saved are meant, too (triggers `matches` and `inactivity`).
    #[serde(default = "yes")]
    pub existing_leads: bool,
}

/// A list of steps that each lead walks alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowConfig {
    /// What firings and positions call it; unique within the document.
    pub id: String,
    pub name: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What a lead enters by, any of these; `created` when absent.
    #[serde(default)]
    pub on: Vec<Trigger>,
    /// Who enters, in the rule language; everybody when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub when: Option<Value>,
    /// Whether a lead that went through may enter again.
    #[serde(default)]
    pub repeat: Repeat,
    /// Whether leads that are there when it is saved enter, too (trigger `created`).
    #[serde(default)]
    pub existing_leads: bool,
    pub steps: Vec<StepConfig>,
}

/// A step: exactly one of `wait`, `waitUntil`, `if` and `do`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StepConfig {
    /// Unique within the workflow. Leads keep their step by it when the workflow is edited.
    pub id: String,
    /// Waits so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Distance>,
    /// Waits for such a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<WaitUntil>,
    /// Goes on with the next step if this rule holds, with `else` otherwise.
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub condition: Option<Value>,
    /// A step's id, or `end` (the default). Only with `if`.
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
    /// Done in this order.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
}

/// The next such time in the contact's zone, else in the campaign's; a time that is now is not waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WaitUntil {
    /// `HH:MM`.
    pub time: String,
    /// `mon` … `sun`; every day when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
}

/// What a reaction reacts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Trigger {
    /// The condition begins to hold: by a change, by the clock, or because the lead came in so.
    Matches,
    /// The lead came into the campaign.
    Created,
    /// One of these fields changed; those that the condition reads when absent.
    Changed {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<String>,
    },
    /// The contact did something.
    Activity {
        /// `page_visit`, `email_opened`, …
        activity: String,
        /// The activity's name, such as the page's path; `*` stands for any characters. All when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The points reach a number from below, or fall below one; once for each crossing.
    Points {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reach: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fall_below: Option<i64>,
    },
    /// The lead's status became one of these; any when absent. This trigger and `outcome` see leads that are no longer processed, too.
    Status {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<LeadStatus>,
    },
    /// A submission of the lead ended as one of these; any end when absent.
    Outcome {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        is: Vec<String>,
    },
    SegmentEntered {
        segment: SegmentId,
    },
    SegmentLeft {
        segment: SegmentId,
    },
    /// A date of the contact has come.
    Date {
        /// A field that holds a date or a moment, such as `property.renewal`.
        field: String,
        /// So many days after it; before it when negative.
        #[serde(default)]
        days: i64,
        /// `HH:MM` of that day in the contact's zone, else in the campaign's; `09:00` when absent. Not for moments without `days`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        /// Every year again.
        #[serde(default)]
        yearly: bool,
    },
    /// Nothing was heard of the contact for so long, nor did the lead come in.
    Inactivity {
        r#for: Distance,
    },
}

/// What a reaction does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Action {
    /// Ends the turn: what comes after it in the list is done, no other reaction is asked about what happened before.
    SetStatus {
        status: LeadStatus,
    },
    AddPoints {
        points: i64,
    },
    /// A static segment.
    AddToSegment {
        segment: SegmentId,
    },
    RemoveFromSegment {
        segment: SegmentId,
    },
    /// The contact becomes a lead of another campaign, too.
    AddToCampaign {
        campaign: CampaignId,
    },
    /// The lead becomes `deleted`.
    RemoveFromCampaign,
    AddTag {
        tag: String,
    },
    RemoveTag {
        tag: String,
    },
    /// Sends the lead through the campaign's pipeline (again).
    Repost,
    /// Posts the lead somewhere, signed.
    Webhook(WebhookConfig),
    /// Raises a notice.
    Notify {
        message: String,
    },
    /// Hands the lead to the CRM that the workspace is connected with.
    CrmPush,
    /// The lead enters a workflow of this campaign at its first step, wherever it stood.
    StartWorkflow {
        workflow: String,
    },
    StopWorkflow {
        workflow: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    pub url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The name of the secret that it is signed with; not signed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}

fn yes() -> bool {
    true
}
