//! A person's word on one human review, which somebody may have claimed.
use super::{Decision, ResumeOutcome, resume};
use crate::{
    campaign::config::Priority,
    clock::Time,
    lead::LeadStatus,
    store::{close::Close, load::Loaded, parking::Park},
    submission::IllegalMove,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// The lead goes on to disqualification rules and delivery.
    Approve,
    /// The lead is rejected; a fallback may take it if the campaign says so.
    Reject,
    /// This campaign does not take the lead; a fallback may.
    Disqualify,
}

impl ReviewDecision {
    fn outcome(self) -> ResumeOutcome {
        match self {
            Self::Approve => ResumeOutcome::Continue,
            Self::Reject => ResumeOutcome::Reject,
            Self::Disqualify => ResumeOutcome::Disqualify,
        }
    }

    /// The word in the column `resolution`.
    fn resolution(self) -> &'static str {
        match self {
            Self::Approve => "continue",
            Self::Reject => "reject",
            Self::Disqualify => "disqualify",
        }
    }
}

/// A decision with who makes it, and why.
#[derive(Debug, Clone)]
pub struct Word {
    pub decision: ReviewDecision,
    pub reason: Option<String>,
    pub answers: Map<String, Value>,
    pub who: String,
}

/// Why a decision has no effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Blocked {
    /// It was decided so before.
    Repeated,
    /// The wait ended otherwise.
    Over,
    /// Somebody else works on it until then.
    Claimed {
        by: String,
        until: Time,
    },
    ClosedLead(LeadStatus),
    Illegal(IllegalMove),
}

/// The column `priority`: what comes first has the lower number.
pub fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

/// Reads [`rank`] back.
pub fn priority(rank: Option<i64>) -> Priority {
    match rank {
        Some(0) => Priority::High,
        Some(2) => Priority::Low,
        _ => Priority::Normal,
    }
}

/// Who acts: the key, and the person when several share a key.
pub fn who(key: &str, reviewer: Option<&str>) -> String {
    reviewer.map_or_else(|| key.to_owned(), |reviewer| format!("{reviewer} ({key})"))
}

/// Who has claimed the review now, other than `who`.
pub fn claimed_by_another<'p>(park: &'p Park, who: &str, now: Time) -> Option<(&'p str, Time)> {
    let (by, until) = (park.claimed_by.as_deref()?, park.claimed_until?);
    (now < until && by != who).then_some((by, until))
}

/// The move that the word makes.
pub fn decide(loaded: &Loaded, park: &Park, word: &Word, now: Time) -> Result<Close, Blocked> {
    still_open(park, word, now)?;
    if word.decision == ReviewDecision::Approve && !loaded.lead_status.is_processed() {
        return Err(Blocked::ClosedLead(loaded.lead_status));
    }
    let decision = Decision {
        outcome: word.decision.outcome(),
        reason: word.reason.clone(),
        answers: word.answers.clone(),
    };
    resume(loaded, park, &decision, &word.who, now).map_err(Blocked::Illegal)
}

/// Whether the word can count at all, as far as the wait itself says.
pub fn still_open(park: &Park, word: &Word, now: Time) -> Result<(), Blocked> {
    if let Some(resolution) = park.resolution.as_deref() {
        let same = resolution == word.decision.resolution()
            && park.resolved_by.as_deref() == Some("person");
        return Err(if same { Blocked::Repeated } else { Blocked::Over });
    }
    match claimed_by_another(park, &word.who, now) {
        Some((by, until)) => Err(Blocked::Claimed { by: by.to_owned(), until }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ParkId, SubmissionId, WorkspaceId};
    use chrono::{Duration, TimeZone, Utc};

    fn noon() -> Time {
        Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
    }

    fn park() -> Park {
        Park {
            workspace_id: WorkspaceId::new(),
            id: ParkId::new(),
            submission_id: SubmissionId::new(),
            kind: "human_review".into(),
            deadline: noon(),
            on_deadline: "disqualify".into(),
            opened_at: noon(),
            started_at: None,
            resolution: None,
            resolved_by: None,
            resolved_at: None,
            decided_by: None,
            decision_reason: None,
            priority: Some(1),
            asked_for: None,
            claimed_by: None,
            claimed_until: None,
            tries: 0,
            last_error: None,
            next_try_at: None,
        }
    }

    fn word(decision: ReviewDecision) -> Word {
        Word { decision, reason: None, answers: Map::new(), who: "Ada (key office)".into() }
    }

    #[test]
    fn a_claim_binds_others_until_it_expires() {
        let until = noon() + Duration::minutes(15);
        let mut park = park();
        (park.claimed_by, park.claimed_until) = (Some("Bob (key office)".into()), Some(until));
        let approve = word(ReviewDecision::Approve);
        let taken = Blocked::Claimed { by: "Bob (key office)".into(), until };
        assert_eq!(still_open(&park, &approve, noon()), Err(taken));
        assert_eq!(still_open(&park, &approve, until), Ok(()), "an expired claim is none");
        park.claimed_by = Some(who("key office", Some("Ada")));
        assert_eq!(still_open(&park, &approve, noon()), Ok(()), "her own");
        assert_eq!(claimed_by_another(&park, &who("key office", None), noon()).unwrap().1, until);
    }

    #[test]
    fn the_same_word_again_is_a_repeat_and_another_one_comes_too_late() {
        use ReviewDecision::{Approve, Disqualify, Reject};
        for (resolution, by, decision, blocked) in [
            ("continue", "person", Approve, Blocked::Repeated),
            ("reject", "person", Reject, Blocked::Repeated),
            ("disqualify", "person", Disqualify, Blocked::Repeated),
            ("continue", "person", Reject, Blocked::Over),
            ("continue", "deadline", Approve, Blocked::Over),
            ("withdrawn", "person", Approve, Blocked::Over),
        ] {
            let mut park = park();
            park.resolution = Some(resolution.into());
            park.resolved_by = Some(by.into());
            assert_eq!(
                still_open(&park, &word(decision), noon()),
                Err(blocked),
                "{resolution} {by}"
            );
        }
    }
}
