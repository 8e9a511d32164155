//! How much an endpoint is given at once, and when it is left alone: its limits and its circuit breaker.
use super::checks::{Problems, say};
use crate::breaker::Policy;
use chrono::Duration;
use serde::{Deserialize, Serialize};

/// Deliveries to an endpoint at once, at most.
pub const CONCURRENCY_MAX: u32 = 128;
/// The same unless the endpoint says otherwise: a quarter of what a worker has, so that one slow buyer cannot fill it.
pub const CONCURRENCY: u32 = 32;
/// Deliveries to an endpoint in a second, at most.
pub const PER_SECOND_MAX: u32 = 1_000;
/// Deliveries to an endpoint in a minute, at most.
pub const PER_MINUTE_MAX: u32 = 10_000;
/// Failures or refusals in a row that open a breaker, at most.
pub const IN_A_ROW_MAX: i64 = 10_000;
/// Seconds for which a breaker opens the first time, at most: half an hour.
pub const OPEN_SECONDS_MAX: i64 = 1_800;

/// How much an endpoint is given, by each worker process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Deliveries under way at once: 1 to 128, 32 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Deliveries begun within any second: 1 to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Deliveries begun within any minute: 1 to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

impl Limits {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How many deliveries may be under way at once.
    pub fn at_once(&self) -> u32 {
        self.concurrency.unwrap_or(CONCURRENCY)
    }

    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        for (field, given, most) in [
            ("concurrency", self.concurrency, CONCURRENCY_MAX),
            ("perSecond", self.per_second, PER_SECOND_MAX),
            ("perMinute", self.per_minute, PER_MINUTE_MAX),
        ] {
            if given.is_some_and(|given| !(1..=most).contains(&given)) {
                say(problems, format!("{at}.{field}"), format!("must be 1 to {most}"));
            }
        }
    }
}

/// When an endpoint is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Off: it only opens by hand.
    pub enabled: bool,
    /// Errors, timeouts and 5xx answers one after the other that open it.
    pub failures: i64,
    /// Refusals and unknown answers one after the other that open it; 0 for never.
    pub rejects: i64,
    /// For how long it opens; each time that the probe fails it doubles, up to half an hour.
    pub open_seconds: i64,
    pub when_open: WhenOpen,
}

/// What becomes of a lead whose endpoint is left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenOpen {
    /// It waits for this endpoint.
    #[default]
    Wait,
    /// It goes to the campaign's next endpoint, or to fallback.
    Next,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            failures: 10,
            rejects: 50,
            open_seconds: 60,
            when_open: WhenOpen::Wait,
        }
    }
}

impl BreakerConfig {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn policy(&self) -> Policy {
        Policy {
            enabled: self.enabled,
            failures: self.failures,
            rejects: self.rejects,
            open: Duration::seconds(self.open_seconds),
        }
    }

    pub(super) fn check(&self, at: &str, problems: &mut Problems) {
        for (field, given, least, most) in [
            ("failures", self.failures, 1, IN_A_ROW_MAX),
            ("rejects", self.rejects, 0, IN_A_ROW_MAX),
            ("openSeconds", self.open_seconds, 1, OPEN_SECONDS_MAX),
        ] {
            if !(least..=most).contains(&given) {
                say(problems, format!("{at}.{field}"), format!("must be {least} to {most}"));
            }
        }
    }
}
