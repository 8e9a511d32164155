//! What was said with a lead: calls and threads, as they are asked for, made, counted and shown.
use crate::{
    support::Answer,
    talks::{at_ten, call, ends, interactions, rings, send, stored},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{InteractionId, LeadId},
    store::{interactions as kept, talks},
};

/// Each member of the data on a line of its own, with ids replaced by words.
fn members(answer: &Answer) -> String {
    let plain = answer.plain();
    let body: Value = serde_json::from_str(plain.trim_start_matches("200 ")).unwrap();
    let lines = body["data"].as_object().unwrap().iter();
    lines.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_text_opens_a_thread_and_the_next_one_goes_on_with_it() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let first = send(&world, &lead, json!({})).await;
    assert_eq!((first.status, first.data("status").as_str()), (202, "planned"), "{first:?}");
    assert_eq!(rings(&world).await, 1);
    world.clock.forward(Duration::seconds(1));
    let thread = first.data("interactionId");
    let named = json!({"interactionId": thread, "message": "Are you there?", "source": "manual"});
    let second = send(&world, &lead, named).await;
    assert_eq!((second.status, second.data("interactionId")), (202, thread.clone()), "{second:?}");
    let shown = world.get(&format!("/api/v1/interactions/{thread}")).await;
    insta::assert_snapshot!(members(&shown), @r#"
    answers: {}
    call: null
    campaignId: "cmp_…"
    createdAt: "2026-11-21T18:00:00Z"
    direction: "outbound"
    endedAt: null
    error: null
    interactionId: "int_…"
    isTest: false
    leadId: "lead_…"
    phone: "+14155550100"
    sms: {"messages":2}
    status: "open"
    submissionId: null
    summary: null
    telephony: {"agent":"texter","agentId":"agent_…","phoneNumber":null,"provider":"vonage"}
    transcript: [{"error":null,"message":"Hi Maria","messageId":"msg_…","role":"agent","second":null,"source":"api","state":"planned","timestamp":"2026-11-21T18:00:00Z"},{"error":null,"message":"Are you there?","messageId":"msg_…","role":"agent","second":null,"source":"manual","state":"planned","timestamp":"2026-11-21T18:00:01Z"}]
    type: "sms"
    updatedAt: "2026-11-21T18:00:01Z"
    "#);
    let mut item = shown.json["data"].clone();
    item.as_object_mut().unwrap().remove("transcript");
    assert_eq!(interactions(&world, &lead).await, [item], "the same without its transcript");
}

#[tokio::test]
async fn a_call_is_planned_with_the_instructions_of_the_campaign_and_the_caller() {
    let world = at_ten().await;
    let voice = json!({"agent": "caller", "instructions": "Be kind."});
    let action = json!({"kind": "voice_ai", "deadlineMinutes": 600, "voice": voice});
    world.campaign("VOX", json!({"firstAction": action})).await;
    let lead = stored(&world, "VOX", json!({})).await;
    let planned = call(&world, &lead, json!({"additionalInstructions": "Ask for the roof."})).await;
    assert_eq!((planned.status, planned.data("leadId")), (202, lead.clone()), "{planned:?}");
    assert_eq!(rings(&world).await, 1);
    let id = planned.data("interactionId");
    world.clock.forward(Duration::minutes(5));
    let said = [
        json!({"role": "agent", "text": "Hello", "second": 2}),
        json!({"role": "user", "text": "Hi"}),
    ];
    let report = json!({"outcome": "no_answer", "endedReason": "hangup", "startedAt": "2026-11-21T18:00:30Z",
        "durationSeconds": 42, "summary": "short", "recordingUrl": "https://rec.example/1", "transcript": said,
        "answers": {"roof": "tile"}, "complete": true});
    ends(&world, &id, report).await;
    let shown = world.get(&format!("/api/v1/interactions/{id}")).await;
    insta::assert_snapshot!(members(&shown), @r#"
    answers: {"roof":"tile"}
    call: {"callbackAt":null,"duration":42,"instructions":"Be kind.\n\nAsk for the roof.","number":1,"outcome":"no_answer","recordingUrl":"https://rec.example/1","reference":"c-1","terminationReason":"hangup"}
    campaignId: "cmp_…"
    createdAt: "2026-11-21T18:00:00Z"
    direction: "outbound"
    endedAt: "2026-11-21T18:05:00Z"
    error: null
    interactionId: "int_…"
    isTest: false
    leadId: "lead_…"
    phone: "+14155550100"
    sms: null
    status: "ended"
    submissionId: null
    summary: "short"
    telephony: {"agent":"caller","agentId":"agent_…","phoneNumber":null,"provider":"retell"}
    transcript: [{"error":null,"message":"Hello","messageId":null,"role":"agent","second":2,"source":null,"state":null,"timestamp":"2026-11-21T18:00:32Z"},{"error":null,"message":"Hi","messageId":null,"role":"user","second":null,"source":null,"state":null,"timestamp":null}]
    type: "call"
    updatedAt: "2026-11-21T18:05:00Z"
    "#);
}

#[tokio::test]
async fn a_lead_that_waits_for_a_call_has_it_counted_for_its_wait() {
    let world = at_ten().await;
    let voice = json!({"agent": "caller"});
    let action = json!({"kind": "voice_ai", "deadlineMinutes": 600, "voice": voice});
    world.campaign("VOX", json!({"firstAction": action})).await;
    let submission = world.submitted("VOX", "a@example.com", "4155550100").await;
    world.park_for(&submission, "voice_ai").await;
    let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
    let lead = story.json["data"]["submission"]["leadId"].as_str().unwrap().to_owned();
    let planned = call(&world, &lead, json!({})).await;
    let id = InteractionId::parse(&planned.data("interactionId")).unwrap();
    let row = kept::get(&world.db, id).await.unwrap().unwrap();
    let lead = LeadId::parse(&lead).unwrap();
    let wait = talks::wait_of(world.db.read(), world.workspace, lead).await.unwrap().unwrap();
    assert_eq!((row.submission_id, row.park_id), (Some(wait.submission), Some(wait.park)));
    assert_eq!(wait.submission.to_string(), submission);
}

#[tokio::test]
async fn a_lead_shows_its_interactions_page_by_page_the_newest_first() {
    let world = at_ten().await;
    let lead = stored(&world, "SOL", json!({})).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        let id = call(&world, &lead, json!({})).await.data("interactionId");
        ends(&world, &id, json!({"outcome": "no_answer", "complete": true})).await;
        world.clock.forward(Duration::seconds(1));
        all.insert(0, id);
    }
    let base = format!("/api/v1/leads/{lead}/interactions?limit=2");
    let (mut seen, mut path) = (Vec::new(), base.clone());
    loop {
        let page = world.get(&path).await;
        let items = page.json["data"]["items"].as_array().unwrap().clone();
        seen.extend(items.iter().map(|item| item["interactionId"].as_str().unwrap().to_owned()));
        assert_eq!(page.json["data"]["hasMore"], json!(seen.len() < 5));
        let Some(cursor) = page.json["data"]["nextCursor"].as_str() else { break };
        path = format!("{base}&cursor={cursor}");
    }
    assert_eq!(seen, all);
    assert_eq!(world.get(&format!("{base}&cursor=x")).await.status, 422);
}
