//! What a first action may say.
use super::*;
use crate::campaign::config::{AfterRetries, CallEffect, CampaignConfig, Priority};
use serde_json::{Value, json};

fn read(action: Value) -> Result<FirstAction, String> {
    serde_json::from_value(action).map_err(|error| error.to_string())
}

/// `path | message` of everything that is wrong.
fn problems(action: Value) -> Vec<String> {
    let policy = GuardPolicy::default();
    let config: CampaignConfig = serde_json::from_value(json!({ "firstAction": action })).unwrap();
    let problems = config.problems(None, &policy);
    problems.into_iter().map(|one| format!("{} | {}", one.path, one.message)).collect()
}

fn voice(members: Value) -> Value {
    let mut voice = json!({"agent": "ana"});
    voice.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({"kind": "voice_ai", "deadlineMinutes": 60, "voice": voice})
}

fn sms(members: Value) -> Value {
    let mut sms = json!({"agent": "ana", "message": "Hi {{lead.firstName}}"});
    sms.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({"kind": "sms", "deadlineMinutes": 60, "sms": sms})
}

fn webhook(members: Value) -> Value {
    json!({"kind": "webhook", "deadlineMinutes": 60, "url": "https://a.example", "webhook": members})
}

#[test]
fn a_stored_action_is_read_and_written_back_as_it_was() {
    let old = json!({"kind": "webhook", "url": "https://a.example", "deadlineMinutes": 5, "onDeadline": "reject"});
    let action = read(old.clone()).unwrap();
    assert_eq!(serde_json::to_value(&action).unwrap(), old);
    assert_eq!((action.retries(), action.at_deadline(0)), (0, OnDeadline::Reject));
    assert_eq!(action.webhook().timeout_seconds, 30);
    assert_eq!(action.review().priority, Priority::Normal);
}

#[test]
fn what_is_not_said_is_usual() {
    let action = read(voice(json!({"outcomes": {"no_answer": "wait"}}))).unwrap();
    let voice = action.voice.clone().unwrap();
    assert_eq!((voice.max_attempts, voice.minimum_gap_minutes), (3, 30));
    assert_eq!(voice.retry_minutes, [30, 240, 1_440]);
    assert_eq!(voice.outcomes[&CallOutcome::NoAnswer], CallEffect::Wait);
    let again = read(serde_json::to_value(&action).unwrap()).unwrap();
    assert_eq!(again, action);
    for unknown in [
        voice_with("outcomes", json!({"splendid": "wait"})),
        voice_with("outcomes", json!({"busy": "fly"})),
        voice_with("agents", json!("x")),
    ] {
        assert!(read(unknown).is_err());
    }
}

fn voice_with(member: &str, value: Value) -> Value {
    voice(json!({ member: value }))
}

#[test]
fn an_action_is_started_over_and_then_ends() {
    let action = read(json!({"kind": "human_review", "deadlineMinutes": 5, "onDeadline": "retry", "deadlineRetries": 2, "afterRetries": "fallback"})).unwrap();
    let seen: Vec<_> = (0..3).map(|done| action.at_deadline(done)).collect();
    assert_eq!(seen, [OnDeadline::Retry, OnDeadline::Retry, OnDeadline::Fallback]);
    let action =
        read(json!({"kind": "human_review", "deadlineMinutes": 5, "onDeadline": "retry"})).unwrap();
    assert_eq!((action.retries(), action.at_deadline(1)), (1, OnDeadline::Disqualify));
    for after in [AfterRetries::Continue, AfterRetries::Reject] {
        assert_ne!(OnDeadline::from(after), OnDeadline::Disqualify);
    }
}

#[test]
fn every_word_is_read_back() {
    for kind in ActionKind::ALL {
        assert_eq!(ActionKind::parse(kind.name()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    for one in OnDeadline::ALL {
        assert_eq!(OnDeadline::parse(one.name()), Some(one));
        assert_eq!(serde_json::to_value(one).unwrap(), one.name());
    }
}

#[test]
fn good_actions_can_be_saved() {
    for good in [
        voice(
            json!({"variables": {"name": "lead.firstName"}, "dailyCalls": 100_000, "minimumGapMinutes": 0, "testAgent": "t"}),
        ),
        voice(
            json!({"hours": {"from": "09:00", "to": "24:00", "days": ["mon"]}, "instructions": "be kind"}),
        ),
        sms(
            json!({"reminderMinutes": [60, 43_200], "reminder": "Still there?", "resumeOn": "agent", "replyField": "reply"}),
        ),
        webhook(
            json!({"method": "PUT", "headers": {"X-Key": {"secret": "k"}}, "secret": {"secret": "s"}, "retries": 0}),
        ),
        json!({"kind": "human_review", "deadlineMinutes": 5, "review": {"priority": "high", "reason": "odd", "claimMinutes": 1}}),
        json!({"kind": "human_review", "deadlineMinutes": 129_600, "onDeadline": "fallback"}),
    ] {
        assert_eq!(problems(good.clone()), [""; 0], "{good}");
    }
}

#[test]
fn each_member_goes_with_its_kind() {
    let review = json!({"kind": "human_review", "deadlineMinutes": 5});
    for (member, value, kind) in [
        ("voice", json!({"agent": "a"}), "voice_ai"),
        ("sms", json!({"agent": "a", "message": "m"}), "sms"),
        ("webhook", json!({}), "webhook"),
    ] {
        let mut action = review.clone();
        action[member] = value;
        assert_eq!(
            problems(action),
            [format!("firstAction.{member} | only with the kind `{kind}`")]
        );
    }
    let mut call = voice(json!({}));
    call["review"] = json!({});
    assert_eq!(problems(call), ["firstAction.review | only with the kind `human_review`"]);
    for (kind, member) in [("voice_ai", "voice"), ("sms", "sms")] {
        let bare = problems(json!({"kind": kind, "deadlineMinutes": 5}));
        assert_eq!(
            bare,
            [format!("firstAction.{member} | is missing; the kind `{kind}` needs it")]
        );
    }
}

/// Each action is wrong in one place, for one reason.
fn refused(rows: &[(Value, &str, &str)]) {
    for (action, path, why) in rows {
        let found = problems(action.clone());
        let start = format!("firstAction.{path} | ");
        let fits = found.len() == 1 && found[0].starts_with(&start) && found[0].contains(why);
        assert!(fits, "{action}: {found:?}");
    }
}

#[test]
fn every_limit_of_a_call_has_its_place() {
    refused(&[
        (voice(json!({"agent": "a b"})), "voice.agent", "no agent's name"),
        (voice(json!({"testAgent": ""})), "voice.testAgent", "no agent's name"),
        (voice(json!({"maxAttempts": 0})), "voice.maxAttempts", "1 to 10"),
        (voice(json!({"maxAttempts": 11})), "voice.maxAttempts", "1 to 10"),
        (voice(json!({"retryMinutes": []})), "voice.retryMinutes", "at least one"),
        (voice(json!({"retryMinutes": [5, 43_201]})), "voice.retryMinutes[1]", "1 to 43200"),
        (voice(json!({"retryMinutes": vec![1; 21]})), "voice.retryMinutes", "at most 20"),
        (voice(json!({"minimumGapMinutes": 10_081})), "voice.minimumGapMinutes", "0 to 10080"),
        (voice(json!({"hours": {"days": []}})), "voice.hours.days", "at least one day"),
        (voice(json!({"dailyCalls": 0})), "voice.dailyCalls", "1 to 100000"),
        (voice(json!({"instructions": "x".repeat(4_001)})), "voice.instructions", "1 to 4000"),
        (voice(json!({"variables": {"a": "lead.nmae"}})), "voice.variables.a", "unknown field"),
        (voice(json!({"variables": {"a b": "lead.age"}})), "voice.variables.a b", "1 to 64"),
        (voice(json!({"outcomes": {"dnc": "retry"}})), "voice.outcomes.dnc", "cannot be changed"),
    ]);
}

#[test]
fn every_limit_of_a_text_has_its_place() {
    refused(&[
        (sms(json!({"message": ""})), "sms.message", "1 to 1600"),
        (sms(json!({"message": "{{lead.x}}"})), "sms.message", "unknown field"),
        (sms(json!({"agent": "/"})), "sms.agent", "no agent's name"),
        (sms(json!({"replyField": "a b"})), "sms.replyField", "1 to 64"),
        (sms(json!({"dailyTexts": 100_001})), "sms.dailyTexts", "1 to 100000"),
        (
            sms(json!({"reminderMinutes": vec![1; 6], "reminder": "r"})),
            "sms.reminderMinutes",
            "at most 5",
        ),
        (
            sms(json!({"reminderMinutes": [0], "reminder": "r"})),
            "sms.reminderMinutes[0]",
            "1 to 43200",
        ),
        (sms(json!({"reminderMinutes": [1]})), "sms.reminder", "is missing"),
        (sms(json!({"reminder": "r"})), "sms.reminder", "only with"),
    ]);
}

#[test]
fn every_limit_of_a_webhook_has_its_place() {
    refused(&[
        (webhook(json!({"timeoutSeconds": 301})), "webhook.timeoutSeconds", "1 to 300"),
        (webhook(json!({"retries": 6})), "webhook.retries", "0 to 5"),
        (
            webhook(json!({"secret": {"secret": "a b"}})),
            "webhook.secret.secret",
            "no secret's name",
        ),
        (
            webhook(json!({"headers": {"Authorization": "x"}})),
            "webhook.headers.Authorization",
            "holds a credential",
        ),
        (webhook(json!({"headers": {"a b": "x"}})), "webhook.headers.a b", "not a header name"),
        (
            webhook(json!({"headers": {"Webhook-Id": "x"}})),
            "webhook.headers.Webhook-Id",
            "the signature",
        ),
    ]);
}

#[test]
fn every_limit_of_the_action_itself_has_its_place() {
    let mut call = voice(json!({}));
    call["url"] = json!("https://a.example");
    refused(&[
        (
            json!({"kind": "human_review", "deadlineMinutes": 129_601}),
            "deadlineMinutes",
            "1 to 129600",
        ),
        (
            json!({"kind": "human_review", "deadlineMinutes": 5, "deadlineRetries": 1}),
            "deadlineRetries",
            "only with",
        ),
        (
            json!({"kind": "human_review", "deadlineMinutes": 5, "afterRetries": "reject"}),
            "afterRetries",
            "only with",
        ),
        (
            json!({"kind": "human_review", "deadlineMinutes": 5, "onDeadline": "retry", "deadlineRetries": 6}),
            "deadlineRetries",
            "1 to 5",
        ),
        (
            json!({"kind": "human_review", "deadlineMinutes": 5, "review": {"claimMinutes": 0}}),
            "review.claimMinutes",
            "1 to 1440",
        ),
        (
            json!({"kind": "human_review", "deadlineMinutes": 5, "review": {"reason": ""}}),
            "review.reason",
            "1 to 500",
        ),
        (json!({"kind": "webhook", "deadlineMinutes": 5}), "url", "needs a url"),
        (call, "url", "only a webhook"),
    ]);
}
