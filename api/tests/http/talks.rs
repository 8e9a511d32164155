//! Calls and texts that people ask for: what is refused, why, and when it is possible.
use crate::support::{Answer, World, lead, world};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{InteractionId, LeadId},
    push::OUTREACH,
    store::interactions::{self, Move, Moved, State},
};

pub const SEND: &str = "/api/v1/sms/send";
pub const CALL: &str = "/api/v1/voice/calls/initiate";

async fn agent(world: &World, name: &str, active: bool) {
    let provider = if name.starts_with("text") {
        json!({"type": "vonage", "apiKey": "k", "apiSecret": {"secret": "key"},
            "signatureSecret": {"secret": "key"}, "from": "+14155550199"})
    } else {
        json!({"type": "retell", "apiKey": {"secret": "key"}, "agentId": "a", "from": "+14155550199"})
    };
    let ask = world.ask("PUT", &format!("/api/v1/agents/{name}"));
    let saved = ask.json(json!({"active": active, "provider": provider})).send().await;
    assert_eq!(saved.status, 200, "{saved:?}");
}

/// A world at ten in the morning of Los Angeles, with one voice agent, one text agent, and the campaign SOL.
pub async fn at_ten() -> World {
    let world = world().await;
    world.clock.forward(Duration::hours(6));
    world.secret("key", "value").await;
    agent(&world, "caller", true).await;
    agent(&world, "texter", true).await;
    world.campaign("SOL", json!({})).await;
    world
}

/// A lead that was only stored, with these changes.
pub async fn stored(world: &World, code: &str, changes: Value) -> String {
    let mut body = lead(code);
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let answer = world.post("/api/v1/leads", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.data("leadId")
}

pub async fn send(world: &World, lead: &str, changes: Value) -> Answer {
    let mut body = json!({"leadId": lead, "message": "Hi Maria"});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.post(SEND, body).await
}

pub async fn call(world: &World, lead: &str, changes: Value) -> Answer {
    let mut body = json!({"leadId": lead});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.post(CALL, body).await
}

pub async fn interactions(world: &World, lead: &str) -> Vec<Value> {
    let listed = world.get(&format!("/api/v1/leads/{lead}/interactions")).await;
    listed.json["data"]["items"].as_array().unwrap().clone()
}

/// Puts an interaction into another state, as the outreach lane would have.
async fn moves(world: &World, id: &str, change: impl Fn(&mut Move)) {
    let id = InteractionId::parse(id).unwrap();
    let row = interactions::get(&world.db, id).await.unwrap().unwrap();
    let mut to = Move::of(&row);
    change(&mut to);
    let moved = interactions::advance(&world.db, &row, &to, world.clock.now()).await.unwrap();
    assert_eq!(moved, Moved::Yes(None));
}

/// The end of a call, as its provider tells it.
pub async fn ends(world: &World, id: &str, report: Value) {
    let report: shared::outreach::Report = serde_json::from_value(report).unwrap();
    moves(world, id, |to| {
        (to.state, to.due_at, to.report) = (State::Ended, None, Some(report.clone()));
        to.reference = Some("c-1".into());
    })
    .await;
}

pub async fn rings(world: &World) -> u64 {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    world.queue.depths(&[OUTREACH]).await.unwrap()[0].ready
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_with_every_problem() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let service = json!({"email": "s@example.com", "phone": "(800) 555-0100"});
    let service = stored(&world, "SOL", service).await;
    let theirs = LeadId::new().to_string();
    let lines = [
        send(&world, &lead, json!({"message": " "})).await,
        send(&world, &lead, json!({"message": "x".repeat(1_601)})).await,
        send(&world, &lead, json!({"source": "inbound"})).await,
        send(&world, &lead, json!({"agent": "nobody"})).await,
        send(&world, &lead, json!({"agent": "caller"})).await,
        send(&world, &lead, json!({"interactionId": InteractionId::new()})).await,
        send(&world, &service, json!({})).await,
        send(&world, &theirs, json!({})).await,
        call(&world, &lead, json!({"agent": "texter"})).await,
        call(
            &world,
            &lead,
            json!({"direction": "inbound", "additionalInstructions": "x".repeat(4_001)}),
        )
        .await,
        call(&world, &service, json!({})).await,
        call(&world, &theirs, json!({})).await,
    ]
    .map(|answer| answer.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: message has 1 characters; 1 to 1600, not only blanks, are needed
      message | has 1 characters; 1 to 1600, not only blanks, are needed
    422 VALIDATION_ERROR: message has 1601 characters; 1 to 1600, not only blanks, are needed
      message | has 1601 characters; 1 to 1600, not only blanks, are needed
    422 VALIDATION_ERROR: source `inbound` is not known, expected `api` or `manual`
      source | `inbound` is not known, expected `api` or `manual`
    422 VALIDATION_ERROR: agent there is no agent "nobody" in this workspace
      agent | there is no agent "nobody" in this workspace
    422 VALIDATION_ERROR: agent the agent "caller" calls; one that texts is needed
      agent | the agent "caller" calls; one that texts is needed
    404 NOT_FOUND: there is no such interaction with this lead
      interactionId | there is no such interaction with this lead
    422 VALIDATION_ERROR: leadId a toll-free number belongs to no person
      leadId | a toll-free number belongs to no person
    404 NOT_FOUND: there is no such lead
      leadId | there is no such lead
    422 VALIDATION_ERROR: agent the agent "texter" texts; one that calls is needed
      agent | the agent "texter" texts; one that calls is needed
    422 VALIDATION_ERROR: the request has 2 problems
      direction | must be outbound: calls that we receive are not made by us
      additionalInstructions | has more than 4000 characters
    422 VALIDATION_ERROR: leadId a toll-free number belongs to no person
      leadId | a toll-free number belongs to no person
    404 NOT_FOUND: there is no such lead
      leadId | there is no such lead
    "#);
    assert!(interactions(&world, &lead).await.is_empty());
    assert_eq!(rings(&world).await, 0);
}

#[tokio::test]
async fn what_is_not_possible_now_says_why_and_when_it_is() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let mut lines = Vec::new();
    let both = async |lines: &mut Vec<String>| {
        lines.push(send(&world, &lead, json!({})).await.refusal());
        lines.push(call(&world, &lead, json!({})).await.refusal());
    };
    world.clock.forward(Duration::hours(12));
    both(&mut lines).await;
    world.clock.forward(Duration::hours(12));
    let stop = json!({"phone": "4155550100", "channel": "sms"});
    world.post("/api/v1/suppressions", stop.clone()).await;
    lines.push(send(&world, &lead, json!({})).await.refusal());
    let all = json!({"phone": "4155550100", "reason": "a letter"});
    world.post("/api/v1/suppressions", all).await;
    lines.push(call(&world, &lead, json!({})).await.refusal());
    world.ask("DELETE", "/api/v1/suppressions").json(json!({"phone": "4155550100"})).send().await;
    for name in ["texter", "caller"] {
        agent(&world, name, false).await;
    }
    both(&mut lines).await;
    lines.push(send(&world, &lead, json!({"agent": "texter"})).await.refusal());
    for name in ["text-a", "text-b", "call-a", "call-b"] {
        agent(&world, name, true).await;
    }
    both(&mut lines).await;
    let closed = json!({"leadStatus": "rejected", "reason": "x"});
    world.ask("PATCH", &format!("/api/v1/leads/{lead}")).json(closed).send().await;
    both(&mut lines).await;
    insta::assert_snapshot!(lines.join("\n"), @r#"
    409 CONFLICT: it is not the hour for it in America/Los_Angeles; it is at 2026-11-22T16:00:00Z
      allowedAt | 2026-11-22T16:00:00Z
    409 CONFLICT: it is not the hour for it in America/Los_Angeles; it is at 2026-11-22T16:00:00Z
      allowedAt | 2026-11-22T16:00:00Z
    409 CONFLICT: the person must not be texted: manual since 2026-11-22T18:00:00Z, said by key test admin installation
      channel | sms
      since | 2026-11-22T18:00:00Z
      reason | manual
    409 CONFLICT: the person must not be called: a letter since 2026-11-22T18:00:00Z, said by key test admin installation
      channel | all
      since | 2026-11-22T18:00:00Z
      reason | a letter
    422 VALIDATION_ERROR: agent is missing: neither the campaign nor the workspace has an active agent that texts; keep one with PUT /api/v1/agents
      agent | is missing: neither the campaign nor the workspace has an active agent that texts; keep one with PUT /api/v1/agents
    422 VALIDATION_ERROR: agent is missing: neither the campaign nor the workspace has an active agent that calls; keep one with PUT /api/v1/agents
      agent | is missing: neither the campaign nor the workspace has an active agent that calls; keep one with PUT /api/v1/agents
    409 CONFLICT: the agent "texter" is off
      agent | the agent "texter" is off
    422 VALIDATION_ERROR: agent is missing: name one of text-a, text-b
      agent | is missing: name one of text-a, text-b
    422 VALIDATION_ERROR: agent is missing: name one of call-a, call-b
      agent | is missing: name one of call-a, call-b
    409 LEAD_CLOSED: the lead is rejected and is not processed
      leadId | the lead is rejected and is not processed
    409 LEAD_CLOSED: the lead is rejected and is not processed
      leadId | the lead is rejected and is not processed
    "#);
    assert!(interactions(&world, &lead).await.is_empty());
}

#[tokio::test]
async fn a_call_keeps_the_gap_the_maximum_and_the_campaigns_state() {
    let world = at_ten().await;
    let voice = json!({"agent": "caller", "maxAttempts": 2, "minimumGapMinutes": 30});
    let action = json!({"kind": "voice_ai", "deadlineMinutes": 600, "voice": voice});
    let campaign = world.campaign("VOX", json!({"firstAction": action})).await;
    let lead = stored(&world, "VOX", json!({})).await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let id = call(&world, &lead, json!({})).await.data("interactionId");
        lines.push(call(&world, &lead, json!({})).await.refusal().replace(&id, "int_…"));
        world.clock.forward(Duration::minutes(5));
        ends(&world, &id, json!({"outcome": "no_answer", "complete": true})).await;
        lines.push(call(&world, &lead, json!({})).await.refusal());
        world.clock.forward(Duration::minutes(30));
    }
    lines.push(call(&world, &lead, json!({})).await.refusal());
    let other = json!({"email": "b@example.com", "phone": "4155550101"});
    let other = stored(&world, "VOX", other).await;
    let test = json!({"email": "c@example.com", "phone": "4155550102", "isTest": true});
    let test = stored(&world, "VOX", test).await;
    world.post(&format!("/api/v1/campaigns/{campaign}/pause"), json!({})).await;
    lines.push(call(&world, &other, json!({})).await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    409 CONFLICT: a call with the lead is open: int_…
      interactionId | int_…
    409 CONFLICT: the lead was called at 2026-11-21T18:05:00Z; the campaign allows the next call at 2026-11-21T18:35:00Z
      allowedAt | 2026-11-21T18:35:00Z
    409 CONFLICT: a call with the lead is open: int_…
      interactionId | int_…
    409 CONFLICT: the lead was called at 2026-11-21T18:40:00Z; the campaign allows the next call at 2026-11-21T19:10:00Z
      allowedAt | 2026-11-21T19:10:00Z
    409 CONFLICT: the campaign has called the lead 2 times since it was submitted, and allows 2
    409 CAMPAIGN_CLOSED: the campaign is paused and calls nobody
    "#);
    world.clock.forward(Duration::hours(12));
    let planned = call(&world, &test, json!({})).await;
    assert_eq!(planned.status, 202, "a test lead may be called at any hour: {planned:?}");
    assert_eq!(interactions(&world, &test).await[0]["isTest"], true);
    assert_eq!(send(&world, &test, json!({})).await.status, 202);
}

#[tokio::test]
async fn the_campaigns_agent_is_taken_before_the_workspaces_and_a_test_leads_own_one_before_that() {
    let world = at_ten().await;
    for name in ["text-a", "text-b"] {
        agent(&world, name, true).await;
    }
    let sms = json!({"agent": "text-a", "testAgent": "text-b", "message": "Hi"});
    let action = json!({"kind": "sms", "deadlineMinutes": 600, "sms": sms});
    world.campaign("TXT", json!({"firstAction": action})).await;
    let lead = stored(&world, "TXT", json!({})).await;
    let test = json!({"email": "c@example.com", "phone": "4155550102", "isTest": true});
    let test = stored(&world, "TXT", test).await;
    let used = async |lead: &str, changes: Value| {
        let sent = send(&world, lead, changes).await;
        let shown =
            world.get(&format!("/api/v1/interactions/{}", sent.data("interactionId"))).await;
        shown.json["data"]["telephony"]["agent"].as_str().unwrap().to_owned()
    };
    assert_eq!(used(&lead, json!({})).await, "text-a");
    assert_eq!(used(&test, json!({})).await, "text-b");
    assert_eq!(used(&lead, json!({"agent": "texter"})).await, "texter");
    assert_eq!(interactions(&world, &lead).await.len(), 2, "each agent has a thread of its own");
}

#[tokio::test]
async fn a_thread_that_is_named_must_be_an_open_one_of_the_lead() {
    let world = at_ten().await;
    agent(&world, "text-b", true).await;
    let lead = stored(&world, "SOL", json!({})).await;
    let other = json!({"email": "b@example.com", "phone": "4155550101"});
    let other = stored(&world, "SOL", other).await;
    let thread = send(&world, &lead, json!({"agent": "texter"})).await.data("interactionId");
    let called = call(&world, &lead, json!({})).await.data("interactionId");
    let mut lines = vec![
        send(&world, &other, json!({"interactionId": thread})).await.refusal(),
        send(&world, &lead, json!({"interactionId": called})).await.refusal(),
        send(&world, &lead, json!({"interactionId": thread, "agent": "text-b"})).await.refusal(),
    ];
    moves(&world, &thread, |to| to.state = State::Closed).await;
    lines.push(send(&world, &lead, json!({"interactionId": thread})).await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    404 NOT_FOUND: there is no such interaction with this lead
      interactionId | there is no such interaction with this lead
    422 VALIDATION_ERROR: interactionId is a call; a thread of texts is needed
      interactionId | is a call; a thread of texts is needed
    422 VALIDATION_ERROR: agent must be "texter", whose thread it is
      agent | must be "texter", whose thread it is
    409 CONFLICT: the thread is closed
      interactionId | the thread is closed
    "#);
    let next = send(&world, &lead, json!({"agent": "texter"})).await.data("interactionId");
    assert_ne!(next, thread, "a closed thread is not gone on with");
}

#[tokio::test]
async fn another_workspaces_leads_and_interactions_are_not_there() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let thread = send(&world, &lead, json!({})).await.data("interactionId");
    for (method, path, body) in [
        ("GET", format!("/api/v1/leads/{lead}/interactions"), json!({})),
        ("GET", format!("/api/v1/interactions/{thread}"), json!({})),
        ("POST", SEND.to_owned(), json!({"leadId": lead, "message": "Hi"})),
        ("POST", CALL.to_owned(), json!({"leadId": lead})),
    ] {
        let answer = world.ask_as(&world.stranger, method, &path).json(body).send().await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}: {answer:?}");
    }
    assert_eq!(interactions(&world, &lead).await.len(), 1);
}
