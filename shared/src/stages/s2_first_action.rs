//! Stage 2: must something happen before delivery?
use super::{Change, Scene, Verdict, s3_disqualification::first_match};
use crate::{
    campaign::config::{ActionKind, FirstAction, OnDeadline, OnNoContact},
    clock::Time,
    moves::review::rank,
    submission::{End, Event},
};
use chrono::Duration;
use serde_json::json;

/// Hard stops first: nobody is called or texted about a lead that cannot be sold anyway. Then the campaign's action, if it has one.
pub fn decide(scene: Scene) -> Verdict {
    let config = &scene.campaign.config;
    if let Some((rule, because, details)) = first_match(scene, &config.hard_stops) {
        let reason = format!("hard stop “{rule}”: {because}");
        return Verdict::refuse(End::Disqualified, "hard_stop", reason).with(details);
    }
    let Some(action) = &config.first_action else {
        return Verdict::pass("no_action", "nothing has to happen first");
    };
    let deadline = scene.now + Duration::minutes(action.deadline_minutes);
    let kind = action.kind.name();
    let reason = format!("waits for {} until {}", action.kind.title(), deadline.to_rfc3339());
    Verdict::of(Event::Parked, kind, reason)
        .with(json!({ "kind": kind, "deadline": deadline, "onDeadline": action.on_deadline }))
        .changing(Change::Park {
            kind,
            deadline,
            on_deadline: action.on_deadline.name(),
            review: (action.kind == ActionKind::HumanReview).then(|| {
                let review = action.review();
                (rank(review.priority), review.reason)
            }),
        })
}

/// For a lead that a person has sent to the campaign: hard stops count, and nobody has to be asked any more.
pub fn decided_by_hand(scene: Scene) -> Verdict {
    let Some((rule, because, details)) = first_match(scene, &scene.campaign.config.hard_stops)
    else {
        return Verdict::pass("by_hand", "a person has decided: nothing has to happen first");
    };
    let reason = format!("hard stop “{rule}”: {because}");
    Verdict::refuse(End::Disqualified, "hard_stop", reason).with(details)
}

/// A wait, as far as its deadline asks.
#[derive(Debug, Clone, Copy)]
pub struct Wait<'a> {
    pub kind: &'a str,
    pub deadline: Time,
    /// What the deadline does, as it was when the wait began.
    pub on_deadline: OnDeadline,
    /// How often the action was started over.
    pub rounds: i64,
}

/// What a wait whose deadline has come leads to; none while it has not. `action` says how often it is started over, and what then.
pub fn at_deadline(wait: Wait<'_>, action: Option<&FirstAction>, now: Time) -> Option<Verdict> {
    if now < wait.deadline {
        return None;
    }
    let reason = "nothing was heard until the deadline";
    let retries = action.map_or(0, FirstAction::retries);
    let outcome = match (wait.on_deadline, action) {
        (OnDeadline::Retry, Some(action)) => action.at_deadline(wait.rounds),
        (OnDeadline::Retry, None) => OnDeadline::Disqualify,
        (given, _) => given,
    };
    Some(match outcome {
        OnDeadline::Continue => Verdict::of(Event::Resumed, "deadline", reason),
        OnDeadline::Disqualify => Verdict::refuse(End::Disqualified, "deadline", reason),
        OnDeadline::Reject => Verdict::refuse(End::Rejected, "deadline", reason),
        OnDeadline::Retry => {
            let round = wait.rounds + 1;
            let reason = format!("{reason}: started over, {round} of {retries}");
            Verdict::of(Event::Again, "deadline", reason)
                .with(json!({ "round": round, "of": retries }))
                .changing(Change::StartOver)
        }
        OnDeadline::Fallback => Verdict::of(Event::Refused, "deadline", reason)
            .changing(Change::SeekFallback(without_anybody(wait.kind))),
    })
}

/// What becomes of a lead whom nobody can reach.
pub fn unreached(choice: OnNoContact, reason: String) -> Verdict {
    match choice {
        OnNoContact::NoContact => Verdict::refuse(End::NoContact, "no_contact", reason),
        OnNoContact::Continue => Verdict::of(Event::Resumed, "no_contact", reason),
        OnNoContact::Disqualify => Verdict::refuse(End::Disqualified, "no_contact", reason),
        OnNoContact::Reject => Verdict::refuse(End::Rejected, "no_contact", reason),
        OnNoContact::Fallback => Verdict::of(Event::Refused, "no_contact", reason)
            .changing(Change::SeekFallback(End::NoContact)),
    }
}

/// How a lead ends for which nobody did anything, if no fallback takes it either: `no_contact` when a person was to be reached, `failed`
/// when somebody else was to answer.
fn without_anybody(kind: &str) -> End {
    match ActionKind::parse(kind) {
        Some(ActionKind::VoiceAi | ActionKind::Sms) => End::NoContact,
        Some(ActionKind::HumanReview | ActionKind::Webhook) | None => End::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn noon() -> Time {
        Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
    }

    fn wait(kind: &str, on_deadline: OnDeadline, rounds: i64) -> Wait<'_> {
        Wait { kind, deadline: noon(), on_deadline, rounds }
    }

    fn action(more: serde_json::Value) -> FirstAction {
        let mut action = json!({"kind": "human_review", "deadlineMinutes": 60});
        action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(action).unwrap()
    }

    #[test]
    fn a_wait_ends_on_the_second_of_its_deadline_and_not_before() {
        let second = Duration::seconds(1);
        for (outcome, event) in [
            (OnDeadline::Continue, Event::Resumed),
            (OnDeadline::Disqualify, Event::Refused),
            (OnDeadline::Reject, Event::Refused),
            (OnDeadline::Fallback, Event::Refused),
        ] {
            let wait = wait("webhook", outcome, 0);
            assert_eq!(at_deadline(wait, None, noon() - second), None);
            for now in [noon(), noon() + second] {
                assert_eq!(at_deadline(wait, None, now).map(|v| v.event), Some(event));
            }
        }
    }

    #[test]
    fn it_is_started_over_as_often_as_the_campaign_says_and_then_ends_as_it_says() {
        let twice = json!({"onDeadline": "retry", "deadlineRetries": 2, "afterRetries": "reject"});
        let action = action(twice);
        let ends = |rounds| {
            let wait = wait("human_review", OnDeadline::Retry, rounds);
            at_deadline(wait, Some(&action), noon()).unwrap().change
        };
        let over = [Change::StartOver, Change::StartOver, Change::End(End::Rejected)];
        assert_eq!([ends(0), ends(1), ends(2)], over);
        let wait = wait("human_review", OnDeadline::Retry, 0);
        let gone = at_deadline(wait, None, noon()).unwrap().change;
        assert_eq!(gone, Change::End(End::Disqualified), "nothing says how often");
    }

    #[test]
    fn whoever_nobody_spoke_with_ends_as_no_contact_and_the_rest_as_failed() {
        for (kind, end) in [
            ("voice_ai", End::NoContact),
            ("sms", End::NoContact),
            ("human_review", End::Failed),
            ("webhook", End::Failed),
        ] {
            let verdict = at_deadline(wait(kind, OnDeadline::Fallback, 0), None, noon()).unwrap();
            assert_eq!(verdict.change, Change::SeekFallback(end), "{kind}");
        }
    }
}
