//! A person's word on a lead that waits for a human review.
use super::{Decision, Move, Refused, ResumeOutcome, resume, set::unpark, written};
use crate::{
    clock::Time,
    lead::LeadStatus,
    store::{
        desk::{Desk, Plan, Sheet},
        lead_status::Change,
        parking::Park,
    },
    submission::{End, Event},
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Whether a lead may proceed to delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    Pending,
    Approved,
    Rejected,
}

impl Approval {
    /// What a review says; none when it ended without anybody's word, because the lead or the submission was taken away.
    pub fn of(review: &Park) -> Option<Self> {
        match review.resolution.as_deref() {
            None => Some(Self::Pending),
            Some("continue") => Some(Self::Approved),
            Some("reject" | "disqualify") => Some(Self::Rejected),
            Some(_) => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// The lead's latest human review.
pub fn review(desk: &Desk) -> Option<(&Sheet, &Park)> {
    let parks =
        desk.submissions.iter().flat_map(|sheet| sheet.parks.iter().map(move |park| (sheet, park)));
    parks
        .filter(|(_, park)| park.kind == "human_review")
        .max_by_key(|(_, park)| (park.opened_at, park.id))
}

/// Decides: approved lets the lead go on, rejected ends it. The same word again changes nothing.
pub fn approve(
    desk: &Desk,
    wish: Approval,
    (reason, by): (Option<&str>, &str),
    now: Time,
) -> Result<Plan, Refused> {
    let none = || Refused::conflict("no approval was asked for this lead");
    let (sheet, park) = review(desk).ok_or_else(none)?;
    let is = Approval::of(park).ok_or_else(none)?;
    match (is, wish) {
        (is, wish) if is == wish => Ok(Plan::default()),
        (Approval::Pending, Approval::Approved) => approved(desk, (sheet, park), (reason, by), now),
        (Approval::Pending, _) => rejected(desk, sheet, (reason, by), now),
        (is, Approval::Pending) => Err(Refused::conflict(format!(
            "the lead was {} already, and that has had its effect",
            is.word()
        ))),
        (is, _) => Err(Refused::conflict(format!("the lead was {} already", is.word()))),
    }
}

fn approved(
    desk: &Desk,
    (sheet, park): (&Sheet, &Park),
    (reason, by): (Option<&str>, &str),
    now: Time,
) -> Result<Plan, Refused> {
    if !desk.lead.status.is_processed() {
        return Err(Refused::ClosedLead(desk.lead.status));
    }
    let reason = reason.map(str::to_owned);
    let decision = Decision { outcome: ResumeOutcome::Continue, reason, ..Decision::default() };
    let close = resume(&sheet.loaded, park, &decision, by, now)?;
    Ok(Plan { closes: vec![close], ..Plan::default() })
}

/// The submission ends without a fallback, and the lead with it.
fn rejected(
    desk: &Desk,
    sheet: &Sheet,
    (reason, by): (Option<&str>, &str),
    now: Time,
) -> Result<Plan, Refused> {
    let said = reason.map_or(String::new(), |reason| format!(": {reason}"));
    let sentence = format!("{by} rejected the lead{said}");
    let what = Move {
        event: Event::Closed,
        verdict: "closed",
        code: "not_approved",
        reason: sentence.clone(),
        end: Some(End::Rejected),
        details: None,
        by,
    };
    let mut close = written(&sheet.loaded, what, sheet.state.on(Event::Closed)?, now);
    close.unpark = unpark(sheet, "reject", by, reason);
    let change = Change {
        workspace: desk.lead.workspace_id,
        lead: desk.lead.id,
        from: &[LeadStatus::Active, LeadStatus::Duplicate],
        to: LeadStatus::Rejected,
        code: Cow::Borrowed("not_approved"),
        reason: sentence,
        by: by.to_owned(),
        submission: Some(sheet.loaded.id),
        at: now,
    };
    Ok(Plan { closes: vec![close], change: Some(change), ..Plan::default() })
}
