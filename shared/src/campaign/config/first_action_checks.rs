//! What must hold of a first action before its campaign is saved.
use super::{
    FirstAction, OnDeadline,
    auth::check_headers,
    checks::{Problems, count, say},
    endpoint_checks::headers,
    first_action::{
        ActionKind, DEADLINE_MINUTES_MAX, DEADLINE_RETRIES_MAX, ReviewAction, SmsAction,
        VoiceAction, WebhookAction,
    },
    secret_ref::is_secret_name,
};
use crate::{
    campaign::guard::{GuardPolicy, check_url},
    outreach::{report::CallOutcome, template},
    rules::Field,
};

/// Calls to one person that count, at most.
pub const ATTEMPTS_MAX: i64 = 10;
/// Pauses between calls, at most.
pub const RETRY_MINUTES_ENTRIES_MAX: usize = 20;
/// Minutes between two calls or texts, at most: 30 days.
pub const RETRY_MINUTES_MAX: i64 = 43_200;
/// Minutes that must lie between two calls, at most: a week.
pub const GAP_MINUTES_MAX: i64 = 10_080;
/// Calls or texts that a campaign may be limited to in a day.
pub const DAILY_MAX: i64 = 100_000;
/// Characters of what a voice agent is told besides its own prompt, at most.
pub const INSTRUCTIONS_MAX: usize = 4_000;
/// Variables that a voice agent is given, at most.
pub const VARIABLES_MAX: usize = 50;
/// Characters of a variable's name or of a questionnaire key, at most.
pub const KEY_MAX: usize = 64;
/// Reminders to a text that was not answered, at most.
pub const REMINDERS_MAX: usize = 5;
/// Characters of the reason for a review, at most.
pub const REASON_MAX: usize = 500;
/// Minutes for which a reviewer may keep a review: a day.
pub const CLAIM_MINUTES_MAX: i64 = 1_440;
/// Seconds that a webhook may take to answer, at most.
pub const WEBHOOK_TIMEOUT_MAX: u64 = 300;
/// How often a webhook is sent again, at most.
pub const WEBHOOK_RETRIES_MAX: i64 = 5;
/// Headers in which Standard Webhooks carry the signature.
pub(crate) const SIGNATURE_HEADERS: [&str; 3] =
    ["webhook-id", "webhook-timestamp", "webhook-signature"];

pub(super) fn first_action(action: &FirstAction, policy: &GuardPolicy, problems: &mut Problems) {
    let at = "firstAction";
    within(
        action.deadline_minutes,
        (1, DEADLINE_MINUTES_MAX),
        format!("{at}.deadlineMinutes"),
        problems,
    );
    if let Some(retries) = action.deadline_retries {
        within(retries, (1, DEADLINE_RETRIES_MAX), format!("{at}.deadlineRetries"), problems);
    }
    if action.on_deadline != OnDeadline::Retry {
        for (member, given) in [
            ("deadlineRetries", action.deadline_retries.is_some()),
            ("afterRetries", action.after_retries.is_some()),
        ] {
            if given {
                say(problems, format!("{at}.{member}"), "only with `onDeadline` `retry`");
            }
        }
    }
    match (action.kind, &action.url) {
        (ActionKind::Webhook, None) => say(problems, "firstAction.url", "a webhook needs a url"),
        (ActionKind::Webhook, Some(url)) => {
            if let Err(why) = check_url(url, policy) {
                say(problems, "firstAction.url", why.to_string());
            }
        }
        (_, Some(_)) => say(problems, "firstAction.url", "only a webhook has a url"),
        (_, None) => {}
    }
    members(action, problems);
}

/// Each kind has its own member; calls and texts cannot do without.
fn members(action: &FirstAction, problems: &mut Problems) {
    for (member, kind, given, needed) in [
        ("voice", ActionKind::VoiceAi, action.voice.is_some(), true),
        ("sms", ActionKind::Sms, action.sms.is_some(), true),
        ("review", ActionKind::HumanReview, action.review.is_some(), false),
        ("webhook", ActionKind::Webhook, action.webhook.is_some(), false),
    ] {
        let path = format!("firstAction.{member}");
        if given && action.kind != kind {
            say(problems, path, format!("only with the kind `{}`", kind.name()));
        } else if !given && needed && action.kind == kind {
            say(problems, path, format!("is missing; the kind `{}` needs it", kind.name()));
        }
    }
    if let Some(one) = &action.voice {
        voice(one, "firstAction.voice", problems);
    }
    if let Some(one) = &action.sms {
        sms(one, "firstAction.sms", problems);
    }
    if let Some(one) = &action.review {
        review(one, "firstAction.review", problems);
    }
    if let Some(one) = &action.webhook {
        webhook(one, "firstAction.webhook", problems);
    }
}

fn voice(one: &VoiceAction, at: &str, problems: &mut Problems) {
    agent(&one.agent, format!("{at}.agent"), problems);
    if let Some(name) = &one.test_agent {
        agent(name, format!("{at}.testAgent"), problems);
    }
    within(one.max_attempts, (1, ATTEMPTS_MAX), format!("{at}.maxAttempts"), problems);
    if one.retry_minutes.is_empty() {
        say(problems, format!("{at}.retryMinutes"), "needs at least one entry");
    }
    let most = RETRY_MINUTES_ENTRIES_MAX;
    minutes(&one.retry_minutes, most, &format!("{at}.retryMinutes"), problems);
    let gap = format!("{at}.minimumGapMinutes");
    within(one.minimum_gap_minutes, (0, GAP_MINUTES_MAX), gap, problems);
    one.hours.check(&format!("{at}.hours"), problems);
    if let Some(daily) = one.daily_calls {
        within(daily, (1, DAILY_MAX), format!("{at}.dailyCalls"), problems);
    }
    if let Some(text) = &one.instructions {
        length(text, INSTRUCTIONS_MAX, format!("{at}.instructions"), problems);
    }
    count(&format!("{at}.variables"), one.variables.len(), VARIABLES_MAX, problems);
    for (name, field) in &one.variables {
        let path = format!("{at}.variables.{name}");
        if !is_key(name) {
            say(problems, path, key_rule());
        } else if let Err(why) = Field::parse(field) {
            say(problems, path, why);
        }
    }
    if one.outcomes.contains_key(&CallOutcome::Dnc) {
        let why = "cannot be changed: a person who must not be called again is never called again";
        say(problems, format!("{at}.outcomes.dnc"), why);
    }
}

fn sms(one: &SmsAction, at: &str, problems: &mut Problems) {
    agent(&one.agent, format!("{at}.agent"), problems);
    if let Some(name) = &one.test_agent {
        agent(name, format!("{at}.testAgent"), problems);
    }
    if let Err(why) = template::check(&one.message) {
        say(problems, format!("{at}.message"), why);
    }
    one.hours.check(&format!("{at}.hours"), problems);
    if let Some(daily) = one.daily_texts {
        within(daily, (1, DAILY_MAX), format!("{at}.dailyTexts"), problems);
    }
    if let Some(key) = &one.reply_field
        && !is_key(key)
    {
        say(problems, format!("{at}.replyField"), key_rule());
    }
    minutes(&one.reminder_minutes, REMINDERS_MAX, &format!("{at}.reminderMinutes"), problems);
    let path = format!("{at}.reminder");
    match &one.reminder {
        None if one.reminder_minutes.is_empty() => {}
        None => say(problems, path, "is missing; `reminderMinutes` needs the text"),
        Some(_) if one.reminder_minutes.is_empty() => {
            say(problems, path, "only with `reminderMinutes`");
        }
        Some(text) => {
            if let Err(why) = template::check(text) {
                say(problems, path, why);
            }
        }
    }
}

fn review(one: &ReviewAction, at: &str, problems: &mut Problems) {
    if let Some(reason) = &one.reason {
        length(reason, REASON_MAX, format!("{at}.reason"), problems);
    }
    within(one.claim_minutes, (1, CLAIM_MINUTES_MAX), format!("{at}.claimMinutes"), problems);
}

fn webhook(one: &WebhookAction, at: &str, problems: &mut Problems) {
    headers(&one.headers, at, problems);
    check_headers(&one.headers, None, at, problems);
    for header in one.headers.keys() {
        if SIGNATURE_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
            let path = format!("{at}.headers.{header}");
            say(problems, path, "is set by the signature; name its key in `secret`");
        }
    }
    if !(1..=WEBHOOK_TIMEOUT_MAX).contains(&one.timeout_seconds) {
        let why = format!("must be 1 to {WEBHOOK_TIMEOUT_MAX} seconds");
        say(problems, format!("{at}.timeoutSeconds"), why);
    }
    within(one.retries, (0, WEBHOOK_RETRIES_MAX), format!("{at}.retries"), problems);
    if one.secret.as_ref().is_some_and(|secret| !is_secret_name(&secret.secret)) {
        let why = "is no secret's name: 1 to 64 letters, digits, `.`, `_` or `-`";
        say(problems, format!("{at}.secret.secret"), why);
    }
}

fn within(given: i64, (least, most): (i64, i64), path: String, problems: &mut Problems) {
    if !(least..=most).contains(&given) {
        say(problems, path, format!("must be {least} to {most}"));
    }
}

fn minutes(given: &[i64], most: usize, path: &str, problems: &mut Problems) {
    count(path, given.len(), most, problems);
    for (at, one) in given.iter().take(most).enumerate() {
        within(*one, (1, RETRY_MINUTES_MAX), format!("{path}[{at}]"), problems);
    }
}

fn length(text: &str, most: usize, path: String, problems: &mut Problems) {
    let count = text.chars().count();
    if count == 0 || count > most {
        say(problems, path, format!("1 to {most} characters"));
    }
}

fn agent(name: &str, path: String, problems: &mut Problems) {
    if !is_secret_name(name) {
        say(problems, path, "is no agent's name: 1 to 64 letters, digits, `.`, `_` or `-`");
    }
}

fn is_key(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn key_rule() -> String {
    format!("the name must be 1 to {KEY_MAX} of the characters A-Z a-z 0-9 _ . -")
}

#[cfg(test)]
#[path = "first_action_tests.rs"]
mod tests;
