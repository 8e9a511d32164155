//! Before stage 8 sends anything: what becomes of a delivery that has no credentials yet.
use super::{Verdict, s8_delivery::Tries};
use crate::{
    campaign::Endpoint,
    patience::{self, Pause},
    store::close::{AttemptEnd, Outcome},
    submission::{End, Event, Stage},
};
use std::{borrow::Cow, fmt, time::Duration};

/// Why an endpoint's credentials cannot be had. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub code: Cow<'static, str>,
    pub why: String,
    /// Whether it may be over by itself, and how long the other side asks us to wait.
    pub passes: Option<Option<Duration>>,
}

impl Trouble {
    /// A person must act.
    pub fn stuck(code: &'static str, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into(), passes: None }
    }

    /// It may be over by itself.
    pub fn passing(code: &'static str, why: impl Into<String>, asked: Option<Duration>) -> Self {
        Self { code: code.into(), why: why.into(), passes: Some(asked) }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The buyer refused the token, so it has not taken the lead: it is sent again at once, with another one. An answer that a rule takes for a
/// sale stays one.
pub fn with_another_token(
    endpoint: &Endpoint,
    verdict: Verdict,
    mut end: AttemptEnd,
) -> (Verdict, AttemptEnd) {
    if matches!(end.outcome, Outcome::Accepted | Outcome::Duplicate) {
        return (verdict, end);
    }
    end.outcome = Outcome::Failed;
    let why = format!("{} refused the access token; another one is fetched", endpoint.config.name);
    (Verdict::again(Duration::ZERO, "token_expired", why), end)
}

/// Nothing was sent this time. `may_be_there` says that an earlier attempt at this endpoint may have been taken: then the lead is never
/// given to somebody else.
pub fn decide(endpoint: &Endpoint, trouble: &Trouble, may_be_there: bool, tries: Tries) -> Verdict {
    let named =
        |event, why: String| Verdict { code: trouble.code.clone(), ..Verdict::of(event, "", why) };
    let Some(asked) = trouble.passes else { return named(Event::Stuck, trouble.why.clone()) };
    match patience::pause(Stage::Delivery, tries.attempt, tries.seed, asked) {
        Pause::For(pause) => {
            Verdict { code: trouble.code.clone(), ..Verdict::again(pause, "", trouble.why.clone()) }
        }
        Pause::Exhausted if may_be_there => {
            let why = format!("an earlier attempt may have been taken, and now {}", trouble.why);
            Verdict::of(Event::Unknown, "outcome_unknown", why)
        }
        Pause::Exhausted => {
            let why = format!("{} could not be reached: {}", endpoint.config.name, trouble.why);
            Verdict::refuse(End::Failed, "delivery_failed", why)
        }
    }
}
