//! One call of each audited route, with unmistakable words wherever people may be spoken of, and repeats that change nothing.
use super::{CANARY, PHONE, Steps};
use crate::support::add_key;
use serde_json::json;
use shared::{
    ids::{AutomationJobId, CampaignId, LeadId},
    submission::{Stage, State},
};

pub async fn configuration(s: &mut Steps) {
    let secret = json!({"value": format!("{CANARY}-secret-value")});
    s.step("PUT /secrets/{secretName}", "/secrets/spare", secret).await;
    let provider = json!({"type": "retell", "apiKey": {"secret": "key"}, "agentId": "b", "from": "+14155550142"});
    s.step("PUT /agents/{agentName}", "/agents/other", json!({"provider": provider})).await;
    let provider = json!({"type": "retell", "apiKey": {"secret": "key"}, "agentId": "c", "from": "+14155550142"});
    s.step("PUT /agents/{agentName}", "/agents/other", json!({"provider": provider})).await;
    s.step("DELETE /agents/{agentName}", "/agents/other", json!({})).await;
    s.step("DELETE /secrets/{secretName}", "/secrets/spare", json!({})).await;
    let rule = json!({"field": "lead.email", "operator": "equals", "value": format!("{CANARY}@example.com")});
    let config = |days: i64| {
        json!({"duplicates": {"windowDays": days}, "disqualification": [{"name": "Not them", "rule": rule}],
            "endpoints": [{"id": "one", "name": "SunPeak", "url": "https://one.example.com/leads", "response": {}}]})
    };
    let made = json!({"name": "Wind", "code": "WND", "config": config(30)});
    let made = s.step("POST /campaigns", "/campaigns", made).await.data("campaignId");
    let of = |rest: &str| format!("/campaigns/{made}{rest}");
    let saved = json!({"name": "Wind and sun", "config": config(60)});
    s.step("PUT /campaigns/{campaignId}", &of(""), saved).await;
    s.step("POST /campaigns/{campaignId}/pause", &of("/pause"), json!({})).await;
    s.again("POST /campaigns/{campaignId}/pause", &of("/pause"), json!({})).await;
    s.step("POST /campaigns/{campaignId}/archive", &of("/archive"), json!({})).await;
    s.step("POST /campaigns/{campaignId}/activate", &of("/activate"), json!({})).await;
    let open = json!({"reason": CANARY, "seconds": 3600});
    let breaker = "POST /campaigns/{campaignId}/endpoints/{endpointId}/breaker/open";
    s.step(breaker, &of("/endpoints/one/breaker/open"), open).await;
    let breaker = "POST /campaigns/{campaignId}/endpoints/{endpointId}/breaker/reset";
    s.step(breaker, &of("/endpoints/one/breaker/reset"), json!({})).await;
    s.again(breaker, &of("/endpoints/one/breaker/reset"), json!({})).await;
    let set = json!({"name": "zips", "values": [CANARY]});
    let set = s.step("POST /value-sets", "/value-sets", set).await.data("valueSetId");
    let url = format!("/value-sets/{set}");
    let values = json!({"values": [CANARY, format!("{CANARY}2")]});
    s.step("PUT /value-sets/{valueSetId}", &url, values).await;
    s.step("DELETE /value-sets/{valueSetId}", &url, json!({})).await;
    let property = json!({"name": "Tier", "kind": "text"});
    let property = s.step("POST /properties", "/properties", property).await.data("propertyId");
    let url = format!("/properties/{property}");
    s.step("PATCH /properties/{propertyId}", &url, json!({"name": "Level"})).await;
    s.again("PATCH /properties/{propertyId}", &url, json!({"name": "Level"})).await;
    let site = json!({"name": "shop.example.com"});
    let site = s.step("POST /tracking-sites", "/tracking-sites", site).await;
    let site = site.data("siteId");
    let url = format!("/tracking-sites/{site}");
    s.step("DELETE /tracking-sites/{siteId}", &url, json!({})).await;
    s.again("DELETE /tracking-sites/{siteId}", &url, json!({})).await;
    let change = json!({"plan": "premium", "timezone": "America/Los_Angeles"});
    s.step("PATCH /workspace", "/workspace", change.clone()).await;
    s.again("PATCH /workspace", "/workspace", change).await;
    add_key(&s.world.db, s.world.workspace, &["ops"], None).await;
    let keys = s.world.get("/api/v1/keys").await;
    let other = keys.json["data"]["items"].as_array().unwrap().last().unwrap()["keyId"].clone();
    let url = format!("/keys/{}", other.as_str().unwrap());
    s.step("DELETE /keys/{keyId}", &url, json!({})).await;
    s.again("DELETE /keys/{keyId}", &url, json!({})).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
pub async fn people(s: &mut Steps) {
    let (one, two) = (s.contact(1).await, s.contact(2).await);
    let of = |rest: &str| format!("/contacts/{one}{rest}");
    let tags = json!({"contactIds": [one], "add": [CANARY]});
    s.step("POST /contacts/tags", "/contacts/tags", tags.clone()).await;
    s.again("POST /contacts/tags", "/contacts/tags", tags).await;
    let note = json!({"text": format!("{CANARY} called from 415 {PHONE}")});
    s.step("POST /contacts/{contactId}/notes", &of("/notes"), note).await;
    let consent = json!({"email": "out", "source": CANARY});
    s.step("PUT /contacts/{contactId}/consent", &of("/consent"), consent).await;
    let status = json!({"status": "inactive", "reason": CANARY});
    s.step("POST /contacts/{contactId}/status", &of("/status"), status.clone()).await;
    s.again("POST /contacts/{contactId}/status", &of("/status"), status).await;
    let back = json!({"status": "active", "reason": CANARY});
    s.step("POST /contacts/{contactId}/status", &of("/status"), back).await;
    let merging = json!({"from": [two], "reason": CANARY});
    s.step("POST /contacts/{contactId}/merge", &of("/merge"), merging).await;
    s.step("GET /contacts/{contactId}/export", &of("/export"), json!({})).await;
    let vip = json!({"name": "VIP", "description": "the best"});
    let segment = s.step("POST /segments", "/segments", vip).await.data("segmentId");
    let url = |rest: &str| format!("/segments/{segment}{rest}");
    s.step("PATCH /segments/{segmentId}", &url(""), json!({"name": "Best"})).await;
    s.again("PATCH /segments/{segmentId}", &url(""), json!({"name": "Best"})).await;
    let members = json!({"contactIds": [one]});
    s.step("POST /segments/{segmentId}/members", &url("/members"), members.clone()).await;
    s.again("POST /segments/{segmentId}/members", &url("/members"), members.clone()).await;
    let remove = "POST /segments/{segmentId}/members/remove";
    s.step(remove, &url("/members/remove"), members).await;
    let search = json!({"search": format!("email:{CANARY}1@example.com")});
    let fill = "POST /segments/{segmentId}/members/from-search";
    s.step(fill, &url("/members/from-search"), search).await;
    let copy = json!({"name": "Best too"});
    s.step("POST /segments/{segmentId}/copy", &url("/copy"), copy).await;
    let rule =
        json!({"field": "contact.email", "operator": "is", "value": format!("{CANARY}@x.com")});
    let ruled = json!({"name": "Ruled", "kind": "dynamic", "rule": rule});
    let ruled = s.step("POST /segments", "/segments", ruled).await.data("segmentId");
    let ready = "UPDATE segment SET state = 'ready', build_due_at = NULL WHERE workspace_id = $1";
    s.world.db.write().sql(ready).bind(s.world.workspace).run().await.unwrap();
    let rebuild = "POST /segments/{segmentId}/rebuild";
    s.step(rebuild, &format!("/segments/{ruled}/rebuild"), json!({})).await;
    s.step("DELETE /segments/{segmentId}", &format!("/segments/{ruled}"), json!({})).await;
    let campaign =
        s.made("/campaigns", json!({"name": "M", "code": "MEM", "config": {}}), "campaignId").await;
    let url = format!("/campaigns/{campaign}/segments");
    let feed = json!({"segmentIds": [segment]});
    s.step("PUT /campaigns/{campaignId}/segments", &url, feed.clone()).await;
    s.again("PUT /campaigns/{campaignId}/segments", &url, feed).await;
    let three = s.contact(3).await;
    let whom = json!({"contactIds": [three]});
    let url = format!("/campaigns/{campaign}/members");
    s.step("POST /campaigns/{campaignId}/members", &url, whom.clone()).await;
    s.again("POST /campaigns/{campaignId}/members", &url, whom).await;
    let gone = json!({"contactIds": [three], "reason": CANARY});
    let url = format!("/campaigns/{campaign}/leads/remove");
    s.step("POST /campaigns/{campaignId}/leads/remove", &url, gone).await;
    s.step("DELETE /contacts/{contactId}", &format!("/contacts/{three}"), json!({})).await;
    let number = json!({"phone": "+14155550142", "channel": "sms", "reason": CANARY});
    s.step("POST /suppressions", "/suppressions", number.clone()).await;
    s.again("POST /suppressions", "/suppressions", number).await;
    let number = json!({"phone": "+14155550142"});
    s.step("DELETE /suppressions", "/suppressions", number.clone()).await;
    s.again("DELETE /suppressions", "/suppressions", number.clone()).await;
    let list = json!({"entries": [number]});
    s.step("POST /suppressions/batch", "/suppressions/batch", list.clone()).await;
    s.again("POST /suppressions/batch", "/suppressions/batch", list.clone()).await;
    s.step("DELETE /suppressions/batch", "/suppressions/batch", list.clone()).await;
    s.again("DELETE /suppressions/batch", "/suppressions/batch", list).await;
    s.step("POST /contacts/{contactId}/erase", &of("/erase"), json!({"reason": "asked"})).await;
}

pub async fn leads(s: &mut Steps) {
    let stored = s.stored(10).await;
    let of = |lead: &str, rest: &str| format!("/leads/{lead}{rest}");
    let points = json!({"points": 5, "reason": CANARY});
    s.step("POST /leads/{leadId}/points", &of(&stored, "/points"), points).await;
    s.step("POST /leads/{leadId}/submit", &of(&stored, "/submit"), json!({})).await;
    let bulk = json!({"leadIds": [stored], "action": "qualify", "reason": CANARY});
    s.step("POST /leads/status", "/leads/status", bulk.clone()).await;
    s.again("POST /leads/status", "/leads/status", bulk).await;
    let rejected = json!({"leadStatus": "rejected", "reason": CANARY});
    s.step("PATCH /leads/{leadId}", &of(&stored, ""), rejected).await;
    let other = s.stored(11).await;
    let deliver = json!({"campaignId": "SOL"});
    s.step("POST /leads/{leadId}/deliver", &of(&other, "/deliver"), deliver).await;
    let submission = s.submitted(12).await;
    let failed = json!({"status": "failed", "reason": CANARY});
    let url = format!("/submissions/{submission}");
    s.step("PATCH /submissions/{submissionId}", &url, failed).await;
    let noted = json!({"status": "delivered", "reason": CANARY, "buyerLeadId": CANARY});
    s.step("PATCH /submissions/{submissionId}", &url, noted).await;
    let again = s.failed(13).await;
    let again = s.lead_of(&again).await;
    let failed = json!({"status": "failed", "detail": CANARY});
    s.step("PATCH /leads/{leadId}", &of(&again, ""), failed).await;
    let changed = json!({"campaignId": "SOL", "modifiedPayload": {"firstName": CANARY}});
    s.step("POST /leads/{leadId}/repost", &of(&again, "/repost"), changed).await;
    let (_, one) = s.review(14).await;
    let one = s.lead_of(&one).await;
    let word = json!({"status": "approved", "reason": CANARY});
    s.step("POST /leads/{leadId}/approve", &of(&one, "/approve"), word.clone()).await;
    s.again("POST /leads/{leadId}/approve", &of(&one, "/approve"), word).await;
    let (review, _) = s.review(15).await;
    let word = json!({"decision": "reject", "reason": CANARY});
    let url = format!("/reviews/{review}/decide");
    s.step("POST /reviews/{reviewId}/decide", &url, word.clone()).await;
    s.again("POST /reviews/{reviewId}/decide", &url, word).await;
    let (review, _) = s.review(16).await;
    let words = json!({"reviewIds": [review], "decision": "approve", "reason": CANARY});
    s.step("POST /reviews/decide", "/reviews/decide", words).await;
    let parked = s.submitted(17).await;
    s.world.park(&parked).await;
    let url = format!("/submissions/{parked}/resume");
    let word = json!({"outcome": "continue", "reason": CANARY});
    s.step("POST /submissions/{submissionId}/resume", &url, word).await;
    let reached = s.stored(18).await;
    let call = json!({"leadId": reached, "additionalInstructions": CANARY});
    s.step("POST /voice/calls/initiate", "/voice/calls/initiate", call).await;
    let text = json!({"leadId": reached, "message": format!("Hi {CANARY}")});
    s.step("POST /sms/send", "/sms/send", text).await;
}

pub async fn operations(s: &mut Steps) {
    let pause = json!({"reason": CANARY});
    s.step("POST /lanes/{stage}/pause", "/lanes/delivery/pause", pause.clone()).await;
    s.again("POST /lanes/{stage}/pause", "/lanes/delivery/pause", pause).await;
    s.step("POST /lanes/{stage}/resume", "/lanes/delivery/resume", json!({})).await;
    s.again("POST /lanes/{stage}/resume", "/lanes/delivery/resume", json!({})).await;
    let failed = s.failed(20).await;
    let of = |id: &str, what: &str| format!("/jobs/{id}/{what}");
    s.step("POST /jobs/{submissionId}/retry", &of(&failed, "retry"), json!({})).await;
    let failed = s.failed(21).await;
    s.step("POST /jobs/{submissionId}/discard", &of(&failed, "discard"), json!({})).await;
    let held = s.submitted(22).await;
    s.world.put(&held, State::Held, Stage::Delivery).await;
    let verdict = json!({"outcome": "sold", "reason": CANARY});
    s.step("POST /jobs/{submissionId}/settle", &of(&held, "settle"), verdict).await;
    s.failed(23).await;
    s.world.clock.forward(chrono::Duration::seconds(1));
    s.step("POST /jobs/retry", "/jobs/retry", json!({"dryRun": false})).await;
    s.again("POST /jobs/retry", "/jobs/retry", json!({"dryRun": false})).await;
    s.failed(24).await;
    s.world.clock.forward(chrono::Duration::seconds(1));
    s.step("POST /jobs/discard", "/jobs/discard", json!({"dryRun": false})).await;
    automation(s).await;
}

async fn automation(s: &mut Steps) {
    let campaign =
        s.made("/campaigns", json!({"name": "A", "code": "AUT", "config": {}}), "campaignId").await;
    let rule = json!({"id": "state", "name": "From California", "points": 3,
        "when": {"field": "contact.email", "operator": "equals", "value": format!("{CANARY}@x.com")}});
    let body = json!({"automation": {"scoring": {"rules": [rule]}}});
    let url = format!("/campaigns/{campaign}/automation");
    s.step("PUT /campaigns/{campaignId}/automation", &url, body.clone()).await;
    s.again("PUT /campaigns/{campaignId}/automation", &url, body).await;
    let job = AutomationJobId::new();
    s.world
        .db
        .write()
        .sql(
            "INSERT INTO automation_job (workspace_id, id, campaign_id, lead_id, firing, action, kind, payload, state, attempt,
                created_at) VALUES ($1, $2, $3, $4, 1, 0, 'webhook', '{}', 'failed', 3, $5)",
        )
        .bind(s.world.workspace)
        .bind(job)
        .bind(CampaignId::parse(&campaign).unwrap())
        .bind(LeadId::new())
        .bind(s.world.clock.now())
        .run()
        .await
        .unwrap();
    let url = format!("{url}/jobs/retry");
    let jobs = json!({"jobIds": [job]});
    let route = "POST /campaigns/{campaignId}/automation/jobs/retry";
    s.step(route, &url, jobs.clone()).await;
    s.again(route, &url, jobs).await;
}
