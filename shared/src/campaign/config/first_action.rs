//! What must happen before delivery: a call, a text, a review or a webhook's answer, and what a wait that nobody ended leads to.
use super::{auth::HeaderText, secret_ref::SecretRef};
use crate::outreach::{hours::CallingHours, report::CallOutcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Minutes that a first action may wait: a quarter of a year.
pub const DEADLINE_MINUTES_MAX: i64 = 129_600;
/// How often an action may be started over after its deadline, at most.
pub const DEADLINE_RETRIES_MAX: i64 = 5;

/// What must happen before delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FirstAction {
    pub kind: ActionKind,
    /// For a webhook: where to POST `{leadId, submissionId, campaignId, resumeUrl, deadline}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How long the lead waits at most.
    pub deadline_minutes: i64,
    /// What happens then.
    #[serde(default)]
    pub on_deadline: OnDeadline,
    /// Only with `onDeadline` `retry`: how often the action is started over, 1 to 5; once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_retries: Option<i64>,
    /// Only with `onDeadline` `retry`: what happens after the last time; `disqualify` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_retries: Option<AfterRetries>,
    /// Only, and always, with the kind `voice_ai`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<VoiceAction>,
    /// Only, and always, with the kind `sms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsAction>,
    /// Only with the kind `human_review`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewAction>,
    /// Only with the kind `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookAction>,
}

impl FirstAction {
    /// How often the action is started over after its deadline.
    pub fn retries(&self) -> i64 {
        if self.on_deadline == OnDeadline::Retry { self.deadline_retries.unwrap_or(1) } else { 0 }
    }

    /// What the deadline leads to when the action has been started over `done` times before.
    pub fn at_deadline(&self, done: i64) -> OnDeadline {
        match self.on_deadline {
            OnDeadline::Retry if done >= self.retries() => {
                self.after_retries.unwrap_or_default().into()
            }
            given => given,
        }
    }

    /// How a review is shown; the usual way when nothing is said.
    pub fn review(&self) -> ReviewAction {
        self.review.clone().unwrap_or_default()
    }

    /// How a webhook is sent; the usual way when nothing is said.
    pub fn webhook(&self) -> WebhookAction {
        self.webhook.clone().unwrap_or_default()
    }
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    HumanReview,
    Webhook,
    /// A voice agent calls the person.
    VoiceAi,
    /// The person is sent a text.
    Sms,
}

impl ActionKind {
    pub const ALL: [Self; 4] = [Self::HumanReview, Self::Webhook, Self::VoiceAi, Self::Sms];

    /// The word in tables and URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::HumanReview => "human_review",
            Self::Webhook => "webhook",
            Self::VoiceAi => "voice_ai",
            Self::Sms => "sms",
        }
    }

    /// Whether a person is called or texted.
    pub fn is_outreach(self) -> bool {
        matches!(self, Self::VoiceAi | Self::Sms)
    }

    /// Reads [`ActionKind::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The words in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::HumanReview => "a human review",
            Self::Webhook => "a webhook's answer",
            Self::VoiceAi => "a call",
            Self::Sms => "an answer to a text",
        }
    }
}

/// What a wait that nobody ended leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// The lead goes on as if the answer had been yes.
    Continue,
    /// The lead is disqualified, and a fallback may take it.
    #[default]
    Disqualify,
    /// The lead is rejected.
    Reject,
    /// The action is started over.
    Retry,
    /// The campaigns of the fallback list are tried. When none takes the lead, it ends as `no_contact` after a call or a text, and as
    /// `failed` after a review or a webhook.
    Fallback,
}

impl OnDeadline {
    pub const ALL: [Self; 5] =
        [Self::Continue, Self::Disqualify, Self::Reject, Self::Retry, Self::Fallback];

    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Disqualify => "disqualify",
            Self::Reject => "reject",
            Self::Retry => "retry",
            Self::Fallback => "fallback",
        }
    }

    /// Reads [`OnDeadline::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.name() == name)
    }
}

/// What the deadline leads to when the action was started over as often as it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterRetries {
    Continue,
    #[default]
    Disqualify,
    Reject,
    Fallback,
}

impl From<AfterRetries> for OnDeadline {
    fn from(after: AfterRetries) -> Self {
        match after {
            AfterRetries::Continue => Self::Continue,
            AfterRetries::Disqualify => Self::Disqualify,
            AfterRetries::Reject => Self::Reject,
            AfterRetries::Fallback => Self::Fallback,
        }
    }
}

/// What becomes of a lead whom nobody reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnNoContact {
    /// It ends as `no_contact`.
    #[default]
    NoContact,
    /// It goes on as if the person had been reached.
    Continue,
    Disqualify,
    Reject,
    /// The campaigns of the fallback list are tried; the lead is disqualified when none takes it.
    Fallback,
}

/// What the end of a call leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallEffect {
    /// The lead goes on.
    Continue,
    /// The person is called again, as long as attempts are left.
    Retry,
    /// Nobody calls again by itself: somebody resumes the lead, or the deadline comes.
    Wait,
    Disqualify,
    Reject,
}

/// How a voice agent calls the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VoiceAction {
    /// The name of a voice agent of the workspace.
    pub agent: String,
    /// Calls test leads; `agent` does when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_agent: Option<String>,
    /// Calls that count, at most: 1 to 10.
    #[serde(default = "max_attempts")]
    pub max_attempts: i64,
    /// Minutes from the end of a call to the next one: the first after the first call, and so on; the last one repeats.
    #[serde(default = "retry_minutes")]
    pub retry_minutes: Vec<i64>,
    /// Minutes between two calls at least, whatever the cause of the next one; only a time that the person named goes before it.
    #[serde(default = "minimum_gap_minutes")]
    pub minimum_gap_minutes: i64,
    #[serde(default, skip_serializing_if = "CallingHours::is_default")]
    pub hours: CallingHours,
    /// Calls of the campaign a day, in its zone; as many as there are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_calls: Option<i64>,
    /// What the agent is told besides its own prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What the agent's prompt may name, each with the field that it is taken from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// What an outcome leads to, where it is not the usual; `dnc` always ends the lead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, CallEffect>)]
    pub outcomes: BTreeMap<CallOutcome, CallEffect>,
    #[serde(default)]
    pub on_no_contact: OnNoContact,
}

fn max_attempts() -> i64 {
    3
}

fn retry_minutes() -> Vec<i64> {
    vec![30, 240, 1_440]
}

fn minimum_gap_minutes() -> i64 {
    30
}

/// What the person is sent, and what ends the wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmsAction {
    /// The name of a text agent of the workspace.
    pub agent: String,
    /// Texts test leads; `agent` does when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_agent: Option<String>,
    /// The first text, with fields of the lead as `{{lead.firstName}}`.
    pub message: String,
    #[serde(default, skip_serializing_if = "CallingHours::is_default")]
    pub hours: CallingHours,
    /// Texts of this action a day for the whole campaign, in its zone; as many as there are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_texts: Option<i64>,
    #[serde(default)]
    pub resume_on: ResumeOn,
    /// The key of the questionnaire that takes the text of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_field: Option<String>,
    /// Minutes from each text to the next one while nothing is heard; no reminder when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminder_minutes: Vec<i64>,
    /// The text of the reminders, written like `message`. Only with `reminderMinutes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder: Option<String>,
    /// When the number takes no texts.
    #[serde(default)]
    pub on_no_contact: OnNoContact,
}

/// What ends the wait for an answer to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumeOn {
    /// The person's first text.
    #[default]
    Reply,
    /// Whoever leads the conversation says so.
    Agent,
}

/// How a review is shown to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReviewAction {
    pub priority: Priority,
    /// Why it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long a reviewer who took it keeps it, in minutes.
    pub claim_minutes: i64,
}

impl Default for ReviewAction {
    fn default() -> Self {
        Self { priority: Priority::default(), reason: None, claim_minutes: 15 }
    }
}

/// Which reviews come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

impl Priority {
    /// The word in tables and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// How a webhook is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebhookAction {
    pub method: WebhookMethod,
    /// Sent along: texts, or secrets as `{"secret": "NAME", "prefix": "Token "}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderText>,
    /// How long the answer may take: 1 to 300.
    pub timeout_seconds: u64,
    /// How often it is posted again when it was not heard: 0 to 5.
    pub retries: i64,
    /// Signs it as Standard Webhooks do: `whsec_` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
}

impl Default for WebhookAction {
    fn default() -> Self {
        let method = WebhookMethod::default();
        Self { method, headers: BTreeMap::new(), timeout_seconds: 30, retries: 3, secret: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum WebhookMethod {
    #[default]
    Post,
    Put,
}

impl WebhookMethod {
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}
