//! Every status that a person may set, in every state; and what sending a lead again may never do.
use super::{
    Refused,
    approve::{Approval, approve},
    resend::{self, Sender},
    set::{Wish, lead_status, set},
};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, ParkId, SubmissionId, WorkspaceId},
    lead::{Details, LeadStatus},
    store::{
        campaigns::Standing,
        close::Outcome,
        desk::{Desk, Lead, Plan, Sheet},
        load::Loaded,
        parking::Park,
    },
    submission::{Carry, End, Kind, Stage, State, Status, carry::Planned, status::LEGAL},
};
use serde_json::json;
use sqlx::types::Json;

fn noon() -> Time {
    chrono::DateTime::UNIX_EPOCH
}

fn loaded(state: State, outcome: Option<End>, campaign: CampaignId) -> Loaded {
    let stage = match state {
        State::InStage(stage) | State::Failed(stage) => stage,
        State::Parked => Stage::FirstAction,
        _ => Stage::Delivery,
    };
    let payload = Planned {
        endpoint: "main".into(),
        idempotency_key: "lr_1".into(),
        body: "{}".into(),
        content_type: None,
        query: None,
    };
    Loaded {
        workspace_id: WorkspaceId(uuid::Uuid::nil()),
        id: SubmissionId::new(),
        lead_id: LeadId(uuid::Uuid::nil()),
        number: 1,
        kind: Kind::Standard,
        campaign_id: campaign,
        revision: 3,
        parent_id: None,
        run: state.run().into(),
        stage,
        generation: 7,
        attempt: 0,
        due_at: None,
        outcome,
        reason_code: None,
        reason: None,
        carry: Json(Carry { payload: Some(payload), ..Carry::default() }),
        created_at: noon(),
        contact_id: ContactId::new(),
        lead_status: LeadStatus::Active,
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: "+14155550100".into(),
        details: Json(Details::default()),
        is_test: false,
        is_duplicate: false,
        source: "api".into(),
        lead_created_at: noon(),
        contact_status: "active".into(),
        contact_created_at: noon(),
        newest_revision: None,
    }
}

fn sheet(state: State, outcome: Option<End>) -> Sheet {
    let loaded = loaded(state, outcome, CampaignId(uuid::Uuid::nil()));
    let parks = if state == State::Parked { vec![review(loaded.id, None)] } else { Vec::new() };
    Sheet { loaded, state, attempts: Vec::new(), parks }
}

fn review(submission: SubmissionId, resolution: Option<&str>) -> Park {
    let over = resolution.is_some();
    Park {
        workspace_id: WorkspaceId(uuid::Uuid::nil()),
        id: ParkId::new(),
        submission_id: submission,
        kind: "human_review".into(),
        deadline: noon(),
        on_deadline: "disqualify".into(),
        opened_at: noon(),
        started_at: None,
        resolution: resolution.map(str::to_owned),
        resolved_by: over.then(|| "person".into()),
        resolved_at: over.then(noon),
        decided_by: None,
        decision_reason: None,
        priority: None,
        asked_for: None,
        claimed_by: None,
        claimed_until: None,
        tries: 0,
        last_error: None,
        next_try_at: None,
    }
}

fn desk(submissions: Vec<Sheet>) -> Desk {
    let standing = Standing {
        id: CampaignId(uuid::Uuid::nil()),
        code: "AAA".into(),
        name: "A".into(),
        state: "active".into(),
        revision: 3,
    };
    let lead = Lead {
        workspace_id: WorkspaceId(uuid::Uuid::nil()),
        id: LeadId(uuid::Uuid::nil()),
        contact_id: ContactId::new(),
        campaign_id: standing.id,
        status: LeadStatus::Active,
        contact_status: crate::contact::ContactStatus::Active,
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: "+14155550100".into(),
        details: Json(Details::default()),
    };
    Desk { lead, submissions, named: None, campaigns: vec![standing] }
}

fn other_campaign() -> Standing {
    Standing {
        id: CampaignId::new(),
        code: "BBB".into(),
        name: "B".into(),
        state: "active".into(),
        revision: 1,
    }
}

fn states() -> Vec<State> {
    let stages = Stage::ALL.into_iter();
    let stages = stages.flat_map(|stage| [State::InStage(stage), State::Failed(stage)]);
    stages.chain([State::Parked, State::Queued, State::Held, State::Finished]).collect()
}

fn wish(status: Status) -> Wish<'static> {
    Wish { status, reason: "the buyer said so", by: "key desk", buyer_lead_id: None }
}

fn sender() -> Sender<'static> {
    let now: Time = noon();
    Sender { by: "key desk", now, redeliver_at: now }
}

fn said(refused: Result<Plan, Refused>) -> String {
    refused.map(|plan| format!("{:?}", plan.answer)).unwrap_err().to_string()
}

#[test]
fn every_status_can_be_set_in_every_state_and_an_end_ends() {
    for state in states() {
        for (status, _) in LEGAL {
            let outcome = (state == State::Finished).then_some(End::Rejected);
            let desk = desk(vec![sheet(state, outcome)]);
            let is = &desk.submissions[0].loaded;
            let plan = set(&desk, is.id, wish(status), noon())
                .unwrap_or_else(|why| panic!("{state:?} {status:?}: {why}"));
            assert!(
                plan.open.is_none() && plan.change.is_none(),
                "no fallback, no other lead status"
            );
            let line = match (status.end(), state) {
                (Some(end), State::Finished) => {
                    let mark = plan.mark.unwrap();
                    assert_eq!((mark.end, mark.status, mark.expected), (Some(end), status, 7));
                    mark.line
                }
                (Some(end), _) => {
                    let close = &plan.closes[0];
                    assert_eq!(
                        (close.place.state, close.place.end, close.expected),
                        (State::Finished, Some(end), 7)
                    );
                    assert_eq!(Status::of(close.place.state, close.place.end), status);
                    assert_eq!(
                        (close.place.due_at, close.child.is_some(), close.attempt.is_some()),
                        (None, false, false)
                    );
                    assert_eq!(close.unpark.is_some(), state == State::Parked);
                    close.events[0].clone()
                }
                (None, _) => {
                    let mark = plan.mark.unwrap();
                    assert_eq!((mark.end, mark.status, mark.expected), (None, status, 7));
                    mark.line
                }
            };
            assert_eq!(line.generation, 8, "{state:?}: a worker that has the job is fenced off");
            assert!(line.reason.contains("key desk") && line.reason.contains("the buyer said so"));
            let details = line.details.unwrap();
            assert_eq!(details["to"], json!(status));
            assert_eq!(details["from"], json!(Status::of(state, outcome)));
        }
    }
}

#[test]
fn nothing_is_set_while_an_answer_is_awaited() {
    for state in states() {
        for (status, _) in LEGAL {
            let mut sheet = sheet(state, Some(End::Failed));
            sheet.attempts = vec![Some(Outcome::Failed), None];
            let id = sheet.loaded.id;
            let refused = set(&desk(vec![sheet]), id, wish(status), noon());
            assert!(matches!(refused, Err(Refused::Conflict(_))), "{state:?} {status:?}");
        }
    }
}

#[test]
fn a_sale_by_hand_stands_alone() {
    let others = states().into_iter().filter(|state| *state != State::Finished);
    let others = others
        .map(|state| (state, None))
        .chain([(State::Finished, Some(End::Accepted)), (State::Finished, Some(End::Delivered))]);
    for (state, outcome) in others {
        let first = sheet(State::Finished, Some(End::Rejected));
        let id = first.loaded.id;
        let desk = desk(vec![first, sheet(state, outcome)]);
        for status in [Status::Accepted, Status::Delivered] {
            let refused = set(&desk, id, wish(status), noon());
            assert!(matches!(refused, Err(Refused::Conflict(_))), "{state:?} {outcome:?}");
        }
        assert!(set(&desk, id, wish(Status::Failed), noon()).is_ok());
    }
    let first = sheet(State::Finished, Some(End::Delivered));
    let id = first.loaded.id;
    let desk = desk(vec![first, sheet(State::Finished, Some(End::Rejected))]);
    assert!(set(&desk, id, wish(Status::Accepted), noon()).is_ok(), "the buyer's later word");
}

#[test]
fn a_lead_that_is_not_worked_on_any_more_ends_what_waits_and_leaves_what_runs_to_its_gate() {
    for state in states() {
        let outcome = (state == State::Finished).then_some(End::Rejected);
        let desk = desk(vec![sheet(state, outcome)]);
        for to in [LeadStatus::Qualified, LeadStatus::Rejected, LeadStatus::Deleted] {
            let plan = lead_status(&desk, to, ("why", "key desk"), noon()).unwrap();
            assert_eq!(plan.change.unwrap().to, to);
            let waits = matches!(state, State::Parked | State::Queued);
            assert_eq!(plan.closes.len(), usize::from(waits), "{state:?}");
            assert!(plan.closes.iter().all(|close| close.place.end == Some(End::Withdrawn)));
        }
        let duplicate =
            lead_status(&desk, LeadStatus::Duplicate, ("why", "key desk"), noon()).unwrap();
        assert!(duplicate.closes.is_empty(), "a duplicate is processed");
        let same = lead_status(&desk, LeadStatus::Active, ("why", "key desk"), noon()).unwrap();
        assert!(same.change.is_none());
    }
}

#[test]
fn a_lead_is_sent_again_only_when_nobody_has_it_and_nobody_may_get_it() {
    for state in states() {
        if state == State::Finished {
            continue;
        }
        let once = desk(vec![sheet(state, None)]);
        let may = matches!(state, State::Failed(_));
        assert_eq!(resend::repost(&once, None, sender()).is_ok(), may, "{state:?}");
        let mut without_review = once.clone();
        without_review.submissions[0].parks.clear();
        let waits = may || matches!(state, State::Parked | State::Queued);
        let plan = resend::deliver(&without_review, sender());
        assert_eq!(plan.is_ok(), waits, "{state:?}");
        if let Ok(plan) = plan {
            assert_eq!(
                plan.closes[0].place.end,
                Some(End::Replaced),
                "{state:?}: only one of them can be sold"
            );
        }
    }
    for end in [End::Accepted, End::Delivered] {
        let sold = desk(vec![
            sheet(State::Finished, Some(end)),
            sheet(State::Finished, Some(End::Rejected)),
        ]);
        assert!(said(resend::repost(&sold, None, sender())).contains("is sold"));
        assert!(said(resend::deliver(&sold, sender())).contains("is sold"));
    }
    for end in [End::Discarded, End::Withdrawn, End::Replaced] {
        let mut unsure = sheet(State::Finished, Some(end));
        unsure.attempts = vec![Some(Outcome::Unknown)];
        let refused = said(resend::repost(&desk(vec![unsure.clone()]), None, sender()));
        assert!(refused.contains("nobody knows"), "{refused}");
        unsure.attempts.push(Some(Outcome::Rejected));
        assert!(
            resend::repost(&desk(vec![unsure]), None, sender()).is_ok(),
            "the buyer has answered since"
        );
    }
    let mut crashed = sheet(State::Failed(Stage::Delivery), None);
    crashed.attempts = vec![None];
    assert!(resend::repost(&desk(vec![crashed]), None, sender()).is_err());
}

#[test]
fn a_simple_repost_is_for_failures_and_another_campaign_or_data_for_the_rest() {
    use End::{Disqualified, Dnc, Duplicate, Failed, MissingData, NoContact, NoRoom, Rejected};
    for (end, simple, elsewhere) in [
        (Failed, true, true),
        (Rejected, true, true),
        (End::Discarded, true, true),
        (Disqualified, false, true),
        (MissingData, false, true),
        (Duplicate, false, true),
        (NoContact, false, true),
        (NoRoom, false, true),
        (Dnc, false, false),
    ] {
        let mut desk = desk(vec![sheet(State::Finished, Some(end))]);
        let plan = resend::repost(&desk, None, sender());
        assert_eq!(plan.is_ok(), simple, "{end:?}");
        if let Ok(plan) = plan {
            let open = plan.open.unwrap();
            assert_eq!((open.stage, open.kind), (Stage::Payload, Kind::Repost));
            assert_eq!(plan.answer["requiresQualification"], json!(false));
        }
        desk.named = Some(other_campaign());
        let plan = resend::repost(&desk, None, sender());
        assert_eq!(plan.is_ok(), elsewhere, "{end:?}");
        if let Ok(plan) = plan {
            assert_eq!(plan.open.unwrap().stage, Stage::Routing);
            assert_eq!(plan.answer["requiresQualification"], json!(true));
        }
    }
}

#[test]
fn a_repost_by_a_newer_revision_is_qualified_again_and_asks_nobody_again() {
    let mut desk = desk(vec![sheet(State::Finished, Some(End::Failed))]);
    desk.submissions[0].loaded.carry.0.answers.insert("custom.x".into(), json!(1));
    desk.campaigns[0].revision = 4;
    let plan = resend::repost(&desk, None, sender()).unwrap();
    let open = plan.open.unwrap();
    assert_eq!((open.stage, open.revision), (Stage::Disqualification, 4));
    assert_eq!(open.carry.answers["custom.x"], json!(1));
    assert_eq!(plan.answer["requiresQualification"], json!(true));
    desk.campaigns[0].state = "paused".into();
    assert!(matches!(resend::repost(&desk, None, sender()), Err(Refused::ClosedCampaign(_))));
    desk.lead.status = LeadStatus::Rejected;
    assert_eq!(
        resend::repost(&desk, None, sender()).unwrap_err(),
        Refused::ClosedLead(LeadStatus::Rejected)
    );
}

#[test]
fn an_approval_is_given_once() {
    let by = (Some("good"), "key desk");
    let pending = desk(vec![sheet(State::Parked, None)]);
    assert!(said(resend::deliver(&pending, sender())).contains("pending"));
    let plan = approve(&pending, Approval::Approved, by, noon()).unwrap();
    assert_eq!(plan.closes[0].place.state, State::InStage(Stage::Disqualification));
    let plan = approve(&pending, Approval::Rejected, by, noon()).unwrap();
    assert_eq!(plan.closes[0].place.end, Some(End::Rejected));
    assert_eq!(plan.change.unwrap().to, LeadStatus::Rejected);
    let plan = approve(&pending, Approval::Pending, by, noon()).unwrap();
    assert!(plan.closes.is_empty());
    for (resolution, is) in [
        ("continue", Approval::Approved),
        ("reject", Approval::Rejected),
        ("disqualify", Approval::Rejected),
    ] {
        let mut over = sheet(State::Finished, Some(End::Rejected));
        over.parks = vec![review(over.loaded.id, Some(resolution))];
        let over = desk(vec![over]);
        for wish in [Approval::Pending, Approval::Approved, Approval::Rejected] {
            let plan = approve(&over, wish, by, noon());
            assert_eq!(plan.is_ok(), wish == is, "{resolution} {wish:?}");
            assert!(plan.ok().is_none_or(|plan| plan.closes.is_empty()));
        }
        assert_eq!(resend::deliver(&over, sender()).is_ok(), is == Approval::Approved);
    }
    let none = desk(vec![sheet(State::InStage(Stage::Routing), None)]);
    assert!(approve(&none, Approval::Approved, by, noon()).is_err());
}
