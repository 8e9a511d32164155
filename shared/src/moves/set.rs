//! A person sets a status: an end finishes what is open, replaces the end of what has finished; another word is only shown.
use super::{Move, Refused, written};
use crate::{
    clock::Time,
    contact::ContactStatus,
    ids::SubmissionId,
    lead::LeadStatus,
    store::{
        close::{Close, Event as Line, ParkEnd, Places},
        desk::{Desk, Mark, Plan, Sheet},
        lead_status::Change,
        load::Loaded,
    },
    submission::{End, Event, IllegalMove, State, Status},
};
use serde_json::json;
use std::borrow::Cow;

/// What a person wants, and why.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub status: Status,
    pub reason: &'a str,
    pub by: &'a str,
    /// The buyer's own id of the lead, to be noted.
    pub buyer_lead_id: Option<&'a str>,
}

/// Sets a submission's status.
pub fn set(desk: &Desk, id: SubmissionId, wish: Wish<'_>, now: Time) -> Result<Plan, Refused> {
    let sheet = desk.sheet(id).ok_or_else(|| Refused::conflict("there is no such submission"))?;
    if sheet.is_in_flight() {
        return Err(Refused::conflict(
            "a delivery is under way, or its worker died and nobody has looked yet: the buyer's answer is awaited",
        ));
    }
    let mut plan = Plan::default();
    match wish.status.end() {
        Some(end) => {
            if end.is_sold() {
                not_sold_beside(desk, id)?;
            }
            if sheet.state == State::Finished {
                plan.mark = Some(mark(sheet, wish, Some(end), now));
            } else {
                plan.closes.push(finished(sheet, wish, end, now)?);
            }
        }
        None => plan.mark = Some(mark(sheet, wish, None, now)),
    }
    plan.buyer_lead_id = wish.buyer_lead_id.map(|buyers| (id, buyers.to_owned()));
    Ok(plan)
}

/// Sets the status of the lead's latest submission.
pub fn latest(desk: &Desk, wish: Wish<'_>, now: Time) -> Result<Plan, Refused> {
    let latest = desk.submissions.last();
    let latest = latest.ok_or_else(|| {
        Refused::conflict("the lead was never submitted: it has no status but new")
    })?;
    set(desk, latest.loaded.id, wish, now)
}

/// No lead is sold twice: beside a sale, no other submission of the lead may be sold or on its way to be.
fn not_sold_beside(desk: &Desk, id: SubmissionId) -> Result<(), Refused> {
    let other = desk.submissions.iter().filter(|other| other.loaded.id != id);
    for other in other {
        let other_id = other.loaded.id;
        if other.is_sold() {
            return Err(Refused::conflict(format!("{other_id} of the same lead is sold already")));
        }
        if other.state != State::Finished {
            let what = format!(
                "{other_id} of the same lead is open and might be sold as well; end it first"
            );
            return Err(Refused::conflict(what));
        }
    }
    Ok(())
}

/// Ends an open submission; no fallback is sought.
fn finished(sheet: &Sheet, wish: Wish<'_>, end: End, now: Time) -> Result<Close, IllegalMove> {
    let event = match (sheet.state, end.is_sold()) {
        (State::Held, true) => Event::Sold,
        (State::Held, false) => Event::Discarded,
        _ => Event::Closed,
    };
    let said = Move {
        event,
        verdict: "closed",
        code: "operator",
        reason: sentence(sheet, wish),
        end: Some(end),
        details: Some(details(sheet, wish)),
        by: wish.by,
    };
    let mut close = written(&sheet.loaded, said, sheet.state.on(event)?, now);
    close.unpark = unpark(sheet, "withdrawn", wish.by, Some(wish.reason));
    close.places = match end {
        end if end.is_sold() => Places::Confirm,
        // It says nothing of what a buyer has.
        End::Discarded => close.places,
        _ => Places::GiveBack,
    };
    Ok(close)
}

/// How the wait of a submission ends that a person has moved; none when it does not wait for anybody.
pub(super) fn unpark(
    sheet: &Sheet,
    resolution: &'static str,
    by: &str,
    reason: Option<&str>,
) -> Option<ParkEnd> {
    (sheet.state == State::Parked).then(|| ParkEnd {
        resolution,
        by: "person",
        decider: Some(by.to_owned()),
        reason: reason.map(str::to_owned),
    })
}

fn mark(sheet: &Sheet, wish: Wish<'_>, end: Option<End>, now: Time) -> Mark {
    let loaded = &sheet.loaded;
    Mark {
        submission: loaded.id,
        expected: loaded.generation,
        status: wish.status,
        end,
        line: Line {
            generation: loaded.generation + 1,
            stage: loaded.stage.name(),
            verdict: "set",
            reason_code: Cow::Borrowed("operator"),
            reason: sentence(sheet, wish),
            attempt: loaded.attempt,
            details: Some(details(sheet, wish)),
            duration_us: 0,
            at: now,
        },
    }
}

fn sentence(sheet: &Sheet, wish: Wish<'_>) -> String {
    let (from, to) = (was(&sheet.loaded, sheet.state).word(), wish.status.word());
    format!("{} set {from} to {to}: {}", wish.by, wish.reason)
}

fn details(sheet: &Sheet, wish: Wish<'_>) -> serde_json::Value {
    json!({
        "by": wish.by,
        "from": was(&sheet.loaded, sheet.state),
        "to": wish.status,
        "reason": wish.reason,
        "buyerLeadId": wish.buyer_lead_id,
    })
}

fn was(loaded: &Loaded, state: State) -> Status {
    Status::of(state, loaded.outcome)
}

/// Every status that a lead can have.
pub const LEAD_STATUSES: &[LeadStatus] = &[
    LeadStatus::Active,
    LeadStatus::Qualified,
    LeadStatus::Rejected,
    LeadStatus::Duplicate,
    LeadStatus::Deleted,
];

/// Sets the lead's own status. What waits is withdrawn at once when the lead is no longer processed; what runs finds out at its next stage.
pub fn lead_status(
    desk: &Desk,
    to: LeadStatus,
    (reason, by): (&str, &str),
    now: Time,
) -> Result<Plan, Refused> {
    let mut plan = Plan::default();
    if to == desk.lead.status {
        return Ok(plan);
    }
    if to.is_processed() && desk.lead.contact_status != ContactStatus::Active {
        let word = desk.lead.contact_status.word();
        return Err(Refused::conflict(format!(
            "the lead's contact is {word}: nobody works with it"
        )));
    }
    plan.change = Some(Change {
        workspace: desk.lead.workspace_id,
        lead: desk.lead.id,
        from: LEAD_STATUSES,
        to,
        code: Cow::Borrowed("operator"),
        reason: reason.to_owned(),
        by: by.to_owned(),
        submission: None,
        at: now,
    });
    if to.is_processed() {
        return Ok(plan);
    }
    let waiting = |sheet: &&Sheet| matches!(sheet.state, State::Parked | State::Queued);
    for sheet in desk.submissions.iter().filter(waiting) {
        let what = Move {
            event: Event::Withdrawn,
            verdict: "withdrawn",
            code: "withdrawn",
            reason: format!("{by} made the lead {}: {reason}", to.word()),
            end: Some(End::Withdrawn),
            details: None,
            by,
        };
        let mut close = written(&sheet.loaded, what, sheet.state.on(Event::Withdrawn)?, now);
        close.unpark = unpark(sheet, "withdrawn", by, Some(reason));
        plan.closes.push(close);
    }
    Ok(plan)
}
