//! Something that happened, as it is noted where it happens: what, to whom, and what is to be said of it.
use super::Event;
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    submission::End,
};
use serde::Serialize;
use std::borrow::Cow;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub workspace: WorkspaceId,
    pub event: Event,
    pub about: About,
    pub facts: Facts,
    pub at: Time,
}

/// What it happened to. Who that is, is found out if anybody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A submission, to this campaign.
    Submission(SubmissionId, CampaignId),
    /// A lead, in its own campaign.
    Lead(LeadId),
    Contact(ContactId),
}

/// What is kept of it. It says nothing of who the person is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The submission's, the lead's or the contact's status after it.
    pub status: Cow<'static, str>,
    /// The status before, where a status changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<Cow<'static, str>>,
    /// The buyer's own id of the lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_lead_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The submission by which another campaign tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_submission_id: Option<SubmissionId>,
    /// What a first action is: `voice`, `sms`, `webhook`, `human_review`, and until when the lead waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Somebody corrected an end that was told before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub corrected: bool,
}
