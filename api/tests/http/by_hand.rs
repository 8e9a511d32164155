//! What people do to leads over the API: statuses, reposts and deliveries, each with its refusals.
use crate::support::{Answer, World, add_key, lead, world};
use serde_json::{Value, json};
use shared::submission::{Stage, State};

async fn send(world: &World, method: &str, path: &str, body: Value) -> Answer {
    world.ask(method, path).json(body).send().await
}

/// A submitted lead; answers the lead's id and the submission's.
async fn submitted(world: &World) -> (String, String) {
    let answer = world.post("/api/v1/leads/submit", lead("SOL")).await;
    (answer.data("leadId"), answer.data("submissionId"))
}

async fn failed(world: &World) -> (String, String) {
    world.campaign("SOL", json!({})).await;
    let (lead, submission) = submitted(world).await;
    let body = json!({"status": "failed", "reason": "the buyer is gone"});
    let set = send(world, "PATCH", &format!("/api/v1/submissions/{submission}"), body).await;
    assert_eq!(set.status, 200, "{set:?}");
    (lead, submission)
}

#[tokio::test]
async fn a_status_is_set_with_a_reason_and_shown_in_the_journey() {
    let world = world().await;
    let (lead, submission) = failed(&world).await;
    let path = format!("/api/v1/submissions/{submission}");
    let body =
        json!({"status": "delivered", "reason": "it was there after all", "clientLeadId": "B-17"});
    let set = send(&world, "PATCH", &path, body).await;
    let data = &set.json["data"];
    assert_eq!(
        (&data["status"], &data["outcome"], &data["run"], &data["buyerLeadId"]),
        (&json!("delivered"), &json!("delivered"), &json!("finished"), &json!("B-17")),
        "{set:?}"
    );
    let body = json!({"status": "accepted", "detail": "in the report"});
    let set = send(&world, "PATCH", &format!("/api/v1/leads/{lead}"), body).await;
    assert_eq!((set.status, &set.json["data"]["status"]), (200, &json!("accepted")), "{set:?}");
    let story = world.get(&path).await;
    let lines: Vec<String> = story.json["data"]["journey"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!(
                "{} {}: {}",
                line["generation"],
                line["verdict"].as_str().unwrap(),
                line["reason"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    1 accepted: taken in by api
    2 closed: key test admin installation set pending to failed: the buyer is gone
    3 set: key test admin installation set failed to delivered: it was there after all
    4 set: key test admin installation set delivered to accepted: in the report
    "#);
}

#[tokio::test]
async fn a_status_that_is_asked_for_badly_is_refused() {
    let world = world().await;
    let (lead, submission) = failed(&world).await;
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({"status": "sold", "reason": "x"}),
        json!({"status": "accepted"}),
        json!({"status": "accepted", "reason": "  "}),
        json!({"status": "accepted", "reason": "x".repeat(501)}),
        json!({"status": "accepted", "reason": "x", "buyerLeadId": ""}),
        json!({"status": "accepted", "reason": "x", "outcome": "accepted"}),
    ] {
        lines.push(
            send(&world, "PATCH", &format!("/api/v1/submissions/{submission}"), body)
                .await
                .refusal(),
        );
    }
    for body in [
        json!({}),
        json!({"status": "accepted", "leadStatus": "qualified", "reason": "x"}),
        json!({"status": "accepted", "reason": "x"}),
        json!({"status": "accepted", "detail": ""}),
        json!({"leadStatus": "gone", "reason": "x"}),
        json!({"leadStatus": "rejected"}),
    ] {
        lines.push(send(&world, "PATCH", &format!("/api/v1/leads/{lead}"), body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: status is missing
      status | is missing
    422 VALIDATION_ERROR: status `sold` is not known, expected one of `new`, `pending`, `processing`, `qualified`, `disqualified`, `missing_data`, `queued`, `pending_action`, `no_answer`, `voicemail`, `contacted`, `scheduled_callback`, `no_contact`, `pending_signature`, `document_sent`, `signed`, `delivered`, `accepted`, `duplicate`, `failed`, `error`, `rejected`, `dnc`
      status | `sold` is not known, expected one of `new`, `pending`, `processing`, `qualified`, `disqualified`, `missing_data`, `queued`, `pending_action`, `no_answer`, `voicemail`, `contacted`, `scheduled_callback`, `no_contact`, `pending_signature`, `document_sent`, `signed`, `delivered`, `accepted`, `duplicate`, `failed`, `error`, `rejected`, `dnc`
    422 VALIDATION_ERROR: reason is missing
      reason | is missing
    422 VALIDATION_ERROR: reason has 0 characters; 1 to 500 are needed
      reason | has 0 characters; 1 to 500 are needed
    422 VALIDATION_ERROR: reason has 501 characters; 1 to 500 are needed
      reason | has 501 characters; 1 to 500 are needed
    422 VALIDATION_ERROR: buyerLeadId has 0 characters; 1 to 200 are allowed
      buyerLeadId | has 0 characters; 1 to 200 are allowed
    422 VALIDATION_ERROR: outcome is not a known field; known here: `status`, `reason`, `buyerLeadId`, `clientLeadId`
      outcome | is not a known field; known here: `status`, `reason`, `buyerLeadId`, `clientLeadId`
    422 VALIDATION_ERROR: the request needs either `status` with `detail`, or `leadStatus` with `reason`
       | needs either `status` with `detail`, or `leadStatus` with `reason`
    422 VALIDATION_ERROR: the request needs either `status` with `detail`, or `leadStatus` with `reason`
       | needs either `status` with `detail`, or `leadStatus` with `reason`
    422 VALIDATION_ERROR: the request needs either `status` with `detail`, or `leadStatus` with `reason`
       | needs either `status` with `detail`, or `leadStatus` with `reason`
    422 VALIDATION_ERROR: detail has 0 characters; 1 to 500 are needed
      detail | has 0 characters; 1 to 500 are needed
    422 VALIDATION_ERROR: leadStatus `gone` is not known, expected one of `active`, `qualified`, `rejected`, `duplicate`, `deleted`
      leadStatus | `gone` is not known, expected one of `active`, `qualified`, `rejected`, `duplicate`, `deleted`
    422 VALIDATION_ERROR: reason has 0 characters; 1 to 500 are needed
      reason | has 0 characters; 1 to 500 are needed
    "#);
}

#[tokio::test]
async fn a_leads_own_status_has_a_history() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let (lead, _) = submitted(&world).await;
    let path = format!("/api/v1/leads/{lead}");
    let history = world.get(&format!("{path}/history")).await;
    assert_eq!(history.json["data"]["items"], json!([]));
    for (status, reason) in [("rejected", "a joke"), ("rejected", "a joke"), ("active", "no joke")]
    {
        let set =
            send(&world, "PATCH", &path, json!({"leadStatus": status, "reason": reason})).await;
        assert_eq!((set.status, &set.json["data"]["leadStatus"]), (200, &json!(status)));
    }
    insta::assert_snapshot!(world.get(&format!("{path}/history")).await.plain(), @r#"
    200 {
      "data": {
        "items": [
          {
            "at": "2026-11-21T12:00:00Z",
            "by": "key test admin installation",
            "from": "active",
            "number": 1,
            "reason": "a joke",
            "reasonCode": "operator",
            "submissionId": null,
            "to": "rejected"
          },
          {
            "at": "2026-11-21T12:00:00Z",
            "by": "key test admin installation",
            "from": "rejected",
            "number": 2,
            "reason": "no joke",
            "reasonCode": "operator",
            "submissionId": null,
            "to": "active"
          }
        ]
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_repost_opens_a_submission_once_for_each_key() {
    let world = world().await;
    let (lead, _) = failed(&world).await;
    let path = format!("/api/v1/leads/{lead}/repost");
    let ask = |body: Value| {
        world.ask("POST", &path).header("idempotency-key", "again-1").json(body).send()
    };
    let first = ask(json!({})).await;
    let again = ask(json!({})).await;
    insta::assert_snapshot!(first.plain(), @r#"
    202 {
      "data": {
        "leadId": "lead_…",
        "newSubmissionId": "sub_…",
        "requiresQualification": true
      },
      "success": true
    }
    "#);
    assert_eq!(
        (again.status, again.header("idempotent-replay"), &again.json),
        (202, Some("true"), &first.json)
    );
    assert_eq!(ask(json!({"campaignId": "SOL"})).await.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.post(&path, json!({})).await.code(), "CONFLICT", "one is open");
    assert_eq!(world.pushed(Stage::Routing).await, 2, "the first submission's and the repost's");
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    assert_eq!(shown.json["data"]["repostedTo"].as_array().unwrap().len(), 1);
    assert_eq!(shown.json["data"]["submissionCount"], 2);
    let rows = world.get(&format!("/api/v1/leads/{lead}/submissions")).await;
    assert_eq!(rows.json["data"]["items"][1]["kind"], "repost");
}

#[tokio::test]
async fn a_modified_repost_changes_the_lead_and_a_bad_one_changes_nothing() {
    let world = world().await;
    let (lead, _) = failed(&world).await;
    let path = format!("/api/v1/leads/{lead}/repost");
    let mut lines = Vec::new();
    for body in [
        json!({"modifiedPayload": {"phone": "(415) 555-0199"}}),
        json!({"campaignId": "SOL", "modifiedPayload": {"campaignId": "SOL"}}),
        json!({"campaignId": "SOL", "modifiedPayload": {"phone": "12", "email": "x", "isTest": true}}),
        json!({"campaignId": "SOL", "modifiedPayload": {"shoeSize": 44}}),
        json!({"campaignId": "SOL", "modifiedPayload": {"address": {"province": "BC"}}}),
        json!({"campaignId": "SOL", "modifiedPayload": []}),
        json!({"campaignId": "NOPE"}),
        json!({"campaignId": "nope!"}),
        json!({"deliveryInfo": {"url": "https://example.com"}}),
        json!({"to": "SOL"}),
    ] {
        lines.push(world.post(&path, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: campaignId is missing; it is required with modifiedPayload
      campaignId | is missing; it is required with modifiedPayload
    422 VALIDATION_ERROR: modifiedPayload.campaignId belongs beside modifiedPayload, not into it
      modifiedPayload.campaignId | belongs beside modifiedPayload, not into it
    422 VALIDATION_ERROR: the request has 3 problems
      modifiedPayload.email | is not an email address; it looks like name@example.com
      modifiedPayload.phone | has 2 digits; at least 10 are needed
      modifiedPayload.isTest | is the stored lead's; leave it out
    422 VALIDATION_ERROR: modifiedPayload.shoeSize is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
      modifiedPayload.shoeSize | is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
    422 VALIDATION_ERROR: modifiedPayload.address.province is not a known field; known here: `street`, `unit`, `city`, `state`, `zip`, `country`
      modifiedPayload.address.province | is not a known field; known here: `street`, `unit`, `city`, `state`, `zip`, `country`
    422 VALIDATION_ERROR: modifiedPayload is a list; expected an object
      modifiedPayload | is a list; expected an object
    404 NOT_FOUND: there is no such campaign
      campaignId | there is no such campaign
    422 VALIDATION_ERROR: campaignId `nope!` is neither a campaign id (cmp_…) nor a code of 2 to 5 capital letters or digits
      campaignId | `nope!` is neither a campaign id (cmp_…) nor a code of 2 to 5 capital letters or digits
    422 VALIDATION_ERROR: deliveryInfo is not supported: a lead is delivered to its campaign's endpoints; name another campaign instead
      deliveryInfo | is not supported: a lead is delivered to its campaign's endpoints; name another campaign instead
    422 VALIDATION_ERROR: to is not a known field; known here: `campaignId`, `modifiedPayload`, `deliveryInfo`
      to | is not a known field; known here: `campaignId`, `modifiedPayload`, `deliveryInfo`
    "#);
    let body = json!({"campaignId": "SOL", "modifiedPayload": {
        "lastName": "king", "phone": "(415) 555-0199", "questionnaire": {"roof": "tile"}
    }});
    let done = world.post(&path, body).await;
    assert_eq!(
        (done.status, &done.json["data"]["requiresQualification"]),
        (202, &json!(true)),
        "{done:?}"
    );
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    let data = &shown.json["data"];
    assert_eq!(
        (&data["lastName"], &data["phone"], &data["email"], &data["questionnaire"][0]["answer"]),
        (&json!("King"), &json!("+14155550199"), &json!("maria@example.com"), &json!("tile"))
    );
}

#[tokio::test]
async fn a_stored_lead_is_submitted_or_delivered() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let other = world.campaign("NOW", json!({})).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await.data("leadId");
    let path = format!("/api/v1/leads/{stored}");
    assert_eq!(world.post(&format!("{path}/repost"), json!({})).await.code(), "CONFLICT");
    let done = world.post(&format!("{path}/submit"), json!({})).await;
    insta::assert_snapshot!(done.plain(), @r#"
    202 {
      "data": {
        "leadId": "lead_…",
        "newSubmissionId": "sub_…"
      },
      "success": true
    }
    "#);
    assert_eq!(world.post(&format!("{path}/submit"), json!({})).await.code(), "CONFLICT");
    let mut body = lead("SOL");
    (body["email"], body["phone"]) = (json!("b@example.com"), json!("4155550111"));
    let stored = world.post("/api/v1/leads", body).await.data("leadId");
    let path = format!("/api/v1/leads/{stored}/deliver");
    assert_eq!(world.post(&path, json!({})).await.code(), "VALIDATION_ERROR");
    let done = world.post(&path, json!({"campaignId": other})).await;
    assert_eq!(done.status, 202, "{done:?}");
    let rows = world.get(&format!("/api/v1/leads/{stored}/submissions")).await;
    let row = &rows.json["data"]["items"][0];
    assert_eq!((&row["kind"], &row["campaignCode"]), (&json!("manual_delivery"), &json!("NOW")));
    assert_eq!(world.post(&path, json!({"campaignId": other})).await.code(), "CONFLICT");
}

#[tokio::test]
async fn each_route_wants_its_scope() {
    let world = world().await;
    let (lead, submission) = failed(&world).await;
    let reader = add_key(&world.db, world.workspace, &["leads:read", "ops"], None).await;
    let writer = add_key(&world.db, world.workspace, &["leads:write"], None).await;
    for (method, path) in [
        ("PATCH", format!("/api/v1/leads/{lead}")),
        ("PATCH", format!("/api/v1/submissions/{submission}")),
        ("POST", format!("/api/v1/leads/{lead}/repost")),
        ("POST", format!("/api/v1/leads/{lead}/deliver")),
        ("POST", format!("/api/v1/leads/{lead}/submit")),
        ("POST", format!("/api/v1/leads/{lead}/approve")),
    ] {
        let ask = world.ask_as(&reader, method, &path).json(json!({})).send().await;
        assert_eq!(ask.code(), "FORBIDDEN", "{method} {path}");
        let ask = world.ask_as(&writer, method, &path).json(json!({"x": 1})).send().await;
        assert_eq!(ask.code(), "VALIDATION_ERROR", "{method} {path}");
    }
    let history = format!("/api/v1/leads/{lead}/history");
    assert_eq!(world.ask_as(&writer, "GET", &history).send().await.code(), "FORBIDDEN");
    assert_eq!(world.ask_as(&reader, "GET", &history).send().await.status, 200);
}

#[tokio::test]
async fn what_runs_or_is_held_is_not_sent_again() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let (lead, submission) = submitted(&world).await;
    let path = format!("/api/v1/leads/{lead}/repost");
    let mut lines = vec![world.post(&path, json!({})).await.refusal()];
    world.put(&submission, State::Held, Stage::Delivery).await;
    lines.push(world.post(&path, json!({})).await.refusal());
    world.put(&submission, State::Failed(Stage::Payload), Stage::Payload).await;
    let text = lines.join("\n").replace(&submission, "sub_…");
    insta::assert_snapshot!(text, @r#"
    409 CONFLICT: sub_… is on its way
    409 CONFLICT: sub_… may be with a buyer; settle it first
    "#);
    assert_eq!(world.post(&path, json!({})).await.status, 202, "a failed job is given up for it");
    let rows = world.get(&format!("/api/v1/leads/{lead}/submissions")).await;
    assert_eq!(rows.json["data"]["items"][0]["outcome"], "replaced");
}
