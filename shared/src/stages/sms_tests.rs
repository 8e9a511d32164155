//! What a thread of texts leads to, row by row, and over random histories.
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::time;

const NEW_YORK: Tz = Tz::America__New_York;

/// Tuesday noon in New York.
fn noon() -> Time {
    "2026-11-24T17:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

fn plan(members: Value) -> SmsAction {
    let mut plan = json!({"agent": "ana", "message": "Hi {{lead.firstName}}"});
    plan.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(plan).unwrap()
}

fn reminding() -> SmsAction {
    plan(
        json!({"reminderMinutes": [60, 120], "reminder": "Still there, {{lead.firstName}}?", "replyField": "reply"}),
    )
}

fn facts<'a>(thread: &'a Thread<'a>, view: &'a Value) -> Facts<'a> {
    Facts {
        now: noon(),
        deadline: noon() + Duration::days(7),
        thread,
        callable: Ok(()),
        suppressed: false,
        not_before: None,
        zones: &[NEW_YORK],
        campaign_zone: Tz::UTC,
        view,
    }
}

/// What is to be done, in short: `wait +30 pending_action`, minutes counted from noon.
fn short(next: &Next) -> String {
    match next {
        Next::Text { body, is_reminder } => format!("text {body} reminder={is_reminder}"),
        Next::Wait(wait) => {
            let after = (wait.until - noon()).num_minutes();
            format!("wait +{after} {}", wait.shown.word())
        }
        Next::Resume { answers, .. } => format!("resume {}", Value::Object(answers.clone())),
        Next::Refuse { end, code, .. } => format!("refuse {} {code}", end.status().word()),
        Next::NoContact { reason } => format!("no contact: {reason}"),
        Next::Nothing => "nothing".into(),
    }
}

fn after(plan: &SmsAction, texts: &[TextFact], replies: &[&str]) -> String {
    let thread = Thread { texts, replies, opted_out: false };
    short(&next(plan, &facts(&thread, &json!({"lead": {"firstName": "Ana"}}))))
}

const SENT: fn(i64) -> TextFact = |ago| TextFact::Sent { at: noon() - minutes(ago) };

fn not_sent(why: RefusalKind) -> TextFact {
    TextFact::NotSent { why, at: noon() }
}

#[test]
fn every_state_of_a_thread_leads_somewhere() {
    let plan = reminding();
    let busy = not_sent(RefusalKind::Busy(None));
    let paused = not_sent(RefusalKind::Busy(Some(time::Duration::from_mins(20))));
    for (texts, wanted) in [
        (vec![], "text Hi Ana reminder=false"),
        (vec![TextFact::Open], "nothing"),
        (vec![SENT(0)], "wait +60 pending_action"),
        (vec![SENT(60)], "text Still there, Ana? reminder=true"),
        (vec![SENT(60), TextFact::Open], "nothing"),
        (vec![SENT(60), SENT(0)], "wait +120 pending_action"),
        (vec![SENT(300), SENT(200)], "text Still there, Ana? reminder=true"),
        (vec![SENT(300), SENT(200), SENT(0)], "wait +10080 pending_action"),
        (vec![TextFact::Failed { at: noon() }], "no contact: the text could not be delivered"),
        (vec![not_sent(RefusalKind::OptedOut)], "refuse dnc dnc"),
        (vec![not_sent(RefusalKind::BadNumber)], "no contact: the number cannot be texted"),
        (vec![busy], "wait +1 pending_action"),
        (vec![busy; 3], "wait +4 pending_action"),
        (vec![paused], "wait +20 pending_action"),
        (vec![not_sent(RefusalKind::Misconfigured); 10], "wait +60 pending_action"),
        (vec![busy; 11], "no contact: the text could not be sent"),
        (vec![SENT(70), busy], "wait +1 pending_action"),
    ] {
        assert_eq!(after(&plan, &texts, &[]), wanted, "{texts:?}");
    }
}

#[test]
fn a_reply_ends_the_wait_or_leaves_it_to_the_agent() {
    let sent = [SENT(500)];
    assert_eq!(after(&reminding(), &sent, &["yes", "call me"]), r#"resume {"reply":"yes"}"#);
    assert_eq!(after(&plan(json!({})), &[TextFact::Open], &["yes"]), "resume {}");
    let agent = SmsAction { resume_on: ResumeOn::Agent, ..reminding() };
    assert_eq!(after(&agent, &sent, &["yes"]), "wait +10080 contacted", "no reminder any more");
}

#[test]
fn what_speaks_against_a_text_comes_first() {
    let view = json!({});
    let none = Thread::default();
    let opted_out = Thread { replies: &["STOP"], opted_out: true, ..Thread::default() };
    let (plan, facts_of) = (reminding(), facts(&none, &view));
    for (facts, wanted) in [
        (Facts { suppressed: true, ..facts_of }, "refuse dnc dnc"),
        (facts(&opted_out, &view), "refuse dnc dnc"),
        (
            Facts { callable: Err(NotCallable::NoNumber), ..facts_of },
            "no contact: the lead has no phone number in E.164",
        ),
        (Facts { deadline: noon(), ..facts_of }, "wait +0 pending_action"),
        (Facts { now: noon() + minutes(600), ..facts_of }, "wait +1200 pending_action"),
        (Facts { zones: &[], ..facts_of }, "text Hi reminder=false"),
    ] {
        assert_eq!(short(&next(&plan, &facts)), wanted);
    }
    let empty = self::plan(json!({"message": "{{lead.firstName}}"}));
    assert_eq!(short(&next(&empty, &facts_of)), "no contact: the text is empty for this lead");
    let narrow = self::plan(json!({"hours": {"from": "12:00", "to": "13:00"}}));
    let apart = Facts { zones: &[NEW_YORK, Tz::Pacific__Auckland], ..facts_of };
    assert!(short(&next(&narrow, &apart)).starts_with("no contact: there is no time"));
}

/// What the provider makes of a text.
fn fate() -> impl Strategy<Value = TextFact> {
    let at = noon();
    prop_oneof![
        4 => Just(TextFact::Sent { at }),
        1 => Just(TextFact::Failed { at }),
        2 => Just(TextFact::NotSent { why: RefusalKind::Busy(None), at }),
        1 => Just(TextFact::NotSent { why: RefusalKind::Misconfigured, at }),
    ]
}

fn at_time(fate: TextFact, at: Time) -> TextFact {
    match fate {
        TextFact::Sent { .. } => TextFact::Sent { at },
        TextFact::Failed { .. } => TextFact::Failed { at },
        TextFact::NotSent { why, .. } => TextFact::NotSent { why, at },
        TextFact::Open => TextFact::Open,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_thread_never_breaks_a_rule_and_always_ends(
        fates in prop::collection::vec(fate(), 80),
        pauses in prop::collection::vec(1_i64..5_000, 0..=5),
        from in 0_u32..20,
        start in 0_i64..365 * 1_440,
        waits in 1_i64..20_000,
    ) {
        use chrono::Timelike;
        let hours = json!({"from": format!("{from:02}:00"), "to": format!("{:02}:30", from + 3)});
        let plan = plan(json!({"reminderMinutes": pauses, "reminder": "r", "hours": hours}));
        let mut now = noon() + minutes(start);
        let deadline = now + minutes(waits);
        let view = json!({"lead": {"firstName": "Ana"}});
        let zones = [NEW_YORK, Tz::America__Chicago];
        let mut texts: Vec<TextFact> = Vec::new();
        let mut fates = fates.into_iter();
        loop {
            let thread = Thread { texts: &texts, ..Thread::default() };
            let sent = texts.iter().filter(|text| matches!(text, TextFact::Sent { .. })).count();
            match next(&plan, &Facts { now, deadline, zones: &zones, ..facts(&thread, &view) }) {
                Next::Text { is_reminder, .. } => {
                    prop_assert_eq!(is_reminder, sent > 0);
                    prop_assert!(sent <= plan.reminder_minutes.len() && now < deadline);
                    for zone in zones {
                        let local = now.with_timezone(&zone);
                        let minute = local.hour() * 60 + local.minute();
                        prop_assert!((plan.hours.from.0..plan.hours.to.0).contains(&minute));
                    }
                    let Some(fate) = fates.next() else { break };
                    texts.push(at_time(fate, now));
                }
                Next::Wait(wait) => {
                    prop_assert!(wait.until <= deadline && wait.deadline.is_none());
                    prop_assert!(wait.until > now || now >= deadline, "waits for nothing");
                    now = now.max(wait.until);
                    if now >= deadline {
                        break;
                    }
                }
                Next::Resume { .. } | Next::Refuse { .. } | Next::NoContact { .. } => break,
                Next::Nothing => prop_assert!(false, "no text is open"),
            }
        }
    }
}
