//! Four leads that wait before they are sold: for a call, a text, a person, and another program. The providers are the fake ones, in this process.
use super::{Desk, Failure, finished, sample, story, text};
use fakes::{Account, Fake, Provider};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

/// How long a call of the demo lasts.
const CALL: Duration = Duration::from_millis(400);

/// Sets everything up, submits the leads, plays the reviewer, and tells what became of them.
pub async fn show(
    desk: &Desk,
    buyer: SocketAddr,
    tally: &mut story::Tally,
) -> Result<usize, Failure> {
    let phones = Fake::default();
    phones.lasts(CALL);
    let outside = fakes::serve_in_background(fakes::phone_router(phones.clone())).await?;
    println!(
        "Four campaigns that ask somebody first; their providers are played at http://{outside}.\n"
    );
    agents(desk, &phones, outside).await?;
    let mut leads = Vec::new();
    for (number, (what, action, phone)) in actions(outside).into_iter().enumerate() {
        let campaign =
            desk.post("/campaigns", &sample::waiting_campaign(buyer, what, &action)).await?;
        let lead = sample::waiting_lead(&campaign["code"], number, phone);
        leads.push((what, desk.post("/leads/submit", &lead).await?));
    }
    for (number, (what, lead)) in leads.iter().enumerate() {
        if *what == REVIEW {
            decide(desk, text(&lead["leadId"])).await?;
        }
        let lead_id = text(&lead["leadId"]);
        let submissions = finished(desk, lead_id).await?;
        let who = desk.get(&format!("/leads/{lead_id}")).await?;
        story::tell(number + 11, &who, &submissions, tally);
    }
    Ok(leads.len())
}

const CALL_FIRST: &str = "Solar, called first";
const TEXT_FIRST: &str = "Solar, texted first";
const REVIEW: &str = "Solar, looked at first";
const ASK_FIRST: &str = "Solar, checked first";

/// A name, the first action, and the number whose last digits say how the fake provider's person behaves.
fn actions(outside: SocketAddr) -> [(&'static str, Value, &'static str); 4] {
    // The demo is shown at any hour, and its people are made up.
    let any_time = json!({"from": "00:00", "to": "24:00"});
    [
        (
            CALL_FIRST,
            json!({"kind": "voice_ai", "deadlineMinutes": 1440, "onDeadline": "fallback",
                "voice": {"agent": "caller", "hours": any_time, "instructions": "Ask for the roof."}}),
            "(415) 555-0100",
        ),
        (
            TEXT_FIRST,
            json!({"kind": "sms", "deadlineMinutes": 1440,
                "sms": {"agent": "texter", "hours": any_time, "replyField": "sms_reply",
                    "message": "Hi {{lead.firstName}}, do you still want a quote? Reply YES or STOP."}}),
            "(415) 555-0121",
        ),
        (
            REVIEW,
            json!({"kind": "human_review", "deadlineMinutes": 60, "onDeadline": "reject",
                "review": {"priority": "high", "reason": "first leads of a new source"}}),
            "(415) 555-0133",
        ),
        (
            ASK_FIRST,
            json!({"kind": "webhook", "deadlineMinutes": 60, "url": format!("http://{outside}/action/later")}),
            "(415) 555-0134",
        ),
    ]
}

/// The accounts with the providers: credentials kept as secrets, agents that use them, and the providers told where webhooks go.
async fn agents(desk: &Desk, phones: &Fake, outside: SocketAddr) -> Result<(), Failure> {
    let key = shared::key::token();
    desk.put("/secrets/caller-key", &json!({ "value": key })).await?;
    desk.put("/secrets/texter-token", &json!({ "value": key })).await?;
    let caller = json!({"provider": {
        "type": "retell", "apiKey": {"secret": "caller-key"}, "agentId": "agent_demo",
        "from": "+14155550001", "baseUrl": format!("http://{outside}/retell"),
    }});
    desk.put("/agents/caller", &caller).await?;
    let sid = format!("AC{}", "0".repeat(32));
    let texter = json!({"batchWindowMs": 1000, "provider": {
        "type": "twilio", "accountSid": sid, "authToken": {"secret": "texter-token"},
        "from": "+14155550002", "baseUrl": format!("http://{outside}/twilio"),
    }});
    let texter = desk.put("/agents/texter", &texter).await?;
    let webhook_url = texter["webhookUrl"].as_str().map(str::to_owned);
    let account = Account {
        user: Some(sid),
        key: Some(key.clone()),
        secret: Some(key),
        webhook_url,
        ..Account::default()
    };
    phones.account(Provider::Twilio, account);
    Ok(())
}

/// The demo plays the reviewer: takes the most urgent review and approves it.
async fn decide(desk: &Desk, lead: &str) -> Result<(), Failure> {
    super::parked(desk, lead).await?;
    let review = desk.post("/reviews/claim-next", &json!({"reviewer": "Ada"})).await?;
    let id = text(&review["review"]["reviewId"]).to_owned();
    let word = json!({"decision": "approve", "reason": "looks real", "reviewer": "Ada"});
    desk.post(&format!("/reviews/{id}/decide"), &word).await?;
    Ok(())
}
