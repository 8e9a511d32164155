//! An agent: an account with a provider that calls or texts people on behalf of campaigns, as the API takes it.
use crate::{campaign::config::SecretRef, ids::CampaignId};
use serde::{Deserialize, Serialize};

/// Milliseconds that an agent waits for more texts before it answers them together, at least and at most.
pub const BATCH_WINDOW_MS: std::ops::RangeInclusive<i64> = 1_000..=60_000;
/// What it waits unless told otherwise.
pub const BATCH_WINDOW_MS_DEFAULT: i64 = 7_000;
/// Campaigns that may take in people who text or call first, at most.
pub const INBOUND_CAMPAIGNS_MAX: usize = 50;

/// What a workspace says about an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentConfig {
    /// Calls nobody and texts nobody while false; webhooks are still taken in.
    #[serde(default = "yes")]
    pub active: bool,
    pub provider: ProviderConfig,
    /// Which campaigns people belong to who text first, in order; the first takes in strangers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inbound_campaigns: Vec<CampaignId>,
    /// Who answers texts; people do when absent. Text agents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<AgentWebhook>,
    /// How long it waits for more texts before it hands them on together: 1,000 to 60,000.
    #[serde(default = "batch_window")]
    pub batch_window_ms: i64,
}

/// The machine behind a text agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentWebhook {
    /// Where texts are posted, with their context.
    pub url: String,
    /// Signs the posts as Standard Webhooks do: `whsec_` and base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
}

/// With whom, and under which account. `baseUrl` is another place where the provider's API is reached; its own when absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    tag = "type",
    deny_unknown_fields
)]
pub enum ProviderConfig {
    /// Texts by Twilio Programmable Messaging.
    Twilio {
        account_sid: String,
        auth_token: SecretRef,
        /// The token before, while tokens are exchanged: webhooks signed with either are taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_auth_token: Option<SecretRef>,
        /// The key of webhooks signed with HMAC-SHA256, by the id that the webhook names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signing_key: Option<SigningKey>,
        /// E.164; one of this and `messagingServiceSid`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        messaging_service_sid: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Texts by the Vonage Messages API.
    Vonage {
        api_key: String,
        api_secret: SecretRef,
        /// Signs webhooks (JWT, HS256).
        signature_secret: SecretRef,
        /// A number in E.164, or a sender's name.
        from: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Calls by Vapi.
    Vapi {
        /// The private key.
        api_key: SecretRef,
        assistant_id: String,
        phone_number_id: String,
        /// The credential at Vapi that `webhookAuth` describes: with it, each call says where its webhooks go. Without it, the
        /// assistant's own server must be this agent's hook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential_id: Option<String>,
        /// How webhooks are authenticated.
        webhook_auth: VapiAuth,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Calls by Retell. The key must be the one with the webhook badge: it signs webhooks.
    Retell {
        api_key: SecretRef,
        agent_id: String,
        /// E.164.
        from: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Calls by Bland.
    Bland {
        api_key: SecretRef,
        webhook_secret: SecretRef,
        /// One of this and `task`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pathway_id: Option<String>,
        /// What the voice agent is to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// E.164; a number of Bland's when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Calls by ElevenLabs.
    #[serde(rename = "elevenlabs")]
    ElevenLabs {
        api_key: SecretRef,
        webhook_secret: SecretRef,
        agent_id: String,
        agent_phone_number_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<String>,
    },
    /// Calls by anybody who takes a signed POST and answers with one (Standard Webhooks both ways). See docs/parking.md.
    Generic {
        /// Where orders are posted.
        url: String,
        /// Where the state of an order is asked for, with `{reference}` in it; nobody is asked when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status_url: Option<String>,
        /// `whsec_` and base64.
        secret: SecretRef,
    },
}

/// A key that signs, and the id it goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningKey {
    pub id: String,
    pub key: SecretRef,
}

/// How Vapi proves that a webhook is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    tag = "type",
    deny_unknown_fields
)]
pub enum VapiAuth {
    /// `x-vapi-secret: …`, as older accounts have it.
    Secret { secret: SecretRef },
    /// A token in a header, `authorization: Bearer …` unless said otherwise.
    Bearer {
        token: SecretRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
        /// What stands before the token; `Bearer ` when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
    },
    /// A signature over the body.
    Hmac(VapiHmac),
}

/// The settings of a credential of type HMAC, with Vapi's own defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VapiHmac {
    pub secret: SecretRef,
    #[serde(default)]
    pub algorithm: HmacAlgorithm,
    #[serde(default = "signature_header")]
    pub signature_header: String,
    #[serde(default = "timestamp_header")]
    pub timestamp_header: String,
    #[serde(default = "yes")]
    pub include_timestamp: bool,
    /// Names `{body}`, `{timestamp}`, `{method}`, `{url}`, `{svix-id}`.
    #[serde(default = "payload_format")]
    pub payload_format: String,
    #[serde(default)]
    pub signature_encoding: SignatureEncoding,
    #[serde(default)]
    pub signature_prefix: String,
    #[serde(default)]
    pub secret_is_base64: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id_header: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HmacAlgorithm {
    #[default]
    Sha256,
    Sha512,
    Sha1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    #[default]
    Hex,
    Base64,
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Voice,
    Sms,
}

impl Channel {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
        }
    }
}

impl ProviderConfig {
    pub fn channel(&self) -> Channel {
        match self {
            Self::Twilio { .. } | Self::Vonage { .. } => Channel::Sms,
            Self::Vapi { .. }
            | Self::Retell { .. }
            | Self::Bland { .. }
            | Self::ElevenLabs { .. }
            | Self::Generic { .. } => Channel::Voice,
        }
    }

    /// The word in tables and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Twilio { .. } => "twilio",
            Self::Vonage { .. } => "vonage",
            Self::Vapi { .. } => "vapi",
            Self::Retell { .. } => "retell",
            Self::Bland { .. } => "bland",
            Self::ElevenLabs { .. } => "elevenlabs",
            Self::Generic { .. } => "generic",
        }
    }
}

fn yes() -> bool {
    true
}

fn batch_window() -> i64 {
    BATCH_WINDOW_MS_DEFAULT
}

fn signature_header() -> String {
    "x-signature".into()
}

fn timestamp_header() -> String {
    "x-timestamp".into()
}

fn payload_format() -> String {
    "{timestamp}.{body}".into()
}
