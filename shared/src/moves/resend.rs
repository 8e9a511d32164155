//! A person sends a lead that was not sold to a buyer once more: a repost, a manual delivery, or at last for the first time.
use super::{Move, Refused, set::unpark, written};
use crate::{
    clock::Time,
    ids::SubmissionId,
    store::{
        campaigns::Standing,
        close::Close,
        desk::{Desk, NewSubmission, Plan, Rewrite, Sheet},
    },
    submission::{Carry, End, Event, IllegalMove, Kind, Stage, State},
};
use serde_json::json;

/// Who sends it, and when its first job is pushed again if nobody has taken it.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub by: &'a str,
    pub now: Time,
    pub redeliver_at: Time,
}

/// Sends the lead again. `rewrite` makes it a modified repost: the lead as it is to be, qualified in full by the campaign that was named.
pub fn repost(desk: &Desk, rewrite: Option<Rewrite>, sender: Sender<'_>) -> Result<Plan, Refused> {
    processed(desk)?;
    let last = desk.submissions.last();
    let last = last.ok_or_else(|| Refused::conflict("the lead was never submitted; submit it"))?;
    not_open(desk, |state| matches!(state, State::Failed(_)))?;
    not_sold(desk)?;
    let target = target(desk, last.loaded.campaign_id)?;
    let same = target.id == last.loaded.campaign_id;
    may_be_reposted(last, same && rewrite.is_none())?;
    let (stage, carry) = if same && rewrite.is_none() {
        beginning(last, target)
    } else {
        (Stage::Routing, Carry::default())
    };
    let requires = stage != Stage::Payload;
    let modified = if rewrite.is_some() { " with changed data" } else { "" };
    let reason = format!("reposted to {} by {}{modified}", target.name, sender.by);
    let mut plan = open(desk, (Kind::Repost, target), (stage, carry), reason, sender)?;
    plan.rewrite = rewrite;
    plan.answer["requiresQualification"] = json!(requires);
    Ok(plan)
}

/// A simple repost skips what the campaign has said before: it begins with the payload, or, when the campaign was saved since, with
/// disqualification. Nobody is called twice.
fn beginning(last: &Sheet, target: &Standing) -> (Stage, Carry) {
    let carry = &last.loaded.carry.0;
    let answers = Carry { answers: carry.answers.clone(), ..Carry::default() };
    match &carry.payload {
        None => (Stage::Routing, answers),
        Some(_) if target.revision != last.loaded.revision => (Stage::Disqualification, answers),
        Some(_) => {
            let (computed, canonical) = (carry.computed.clone(), carry.canonical.clone());
            (Stage::Payload, Carry { computed, canonical, ..answers })
        }
    }
}

fn may_be_reposted(last: &Sheet, simple: bool) -> Result<(), Refused> {
    let end = match last.state {
        State::Finished => last.loaded.outcome,
        _ => return Ok(()), // failed: what it shows is error
    };
    match end {
        Some(End::Dnc) => Err(Refused::conflict("the person must not be contacted (dnc)")),
        Some(
            end @ (End::Disqualified
            | End::MissingData
            | End::Duplicate
            | End::NoContact
            | End::NoRoom),
        ) if simple => {
            let word = end.status().word();
            let what = format!(
                "the lead is {word}: the campaign would say so again; repost it to another campaign or with modifiedPayload"
            );
            Err(Refused::conflict(what))
        }
        _ => Ok(()),
    }
}

/// Delivers a lead that waits, was never submitted, or was not sold, to the campaign that was named. The submission that waits is over.
pub fn deliver(desk: &Desk, sender: Sender<'_>) -> Result<Plan, Refused> {
    processed(desk)?;
    not_forbidden_by_review(desk)?;
    let waits = |state| matches!(state, State::Failed(_) | State::Parked | State::Queued);
    not_open(desk, waits)?;
    not_sold(desk)?;
    let last = desk.submissions.last();
    if last
        .is_some_and(|last| last.state == State::Finished && last.loaded.outcome == Some(End::Dnc))
    {
        return Err(Refused::conflict("the person must not be contacted (dnc)"));
    }
    let target = target(desk, desk.lead.campaign_id)?;
    let answers = last.filter(|last| last.loaded.campaign_id == target.id);
    let answers = answers.map(|last| last.loaded.carry.0.answers.clone()).unwrap_or_default();
    let carry = Carry { answers, ..Carry::default() };
    let reason = format!("to be delivered to {} by {}", target.name, sender.by);
    open(desk, (Kind::ManualDelivery, target), (Stage::Routing, carry), reason, sender)
}

/// Submits a lead that was only stored.
pub fn submit(desk: &Desk, sender: Sender<'_>) -> Result<Plan, Refused> {
    processed(desk)?;
    if !desk.submissions.is_empty() {
        return Err(Refused::conflict("the lead was submitted before; repost it"));
    }
    let target = target(desk, desk.lead.campaign_id)?;
    let reason = format!("submitted by {}", sender.by);
    open(desk, (Kind::Standard, target), (Stage::Routing, Carry::default()), reason, sender)
}

/// A person who decides about an approval has the first word.
fn not_forbidden_by_review(desk: &Desk) -> Result<(), Refused> {
    let Some((_, review)) = super::approve::review(desk) else { return Ok(()) };
    match (review.resolution.as_deref(), review.resolved_by.as_deref()) {
        (None, _) => {
            Err(Refused::conflict("the lead's approval is pending; approve or reject it first"))
        }
        (Some("reject" | "disqualify"), Some("person" | "token")) => {
            Err(Refused::conflict("the lead's approval was refused"))
        }
        _ => Ok(()),
    }
}

fn processed(desk: &Desk) -> Result<(), Refused> {
    if desk.lead.status.is_processed() {
        return Ok(());
    }
    Err(Refused::ClosedLead(desk.lead.status))
}

fn target(desk: &Desk, otherwise: crate::ids::CampaignId) -> Result<&Standing, Refused> {
    let target = desk.named.as_ref().or_else(|| desk.campaign(otherwise));
    let target = target.ok_or_else(|| Refused::conflict("the campaign is not there"))?;
    if target.is_active() { Ok(target) } else { Err(Refused::ClosedCampaign(target.state.clone())) }
}

/// No lead is sold twice: none of its submissions may be open, but for those that end with this.
fn not_open(desk: &Desk, ends_with_this: impl Fn(State) -> bool) -> Result<(), Refused> {
    for sheet in &desk.submissions {
        let id = sheet.loaded.id;
        if sheet.is_in_flight() {
            let what = format!(
                "{id} may be with a buyer: its delivery's answer is awaited; retry or settle it first"
            );
            return Err(Refused::conflict(what));
        }
        if sheet.state != State::Finished && !ends_with_this(sheet.state) {
            let what = match sheet.state {
                State::Parked => "waits for an action",
                State::Queued => "is queued",
                State::Held => "may be with a buyer; settle it first",
                _ => "is on its way",
            };
            return Err(Refused::conflict(format!("{id} {what}")));
        }
    }
    Ok(())
}

/// No lead is sold twice: no buyer has it, and none may have it.
fn not_sold(desk: &Desk) -> Result<(), Refused> {
    for sheet in &desk.submissions {
        let id = sheet.loaded.id;
        if sheet.is_sold() {
            return Err(Refused::conflict(format!("the lead is sold, by {id}")));
        }
        // What ended without an answer of the buyer, or a person's word in its place.
        let says_nothing = matches!(
            sheet.loaded.outcome,
            None | Some(End::Discarded | End::Withdrawn | End::Replaced)
        );
        if says_nothing && sheet.is_unsure() {
            let what = format!(
                "nobody knows whether the buyer of {id} has the lead; ask, and set its status to failed or accepted"
            );
            return Err(Refused::conflict(what));
        }
    }
    Ok(())
}

/// Opens the submission; what waits or has failed is over, in the same transaction.
fn open(
    desk: &Desk,
    (kind, target): (Kind, &Standing),
    (stage, carry): (Stage, Carry),
    reason: String,
    sender: Sender<'_>,
) -> Result<Plan, Refused> {
    let id = SubmissionId::new();
    let open = desk.submissions.iter().filter(|sheet| sheet.state != State::Finished);
    let closes = open.map(|sheet| replaced(sheet, id, sender)).collect::<Result<_, _>>()?;
    let due_at = sender.redeliver_at;
    let (campaign, revision) = (target.id, target.revision);
    let new = NewSubmission { id, kind, campaign, revision, stage, carry, reason, due_at };
    let answer = json!({ "newSubmissionId": id, "leadId": desk.lead.id });
    Ok(Plan { closes, open: Some(new), answer, ..Plan::default() })
}

fn replaced(
    sheet: &Sheet,
    by_which: SubmissionId,
    sender: Sender<'_>,
) -> Result<Close, IllegalMove> {
    let reason = format!("{} put {by_which} in its place", sender.by);
    let what = Move {
        event: Event::Closed,
        verdict: "closed",
        code: "replaced",
        reason: reason.clone(),
        end: Some(End::Replaced),
        details: Some(json!({ "by": sender.by, "replacedBy": by_which })),
        by: sender.by,
    };
    let mut close = written(&sheet.loaded, what, sheet.state.on(Event::Closed)?, sender.now);
    close.unpark = unpark(sheet, "withdrawn", sender.by, Some(&reason));
    Ok(close)
}
