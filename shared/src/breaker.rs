//! The circuit breaker of an endpoint: when it opens, who may probe, when it closes. Pure: a state, what happens, the next state.
use crate::clock::Time;
use chrono::Duration;
use serde::{Deserialize, Serialize};

/// A breaker opens for this long at most, however often it opened before.
pub const LONGEST: Duration = Duration::minutes(30);

/// When a breaker opens. What an endpoint's configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Off: it never opens by itself.
    pub enabled: bool,
    /// Failures one after the other that open it.
    pub failures: i64,
    /// Refusals one after the other that open it; 0 never does.
    pub rejects: i64,
    /// How long it opens the first time.
    pub open: Duration,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = BreakerPhase)]
pub enum Phase {
    /// Deliveries go out.
    Closed,
    /// Deliveries wait.
    Open,
    /// One delivery probes; the others wait.
    HalfOpen,
}

/// Why a breaker is not closed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = BreakerCause)]
pub enum Cause {
    Failures,
    Rejects,
    /// A person opened it.
    Hand,
}

/// How an endpoint is. All of it is in the database but the refusals, which each worker counts for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    pub phase: Phase,
    pub failures: i64,
    pub rejects: i64,
    /// Openings without a close in between; 0 exactly when closed.
    pub openings: i64,
    pub cause: Option<Cause>,
    /// Open: when a probe may be made. Half open: until when the probe has time.
    pub retry_at: Option<Time>,
    /// Grows with every change that is stored; a probe is known by the version that it made.
    pub version: i64,
}

/// What an exchange says of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It took the lead.
    Taken,
    /// It is there, and its answer says nothing about our rules: it has the lead already.
    Answered,
    /// It refused the lead, or answered what no rule knows.
    Refused,
    /// No answer, or one of an endpoint that is down or wants nothing of us.
    Broken,
}

/// Whether a delivery may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Go,
    /// It may, once it has made itself the one probe ([`Breaker::probing`]).
    Probe,
    /// Another one is probing; its time ends then.
    Probed(Time),
    /// Not before then.
    Wait(Time),
}

impl Breaker {
    /// An endpoint that nothing is known against.
    pub const WELL: Self = Self {
        phase: Phase::Closed,
        failures: 0,
        rejects: 0,
        openings: 0,
        cause: None,
        retry_at: None,
        version: 0,
    };

    pub fn admit(&self, now: Time) -> Admission {
        match (self.phase, self.retry_at) {
            (Phase::Closed, _) | (_, None) => Admission::Go,
            (_, Some(at)) if at <= now => Admission::Probe,
            (Phase::Open, Some(at)) => Admission::Wait(at),
            (Phase::HalfOpen, Some(at)) => Admission::Probed(at),
        }
    }

    /// The same with a probe under way that has until `until`. Storing it over this version is what makes it the only one.
    pub fn probing(&self, until: Time) -> Self {
        Self { phase: Phase::HalfOpen, retry_at: Some(until), version: self.version + 1, ..*self }
    }

    /// After an exchange; `probe` is the version that its probe made. The same version when nothing must be stored.
    pub fn observe(&self, policy: Policy, sign: Sign, probe: Option<i64>, now: Time) -> Self {
        match self.phase {
            Phase::Closed => self.counted(policy, sign, now),
            Phase::HalfOpen if probe == Some(self.version) => self.probed(policy, sign, now),
            // Sent before it opened: the probe decides.
            Phase::Open | Phase::HalfOpen => *self,
        }
    }

    /// Opens it by hand for that long, whatever it was.
    pub fn opened_by_hand(&self, time: Duration, now: Time) -> Self {
        let openings = self.openings.max(1);
        self.opened(Cause::Hand, openings, now + time)
    }

    /// Closes it, and forgets what was counted.
    pub fn closed(&self) -> Self {
        Self { version: self.version + 1, ..Self::WELL }
    }

    /// Neither closed nor counting failures: what other workers must know of.
    pub fn is_troubled(&self) -> bool {
        self.phase != Phase::Closed || self.failures > 0
    }

    fn counted(&self, policy: Policy, sign: Sign, now: Time) -> Self {
        let failures = if sign == Sign::Broken { self.failures + 1 } else { 0 };
        let rejects = match sign {
            Sign::Taken => 0,
            Sign::Refused => self.rejects + 1,
            Sign::Answered | Sign::Broken => self.rejects,
        };
        let cause = if !policy.enabled {
            None
        } else if failures >= policy.failures {
            Some(Cause::Failures)
        } else if policy.rejects > 0 && rejects >= policy.rejects {
            Some(Cause::Rejects)
        } else {
            None
        };
        match cause {
            Some(cause) => self.opened(cause, 1, now + policy.time(1)),
            None => {
                // Refusals are common and stay in memory; a failure, and the end of a row of them, is told to the others.
                let version = self.version + i64::from(failures != self.failures);
                Self { failures, rejects, version, ..*self }
            }
        }
    }

    fn probed(&self, policy: Policy, sign: Sign, now: Time) -> Self {
        let still_bad = match sign {
            Sign::Broken => true,
            // Its answers were what was wrong.
            Sign::Refused => self.cause == Some(Cause::Rejects),
            Sign::Taken | Sign::Answered => false,
        };
        if !still_bad || !policy.enabled {
            return self.closed();
        }
        let cause = if sign == Sign::Broken { Cause::Failures } else { Cause::Rejects };
        let openings = self.openings + 1;
        self.opened(cause, openings, now + policy.time(openings))
    }

    fn opened(&self, cause: Cause, openings: i64, until: Time) -> Self {
        Self {
            phase: Phase::Open,
            failures: 0,
            rejects: 0,
            openings,
            cause: Some(cause),
            retry_at: Some(until),
            version: self.version + 1,
        }
    }
}

impl Policy {
    /// How long it stays open at its n-th opening in a row: doubling, [`LONGEST`] at most.
    pub fn time(&self, openings: i64) -> Duration {
        let doublings = u32::try_from(openings - 1).unwrap_or(0).min(16);
        self.open.checked_mul(1 << doublings).map_or(LONGEST, |time| time.min(LONGEST)).max(
            // A longer first time is what the endpoint asks for.
            self.open,
        )
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
