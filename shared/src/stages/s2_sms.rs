//! Stage 2: is the person texted now, later or not at all, and what does a reply lead to?
use super::s2_voice::zones;
use crate::{
    campaign::config::{ResumeOn, SmsAction},
    clock::Time,
    outreach::{
        callable::NotCallable,
        hours::{Reach, may_reach},
        provider::RefusalKind,
    },
    submission::{End, status::Status},
};
use chrono::Duration;
use chrono_tz::Tz;
use serde_json::{Map, Value};

pub use super::s2_voice::Wait;
pub use crate::outreach::template::render;

/// How often a text that the provider surely did not take is tried again, one after the other; then the number counts as one that takes none.
pub const NOT_SENT_MAX: usize = 10;
/// How long after such a text the next try is made; each further one in a row doubles it.
const NOT_SENT_PAUSE: Duration = Duration::minutes(1);
/// What it is doubled to at most.
const NOT_SENT_PAUSE_MAX: Duration = Duration::minutes(60);

/// What is known when it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub now: Time,
    /// When the wait ends by itself.
    pub deadline: Time,
    pub thread: &'a Thread<'a>,
    /// What `outreach::callable` says of the number.
    pub callable: Result<(), NotCallable>,
    /// The person must not be texted.
    pub suppressed: bool,
    /// The contact is to be left alone until then.
    pub not_before: Option<Time>,
    /// Every zone that the person may be in; the campaign's own counts when there is none.
    pub zones: &'a [Tz],
    pub campaign_zone: Tz,
    /// The lead view that texts are written from.
    pub view: &'a Value,
}

/// The texts of this wait, and what came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread<'a> {
    /// Ours, oldest first: the first text, its reminders, and tries of them.
    pub texts: &'a [TextFact],
    /// What the person wrote since the first text, oldest first.
    pub replies: &'a [&'a str],
    /// The person does not want to be texted.
    pub opted_out: bool,
}

/// How far a text of ours has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFact {
    /// It may be on its way: nothing is known of it yet.
    Open,
    /// The provider took it.
    Sent { at: Time },
    /// The provider took it and could not deliver it, for good.
    Failed { at: Time },
    /// The provider surely did not take it.
    NotSent { why: RefusalKind, at: Time },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Send this text now.
    Text { body: String, is_reminder: bool },
    /// Look again then, which is never after the deadline.
    Wait(Wait),
    /// The lead goes on, with these answers by questionnaire key.
    Resume { answers: Map<String, Value>, reason: String },
    /// The lead ends so.
    Refuse { end: End, code: &'static str, reason: String },
    /// Nobody can text the person: what the action's `onNoContact` says.
    NoContact { reason: String },
    /// A text is open: what became of it is heard of, or the deadline comes.
    Nothing,
}

/// What comes next, in this order: a person who must not be texted is not; a reply ends the wait, or is left to whoever leads the conversation;
/// an open text is waited for; a number that takes no texts ends the wait; otherwise the first text or a reminder is sent, within the hours of
/// every zone that the person may be in, and before the deadline. After the last reminder the deadline decides.
pub fn next(plan: &SmsAction, facts: &Facts<'_>) -> Next {
    let thread = facts.thread;
    let refused =
        |text: &TextFact| matches!(text, TextFact::NotSent { why: RefusalKind::OptedOut, .. });
    if facts.suppressed || thread.opted_out || thread.texts.iter().any(refused) {
        let reason = "the person must not be texted";
        return Next::Refuse { end: End::Dnc, code: "dnc", reason: reason.into() };
    }
    if let Some(reply) = thread.replies.first() {
        return replied(plan, facts, reply);
    }
    if thread.texts.contains(&TextFact::Open) {
        return Next::Nothing;
    }
    if let Err(why) = facts.callable {
        return Next::NoContact { reason: why.to_string() };
    }
    if let Some(reason) = takes_none(thread.texts) {
        return Next::NoContact { reason: reason.into() };
    }
    let sent = thread.texts.iter().filter_map(|text| match text {
        TextFact::Sent { at } => Some(*at),
        _ => None,
    });
    let sent: Vec<Time> = sent.collect();
    match (sent.last(), sent.len()) {
        (None, _) => text(plan, facts, facts.now, false),
        (Some(last), count) => match plan.reminder_minutes.get(count - 1) {
            Some(minutes) => {
                let due = last.checked_add_signed(Duration::minutes(*minutes));
                text(plan, facts, due.unwrap_or(facts.deadline), true)
            }
            None => until_deadline(facts, "waits for a reply"),
        },
    }
}

/// The person has written.
fn replied(plan: &SmsAction, facts: &Facts<'_>, reply: &str) -> Next {
    if plan.resume_on == ResumeOn::Agent {
        let reason = "the person has replied; whoever leads the conversation ends it".into();
        let until = facts.deadline;
        return Next::Wait(Wait { until, shown: Status::Contacted, reason, deadline: None });
    }
    let answer = plan.reply_field.iter().map(|key| (key.clone(), Value::from(reply)));
    Next::Resume { answers: answer.collect(), reason: "the person has replied".into() }
}

/// Why the number takes no texts, if it does not.
fn takes_none(texts: &[TextFact]) -> Option<&'static str> {
    let bad =
        |text: &TextFact| matches!(text, TextFact::NotSent { why: RefusalKind::BadNumber, .. });
    if texts.iter().any(bad) {
        return Some("the number cannot be texted");
    }
    if texts.iter().any(|text| matches!(text, TextFact::Failed { .. })) {
        return Some("the text could not be delivered");
    }
    let tries = not_sent(texts).count();
    (tries > NOT_SENT_MAX).then_some("the text could not be sent")
}

/// The tries since the last text that was taken.
fn not_sent(texts: &[TextFact]) -> impl Iterator<Item = (RefusalKind, Time)> {
    texts.iter().rev().map_while(|text| match text {
        TextFact::NotSent { why, at } => Some((*why, *at)),
        _ => None,
    })
}

/// Before this time a text that was not taken is not tried again.
fn paused(texts: &[TextFact]) -> Option<Time> {
    let (why, at) = not_sent(texts).next()?;
    let before = u32::try_from(not_sent(texts).count() - 1).unwrap_or(u32::MAX);
    let doubled = (NOT_SENT_PAUSE * (1 << before.min(6))).min(NOT_SENT_PAUSE_MAX);
    let named = match why {
        RefusalKind::Busy(pause) => pause.and_then(|pause| Duration::from_std(pause).ok()),
        _ => None,
    };
    at.checked_add_signed(doubled.max(named.unwrap_or_default()))
}

/// The text now, or the wait for the time at which it may be sent.
fn text(plan: &SmsAction, facts: &Facts<'_>, due: Time, is_reminder: bool) -> Next {
    let held = paused(facts.thread.texts).max(facts.not_before);
    let earliest = facts.now.max(due).max(held.unwrap_or(due));
    let zones = zones(facts.zones, &facts.campaign_zone);
    let at = match may_reach(&plan.hours, zones, earliest) {
        Reach::Now => earliest,
        Reach::At(time) => time,
        Reach::Never => {
            let reason =
                "there is no time within the hours in every zone that the person may be in";
            return Next::NoContact { reason: reason.into() };
        }
    };
    if at >= facts.deadline {
        return until_deadline(facts, "the next text would be sent after the deadline");
    }
    let shown = Status::PendingAction;
    if at > facts.now {
        let reason = format!("the next text is sent at {}", at.to_rfc3339());
        return Next::Wait(Wait { until: at, shown, reason, deadline: None });
    }
    let template = if is_reminder { plan.reminder.as_deref() } else { Some(plan.message.as_str()) };
    let body = render(template.unwrap_or_default(), facts.view);
    match (body.is_empty(), is_reminder) {
        (false, _) => Next::Text { body, is_reminder },
        (true, true) => until_deadline(facts, "the reminder is empty for this lead"),
        (true, false) => Next::NoContact { reason: "the text is empty for this lead".into() },
    }
}

fn until_deadline(facts: &Facts<'_>, reason: &str) -> Next {
    let reason = reason.to_owned();
    let shown = Status::PendingAction;
    Next::Wait(Wait { until: facts.deadline, shown, reason, deadline: None })
}

#[cfg(test)]
#[path = "sms_tests.rs"]
mod tests;
