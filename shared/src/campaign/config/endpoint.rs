//! Where and how leads are delivered: one endpoint of a campaign.
use super::auth::{Auth, HeaderText};
use super::{
    limits::{BreakerConfig, Limits},
    status_query::StatusQuery,
};
use crate::campaign::{
    payload::PayloadTree,
    payload_body::{FormSettings, Format, Writing, XmlSettings},
    response::ResponseRules,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Headers of an endpoint, at most.
pub const HEADERS_MAX: usize = 50;
/// Seconds that an endpoint may take to answer, at most.
pub const TIMEOUT_SECONDS_MAX: u64 = 120;

/// Where and how leads are delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointConfig {
    /// Names the endpoint within the campaign, for ever: delivery keys are made from it.
    pub id: String,
    /// For people: who the buyer is.
    pub name: String,
    pub url: String,
    /// Where test leads go, with the same headers and credentials; to `url` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_url: Option<String>,
    /// Nothing goes to `url`: leads go to `testUrl`, or nowhere when there is none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test_mode: bool,
    #[serde(default)]
    pub method: Method,
    /// How the payload is written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: Format,
    /// Only with format `xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml: Option<XmlSettings>,
    /// Only with format `form` or `multipart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<FormSettings>,
    /// How the endpoint knows us.
    #[serde(default, skip_serializing_if = "Auth::is_none")]
    pub auth: Auth,
    /// Sent with every request: texts, or secrets as `{"secret": "NAME", "prefix": "Token "}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderText>,
    /// How long the buyer may take to answer, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// The buyer recognises a repeated post by its `Idempotency-Key`, so a post without an answer may be repeated.
    #[serde(default)]
    pub idempotent: bool,
    /// How many deliveries it is given at once, and within a second and a minute.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    /// When it is left alone for a while.
    #[serde(default, skip_serializing_if = "BreakerConfig::is_default")]
    pub breaker: BreakerConfig,
    /// How it is asked whether it has a lead, when a delivery got no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_query: Option<StatusQuery>,
    /// What is sent; a standard document when empty.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub payload: PayloadTree,
    /// What the answer means.
    #[schema(value_type = Object)]
    pub response: ResponseRules,
}

impl EndpointConfig {
    /// Whether a delivery is only a trial: it asks for no room under caps and schedule.
    pub fn is_trial(&self, is_test_lead: bool) -> bool {
        is_test_lead || self.test_mode
    }

    /// Where a lead is sent; nowhere in test mode without a test URL.
    pub fn target(&self, is_test_lead: bool) -> Option<&str> {
        match &self.test_url {
            Some(url) if self.is_trial(is_test_lead) => Some(url),
            None if self.test_mode => None,
            _ => Some(&self.url),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// The fields go into the URL's query, and nothing into the body; only with format `form`.
    Get,
    #[default]
    Post,
    Put,
    Patch,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

impl EndpointConfig {
    /// How its payload is written.
    pub fn writing(&self) -> Writing<'_> {
        Writing {
            format: self.format,
            in_query: self.method == Method::Get,
            xml: self.xml.as_ref(),
            form: self.form.unwrap_or_default(),
        }
    }
}

fn default_timeout() -> u64 {
    30
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
