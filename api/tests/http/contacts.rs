//! Contacts over HTTP: kept, changed, refused, tagged, noted, closed; consent.
use crate::support::{Answer, World, add_key, world};
use serde_json::{Value, json};

const URL: &str = "/api/v1/contacts";

async fn kept(world: &World, body: Value) -> String {
    let answer = world.post(URL, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.data("contactId")
}

async fn send(world: &World, method: &str, path: String, body: Value) -> Answer {
    world.ask(method, &path).json(body).send().await
}

#[tokio::test]
async fn a_contact_is_made_then_left_alone() {
    let world = world().await;
    let tier = json!({"name": "Tier", "kind": "text"});
    assert_eq!(world.post("/api/v1/properties", tier).await.status, 201);
    let body = json!({
        "email": "Ada@Example.com", "phone": "(415) 555-0100", "firstName": "ada", "country": "us",
        "properties": {"tier": "Gold"}, "tags": ["vip"], "annualRevenue": 5_000_000,
    });
    let made = world.post(URL, body.clone()).await;
    insta::assert_snapshot!(made.plain(), @r#"
    201 {
      "data": {
        "annualRevenue": 5000000,
        "city": null,
        "company": null,
        "consent": {
          "email": "in",
          "phone": "in",
          "push": "in",
          "sms": "in"
        },
        "contactId": "contact_…",
        "country": "US",
        "createdAt": "2026-11-21T12:00:00Z",
        "dateOfBirth": null,
        "doNotContactUntil": null,
        "email": "ada@example.com",
        "firstName": "Ada",
        "gender": null,
        "industry": null,
        "lastName": null,
        "mergedInto": null,
        "numberOfEmployees": null,
        "phone": "+14155550100",
        "properties": {
          "tier": "Gold"
        },
        "revision": 1,
        "salutation": null,
        "source": "api",
        "state": null,
        "status": "active",
        "street": null,
        "tags": [
          "vip"
        ],
        "timezone": null,
        "title": null,
        "updatedAt": "2026-11-21T12:00:00Z",
        "website": null,
        "zip": null
      },
      "success": true
    }
    "#);
    let again = world.post(URL, body).await;
    assert_eq!((again.status, &again.json["data"]), (200, &made.json["data"]), "said again");
}

#[tokio::test]
async fn a_contact_is_changed_unless_somebody_was_faster() {
    let world = world().await;
    let made = world.post(URL, json!({"email": "ada@example.com", "tags": ["vip"]})).await;
    let one = format!("{URL}/{}", made.data("contactId"));
    let change = json!({"city": "Bath", "tags": null, "revision": 1});
    let changed = send(&world, "PATCH", one.clone(), change.clone()).await;
    assert_eq!((changed.status, &changed.json["data"]["revision"]), (200, &json!(2)));
    assert_eq!(changed.json["data"]["tags"], json!([]));
    let late = send(&world, "PATCH", one.clone(), change).await;
    assert_eq!((late.status, late.code()), (409, "REVISION_CONFLICT"));
    assert_eq!(world.get(&one).await.json["data"], changed.json["data"]);
    // A number without a country of its own is one of the contact's.
    let german = kept(&world, json!({"email": "eva@example.com", "country": "DE"})).await;
    let phone = json!({"phone": "0171 2345678"});
    let changed = send(&world, "PATCH", format!("{URL}/{german}"), phone).await;
    assert_eq!(changed.data("phone"), "+491712345678");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_its_place() {
    let world = world().await;
    let ada = kept(&world, json!({"email": "ada@example.com"})).await;
    let bob = kept(&world, json!({"phone": "+14155550100"})).await;
    let mut lines = Vec::new();
    for body in [
        json!({"email": "nobody", "properties": {"tier": 1}, "tags": [1], "status": 5}),
        json!({"firstName": "Ada"}),
        json!({"email": "ada@example.com", "phone": "+14155550100"}),
        json!({"contactId": bob, "email": "ada@example.com"}),
    ] {
        let text = world.post(URL, body).await.refusal();
        let text = text.replace(&ada, "ADA").replace(&bob, "BOB");
        let short = text.lines().map(|line| line.chars().take(110).collect::<String>());
        lines.push(short.collect::<Vec<_>>().join("\n"));
    }
    let other = send(&world, "PATCH", format!("{URL}/{ada}"), json!({"contactId": bob})).await;
    lines.push(other.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r"
    422 VALIDATION_ERROR: the request has 4 problems
      email | is not an email address; it looks like name@example.com
      properties.tier | there is no such property in this workspace
      tags | [0] must be a text
      status | is not a known field; POST /contacts/{contactId}/status sets it; known here: `annualRevenue`, `city
    422 VALIDATION_ERROR: email is missing, and `phone` as well; a contact needs one of them
      email | is missing, and `phone` as well; a contact needs one of them
    409 CONFLICT: the email belongs to ADA and the phone to BOB
      email | the email belongs to ADA and the phone to BOB
      phone | the email belongs to ADA and the phone to BOB
    409 CONFLICT: the email belongs to ADA
      email | the email belongs to ADA
    422 VALIDATION_ERROR: contactId is another contact than the URL names
      contactId | is another contact than the URL names
    ");
    let reader = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    let ask = world.ask_as(&reader, "POST", URL).json(json!({"email": "a@example.com"}));
    assert_eq!(ask.send().await.status, 403);
}

#[tokio::test]
async fn each_contact_of_a_batch_is_answered_by_itself() {
    let world = world().await;
    let body = json!({"contacts": [
        {"email": "a@example.com"}, {"email": "b"}, {"email": "a@example.com", "firstName": "A"}, 5,
        {"email": "a@example.com", "firstName": "A"}, {"firstName": "Nobody"},
    ]});
    let answer = world.post(&format!("{URL}/batch"), body).await;
    let data = &answer.json["data"];
    let counts = ["created", "updated", "unchanged", "refused"].map(|name| data[name].clone());
    assert_eq!((answer.status, counts), (200, [json!(1), json!(1), json!(1), json!(3)]));
    let lines: Vec<String> = data["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let problems = item["problems"].as_array().unwrap();
            let first = problems.first().map_or("", |one| one["message"].as_str().unwrap());
            format!("{} {} {first}", item["outcome"].as_str().unwrap(), item["code"])
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    created null 
    refused "VALIDATION_ERROR" is not an email address; it looks like name@example.com
    updated null 
    refused "VALIDATION_ERROR" must be an object
    unchanged null 
    refused "VALIDATION_ERROR" is missing, and `phone` as well; a contact needs one of them
    "#);
    let many: Vec<Value> =
        (0..1_001).map(|n| json!({"email": format!("a{n}@example.com")})).collect();
    let refused = world.post(&format!("{URL}/batch"), json!({"contacts": many})).await;
    assert_eq!(
        refused.refusal().lines().nth(1),
        Some("  contacts | has 1001 contacts; 1 to 1000 are allowed")
    );
}

#[tokio::test]
async fn a_contact_that_is_closed_takes_its_leads_along() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    world.submitted("SOL", "ada@example.com", "4155550100").await;
    let known = world.post(URL, json!({"email": "ada@example.com"})).await;
    let id = known.data("contactId");
    let closed = json!({"status": "bounced", "reason": "mail came back"});
    let answer = send(&world, "POST", format!("{URL}/{id}/status"), closed).await;
    let data = &answer.json["data"];
    assert_eq!((answer.status, &data["leadsChanged"]), (200, &json!(1)));
    assert_eq!(data["contact"]["status"], "bounced");
    let leads = world.get(&format!("{URL}/{id}/leads")).await;
    assert_eq!(leads.json["data"]["items"][0]["leadStatus"], "rejected");
    let lead = leads.json["data"]["items"][0]["leadId"].as_str().unwrap().to_owned();
    let history = world.get(&format!("/api/v1/leads/{lead}/history")).await;
    let line = &history.json["data"]["items"][0];
    assert_eq!(line["reasonCode"], "contact_status");
    assert_eq!(line["by"], "key test admin installation");
    let deleted = world.ask("DELETE", &format!("{URL}/{id}")).send().await;
    assert_eq!(deleted.json["data"]["contact"]["status"], "deleted");
    assert_eq!(deleted.json["data"]["leadsChanged"], 1);
    let bad = send(
        &world,
        "POST",
        format!("{URL}/{id}/status"),
        json!({"status": "gone", "reason": "x"}),
    )
    .await;
    assert_eq!(bad.status, 422);
    let bad = send(
        &world,
        "POST",
        format!("{URL}/{id}/status"),
        json!({"status": "spam", "reason": " "}),
    )
    .await;
    assert_eq!(
        bad.refusal().lines().nth(1),
        Some("  reason | has 0 characters; 1 to 500 are allowed")
    );
}

#[tokio::test]
async fn consent_is_kept_and_suppresses_the_number() {
    let world = world().await;
    let id = kept(&world, json!({"email": "ada@example.com", "phone": "+14155550100"})).await;
    let path = format!("{URL}/{id}/consent");
    let said =
        json!({"sms": "out", "phone": "out", "source": "a letter", "at": "2026-11-20T09:00:00Z"});
    let answer = send(&world, "PUT", path.clone(), said).await;
    let consent = json!({"email": "in", "sms": "out", "phone": "out", "push": "in"});
    assert_eq!((answer.status, &answer.json["data"]["consent"]), (200, &consent));
    let check = async || {
        let body = json!({"phone": "+14155550100"});
        world.post("/api/v1/suppressions/check", body).await.json["data"]["suppressed"].clone()
    };
    assert_eq!(check().await, json!(["sms", "voice"]));
    let all = json!({"email": "out", "push": "out", "source": "a letter"});
    let answer = send(&world, "PUT", path.clone(), all).await;
    assert_eq!(answer.data("status"), "inactive");
    let answer =
        send(&world, "PUT", path.clone(), json!({"reset": true, "source": "a call"})).await;
    assert_eq!(answer.data("status"), "active");
    assert_eq!(check().await, json!([]));
    let mut lines = Vec::new();
    for body in [
        json!({"source": " ", "at": "2026-11-22T00:00:00Z"}),
        json!({"source": "x", "reset": true, "email": "in"}),
        json!({"source": "x", "email": "maybe"}),
    ] {
        lines.push(send(&world, "PUT", path.clone(), body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    422 VALIDATION_ERROR: the request has 3 problems
      source | has 0 characters; 1 to 200 are allowed
      at | must not be in the future, nor before 1900
       | needs either `reset` or at least one of `email`, `sms`, `phone` and `push`
    422 VALIDATION_ERROR: the request needs either `reset` or at least one of `email`, `sms`, `phone` and `push`
       | needs either `reset` or at least one of `email`, `sms`, `phone` and `push`
    422 VALIDATION_ERROR: email `maybe` is not known, expected `in` or `out`
      email | `maybe` is not known, expected `in` or `out`
    ");
}

#[tokio::test]
async fn contacts_are_tagged_and_noted() {
    let world = world().await;
    let id = kept(&world, json!({"email": "ada@example.com", "tags": ["new"]})).await;
    let stranger = shared::ids::ContactId::new();
    let body = json!({"contactIds": [id, stranger], "add": ["vip"], "remove": ["NEW"]});
    let answer = world.post(&format!("{URL}/tags"), body).await;
    let wanted = json!({"changed": [id], "unchanged": [], "full": [], "unknown": [stranger]});
    assert_eq!(answer.json["data"], wanted);
    assert_eq!(world.get(&format!("{URL}/{id}")).await.json["data"]["tags"], json!(["vip"]));
    let none = world
        .post(&format!("{URL}/tags"), json!({"contactIds": [], "add": ["x".repeat(65)]}))
        .await;
    insta::assert_snapshot!(none.refusal(), @r"
    422 VALIDATION_ERROR: the request has 2 problems
      contactIds | has 0 contacts; 1 to 1000 are allowed
      add | [0] has 65 characters; at most 64 are allowed
    ");
    let notes = format!("{URL}/{id}/notes");
    let added = world.post(&notes, json!({"text": " Call back. "})).await;
    assert_eq!((added.status, added.data("text")), (201, "Call back.".to_owned()));
    assert_eq!(added.data("writtenBy"), "key test admin installation");
    let again = world.post(&notes, json!({"text": "Call back."})).await;
    assert_eq!((again.status, again.data("noteId")), (200, added.data("noteId")));
    world.post(&notes, json!({"text": "Called."})).await;
    let page = world.get(&format!("{notes}?limit=1")).await;
    assert_eq!(page.json["data"]["items"][0]["text"], "Called.");
    let rest = world.get(&format!("{notes}?cursor={}", page.data("nextCursor"))).await;
    assert_eq!(rest.json["data"]["items"], json!([added.json["data"]]));
    assert_eq!(world.post(&notes, json!({"text": " "})).await.status, 422);
}
