//! What a call leads to, row by row, and over random histories.
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time;

const NEW_YORK: Tz = Tz::America__New_York;

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// Tuesday noon in New York.
fn noon() -> Time {
    at("2026-11-24T17:00:00Z")
}

fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

fn plan(members: Value) -> VoiceAction {
    let mut plan = json!({"agent": "ana"});
    plan.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(plan).unwrap()
}

fn facts(calls: &[CallFact]) -> Facts<'_> {
    Facts {
        now: noon(),
        deadline: noon() + Duration::days(7),
        latest_deadline: noon() + Duration::days(60),
        calls,
        callable: Ok(()),
        suppressed: false,
        not_before: None,
        zones: &[NEW_YORK],
        campaign_zone: Tz::UTC,
    }
}

fn ended(number: i64, outcome: CallOutcome, ended_at: Time) -> CallFact {
    CallFact { number, state: CallState::Ended { outcome, callback_at: None, ended_at } }
}

fn asked(number: i64, callback_at: Time, ended_at: Time) -> CallFact {
    let outcome = CallOutcome::ScheduledCallback;
    let callback_at = Some(callback_at);
    CallFact { number, state: CallState::Ended { outcome, callback_at, ended_at } }
}

fn not_placed(number: i64, why: RefusalKind, at: Time) -> CallFact {
    CallFact { number, state: CallState::NotPlaced { why, at } }
}

/// What is to be done, in short: `wait +30 no_answer`, minutes counted from noon.
fn short(next: &Next) -> String {
    let after = |time: Time| (time - noon()).num_minutes();
    match next {
        Next::Call { number, attempt } => format!("call {number} attempt {attempt}"),
        Next::Wait(wait) => {
            let moved = wait.deadline.map(|time| format!(" deadline +{}", after(time)));
            let moved = moved.unwrap_or_default();
            format!("wait +{} {}{moved}", after(wait.until), wait.shown.word())
        }
        Next::Resume { outcome, .. } => format!("resume {}", outcome.word()),
        Next::Refuse { end, code, .. } => format!("refuse {} {code}", end.status().word()),
        Next::NoContact { .. } => "no contact".into(),
        Next::Nothing => "nothing".into(),
    }
}

fn after(plan: &VoiceAction, calls: &[CallFact]) -> String {
    short(&next(plan, &facts(calls)))
}

#[test]
fn every_outcome_has_its_effect() {
    let deadline = "wait +10080";
    for (outcome, wanted) in [
        (CallOutcome::Completed, "resume completed".to_owned()),
        (CallOutcome::Qualified, "resume qualified".into()),
        (CallOutcome::Disqualified, "refuse disqualified call_disqualified".into()),
        (CallOutcome::Dnc, "refuse dnc dnc".into()),
        (CallOutcome::NoContact, "no contact".into()),
        (CallOutcome::FollowUp, format!("{deadline} contacted")),
        (CallOutcome::Incomplete, "wait +30 contacted".into()),
        (CallOutcome::Voicemail, "wait +30 voicemail".into()),
        (CallOutcome::NoAnswer, "wait +30 no_answer".into()),
        (CallOutcome::Busy, "wait +30 no_answer".into()),
        (CallOutcome::Unknown, "wait +30 no_answer".into()),
        (CallOutcome::ScheduledCallback, "wait +30 scheduled_callback".into()),
        (CallOutcome::Failed, "wait +30 pending_action".into()),
    ] {
        assert_eq!(after(&plan(json!({})), &[ended(1, outcome, noon())]), wanted, "{outcome:?}");
    }
    assert_eq!(CallOutcome::ALL.len(), 13, "a row for each");
}

#[test]
fn a_campaign_may_say_otherwise_but_not_of_a_refusal() {
    for (outcome, word, effect, wanted) in [
        (CallOutcome::Voicemail, "voicemail", "continue", "resume voicemail"),
        (CallOutcome::Completed, "completed", "retry", "wait +30 contacted"),
        (CallOutcome::NoAnswer, "no_answer", "wait", "wait +10080 no_answer"),
        (CallOutcome::Busy, "busy", "disqualify", "refuse disqualified call_disqualified"),
        (CallOutcome::FollowUp, "follow_up", "reject", "refuse rejected call_rejected"),
        (CallOutcome::NoContact, "no_contact", "retry", "wait +30 no_answer"),
        (CallOutcome::Dnc, "dnc", "continue", "refuse dnc dnc"),
    ] {
        let plan = plan(json!({"outcomes": {word: effect}}));
        assert_eq!(after(&plan, &[ended(1, outcome, noon())]), wanted, "{word}");
    }
}

#[test]
fn what_speaks_against_a_call_comes_first() {
    let plan = plan(json!({}));
    let open = [CallFact { number: 1, state: CallState::Open }];
    let suppressed = Facts { suppressed: true, ..facts(&open) };
    assert_eq!(short(&next(&plan, &suppressed)), "refuse dnc dnc");
    assert_eq!(after(&plan, &open), "nothing");
    assert_eq!(after(&plan, &[]), "call 1 attempt 1");
    let toll_free = Facts { callable: Err(NotCallable::TollFree), ..facts(&[]) };
    let wanted = Next::NoContact { reason: "a toll-free number belongs to no person".into() };
    assert_eq!(next(&plan, &toll_free), wanted);
    let late = Facts { deadline: noon(), ..facts(&[]) };
    assert_eq!(short(&next(&plan, &late)), "wait +0 pending_action");
    let nowhere = Facts { zones: &[], ..facts(&[]) };
    assert_eq!(short(&next(&plan, &nowhere)), "call 1 attempt 1", "17:00 in the campaign's zone");
    let night = Facts { now: noon() + minutes(600), ..facts(&[]) };
    assert_eq!(short(&next(&plan, &night)), "wait +1200 pending_action", "to 08:00");
    let apart = Facts { zones: &[NEW_YORK, Tz::Pacific__Auckland], ..facts(&[]) };
    let narrow = self::plan(json!({"hours": {"from": "12:00", "to": "13:00"}}));
    assert_eq!(short(&next(&narrow, &apart)), "no contact");
}

#[test]
fn calls_that_were_not_placed_do_not_count() {
    let plan = plan(json!({"maxAttempts": 1}));
    let busy = RefusalKind::Busy(None);
    for (calls, wanted) in [
        (vec![not_placed(1, RefusalKind::OptedOut, noon())], "refuse dnc dnc"),
        (vec![not_placed(1, RefusalKind::BadNumber, noon())], "no contact"),
        (vec![not_placed(1, busy, noon())], "wait +1 pending_action"),
        (vec![not_placed(1, busy, noon()); 3], "wait +4 pending_action"),
        (vec![not_placed(1, RefusalKind::Misconfigured, noon()); 10], "wait +60 pending_action"),
        (vec![not_placed(1, busy, noon()); 11], "no contact"),
        (
            vec![not_placed(1, RefusalKind::Busy(Some(time::Duration::from_mins(20))), noon())],
            "wait +20 pending_action",
        ),
        (vec![not_placed(1, busy, noon() - minutes(1))], "call 2 attempt 1"),
        (vec![ended(1, CallOutcome::Failed, noon()); 10], "wait +60 pending_action"),
        (vec![ended(1, CallOutcome::Failed, noon()); 11], "no contact"),
    ] {
        assert_eq!(after(&plan, &calls), wanted, "{calls:?}");
    }
}

#[test]
fn the_pauses_grow_as_the_plan_says_and_the_last_one_repeats() {
    let plan = plan(json!({"retryMinutes": [10, 90], "minimumGapMinutes": 15, "maxAttempts": 4}));
    let missed = |count: i64| -> Vec<CallFact> {
        (1..=count).map(|number| ended(number, CallOutcome::NoAnswer, noon())).collect()
    };
    for (count, wanted) in [
        (1, "wait +15 no_answer"),
        (2, "wait +90 no_answer"),
        (3, "wait +90 no_answer"),
        (4, "no contact"),
    ] {
        assert_eq!(after(&plan, &missed(count)), wanted, "{count}");
    }
    let then = Facts { now: noon() + minutes(90), ..facts(&[]) };
    let calls = missed(3);
    assert_eq!(short(&next(&plan, &Facts { calls: &calls, ..then })), "call 4 attempt 4");
    let soon = Facts { calls: &calls, deadline: noon() + minutes(60), ..facts(&[]) };
    assert_eq!(short(&next(&plan, &soon)), "wait +60 no_answer", "the deadline is before it");
}

#[test]
fn a_person_is_called_when_they_asked_for_it() {
    let plan = plan(json!({"maxAttempts": 1}));
    let day = minutes(24 * 60);
    for (calls, wanted) in [
        (vec![asked(1, noon() + minutes(5), noon())], "wait +5 scheduled_callback"),
        (vec![asked(1, noon() - minutes(5), noon())], "call 2 attempt 1"),
        // 02:00 in the night.
        (vec![asked(1, noon() + minutes(840), noon())], "wait +1200 scheduled_callback"),
        (
            vec![asked(1, noon() + day * 8, noon())],
            "wait +11520 scheduled_callback deadline +11580",
        ),
        (
            vec![asked(1, noon() + day * 7 - minutes(5), noon())],
            "wait +10075 scheduled_callback deadline +10135",
        ),
        (vec![asked(1, noon() + day * 61, noon())], "wait +10080 scheduled_callback"),
        (vec![asked(1, noon(), noon()), ended(2, CallOutcome::Busy, noon())], "no contact"),
        (vec![asked(1, noon(), noon()); 3], "call 2 attempt 1"),
        (vec![asked(1, noon(), noon()); 4], "no contact"),
        (
            vec![asked(1, noon(), noon()), not_placed(2, RefusalKind::Busy(None), noon())],
            "wait +30 scheduled_callback",
        ),
    ] {
        assert_eq!(after(&plan, &calls), wanted, "{calls:?}");
    }
}

#[test]
fn what_is_heard_late_ends_the_wait_when_no_call_is_open() {
    let plan = plan(json!({}));
    let qualified = ended(1, CallOutcome::Qualified, noon());
    let open = CallFact { number: 2, state: CallState::Open };
    assert_eq!(after(&plan, &[qualified, open]), "nothing");
    let missed = ended(2, CallOutcome::NoAnswer, noon());
    assert_eq!(after(&plan, &[qualified, missed]), "resume qualified");
    let refused = ended(1, CallOutcome::Dnc, noon());
    assert_eq!(after(&plan, &[refused, open]), "refuse dnc dnc", "a refusal waits for nothing");
}

/// One step of a random history: what the provider makes of a call, and how long it takes.
#[derive(Debug, Clone, Copy)]
struct Step {
    outcome: Option<CallOutcome>,
    refusal: RefusalKind,
    lasts: i64,
    callback: Option<i64>,
}

fn step() -> impl Strategy<Value = Step> {
    let refusal = prop_oneof![
        Just(RefusalKind::Busy(None)),
        Just(RefusalKind::Busy(Some(time::Duration::from_secs(600)))),
        Just(RefusalKind::Misconfigured),
    ];
    let outcome = prop::option::weighted(0.8, prop::sample::select(CallOutcome::ALL.to_vec()));
    (outcome, refusal, 0_i64..30, prop::option::of(-60_i64..20_000))
        .prop_map(|(outcome, refusal, lasts, callback)| Step { outcome, refusal, lasts, callback })
}

fn some_plan() -> impl Strategy<Value = VoiceAction> {
    let pauses = prop::collection::vec(1_i64..3_000, 1..5);
    let effect = prop::sample::select(vec!["retry", "wait", "continue", "reject"]);
    (1_i64..=10, pauses, 0_i64..600, 0_u32..20, effect).prop_map(
        |(most, pauses, gap, from, effect)| {
            let hours = json!({"from": format!("{from:02}:00"), "to": format!("{:02}:30", from + 3)});
            plan(json!({
                "maxAttempts": most, "retryMinutes": pauses, "minimumGapMinutes": gap, "hours": hours,
                "outcomes": {"incomplete": effect, "completed": "retry"},
            }))
        },
    )
}

fn is_free(call: &CallFact) -> bool {
    match call.state {
        CallState::Ended { outcome, .. } => {
            matches!(outcome, CallOutcome::Failed | CallOutcome::ScheduledCallback)
        }
        _ => true,
    }
}

/// The call that is made now, by what the rules say and not by what the code does.
fn is_lawful(plan: &VoiceAction, facts: &Facts<'_>) -> Result<(), TestCaseError> {
    use chrono::Timelike;
    for zone in facts.zones {
        let local = facts.now.with_timezone(zone);
        let minute = local.hour() * 60 + local.minute();
        prop_assert!((plan.hours.from.0..plan.hours.to.0).contains(&minute), "{local}");
    }
    prop_assert!(facts.now < facts.deadline);
    let counted = facts.calls.iter().filter(|call| !is_free(call)).count();
    prop_assert!(i64::try_from(counted).unwrap() < plan.max_attempts);
    let last = facts.calls.iter().rev().find_map(|call| match call.state {
        CallState::Ended { outcome, callback_at, ended_at } => {
            Some((outcome, callback_at, ended_at))
        }
        _ => None,
    });
    if let Some((outcome, callback_at, ended_at)) = last {
        let by_request = outcome == CallOutcome::ScheduledCallback && callback_at.is_some();
        let gap = minutes(plan.minimum_gap_minutes);
        prop_assert!(by_request || facts.now >= ended_at + gap, "within the gap");
        prop_assert!(callback_at.is_none_or(|asked| !by_request || facts.now >= asked));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_history_never_breaks_a_rule_and_always_ends(
        plan in some_plan(),
        steps in prop::collection::vec(step(), 60),
        start in 0_i64..365 * 1_440,
        waits in 1_i64..20_000,
    ) {
        let start = at("2026-01-01T00:00:00Z") + minutes(start);
        let latest_deadline = start + minutes(40_000);
        let (mut now, mut deadline) = (start, start + minutes(waits));
        let mut calls: Vec<CallFact> = Vec::new();
        let mut steps = steps.into_iter();
        loop {
            let zones = [NEW_YORK, Tz::America__Chicago];
            let facts = Facts { now, deadline, latest_deadline, zones: &zones, ..facts(&calls) };
            match next(&plan, &facts) {
                Next::Call { number, attempt } => {
                    prop_assert!(attempt <= plan.max_attempts);
                    prop_assert_eq!(number, i64::try_from(calls.len()).unwrap() + 1);
                    is_lawful(&plan, &facts)?;
                    let Some(step) = steps.next() else { break };
                    now += minutes(step.lasts);
                    let state = match step.outcome {
                        None => CallState::NotPlaced { why: step.refusal, at: now },
                        Some(outcome) => {
                            let callback_at = step.callback.map(|after| now + minutes(after));
                            CallState::Ended { outcome, callback_at, ended_at: now }
                        }
                    };
                    calls.push(CallFact { number, state });
                }
                Next::Wait(wait) => {
                    if let Some(moved) = wait.deadline {
                        prop_assert!(moved > deadline && moved <= latest_deadline);
                        deadline = moved;
                    }
                    prop_assert!(wait.until <= deadline, "{wait:?}");
                    prop_assert!(wait.until > now || now >= deadline || wait.deadline.is_some(), "waits for nothing: {wait:?}");
                    now = now.max(wait.until);
                    if now >= deadline {
                        break;
                    }
                }
                Next::Resume { .. } | Next::Refuse { .. } | Next::NoContact { .. } => break,
                Next::Nothing => prop_assert!(false, "no call is open"),
            }
        }
    }
}
