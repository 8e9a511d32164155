//! What the audit log tells of what somebody does to a lead; the lead's own status has a line of its own.
use super::{Desk, Plan};
use crate::{
    audit::Entry,
    store::close::{Close, moved, word},
    submission::{Kind, State, Status},
};
use serde_json::json;

pub(super) fn plan(desk: &Desk, plan: &Plan) -> Vec<Entry> {
    let mut told: Vec<Entry> = plan.closes.iter().filter_map(|close| closed(desk, close)).collect();
    if let Some(mark) = &plan.mark {
        let before = desk.sheet(mark.submission).map(|sheet| {
            let (state, end) = (sheet.state, sheet.loaded.outcome);
            word(Status::of(state, end))
        });
        let entry = Entry::new("submission.status_changed", "submission", mark.submission);
        told.push(entry.status(before.unwrap_or_default(), word(mark.status)));
    }
    if let Some((submission, _)) = &plan.buyer_lead_id {
        told.push(Entry::new("submission.buyer_lead_id_set", "submission", submission));
    }
    if let Some(open) = &plan.open {
        let action = match open.kind {
            Kind::Repost => "lead.reposted",
            Kind::ManualDelivery => "lead.delivered",
            Kind::Standard | Kind::Fallback => "lead.submitted",
        };
        let opened = json!({
            "submissionId": open.id, "campaignId": open.campaign, "stage": open.stage,
            "isModified": plan.rewrite.is_some(),
        });
        told.push(Entry::new(action, "lead", desk.lead.id).to(opened));
    }
    told
}

fn closed(desk: &Desk, close: &Close) -> Option<Entry> {
    let sheet = desk.sheet(close.submission)?;
    let reviewed = sheet.state == State::Parked
        && sheet.parks.last().is_some_and(|park| park.kind == "human_review");
    let action = match &close.unpark {
        Some(_) if reviewed => "review.decided",
        _ => "submission.status_changed",
    };
    Some(moved(action, &sheet.loaded, close))
}
