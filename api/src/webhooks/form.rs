//! A webhook as callers write and read it.
use crate::error::{ApiError, Detail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    campaign::guard::GuardPolicy,
    ids::{CampaignId, WebhookId},
    store::webhooks::{State, Switch, WebhookRow},
    webhook::{
        Draft, Event,
        draft::{RETRIES, TIMEOUT_SECONDS},
    },
};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A webhook to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "Orders", "url": "https://hooks.example.com/leads", "events": ["lead.delivered", "lead.status_changed"]}))]
pub struct NewWebhook {
    /// The campaign whose events it hears; the workspace's unless given. It never changes.
    pub campaign_id: Option<CampaignId>,
    /// 1 to 100 characters.
    pub name: String,
    /// `https`; it must be on the public internet, unless the installation permits more.
    pub url: String,
    #[schema(value_type = Vec<Event>, min_items = 1)]
    pub events: BTreeSet<Event>,
    /// At most 20; they go with every message. No credentials: every message is signed.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How often a message is tried again: 1 to 10; 9 unless given.
    #[serde(default = "retries")]
    #[schema(minimum = 1, maximum = 10)]
    pub retries: i64,
    /// 1 to 120; 20 unless given.
    #[serde(default = "timeout")]
    #[schema(minimum = 1, maximum = 120)]
    pub timeout_seconds: i64,
    /// True unless given.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

fn retries() -> i64 {
    RETRIES
}

fn timeout() -> i64 {
    TIMEOUT_SECONDS
}

fn yes() -> bool {
    true
}

impl NewWebhook {
    /// The draft, if nothing is wrong with it.
    pub fn draft(self, policy: &GuardPolicy) -> Result<(Option<CampaignId>, Draft), ApiError> {
        let draft = Draft {
            name: self.name,
            url: self.url,
            events: self.events,
            headers: self.headers,
            retries: self.retries,
            timeout_seconds: self.timeout_seconds,
            is_enabled: self.is_enabled,
        };
        check(&draft, self.campaign_id.is_some(), policy)?;
        Ok((self.campaign_id, draft))
    }
}

/// What of a webhook is changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"isEnabled": true}))]
pub struct ChangedWebhook {
    /// 1 to 100 characters.
    pub name: Option<String>,
    pub url: Option<String>,
    #[schema(value_type = Option<Vec<Event>>, min_items = 1)]
    pub events: Option<BTreeSet<Event>>,
    /// All of them, in place of those before.
    pub headers: Option<BTreeMap<String, String>>,
    /// 1 to 10.
    pub retries: Option<i64>,
    /// 1 to 120.
    pub timeout_seconds: Option<i64>,
    /// True switches it on, also one that is paused or gone: what was held for it is sent.
    pub is_enabled: Option<bool>,
}

impl ChangedWebhook {
    /// The webhook as it is to be, if nothing is wrong with that.
    pub fn decide(
        &self,
        before: &WebhookRow,
        policy: &GuardPolicy,
    ) -> Result<(Draft, Switch), ApiError> {
        let mut draft = before.draft();
        let switch = match self.is_enabled {
            None => Switch::Stay,
            Some(true) => Switch::On,
            Some(false) => Switch::Off,
        };
        if let Some(name) = &self.name {
            draft.name.clone_from(name);
        }
        if let Some(url) = &self.url {
            draft.url.clone_from(url);
        }
        if let Some(events) = &self.events {
            draft.events.clone_from(events);
        }
        if let Some(headers) = &self.headers {
            draft.headers.clone_from(headers);
        }
        draft.retries = self.retries.unwrap_or(draft.retries);
        draft.timeout_seconds = self.timeout_seconds.unwrap_or(draft.timeout_seconds);
        check(&draft, before.campaign_id.is_some(), policy)?;
        Ok((draft, switch))
    }
}

fn check(draft: &Draft, of_campaign: bool, policy: &GuardPolicy) -> Result<(), ApiError> {
    let problems = draft.problems(of_campaign, policy);
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(problems.into_iter().map(Detail::from).collect()))
}

/// An address that is told what happens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub webhook_id: WebhookId,
    /// Null: the workspace's.
    pub campaign_id: Option<CampaignId>,
    pub name: String,
    pub url: String,
    #[schema(value_type = Vec<Event>)]
    pub events: BTreeSet<Event>,
    pub headers: BTreeMap<String, String>,
    pub retries: i64,
    pub timeout_seconds: i64,
    /// False: somebody switched it off.
    pub is_enabled: bool,
    pub state: State,
    /// Why it is paused or gone.
    pub problem: Option<String>,
    /// Since when it has only failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// Failed attempts in a row.
    pub failures: i64,
    /// While it is paused: when one message tries whether it is back.
    pub next_probe_at: Option<DateTime<Utc>>,
    /// Until then the secret before the newest signs too.
    pub old_secret_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            webhook_id: row.id,
            campaign_id: row.campaign_id,
            name: row.name,
            url: row.url,
            events: row.events.0,
            headers: row.headers.0,
            retries: row.retries,
            timeout_seconds: row.timeout_s,
            is_enabled: row.state != State::Off,
            state: row.state,
            problem: row.problem,
            failing_since: row.failing_since,
            failures: row.failures,
            next_probe_at: row.probe_at,
            old_secret_until: row.old_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A webhook with its newest secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Standard Webhooks: keep it, and check every message with it.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    pub secret: String,
}
