//! Stage 2: must something happen before delivery?
use super::{Change, Scene, Verdict, s3_disqualification::first_match};
use crate::{
    campaign::config::OnDeadline,
    clock::Time,
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
            review: None,
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

/// What a wait whose deadline has come leads to; none while it has not.
pub fn at_deadline(on_deadline: OnDeadline, deadline: Time, now: Time) -> Option<Verdict> {
    if now < deadline {
        return None;
    }
    let reason = "nothing was heard until the deadline";
    Some(match on_deadline {
        OnDeadline::Continue => Verdict::of(Event::Resumed, "deadline", reason),
        // Whoever starts the action over, or names the fallback, does so before it comes to this.
        OnDeadline::Disqualify | OnDeadline::Retry | OnDeadline::Fallback => {
            Verdict::refuse(End::Disqualified, "deadline", reason)
        }
        OnDeadline::Reject => Verdict::refuse(End::Rejected, "deadline", reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    #[test]
    fn a_wait_ends_on_the_second_of_its_deadline_and_not_before() {
        let noon = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap();
        let second = Duration::seconds(1);
        assert_eq!(at_deadline(OnDeadline::Continue, noon, noon - second), None);
        for (outcome, event) in [
            (OnDeadline::Continue, Event::Resumed),
            (OnDeadline::Disqualify, Event::Refused),
            (OnDeadline::Reject, Event::Refused),
        ] {
            for now in [noon, noon + second] {
                assert_eq!(at_deadline(outcome, noon, now).map(|v| v.event), Some(event));
            }
        }
    }
}
