//! Every reason not to call or text a person, by table.
use super::*;
use crate::{
    ids::{AgentId, LeadId, WorkspaceId},
    outreach::Report,
    store::{interactions::Direction, suppressions},
};
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

/// 04:00 in Los Angeles, 07:00 in New York.
fn noon() -> Time {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

fn call(campaign: CampaignId, state: State, outcome: Option<CallOutcome>) -> Interaction {
    let at = noon() - minutes(120);
    Interaction {
        workspace_id: WorkspaceId(Uuid::nil()),
        id: InteractionId::new(),
        kind: Kind::Call,
        direction: Direction::Outbound,
        lead_id: LeadId::new(),
        campaign_id: campaign,
        submission_id: None,
        park_id: None,
        agent_id: AgentId::new(),
        provider: "retell".into(),
        number: 1,
        phone: "+14155550100".into(),
        own_phone: None,
        is_test: false,
        state,
        generation: 1,
        tries: 0,
        due_at: None,
        reference: None,
        instructions: None,
        outcome,
        report: outcome.map(|outcome| Json(Report::of(outcome))),
        error: None,
        opened_at: at,
        updated_at: at,
        ended_at: outcome.map(|_| at),
    }
}

fn ended(campaign: CampaignId, outcome: CallOutcome) -> Interaction {
    call(campaign, State::Ended, Some(outcome))
}

/// At most two calls, thirty minutes apart.
fn voice() -> VoiceAction {
    serde_json::from_value(json!({"agent": "a", "maxAttempts": 2, "minimumGapMinutes": 30}))
        .unwrap()
}

fn suppression(channel: suppressions::Reach) -> Suppression {
    Suppression {
        channel,
        reason: "stop".into(),
        source: "a text".into(),
        created_at: noon(),
        expires_at: None,
    }
}

#[test]
fn a_person_is_reached_while_the_lead_is_processed_and_nobody_has_forbidden_it() {
    use suppressions::Reach::{All, Email, Sms, Voice};
    let ask = |status, callable, suppressed: &[Suppression]| {
        [Channel::Voice, Channel::Sms].map(|channel| {
            person(status, callable, suppressed, None, channel).map_err(|r| r.to_string())
        })
    };
    let no = |why: &str| Err(why.to_owned());
    let (ok, active) = (Ok(()), LeadStatus::Active);
    assert_eq!(ask(active, ok, &[]), [Ok(()), Ok(())]);
    assert_eq!(ask(LeadStatus::Duplicate, ok, &[]), [Ok(()), Ok(())]);
    let gone = no("the lead is deleted and is not processed");
    assert_eq!(ask(LeadStatus::Deleted, ok, &[]), [gone.clone(), gone]);
    let service = Err(NotCallable::TollFree);
    let toll = no("a toll-free number belongs to no person");
    assert_eq!(ask(active, service, &[]), [toll.clone(), toll]);
    let since = "stop since 2026-11-24T12:00:00Z, said by a text";
    let (called, texted) = (
        no(&format!("the person must not be called: {since}")),
        no(&format!("the person must not be texted: {since}")),
    );
    assert_eq!(ask(active, ok, &[suppression(All)]), [called.clone(), texted.clone()]);
    assert_eq!(ask(active, ok, &[suppression(Sms)]), [Ok(()), texted]);
    assert_eq!(ask(active, ok, &[suppression(Voice)]), [called, Ok(())]);
    assert_eq!(ask(active, ok, &[suppression(Email)]), [Ok(()), Ok(())], "mail is another thing");
    let later = person(active, ok, &[suppression(Email)], Some(noon()), Channel::Sms);
    assert_eq!(later, Err(Refused::NotBefore(noon())));
}

#[test]
fn the_hours_hold_in_every_zone_and_say_when_they_begin() {
    let (west, east) = (chrono_tz::America::Los_Angeles, chrono_tz::America::New_York);
    let usual = CallingHours::default();
    assert_eq!(hours(&usual, &[east], noon() + minutes(60)), Ok(()));
    let refused = hours(&usual, &[east, west], noon() + minutes(60)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it is not the hour for it in America/New_York, America/Los_Angeles; it is at 2026-11-24T16:00:00Z"
    );
    let short: CallingHours =
        serde_json::from_value(json!({"from": "08:00", "to": "09:00"})).unwrap();
    assert!(matches!(hours(&short, &[east, west], noon()), Err(Refused::NoHours(_))));
}

#[test]
fn an_open_call_forbids_another_one_and_an_open_thread_does_not() {
    let campaign = CampaignId::new();
    let counted = Counted { campaign, since: noon() - minutes(600), voice: None };
    for state in [State::Planned, State::Placing, State::InProgress, State::Unsure] {
        let open = call(campaign, state, None);
        let refused = next_call(std::slice::from_ref(&open), counted, noon());
        assert_eq!(refused, Err(Refused::CallOpen(open.id)));
    }
    let thread = Interaction { kind: Kind::Sms, ..call(campaign, State::Open, None) };
    let over = [call(campaign, State::NotPlaced, None), thread];
    assert_eq!(next_call(&over, counted, noon()), Ok(()));
}

#[test]
fn the_gap_counts_from_the_end_of_the_last_call_of_any_campaign() {
    let (campaign, voice) = (CampaignId::new(), voice());
    let counted = Counted { campaign, since: noon() - minutes(600), voice: Some(&voice) };
    let end = noon() - minutes(29);
    let mut last = ended(CampaignId::new(), CallOutcome::NoAnswer);
    last.ended_at = Some(end);
    let calls = [ended(campaign, CallOutcome::NoAnswer), last.clone()];
    let gap = Refused::Gap { last: end, next: end + minutes(30) };
    assert_eq!(next_call(&calls, counted, noon()), Err(gap.clone()));
    assert_eq!(next_call(&calls, counted, noon() + minutes(1)), Ok(()));
    assert_eq!(next_call(&calls, Counted { voice: None, ..counted }, noon()), Ok(()));
    let mut asked = last;
    asked.outcome = Some(CallOutcome::ScheduledCallback);
    let named = |at| Report { callback_at: Some(at), ..Report::of(CallOutcome::ScheduledCallback) };
    asked.report = Some(Json(named(noon() + minutes(1))));
    assert_eq!(next_call(std::slice::from_ref(&asked), counted, noon()), Err(gap));
    asked.report = Some(Json(named(noon())));
    assert_eq!(next_call(&[asked], counted, noon()), Ok(()), "the person has named the time");
}

#[test]
fn attempts_are_the_campaigns_calls_since_the_latest_submission() {
    let (campaign, voice) = (CampaignId::new(), voice());
    let counted = Counted { campaign, since: noon() - minutes(120), voice: Some(&voice) };
    let counts = ended(campaign, CallOutcome::NoAnswer);
    let mut earlier = counts.clone();
    earlier.opened_at = noon() - minutes(121);
    let free = [
        ended(CampaignId::new(), CallOutcome::NoAnswer),
        ended(campaign, CallOutcome::Failed),
        call(campaign, State::NotPlaced, None),
        earlier,
        counts.clone(),
    ];
    assert_eq!(next_call(&free, counted, noon()), Ok(()));
    let used_up = [free.as_slice(), &[counts]].concat();
    let refused = next_call(&used_up, counted, noon()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the campaign has called the lead 2 times since it was submitted, and allows 2"
    );
}
