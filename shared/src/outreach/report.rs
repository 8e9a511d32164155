//! What a call was and what came of it, in our own words, whoever the provider is.
use crate::clock::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Lines of a transcript that are kept, at most; later ones are left out.
pub const TRANSCRIPT_LINES_MAX: usize = 2_000;
/// Characters of one line that are kept, at most.
pub const LINE_CHARS_MAX: usize = 4_000;
/// Answers that are taken from a call, at most.
pub const REPORT_ANSWERS_MAX: usize = 200;

/// How a call ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CallOutcome {
    /// The person was reached and the conversation came to its end.
    Completed,
    /// The person was reached and hung up early, or the line broke.
    Incomplete,
    Voicemail,
    NoAnswer,
    Busy,
    /// The provider itself has given the person up.
    NoContact,
    /// The person asked to be called at a time.
    ScheduledCallback,
    /// The person was reached; somebody has to come back to them.
    FollowUp,
    Qualified,
    Disqualified,
    /// The person must not be called again.
    Dnc,
    /// The call could not be made, through no doing of the person.
    Failed,
    /// The call may have been made, and nothing was ever heard of it.
    Unknown,
}

/// What is known of a call; grows while more is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub outcome: CallOutcome,
    /// The provider's own word for the end: `customer-ended-call`, `voicemail_reached`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<Said>,
    /// What the call brought to light, by questionnaire key.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// When the person wants to be called; only with `scheduled_callback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub callback_at: Option<Time>,
    /// False while the provider is still analysing: more will be heard.
    pub complete: bool,
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// `agent` or `user`.
    pub role: Role,
    pub text: String,
    /// Seconds after the call began, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<i64>,
}

/// Who spoke.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    /// We, or the machine that speaks for us.
    Agent,
    /// The person.
    User,
}

impl Report {
    /// A call of which nothing but its end is known.
    pub fn of(outcome: CallOutcome) -> Self {
        Self {
            outcome,
            ended_reason: None,
            started_at: None,
            ended_at: None,
            duration_seconds: None,
            summary: None,
            recording_url: None,
            transcript: Vec::new(),
            answers: Map::new(),
            callback_at: None,
            complete: true,
        }
    }

    /// Takes in what the provider has extracted from the conversation. Three keys steer: `outcome` (a word of [`CallOutcome`]),
    /// `callbackAt` or `callback_at` (RFC 3339), and `dnc` (true); the others are answers.
    pub fn steer(&mut self, extracted: &Map<String, Value>) {
        for (key, value) in extracted {
            match key.as_str() {
                "outcome" => {
                    if let Ok(outcome) = serde_json::from_value(value.clone()) {
                        self.outcome = outcome;
                    }
                }
                "callbackAt" | "callback_at" => {
                    if let Some(at) = value.as_str().and_then(|text| text.parse::<Time>().ok()) {
                        self.callback_at = Some(at);
                        self.outcome = CallOutcome::ScheduledCallback;
                    }
                }
                "dnc" if value == &Value::Bool(true) => self.outcome = CallOutcome::Dnc,
                _ if value.is_null() || self.answers.len() >= REPORT_ANSWERS_MAX => {}
                _ => {
                    self.answers.insert(key.clone(), value.clone());
                }
            }
        }
        if extracted.get("dnc") == Some(&Value::Bool(true)) {
            self.outcome = CallOutcome::Dnc;
        }
    }

    /// Takes in what was heard later: what is new fills gaps, a later outcome that says more wins.
    pub fn merge(&mut self, later: Self) {
        if later.outcome.says_more_than(self.outcome) {
            self.outcome = later.outcome;
        }
        self.ended_reason = self.ended_reason.take().or(later.ended_reason);
        self.started_at = self.started_at.or(later.started_at);
        self.ended_at = self.ended_at.or(later.ended_at);
        self.duration_seconds = self.duration_seconds.or(later.duration_seconds);
        self.summary = later.summary.or(self.summary.take());
        self.recording_url = later.recording_url.or(self.recording_url.take());
        if later.transcript.len() >= self.transcript.len() {
            self.transcript = later.transcript;
        }
        self.answers.extend(later.answers);
        self.callback_at = later.callback_at.or(self.callback_at);
        self.complete |= later.complete;
    }
}

impl CallOutcome {
    pub const ALL: [Self; 13] = [
        Self::Completed,
        Self::Incomplete,
        Self::Voicemail,
        Self::NoAnswer,
        Self::Busy,
        Self::NoContact,
        Self::ScheduledCallback,
        Self::FollowUp,
        Self::Qualified,
        Self::Disqualified,
        Self::Dnc,
        Self::Failed,
        Self::Unknown,
    ];

    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Voicemail => "voicemail",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::NoContact => "no_contact",
            Self::ScheduledCallback => "scheduled_callback",
            Self::FollowUp => "follow_up",
            Self::Qualified => "qualified",
            Self::Disqualified => "disqualified",
            Self::Dnc => "dnc",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Failed => 1,
            Self::NoAnswer | Self::Busy | Self::NoContact => 2,
            Self::Incomplete | Self::Completed => 3,
            Self::Voicemail => 4,
            Self::FollowUp => 5,
            Self::ScheduledCallback | Self::Qualified | Self::Disqualified => 6,
            Self::Dnc => 7,
        }
    }

    fn says_more_than(self, other: Self) -> bool {
        self.weight() > other.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn extracted(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_was_extracted_steers_and_answers() {
        let mut report = Report::of(CallOutcome::Completed);
        report.steer(&extracted(json!({"outcome": "qualified", "roof": "tile", "age": null})));
        assert_eq!(report.outcome, CallOutcome::Qualified);
        assert_eq!(Value::Object(report.answers.clone()), json!({"roof": "tile"}));
        report.steer(&extracted(json!({"outcome": "splendid", "callbackAt": "no time"})));
        assert_eq!(report.outcome, CallOutcome::Qualified, "unknown words steer nothing");
        report.steer(&extracted(json!({"callback_at": "2026-11-24T18:00:00Z"})));
        assert_eq!(report.outcome, CallOutcome::ScheduledCallback);
        report.steer(&extracted(json!({"dnc": true, "outcome": "qualified"})));
        assert_eq!(report.outcome, CallOutcome::Dnc, "a refusal beats everything");
    }

    #[test]
    fn what_is_heard_is_the_same_in_any_order() {
        let ended = Report {
            ended_reason: Some("user_hangup".into()),
            duration_seconds: Some(42),
            complete: false,
            ..Report::of(CallOutcome::Completed)
        };
        let mut analysed = Report { summary: Some("wants solar".into()), ..ended.clone() };
        analysed.complete = true;
        analysed.steer(&extracted(json!({"outcome": "qualified", "roof": "tile"})));
        let (mut one, mut other) = (ended.clone(), analysed.clone());
        one.merge(analysed);
        other.merge(ended);
        assert_eq!(one, other);
        assert_eq!((one.outcome, one.complete), (CallOutcome::Qualified, true));
    }
}
