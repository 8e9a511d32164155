//! The fake's settings of one provider's account: who may order, and where webhooks go and how they are signed.
use serde::{Deserialize, Serialize};

/// A provider of calls or texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Twilio,
    Vonage,
    Vapi,
    Retell,
    Bland,
    ElevenLabs,
    /// Our own protocol.
    Generic,
}

impl Provider {
    pub const ALL: [Self; 7] = [
        Self::Twilio,
        Self::Vonage,
        Self::Vapi,
        Self::Retell,
        Self::Bland,
        Self::ElevenLabs,
        Self::Generic,
    ];

    /// The first part of its paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
            Self::Vapi => "vapi",
            Self::Retell => "retell",
            Self::Bland => "bland",
            Self::ElevenLabs => "elevenlabs",
            Self::Generic => "generic",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// It carries texts, not calls.
    pub fn texts(self) -> bool {
        matches!(self, Self::Twilio | Self::Vonage)
    }
}

/// What a customer sets in the provider's console.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Account {
    /// Twilio's account SID, Vonage's API key. Anybody's when absent.
    pub user: Option<String>,
    /// The auth token, API secret or API key. Any that is not empty when absent.
    pub key: Option<String>,
    /// Where webhooks go that no request says a place for: texts from people always, the others where the provider knows no place per request.
    pub webhook_url: Option<String>,
    /// Signs webhooks. When absent: the key that came with the order (Twilio, Retell), else webhooks are not signed. The generic provider takes
    /// no order without it.
    pub secret: Option<String>,
    /// Twilio only: sign with HMAC-SHA256, under the key's id. The secret is the key.
    pub signing_key_id: Option<String>,
    /// Vapi only.
    pub auth: VapiAuth,
}

/// How Vapi shows that a webhook is its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    tag = "type",
    deny_unknown_fields
)]
pub enum VapiAuth {
    /// `x-vapi-secret`
    #[default]
    Secret,
    /// The secret in a header, after a prefix.
    Bearer {
        header: String,
        prefix: String,
    },
    Hmac(VapiHmac),
}

/// The settings of a credential of type HMAC, with the provider's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VapiHmac {
    /// `sha256`, `sha512` or `sha1`.
    pub algorithm: String,
    pub signature_header: String,
    pub timestamp_header: String,
    pub include_timestamp: bool,
    /// Names `{body}`, `{timestamp}`, `{method}`, `{url}`, `{svix-id}`.
    pub payload_format: String,
    /// `hex` or `base64`.
    pub signature_encoding: String,
    pub signature_prefix: String,
    pub secret_is_base64: bool,
    pub message_id_header: Option<String>,
    /// The unit is nowhere documented: milliseconds instead of seconds.
    pub milliseconds: bool,
}

impl Default for VapiHmac {
    fn default() -> Self {
        Self {
            algorithm: "sha256".into(),
            signature_header: "x-signature".into(),
            timestamp_header: "x-timestamp".into(),
            include_timestamp: true,
            payload_format: "{timestamp}.{body}".into(),
            signature_encoding: "hex".into(),
            signature_prefix: String::new(),
            secret_is_base64: false,
            message_id_header: None,
            milliseconds: false,
        }
    }
}
