//! Taking leads in, and what is shown of them.
use crate::support::{lead, noon, world};
use chrono::Duration;
use serde_json::{Value, json};
use shared::submission::Stage;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the cases and what is said of each are one table")]
async fn a_submitted_lead_is_taken_in_normalised_and_pushed() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let mut body = lead("SOL");
    body["address"] = json!({"state": "CA", "zip": "94107"});
    body["questionnaire"] = json!([{"question": "Do you own the roof?", "answer": "yes"}]);
    body["attribution"] = json!({"gclid": "g-1", "params": {"utm_source": "ads"}});
    body["files"] = json!([{"fileKey": "bill", "fileName": "b.pdf", "fileType": "pdf",
        "documentUrl": "https://files.example.com/b.pdf"}]);
    body["notes"] = json!("call after six");
    let answer = world.post("/api/v1/leads/submit", body).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    202 {
      "data": {
        "isDuplicate": false,
        "leadId": "lead_…",
        "status": "pending",
        "submissionId": "sub_…"
      },
      "success": true
    }
    "#);
    assert_eq!(world.pushed(Stage::Routing).await, 1);

    let lead = world.get(&format!("/api/v1/leads/{}", answer.data("leadId"))).await;
    insta::assert_snapshot!(lead.plain(), @r#"
    200 {
      "data": {
        "address": {
          "state": "CA",
          "zip": "94107"
        },
        "approval": null,
        "attribution": {
          "gclid": "g-1",
          "params": {
            "utm_source": "ads"
          }
        },
        "campaignId": "cmp_…",
        "compliance": {},
        "contactId": "contact_…",
        "country": null,
        "createdAt": "2026-11-21T12:00:00Z",
        "customFields": {},
        "dateOfBirth": null,
        "duplicateOf": null,
        "email": "maria@example.com",
        "files": [
          {
            "documentUrl": "https://files.example.com/b.pdf",
            "fileKey": "bill",
            "fileName": "b.pdf",
            "fileType": "pdf",
            "status": "pending"
          }
        ],
        "firstName": "Maria",
        "flags": {
          "dnc": false,
          "doNotContactUntil": null,
          "isDuplicate": false,
          "isTest": false,
          "suppressed": []
        },
        "isDuplicate": false,
        "isTest": false,
        "lastName": "Diaz",
        "latestSubmissionId": "sub_…",
        "leadId": "lead_…",
        "leadStatus": "active",
        "notes": [
          {
            "createdAt": "2026-11-21T12:00:00Z",
            "createdBy": "key test admin installation",
            "text": "call after six"
          }
        ],
        "phone": "+14155550100",
        "points": 0,
        "questionnaire": [
          {
            "answer": "yes",
            "key": "do_you_own_the_roof",
            "question": "Do you own the roof?"
          }
        ],
        "repostedTo": [],
        "source": "api",
        "stars": 0.0,
        "status": "pending",
        "submissionCount": 1,
        "timezone": null,
        "updatedAt": "2026-11-21T12:00:00Z"
      },
      "success": true
    }
    "#);
    let story = world.get(&format!("/api/v1/submissions/{}", answer.data("submissionId"))).await;
    insta::assert_snapshot!(story.plain(), @r#"
    200 {
      "data": {
        "attempts": [],
        "journey": [
          {
            "at": "2026-11-21T12:00:00Z",
            "attempt": 0,
            "details": null,
            "durationUs": 0,
            "generation": 1,
            "reason": "taken in by api",
            "reasonCode": "accepted",
            "stage": "accepted",
            "verdict": "accepted"
          }
        ],
        "submission": {
          "attempt": 0,
          "buyerLeadId": null,
          "campaignCode": "SOL",
          "campaignId": "cmp_…",
          "campaignName": "Campaign SOL",
          "carry": {},
          "createdAt": "2026-11-21T12:00:00Z",
          "dueAt": "2026-11-21T12:00:30Z",
          "errorFingerprint": null,
          "finishedAt": null,
          "generation": 1,
          "kind": "standard",
          "leadId": "lead_…",
          "number": 1,
          "outcome": null,
          "parentId": null,
          "reason": null,
          "reasonCode": null,
          "revision": 1,
          "routing": null,
          "run": "ready",
          "stage": "routing",
          "status": "pending",
          "submissionId": "sub_…",
          "updatedAt": "2026-11-21T12:00:00Z"
        },
        "wait": null
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_stored_lead_has_no_submission_until_it_is_submitted() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await;
    insta::assert_snapshot!(stored.plain(), @r#"
    201 {
      "data": {
        "isDuplicate": false,
        "leadId": "lead_…",
        "status": "new",
        "submissionId": null
      },
      "success": true
    }
    "#);
    assert_eq!(world.pushed(Stage::Routing).await, 0);
    let id = stored.data("leadId");

    let again = json!({"campaignId": "SOL", "leadId": id, "customFields": {"budget": 5}});
    let submitted = world.post("/api/v1/leads/submit", again).await;
    assert_eq!((submitted.status, submitted.data("leadId")), (202, id.clone()));
    let shown = world.get(&format!("/api/v1/leads/{id}")).await;
    assert_eq!(shown.json["data"]["customFields"], json!({"budget": 5}));
    let all = world.get(&format!("/api/v1/leads/{id}/submissions")).await;
    assert_eq!(all.json["data"]["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_of_leads_hold_each_lead_once_and_filters_narrow() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    for n in 0..7 {
        world.submitted("SOL", &format!("p{n}@example.com"), &format!("415555010{n}")).await;
        world.clock.forward(Duration::hours(6));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/api/v1/leads?limit=3{cursor}")).await;
        let data = &page.json["data"];
        seen.extend(data["items"].as_array().unwrap().iter().map(|lead| lead["email"].clone()));
        match data["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let wanted: Vec<Value> = (0..7).rev().map(|n| json!(format!("p{n}@example.com"))).collect();
    assert_eq!(seen, wanted);
    assert_eq!(
        noon().to_rfc3339(),
        "2026-11-21T12:00:00+00:00",
        "the days below are counted from it"
    );
    for (query, count) in [
        ("email=P3@example.com".to_owned(), 1),
        ("phone=(415)%20555-0104".to_owned(), 1),
        (format!("campaignId={campaign}"), 7),
        ("leadStatus=active&status=pending".to_owned(), 7),
        ("status=accepted".to_owned(), 0),
        ("startDate=2026-11-22&endDate=2026-11-22".to_owned(), 4),
        ("endDate=2026-11-21T18:00:00Z".to_owned(), 2),
    ] {
        let page = world.get(&format!("/api/v1/leads?{query}")).await;
        let items = page.json["data"]["items"].as_array();
        assert_eq!(items.map(Vec::len), Some(count), "{query}: {page:?}");
    }
}

#[tokio::test]
async fn of_fifty_identical_leads_at_once_exactly_one_is_the_original() {
    let world = world().await;
    world.campaign("SOL", json!({"duplicates": {"windowDays": 30}})).await;
    let asks = (0..50).map(|_| {
        let ask = world.ask("POST", "/api/v1/leads/submit").json(lead("SOL"));
        tokio::spawn(ask.send())
    });
    let mut originals = 0;
    for ask in asks.collect::<Vec<_>>() {
        let answer = ask.await.unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        originals += usize::from(answer.json["data"]["isDuplicate"] == false);
    }
    assert_eq!(originals, 1);
    let contacts: std::collections::HashSet<String> = world.get("/api/v1/leads").await.json["data"]
        ["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lead| lead["contactId"].to_string())
        .collect();
    assert_eq!(contacts.len(), 1);
}
