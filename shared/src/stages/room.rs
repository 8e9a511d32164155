//! Before stage 8 sends: what becomes of a lead whose campaign is full or closed?
use super::{Change, Verdict};
use crate::{
    campaign::{
        config::{
            Overflow,
            room::{IfNobody, OverflowAction},
        },
        room::Claim,
    },
    clock::Time,
    submission::{Event, carry},
};
use serde_json::{Value, json};

/// A cap is full.
pub fn full(claim: &Claim, now: Time) -> Verdict {
    let again = claim.look_again(now);
    let details = json!({
        "cap": claim.cap, "limit": claim.limit, "windowStart": claim.window_start, "windowEnd": claim.window_end,
    });
    turn_away(&claim.when_full, again, ("cap_full", words(claim), details))
}

/// That a cap is full, in a sentence.
pub fn words(claim: &Claim) -> String {
    let (period, unit) = claim.cap.split_once('.').unwrap_or((&claim.cap, ""));
    let until =
        claim.window_end.map_or(String::new(), |end| format!(" until {}", end.to_rfc3339()));
    let what = match unit {
        "leads" => format!("{} leads", claim.limit),
        currency => format!("{} {currency} in minor units", claim.limit),
    };
    format!("the {period} cap of {what} is full{until}")
}

/// The schedule is closed.
pub fn closed(overflow: &Overflow, opens: Time) -> Verdict {
    let reason = format!("closed until {}", opens.to_rfc3339());
    turn_away(overflow, opens, ("closed", reason, json!({ "opens": opens })))
}

/// There is room, but others have waited for longer: the queue gives out places in order.
pub fn behind_others(now: Time) -> Verdict {
    Verdict::of(Event::Queued, "in_line", "lines up behind leads that came earlier")
        .changing(Change::Queue { until: now })
}

fn turn_away(overflow: &Overflow, again: Time, why: (&'static str, String, Value)) -> Verdict {
    let (code, reason, details) = why;
    let verdict = match overflow.action {
        OverflowAction::Queue | OverflowAction::None => {
            Verdict::of(Event::Queued, code, reason).changing(Change::Queue { until: again })
        }
        OverflowAction::NextPriority | OverflowAction::Campaign => {
            let wait_until = (overflow.if_nobody == IfNobody::Queue).then_some(again);
            let overflow = carry::Overflow { to: overflow.campaign, wait_until };
            Verdict::of(Event::Refused, code, reason).changing(Change::Overflow(overflow))
        }
    };
    verdict.with(details)
}
