//! Every way of a call, by table.
use super::*;
use crate::{
    exchange::NotSent,
    ids::{AgentId, CampaignId, InteractionId, LeadId, WorkspaceId},
    store::interactions::{Direction, Kind},
};
use sqlx::types::Json;

fn noon() -> Time {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn call(state: State) -> Interaction {
    Interaction {
        workspace_id: WorkspaceId(Uuid::nil()),
        id: InteractionId::new(),
        kind: Kind::Call,
        direction: Direction::Outbound,
        lead_id: LeadId::new(),
        campaign_id: CampaignId::new(),
        submission_id: None,
        park_id: None,
        agent_id: AgentId::new(),
        provider: "retell".into(),
        number: 1,
        phone: "+14155550100".into(),
        own_phone: None,
        is_test: false,
        state,
        generation: 2,
        tries: 0,
        due_at: Some(noon()),
        reference: None,
        instructions: None,
        outcome: None,
        report: None,
        error: None,
        opened_at: noon(),
        updated_at: noon(),
        ended_at: None,
    }
}

fn event(what: What) -> (Uuid, Heard) {
    let heard = Heard { ours: None, reference: Some("c1".into()), key: "k".into(), what };
    (Uuid::now_v7(), heard)
}

fn report(outcome: CallOutcome, complete: bool) -> What {
    What::Call { report: Box::new(Report { complete, ..Report::of(outcome) }) }
}

fn unknown() -> Exchange {
    Exchange::Unknown { why: "no answer".into() }
}

#[test]
fn an_answer_that_was_lost_is_never_taken_for_a_call_that_was_not_made() {
    let placing = call(State::Placing);
    for said in [None, Some(Placed::Unsure("500".into()))] {
        let to = placed(&placing, &unknown(), said, noon());
        assert_eq!((to.state, to.wakes), (State::Unsure, false));
        assert!(to.due_at.is_some());
    }
    assert_eq!(abandoned(&placing, noon()).state, State::Unsure);
    let asked_once = found(&call(State::Unsure), Found::No, noon());
    assert_eq!((asked_once.state, asked_once.tries), (State::Unsure, 1), "its list may lag");
    let lost = found(&Interaction { tries: 1, ..call(State::Unsure) }, Found::No, noon());
    assert_eq!((lost.state, lost.wakes), (State::NotPlaced, true));
    assert_eq!(NotMade::of(lost.error.as_deref().unwrap()), Some(NotMade::Lost));
}

#[test]
fn a_call_that_nobody_can_find_ends_as_unknown_after_a_while() {
    let unsure = call(State::Unsure);
    let early = found(&unsure, Found::NotSure, noon());
    assert_eq!((early.state, early.tries), (State::Unsure, 1));
    let late = found(&unsure, Found::NotSure, noon() + UNSURE_MAX);
    assert_eq!((late.state, late.wakes), (State::Ended, true));
    assert_eq!(late.report.map(|report| report.outcome), Some(CallOutcome::Unknown));
}

#[test]
fn a_busy_provider_is_asked_again_and_not_for_ever() {
    let busy =
        |pause| Placed::Refused(Refusal { why: "429".into(), kind: RefusalKind::Busy(pause) });
    let mut placing = call(State::Placing);
    let to = placed(&placing, &unknown(), Some(busy(None)), noon());
    assert_eq!((to.state, to.tries), (State::Planned, 1));
    let asked = Some(std::time::Duration::from_secs(86_400));
    let to = placed(&placing, &unknown(), Some(busy(asked)), noon());
    assert_eq!(to.due_at, Some(noon() + BUSY_PAUSE.1), "the pause is clamped");
    placing.tries = BUSY_TRIES_MAX - 1;
    let to = placed(&placing, &unknown(), Some(busy(None)), noon());
    assert_eq!((to.state, to.wakes), (State::NotPlaced, true));
    let refused = Exchange::NotSent { why: NotSent::NoConnection("refused".into()) };
    let to = placed(&call(State::Placing), &refused, None, noon());
    assert_eq!(to.state, State::Planned, "nothing was sent");
}

#[test]
fn a_refused_number_wakes_the_wait() {
    for (kind, why) in [
        (RefusalKind::BadNumber, NotMade::BadNumber),
        (RefusalKind::OptedOut, NotMade::OptedOut),
        (RefusalKind::Misconfigured, NotMade::Misconfigured),
    ] {
        let said = Placed::Refused(Refusal { why: "no: way".into(), kind });
        let to = placed(&call(State::Placing), &unknown(), Some(said), noon());
        assert_eq!((to.state, to.wakes), (State::NotPlaced, true));
        assert_eq!(NotMade::of(to.error.as_deref().unwrap()), Some(why));
    }
}

#[test]
fn the_end_of_a_call_wakes_the_wait_once_its_analysis_is_there() {
    let ongoing = call(State::InProgress);
    let first = heard(&ongoing, &[event(report(CallOutcome::Completed, false))], noon()).unwrap();
    assert_eq!((first.state, first.wakes), (State::InProgress, false));
    assert_eq!(first.due_at, Some(noon() + ANALYSIS_WAIT));
    let mut waiting = call(State::InProgress);
    waiting.report = first.report.map(Json);
    let second = heard(&waiting, &[event(report(CallOutcome::Qualified, true))], noon()).unwrap();
    assert_eq!((second.state, second.wakes), (State::Ended, true));
    assert_eq!(second.report.map(|report| report.outcome), Some(CallOutcome::Qualified));
    let given_up = nothing_new(&waiting, noon() + ANALYSIS_WAIT);
    assert_eq!((given_up.state, given_up.wakes), (State::Ended, true), "it never came");
}

#[test]
fn any_order_of_what_is_heard_comes_to_the_same_end() {
    let events = [
        event(What::Progress { status: "ringing".into() }),
        event(report(CallOutcome::Completed, false)),
        event(report(CallOutcome::Qualified, true)),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let events: Vec<_> = order.iter().map(|at| events[*at].clone()).collect();
        let to = heard(&call(State::InProgress), &events, noon()).unwrap();
        assert_eq!((to.state, to.wakes, to.read.len()), (State::Ended, true, 3), "{order:?}");
        assert_eq!(to.report.map(|report| report.outcome), Some(CallOutcome::Qualified));
        assert_eq!(to.reference.as_deref(), Some("c1"));
    }
}

#[test]
fn what_comes_after_the_end_is_kept_and_decides_nothing() {
    let mut over = call(State::Ended);
    over.outcome = Some(CallOutcome::Completed);
    over.report = Some(Json(Report::of(CallOutcome::Completed)));
    let to = heard(&over, &[event(report(CallOutcome::Dnc, true))], noon()).unwrap();
    assert_eq!((to.state, to.wakes, to.read.len()), (State::Ended, false, 1));
    assert_eq!(to.report.map(|report| report.outcome), Some(CallOutcome::Completed));
}

#[test]
fn a_silent_call_is_asked_about_and_given_up_in_the_end() {
    let mut ongoing = call(State::InProgress);
    let to = nothing_new(&ongoing, noon());
    assert_eq!((to.state, to.tries, to.wakes), (State::InProgress, 1, false));
    ongoing.tries = 50;
    let to = nothing_new(&ongoing, noon() + Duration::hours(1));
    assert_eq!(to.due_at, Some(noon() + Duration::hours(1) + Duration::seconds(300)));
    let to = nothing_new(&ongoing, noon() + CALL_MAX);
    assert_eq!((to.state, to.wakes), (State::Ended, true));
}
