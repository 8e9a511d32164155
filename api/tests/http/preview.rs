//! What would be sent, and what an answer would come to: seen before anything is sent.
use crate::support::{World, add_key, lead, world};
use serde_json::{Value, json};
use shared::ids::SubmissionId;

fn endpoint(id: &str, more: &Value) -> Value {
    let mut endpoint = json!({
        "id": id, "name": format!("Buyer {id}"), "url": "https://buyer.example/leads?v=2",
        "headers": {"X-Partner": "acme", "X-Partner-Token": "s3cret", "X-Key": {"secret": "buyer", "prefix": "Token "}},
        "auth": {"type": "bearer", "token": {"secret": "buyer"}},
        "payload": {"nodes": [
            {"kind": "field", "key": "name", "source": "computed.full", "required": true},
            {"kind": "field", "key": "roof", "source": "questionnaire.roof"},
        ]},
        "response": {"rules": [
            {"outcome": "accepted", "when": {"status": ["2xx"], "jsonPath": {"path": "$.ok", "equals": true}}},
            {"outcome": "rejected", "when": {"xmlPath": {"path": "/r/@s", "equals": "no"}}, "reason": {"xmlPath": "/r/why"}},
            {"outcome": "retry", "when": {"status": [503]}},
        ], "buyerLeadId": {"jsonPath": "$.id"}, "price": {"from": {"jsonPath": "$.price"}, "currency": "USD"}},
    });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    endpoint
}

fn config() -> Value {
    let age = json!({"nodes": [
        {"kind": "field", "key": "born", "source": "lead.dateOfBirth", "type": "date", "required": true},
        {"kind": "field", "key": "bill", "source": "questionnaire.bill", "type": "number"},
    ]});
    json!({
        "computedKeys": [{"key": "full", "expression": "lead.firstName ~ ' ' ~ lead.lastName", "type": "text"}],
        "acceptedValues": [{"field": "questionnaire.roof", "values": ["Tile"], "synonyms": {"clay": "Tile"}}],
        "endpoints": [
            endpoint("one", &json!({"format": "xml"})),
            endpoint("two", &json!({"method": "GET", "format": "form"})),
            endpoint("three", &json!({"payload": age})),
        ],
    })
}

/// A world whose workspaces both keep the secret that the campaigns name.
async fn world_with_secret() -> World {
    let world = world().await;
    for key in [&world.key, &world.stranger] {
        let ask = world.ask_as(key, "PUT", "/api/v1/secrets/buyer");
        let kept = ask.json(json!({"value": "zz-canary-value"})).send().await;
        assert_eq!(kept.status, 200, "{kept:?}");
    }
    world
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one answer, shown whole")]
async fn a_stored_lead_is_previewed_at_every_endpoint_and_nothing_is_written() {
    let world = world_with_secret().await;
    let campaign = world.campaign("SOL", config()).await;
    let mut body = lead("SOL");
    body["questionnaire"] = json!({"roof": "clay", "bill": "a lot"});
    let stored = world.post("/api/v1/leads", body).await.data("leadId");
    let url = format!("/api/v1/campaigns/{campaign}/preview");
    let answer = world.post(&url, json!({"leadId": stored})).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    200 {
      "data": {
        "campaignId": "cmp_…",
        "canonical": {
          "questionnaire.roof": "Tile"
        },
        "computed": {
          "full": "Maria Diaz"
        },
        "endpoints": [
          {
            "body": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><lead><name>Maria Diaz</name><roof>Tile</roof></lead>",
            "contentType": "application/xml; charset=utf-8",
            "endpoint": "one",
            "headers": {
              "X-Key": "Token •••",
              "X-Partner": "acme",
              "X-Partner-Token": "•••",
              "authorization": "•••",
              "content-type": "application/xml; charset=utf-8",
              "idempotency-key": "made when the lead is submitted"
            },
            "method": "POST",
            "name": "Buyer one",
            "problems": [],
            "url": "https://buyer.example/leads?v=2"
          },
          {
            "body": "",
            "contentType": null,
            "endpoint": "two",
            "headers": {
              "X-Key": "Token •••",
              "X-Partner": "acme",
              "X-Partner-Token": "•••",
              "authorization": "•••",
              "idempotency-key": "made when the lead is submitted"
            },
            "method": "GET",
            "name": "Buyer two",
            "problems": [],
            "url": "https://buyer.example/leads?v=2&name=Maria+Diaz&roof=Tile"
          },
          {
            "body": null,
            "contentType": null,
            "endpoint": "three",
            "headers": {
              "X-Key": "Token •••",
              "X-Partner": "acme",
              "X-Partner-Token": "•••",
              "authorization": "•••"
            },
            "method": "POST",
            "name": "Buyer three",
            "problems": [
              {
                "message": "is required, but there is nothing to send",
                "path": "born",
                "source": "lead.dateOfBirth"
              },
              {
                "message": "\"a lot\" is not a number",
                "path": "bill",
                "source": "questionnaire.bill"
              }
            ],
            "url": "https://buyer.example/leads?v=2"
          }
        ],
        "revision": 1,
        "stages": [
          {
            "code": "computed",
            "details": null,
            "reason": "1 computed",
            "stage": "dynamic_keys",
            "verdict": "passed"
          },
          {
            "code": "complete",
            "details": null,
            "reason": "every required field is there",
            "stage": "required_fields",
            "verdict": "passed"
          },
          {
            "code": "values_fit",
            "details": {
              "fields": [
                {
                  "accepted": "Tile",
                  "field": "questionnaire.roof",
                  "given": "clay",
                  "how": "synonym"
                }
              ]
            },
            "reason": "1 of 1 listed fields fit",
            "stage": "field_qualification",
            "verdict": "passed"
          },
          {
            "code": "built",
            "details": {
              "passedOver": [
                {
                  "endpoint": "three",
                  "problems": [
                    {
                      "message": "is required, but there is nothing to send",
                      "path": "born",
                      "source": "lead.dateOfBirth"
                    },
                    {
                      "message": "\"a lot\" is not a number",
                      "path": "bill",
                      "source": "questionnaire.bill"
                    }
                  ]
                }
              ]
            },
            "reason": "built for Buyer one and 1 more",
            "stage": "payload",
            "verdict": "passed"
          }
        ],
        "stopsAt": null,
        "wouldBeSent": true
      },
      "success": true
    }
    "#);
    let one = world.post(&url, json!({"leadId": stored, "endpoint": "two"})).await;
    assert_eq!(one.json["data"]["endpoints"].as_array().unwrap().len(), 1);
    let lead = world.get(&format!("/api/v1/leads/{stored}")).await;
    assert_eq!(lead.json["data"]["submissionCount"], 0, "nothing was submitted");
}

#[tokio::test]
async fn a_submitted_lead_is_previewed_under_its_own_key() {
    let world = world_with_secret().await;
    let campaign = world.campaign("SOL", config()).await;
    let submission = world.submitted("SOL", "a@example.com", "4155550100").await;
    let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
    let lead = story.json["data"]["submission"]["leadId"].clone();
    let url = format!("/api/v1/campaigns/{campaign}/preview");
    let body = json!({"leadId": lead, "endpoint": "one"});
    let (first, again) = (world.post(&url, body.clone()).await, world.post(&url, body).await);
    let key = &first.json["data"]["endpoints"][0]["headers"]["idempotency-key"];
    assert!(key.as_str().unwrap().starts_with("lr_"), "{first:?}");
    assert_eq!(first.json, again.json, "the same each time");
    let id = SubmissionId::parse(&submission).unwrap();
    assert_eq!(key, &json!(shared::stages::s7_payload::idempotency_key(id, "one")));
}

#[tokio::test]
async fn a_draft_and_a_made_up_lead_need_not_be_stored() {
    let world = world_with_secret().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let url = format!("/api/v1/campaigns/{campaign}/preview");
    let view = json!({"lead": {"firstName": "Ada", "lastName": "L", "dateOfBirth": "1990-01-02"},
        "questionnaire": {"roof": "straw", "bill": 7}});
    let answer = world.post(&url, json!({"view": view, "config": config()})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = &answer.json["data"];
    assert_eq!((&data["revision"], &data["wouldBeSent"]), (&Value::Null, &json!(false)));
    assert_eq!(data["stopsAt"], "field_qualification");
    assert_eq!(data["computed"], json!({"full": "Ada L"}));
    assert_eq!(data["endpoints"][2]["body"], r#"{"born":"1990-01-02","bill":7}"#);
    let none = world.post(&url, json!({"view": view})).await;
    assert_eq!(none.json["data"]["stopsAt"], "payload", "the saved revision has no endpoint");
    let shown = world.get(&format!("/api/v1/campaigns/{campaign}")).await;
    assert_eq!(shown.json["data"]["revision"], 1, "nothing was saved");
}

#[tokio::test]
async fn a_preview_that_makes_no_sense_is_refused_by_name() {
    let world = world_with_secret().await;
    let campaign = world.campaign("SOL", config()).await;
    let url = format!("/api/v1/campaigns/{campaign}/preview");
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({"leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz", "view": {}}),
        json!({"leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz"}),
        json!({"view": {"leed": {}, "lead": 5}}),
        json!({"view": {}, "endpoint": "four"}),
        json!({"view": {}, "config": {"endpoints": [{"id": "a b", "name": "", "url": "ftp://x", "format": "csv", "response": {}}]}}),
        json!({"view": {}, "config": {"endpoints": [endpoint("a", &json!({"format": "form", "xml": {}}))]}}),
        json!({"view": {}, "wrong": 1}),
    ] {
        lines.push(world.post(&url, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: leadId is missing; give it or `view`
      leadId | is missing; give it or `view`
    422 VALIDATION_ERROR: view is given beside leadId; give one
      view | is given beside leadId; give one
    404 NOT_FOUND: there is no such lead
      leadId | there is no such lead
    422 VALIDATION_ERROR: the request has 2 problems
      view.leed | is no part of a lead; parts are `lead`, `address`, `questionnaire`, `custom`, `attribution`, `compliance`, `contact`, `computed`, `campaign`, `submission`, `file`
      view.lead | must be an object
    422 VALIDATION_ERROR: endpoint is no endpoint of this campaign
      endpoint | is no endpoint of this campaign
    422 VALIDATION_ERROR: config.endpoints[0].format `csv` is not known, expected one of `json`, `xml`, `form`, `multipart`
      config.endpoints[0].format | `csv` is not known, expected one of `json`, `xml`, `form`, `multipart`
    422 VALIDATION_ERROR: config.endpoints[0].xml is for the format `xml`, not for `form`
      config.endpoints[0].xml | is for the format `xml`, not for `form`
    422 VALIDATION_ERROR: wrong is not a known field; known here: `leadId`, `view`, `config`, `endpoint`
      wrong | is not a known field; known here: `leadId`, `view`, `config`, `endpoint`
    "#);
    let keyed = world.ask("POST", &url).json(json!({})).header("idempotency-key", "k").send().await;
    assert_eq!(keyed.status, 422, "it writes nothing, so there is nothing to remember");
    let half = add_key(&world.db, world.workspace, &["campaigns:read"], None).await;
    let answer = world.ask_as(&half, "POST", &url).json(json!({"view": {}})).send().await;
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[tokio::test]
async fn another_workspaces_lead_is_not_previewed() {
    let world = world_with_secret().await;
    world.campaign("SOL", config()).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await.data("leadId");
    let own = json!({"name": "x", "code": "SOL", "config": config()});
    let own = world.ask_as(&world.stranger, "POST", "/api/v1/campaigns").json(own).send().await;
    let url = format!("/api/v1/campaigns/{}/preview", own.data("campaignId"));
    let body = json!({"leadId": stored});
    let answer = world.ask_as(&world.stranger, "POST", &url).json(body).send().await;
    assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{answer:?}");
}

/// What an answer comes to, as a line.
fn line(answer: &crate::support::Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = &answer.json["data"];
    let rules = data["rules"].as_array().unwrap().iter();
    let holds: Vec<String> = rules.map(|rule| rule["holds"].to_string()).collect();
    let holds = holds.join(" ");
    format!(
        "{} rule {} reason {} id {} price {} {} holds {holds} → {} {}",
        data["outcome"],
        data["ruleIndex"],
        data["reason"],
        data["buyerLeadId"],
        data["priceMinor"],
        data["notes"],
        data["delivery"]["does"],
        data["delivery"]["code"]
    )
}

#[tokio::test]
async fn an_answer_is_tried_on_saved_rules() {
    let world = world_with_secret().await;
    let campaign = world.campaign("SOL", config()).await;
    let mut lines = Vec::new();
    for (endpoint, answer) in [
        ("one", json!({"status": 200, "body": "{\"ok\": true, \"id\": 7, \"price\": \"12.50\"}"})),
        ("one", json!({"status": 200, "body": "<r s='no'><why>too far</why></r>"})),
        ("three", json!({"status": 200, "body": "<r s='no'><why>too far</why></r>"})),
        ("one", json!({"status": 503, "headers": {"Retry-After": "60"}})),
        ("one", json!({"status": 200, "body": "thanks"})),
        ("one", json!({"status": 500})),
        ("one", json!({"status": 200, "body": "{\"ok\": true, \"price\": \"1.250,00\"}"})),
    ] {
        let url = format!("/api/v1/campaigns/{campaign}/endpoints/{endpoint}/test-response");
        lines.push(line(&world.post(&url, json!({"answer": answer})).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "accepted" rule 0 reason null id "7" price 1250 [] holds true false false → "sold" "accepted"
    "rejected" rule 1 reason "too far" id null price null [] holds false true false → "next" "rejected"
    "rejected" rule 1 reason "too far" id null price null [] holds false true false → "refused" "rejected"
    "retry" rule 2 reason null id null price null [] holds false false true → "retry" "not_taken"
    "unclassified" rule null reason null id null price null [] holds false false false → "held" "unclassified"
    "retry" rule null reason null id null price null [] holds false false false → "held" "outcome_unknown"
    "accepted" rule 0 reason null id null price null ["price \"1.250,00\" cannot be read"] holds true false false → "sold" "accepted"
    "#);
    let url = format!("/api/v1/campaigns/{campaign}/endpoints");
    for (url, status) in [
        (format!("{url}/four/test-response"), 404),
        (
            "/api/v1/campaigns/cmp_01hzzzzzzzzzzzzzzzzzzzzzzz/endpoints/one/test-response"
                .to_owned(),
            404,
        ),
        ("/api/v1/campaigns/nonsense/endpoints/one/test-response".to_owned(), 404),
    ] {
        let answer = world.post(&url, json!({"answer": {"status": 200}})).await;
        assert_eq!(answer.status, status, "{url}: {answer:?}");
    }
}

#[tokio::test]
async fn unsaved_rules_are_tried_and_refused_where_they_are_wrong() {
    let world = world_with_secret().await;
    let url = "/api/v1/response-rules/test";
    let rules = json!({"rules": [{"outcome": "delivered", "when": {"header": {"name": "X-Result", "equals": "held"}}}]});
    let answer = json!({"status": 200, "headers": {"x-result": "held"}});
    let mut lines = vec![line(&world.post(url, json!({"rules": rules, "answer": answer})).await)];
    for idempotent in [false, true] {
        let body = json!({"rules": rules, "answer": {"status": 500}, "idempotent": idempotent});
        lines.push(line(&world.post(url, body).await));
    }
    let wrong = json!({"rules": [{"outcome": "accepted", "when": {"xmlPath": {"path": "r", "exists": true}}},
        {"outcome": "accepted", "when": {}}]});
    for body in [
        json!({"answer": answer}),
        json!({"rules": rules}),
        json!({"rules": rules, "answer": {"status": 99}}),
        json!({"rules": rules, "answer": {"status": 200, "body": 5}}),
        json!({"rules": wrong, "answer": answer}),
        json!({"rules": {"rules": [{"outcome": "sold", "when": {}}]}, "answer": answer}),
    ] {
        lines.push(world.post(url, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "delivered" rule 0 reason null id null price null [] holds true → "sold" "delivered"
    "retry" rule null reason null id null price null [] holds false → "held" "outcome_unknown"
    "retry" rule null reason null id null price null [] holds false → "retry" "outcome_unknown"
    422 VALIDATION_ERROR: rules is missing
      rules | is missing
    422 VALIDATION_ERROR: answer is missing
      answer | is missing
    422 VALIDATION_ERROR: answer.status must be 100 to 599
      answer.status | must be 100 to 599
    422 VALIDATION_ERROR: answer.body is integer `5`; expected text
      answer.body | is integer `5`; expected text
    422 VALIDATION_ERROR: the request has 2 problems
      rules.rules[0].when.xmlPath.path | is no path such as /answer/lead[2]/@id, from the root
      rules.rules[1].when | is empty and would match every answer, give a condition
    422 VALIDATION_ERROR: rules.rules[0].outcome `sold` is not known, expected one of `accepted`, `delivered`, `rejected`, `duplicate`, `retry`, `failed`
      rules.rules[0].outcome | `sold` is not known, expected one of `accepted`, `delivered`, `rejected`, `duplicate`, `retry`, `failed`
    "#);
}
