//! Webhooks over HTTP: made with a secret that is shown once, changed, rotated, tried, looked into, told once more, deleted.
use crate::support::{Answer, World, world};
use chrono::Duration;
use serde_json::{Value, json};

const URL: &str = "/api/v1/webhooks";

fn form() -> Value {
    json!({
        "name": " Orders ", "url": "https://hooks.example.com/leads?tenant=1", "events": ["lead.delivered", "lead.queued"],
        "headers": {"X-Source": "leadrail"},
    })
}

async fn patch(world: &World, url: &str, body: Value) -> Answer {
    world.ask("PATCH", url).json(body).send().await
}

/// The lines of the audit log about webhooks.
async fn audited(world: &World) -> Vec<String> {
    let lines: Vec<(String, String, String)> = world
        .db
        .read()
        .sql(
            "SELECT action, COALESCE(CAST(before AS TEXT), ''), COALESCE(CAST(after AS TEXT), '') FROM audit_event
             WHERE workspace_id = $1 AND object_kind = 'webhook' ORDER BY id",
        )
        .bind(world.workspace)
        .all()
        .await
        .unwrap();
    assert!(
        lines.iter().all(|(_, before, after)| !format!("{before}{after}").contains("tenant=1"))
    );
    lines.into_iter().map(|(action, ..)| action).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_webhook_is_made_with_a_secret_that_is_shown_once() {
    let world = world().await;
    let made = world.post(URL, form()).await;
    let secret = made.data("secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let mut plain = made.clone();
    plain.json["data"]["secret"] = json!("shown once");
    insta::assert_snapshot!(plain.plain(), @r#"
    201 {
      "data": {
        "campaignId": null,
        "createdAt": "2026-11-21T12:00:00Z",
        "events": [
          "lead.delivered",
          "lead.queued"
        ],
        "failingSince": null,
        "failures": 0,
        "headers": {
          "X-Source": "leadrail"
        },
        "isEnabled": true,
        "name": "Orders",
        "nextProbeAt": null,
        "oldSecretUntil": null,
        "problem": null,
        "retries": 9,
        "secret": "shown once",
        "state": "on",
        "timeoutSeconds": 20,
        "updatedAt": "2026-11-21T12:00:00Z",
        "url": "https://hooks.example.com/leads?tenant=1",
        "webhookId": "hook_…"
      },
      "success": true
    }
    "#);
    let one = format!("{URL}/{}", made.data("webhookId"));
    let shown = world.get(&one).await;
    assert_eq!(shown.json["data"]["secret"], Value::Null);
    let stored: String = world
        .db
        .read()
        .sql("SELECT secret FROM webhook WHERE workspace_id = $1")
        .bind(world.workspace)
        .scalar()
        .await
        .unwrap();
    assert!(!stored.contains(&secret["whsec_".len()..]), "it is sealed");

    let rotated = world.post(&format!("{one}/rotate-secret"), json!({})).await;
    assert_ne!(rotated.data("secret"), secret);
    assert_eq!(rotated.data("oldSecretUntil"), "2026-11-22T12:00:00Z");

    let changed =
        patch(&world, &one, json!({"events": ["lead.processed"], "isEnabled": false})).await;
    assert_eq!(
        (&changed.json["data"]["state"], &changed.json["data"]["events"]),
        (&json!("off"), &json!(["lead.processed"]))
    );
    assert_eq!(
        changed.json["data"]["headers"],
        json!({"X-Source": "leadrail"}),
        "what is absent stays"
    );
    let on = patch(&world, &one, json!({"isEnabled": true})).await;
    assert_eq!(on.data("state"), "on");

    let campaign = world.campaign("SOL", json!({})).await;
    let mut own = form();
    own["campaignId"] = json!(campaign);
    let own = world.post(URL, own).await;
    let listed = world.get(&format!("{URL}?limit=1")).await;
    assert_eq!(listed.json["data"]["items"][0]["webhookId"], made.json["data"]["webhookId"]);
    let rest = world.get(&format!("{URL}?cursor={}", listed.data("nextCursor"))).await;
    let of_campaign = world.get(&format!("{URL}?campaignId={campaign}")).await;
    for page in [&rest, &of_campaign] {
        let items = page.json["data"]["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["webhookId"]), (1, &own.json["data"]["webhookId"]));
        assert!(!page.json.to_string().contains("whsec_"));
    }
    assert_eq!(world.ask("DELETE", &one).send().await.status, 200);
    assert_eq!(world.get(&one).await.status, 404);
    assert_eq!(world.ask("DELETE", &one).send().await.status, 404);
    let expected = [
        "webhook.created",
        "webhook.secret_rotated",
        "webhook.changed",
        "webhook.changed",
        "webhook.created",
        "webhook.deleted",
    ];
    assert_eq!(audited(&world).await, expected);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn every_problem_of_a_webhook_is_listed_at_once() {
    let world = world().await;
    let bad = json!({
        "name": "", "url": "http://10.0.0.1/", "events": [], "retries": 0, "timeoutSeconds": 121,
        "headers": {"Webhook-Id": "x", "Host": "x", "X-Fine": "a\nb"},
    });
    let mut lines = vec![world.post(URL, bad).await.refusal()];
    for (field, value) in [
        ("events", json!(["lead.sold"])),
        ("events", json!(["webhook.test"])),
        ("campaignId", json!("cmp_01hzzzzzzzzzzzzzzzzzzzzzzz")),
        ("secret", json!("whsec_mine")),
    ] {
        let mut body = form();
        body[field] = value;
        lines.push(world.post(URL, body).await.refusal());
    }
    let campaign = world.campaign("SOL", json!({})).await;
    let mut body = form();
    body["campaignId"] = json!(campaign);
    body["events"] = json!(["contact.status_changed"]);
    lines.push(world.post(URL, body).await.refusal());
    let made = world.post(URL, form()).await;
    let one = format!("{URL}/{}", made.data("webhookId"));
    lines.push(patch(&world, &one, json!({"url": "https://169.254.169.254/"})).await.refusal());
    lines.push(patch(&world, &one, json!({"campaignId": campaign})).await.refusal());
    for body in [
        json!({"from": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"}),
        json!({"from": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z", "states": ["held"]}),
        json!({"from": "2026-11-21T00:00:00Z"}),
    ] {
        lines.push(world.post(&format!("{one}/replay"), body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: the request has 8 problems
      name | must be 1 to 100 characters
      url | scheme "http" is not permitted, right would be https
      events | names no event
      retries | must be 1 to 10
      timeoutSeconds | must be 1 to 120
      headers.Host | is set by the delivery itself
      headers.Webhook-Id | is set by the signature
      headers.X-Fine | at most 4000 characters, no control characters
    422 VALIDATION_ERROR: events[0] `lead.sold` is not known, expected one of `lead.delivered`, `lead.disqualified`, `lead.failed`, `lead.queued`, `lead.first_submission_action`, `lead.processed`, `lead.status_changed`, `contact.status_changed`, `webhook.test`
      events[0] | `lead.sold` is not known, expected one of `lead.delivered`, `lead.disqualified`, `lead.failed`, `lead.queued`, `lead.first_submission_action`, `lead.processed`, `lead.status_changed`, `contact.status_changed`, `webhook.test`
    422 VALIDATION_ERROR: events webhook.test is sent when somebody asks for it only
      events | webhook.test is sent when somebody asks for it only
    422 VALIDATION_ERROR: campaignId there is no such campaign in this workspace
      campaignId | there is no such campaign in this workspace
    422 VALIDATION_ERROR: secret is not a known field; known here: `campaignId`, `name`, `url`, `events`, `headers`, `retries`, `timeoutSeconds`, `isEnabled`
      secret | is not a known field; known here: `campaignId`, `name`, `url`, `events`, `headers`, `retries`, `timeoutSeconds`, `isEnabled`
    422 VALIDATION_ERROR: events contact.status_changed is of no campaign: a webhook of the workspace hears it
      events | contact.status_changed is of no campaign: a webhook of the workspace hears it
    422 VALIDATION_ERROR: url address 169.254.169.254 is not on the public internet
      url | address 169.254.169.254 is not on the public internet
    422 VALIDATION_ERROR: campaignId is not a known field; known here: `name`, `url`, `events`, `headers`, `retries`, `timeoutSeconds`, `isEnabled`
      campaignId | is not a known field; known here: `name`, `url`, `events`, `headers`, `retries`, `timeoutSeconds`, `isEnabled`
    422 VALIDATION_ERROR: until must be later than `from`
      until | must be later than `from`
    422 VALIDATION_ERROR: states must be `done`, `failed` or both
      states | must be `done`, `failed` or both
    422 VALIDATION_ERROR: until is missing
      until | is missing
    "#);
    for _ in 1..20 {
        assert_eq!(world.post(URL, form()).await.status, 201);
    }
    insta::assert_snapshot!(world.post(URL, form()).await.refusal(), @"409 CONFLICT: the workspace has 20 webhooks already");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_was_told_is_looked_into_and_told_once_more() {
    let world = world().await;
    let made = world.post(URL, form()).await;
    let one = format!("{URL}/{}", made.data("webhookId"));
    let mut told = Vec::new();
    for _ in 0..3 {
        let sent = world.post(&format!("{one}/test"), json!({})).await;
        assert_eq!(sent.status, 202);
        told.push(sent.data("messageId"));
        world.clock.forward(Duration::seconds(1));
    }
    let message = format!("{one}/messages/{}", told[0]);
    let refused = world.post(&format!("{message}/replay"), json!({})).await;
    insta::assert_snapshot!(refused.refusal(), @"409 CONFLICT: the message is on its way already");
    // As a worker would have.
    let fail = "UPDATE webhook_message SET state = 'failed', due_at = NULL, finished_at = at, attempt = 1, problem = 'it was answered with 500'
        WHERE workspace_id = $1";
    world.db.write().sql(fail).bind(world.workspace).run().await.unwrap();
    let log = "INSERT INTO webhook_attempt (workspace_id, message_id, attempt, status, answer, duration_us, at)
        SELECT workspace_id, id, 1, 500, 'oh no', 1200, at FROM webhook_message WHERE workspace_id = $1";
    world.db.write().sql(log).bind(world.workspace).run().await.unwrap();
    let story = world.get(&message).await;
    insta::assert_snapshot!(story.plain(), @r#"
    200 {
      "data": {
        "at": "2026-11-21T12:00:00Z",
        "attempts": 1,
        "campaignId": null,
        "contactId": null,
        "dueAt": null,
        "event": "webhook.test",
        "facts": {
          "status": "test"
        },
        "finishedAt": "2026-11-21T12:00:00Z",
        "leadId": null,
        "log": [
          {
            "answer": "oh no",
            "at": "2026-11-21T12:00:00Z",
            "attempt": 1,
            "durationUs": 1200,
            "status": 500
          }
        ],
        "messageId": "whm_…",
        "problem": "it was answered with 500",
        "state": "failed",
        "submissionId": null
      },
      "success": true
    }
    "#);
    let page = world.get(&format!("{one}/messages?limit=2&state=failed&event=webhook.test")).await;
    let items = page.json["data"]["items"].as_array().unwrap();
    assert_eq!(
        items.iter().map(|item| &item["messageId"]).collect::<Vec<_>>(),
        [&told[2], &told[1]]
    );
    let rest = world.get(&format!("{one}/messages?cursor={}", page.data("nextCursor"))).await;
    assert_eq!(rest.json["data"]["items"][0]["messageId"], told[0]);
    let none = world.get(&format!("{one}/messages?event=lead.queued")).await;
    assert_eq!(none.json["data"]["items"], json!([]));

    let again = world.post(&format!("{message}/replay"), json!({})).await;
    assert_eq!((again.status, again.data("messageId")), (202, told[0].clone()));
    assert_eq!(world.get(&message).await.data("state"), "waiting");
    let range = json!({"from": "2026-11-21T12:00:01Z", "until": "2026-11-21T12:00:02Z"});
    let replay = format!("{one}/replay");
    assert_eq!(world.post(&replay, range.clone()).await.json["data"]["replayed"], 1);
    assert_eq!(world.post(&replay, range).await.json["data"]["replayed"], 0, "it waits");
    let last = world.get(&format!("{one}/messages/{}", told[2])).await;
    assert_eq!(last.data("state"), "failed", "outside of the range");
    let foreign = world.post(URL, form()).await.data("webhookId");
    let wrong = world.get(&format!("{URL}/{foreign}/messages/{}", told[0])).await;
    assert_eq!(wrong.status, 404, "a message of another webhook");

    assert_eq!(world.ask("DELETE", &one).send().await.status, 200);
    for table in ["webhook_message", "webhook_attempt"] {
        let left = format!("SELECT COUNT(*) FROM {table} WHERE workspace_id = $1");
        let left: i64 = world.db.read().made(left).bind(world.workspace).scalar().await.unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(
        audited(&world).await,
        [
            "webhook.created",
            "webhook.message_replayed",
            "webhook.messages_replayed",
            "webhook.created",
            "webhook.deleted"
        ]
    );
}
