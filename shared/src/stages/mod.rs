//! The nine stages. Each file answers one question about a submission and touches nothing.
pub mod credentials;
pub mod left_alone;
pub mod room;
pub mod s1_routing;
pub mod s2_first_action;
pub mod s2_sms;
pub mod s2_voice;
pub mod s3_disqualification;
pub mod s4_dynamic_keys;
pub mod s5_required_fields;
pub mod s6_field_qualification;
pub mod s7_payload;
pub mod s8_delivery;
pub mod s9_fallback;

use crate::{
    campaign::Campaign,
    clock::Time,
    ids::CampaignId,
    rules::Facts,
    store::close::Reach,
    submission::{
        End, Event, Status,
        carry::{Overflow, Planned},
    },
    value_set::Sets,
};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::{borrow::Cow, time::Duration};

/// What every stage looks at: the campaign revision, the lead view, and the time.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub campaign: &'a Campaign,
    pub view: &'a Value,
    /// The value sets that the campaign names.
    pub sets: &'a Sets,
    pub now: Time,
}

impl<'a> Scene<'a> {
    /// The facts that rules are evaluated on.
    pub fn facts(self) -> Facts<'a> {
        let tz: Tz = self.campaign.zone;
        Facts { doc: self.view, now: self.now, tz, value_sets: self.sets }
    }
}

/// What a stage says about a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub event: Event,
    /// A stable word for the reason.
    pub code: Cow<'static, str>,
    /// The reason in a sentence.
    pub reason: String,
    /// Values compared, answers received.
    pub details: Option<Value>,
    pub change: Change,
}

/// What a verdict changes besides the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Nothing,
    /// From here on this campaign's revision is used.
    Campaign {
        id: CampaignId,
        revision: i64,
    },
    Computed(Map<String, Value>),
    Canonical(Map<String, Value>),
    /// What the first endpoint is sent, and what the later ones would be.
    Payload {
        first: Box<Planned>,
        later: Vec<Planned>,
    },
    /// The next endpoint's payload becomes the one that is delivered.
    NextEndpoint,
    /// The submission waits until the deadline at most.
    Park {
        kind: &'static str,
        deadline: Time,
        on_deadline: &'static str,
        /// How urgent a human review is, from 0, and why it is asked for.
        review: Option<(i64, Option<String>)>,
    },
    /// It waits on and is looked at again then; a call or a text may be planned for it.
    Wait {
        until: Time,
        shown: Status,
        /// The deadline is moved to here.
        deadline: Option<Time>,
        reach: Option<Box<Reach>>,
    },
    /// What the action brought to light, by field path.
    Answers(Map<String, Value>),
    /// The action begins again, with a deadline of its own.
    StartOver,
    /// The submission ends so unless a fallback takes the lead, whatever the campaign says of such ends.
    SeekFallback(End),
    /// How the submission ends unless a fallback takes the lead.
    End(End),
    /// The campaign has no room: another one may take the lead.
    Overflow(Overflow),
    /// It waits for room, and is looked at again then.
    Queue {
        until: Time,
    },
    /// The stage is tried again after this time.
    Later(Duration),
    /// The stage is looked at again then; it was not tried, so no try is counted.
    NotBefore(Time),
    /// A new submission towards this campaign's revision.
    Child {
        id: CampaignId,
        revision: i64,
    },
}

impl Verdict {
    fn new(event: Event, code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            event,
            code: code.into(),
            reason: reason.into(),
            details: None,
            change: Change::Nothing,
        }
    }

    pub fn pass(code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Event::Passed, code, reason)
    }

    pub fn refuse(end: End, code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Event::Refused, code, reason).changing(Change::End(end))
    }

    /// The stage could not be completed; it is tried again after `pause`.
    pub fn again(pause: Duration, code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Event::Again, code, reason).changing(Change::Later(pause))
    }

    /// Trying again cannot help without a person.
    pub fn stuck(code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Event::Stuck, code, reason)
    }

    pub fn of(event: Event, code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(event, code, reason)
    }

    pub fn changing(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    pub fn with(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}
