//! Rules tried out on one lead, and configurations on the last ones; neither leaves a trace.
use crate::support::{World, add_key, lead, world};
use serde_json::{Value, json};

const TEST: &str = "/api/v1/rules/test";

fn rule() -> Value {
    json!({"combinator": "and", "rules": [
        {"field": "address.state", "operator": "in", "value": ["CA", "NV"]},
        {"field": "questionnaire.bill", "operator": "greaterThan", "value": 100},
    ]})
}

fn sample(state: &str) -> Value {
    let mut sample = lead("SOL");
    sample["address"] = json!({"state": state});
    sample["questionnaire"] = json!({"bill": 50});
    sample
}

#[tokio::test]
async fn a_rule_is_asked_about_a_sample_or_a_stored_lead_with_every_value() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let answer = world.post(TEST, json!({"rule": rule(), "lead": sample("TX")})).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    200 {
      "data": {
        "because": "did not match because address.state \"TX\" is not in [\"CA\",\"NV\"]",
        "leaves": [
          {
            "actual": "TX",
            "decided": true,
            "expected": [
              "CA",
              "NV"
            ],
            "field": "address.state",
            "matched": false,
            "note": null,
            "operator": "in",
            "path": "rules[0]"
          },
          {
            "actual": 50,
            "decided": false,
            "expected": 100,
            "field": "questionnaire.bill",
            "matched": false,
            "note": null,
            "operator": "greaterThan",
            "path": "rules[1]"
          }
        ],
        "matched": false
      },
      "success": true
    }
    "#);
    let stored = world.post("/api/v1/leads", sample("NV")).await.data("leadId");
    let state = json!({"logicalOperator": "AND", "subRules": [{"logicalOperator": "OR", "conditions": [
        {"field": "address.state", "operator": "equals", "value": ["NV"], "valueSetId": ""}]}]});
    let asked = world.post(TEST, json!({"rule": state, "leadId": stored})).await;
    assert_eq!(asked.json["data"]["matched"], true, "{asked:?}");
    world.post("/api/v1/value-sets", json!({"name": "west", "values": ["nv"]})).await;
    let set = json!({"field": "address.state", "operator": "inValueSet", "valueSet": "west"});
    let asked = world.post(TEST, json!({"rule": set, "leadId": stored, "campaignId": "SOL"})).await;
    assert_eq!(
        asked.json["data"]["because"],
        r#"matched because address.state "NV" is in value set "west""#
    );
    let leads = world.get("/api/v1/leads").await;
    assert_eq!(leads.json["data"]["items"].as_array().unwrap().len(), 1, "a sample is not stored");
}

#[tokio::test]
async fn a_test_that_cannot_be_made_says_where() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let bad =
        json!({"combinator": "xor", "rules": [{"field": "adress.state", "operator": "roughly"}]});
    let unknown = json!({"field": "address.state", "operator": "inValueSet", "valueSet": "west"});
    let mut poor = sample("TX");
    poor["phone"] = json!("12");
    poor["shoes"] = json!(44);
    let stranger = world.ask_as(&world.stranger, "POST", TEST);
    let stored = world.post("/api/v1/leads", sample("NV")).await.data("leadId");
    let mut lines =
        vec![stranger.json(json!({"rule": rule(), "leadId": stored})).send().await.refusal()];
    let mut short = sample("TX");
    short["phone"] = json!("12");
    for body in [
        json!({"rule": bad, "lead": sample("TX")}),
        json!({"rule": unknown, "lead": sample("TX")}),
        json!({"rule": rule(), "lead": poor}),
        json!({"rule": rule(), "lead": short}),
        json!({"rule": rule()}),
        json!({"rule": rule(), "lead": sample("TX"), "leadId": stored}),
        json!({"rule": rule(), "lead": sample("TX"), "campaignId": "NONE"}),
        json!({"lead": sample("TX")}),
    ] {
        lines.push(world.post(TEST, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    404 NOT_FOUND: there is no such lead
      leadId | there is no such lead
    422 VALIDATION_ERROR: the request has 3 problems
      rule.combinator | must be "and" or "or"
      rule.rules[0].field | unknown field `adress.state`, did you mean `address.state` or `contact.state`
      rule.rules[0].operator | unknown operator `roughly`
    422 VALIDATION_ERROR: rule.valueSet there is no value set `west` in this workspace
      rule.valueSet | there is no value set `west` in this workspace
    422 VALIDATION_ERROR: lead.shoes is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
      lead.shoes | is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
    422 VALIDATION_ERROR: lead.phone has 2 digits; at least 10 are needed
      lead.phone | has 2 digits; at least 10 are needed
    422 VALIDATION_ERROR: lead give either leadId, a stored lead, or lead, a sample
      lead | give either leadId, a stored lead, or lead, a sample
    422 VALIDATION_ERROR: lead give either leadId, a stored lead, or lead, a sample
      lead | give either leadId, a stored lead, or lead, a sample
    404 NOT_FOUND: there is no such campaign
      campaignId | there is no such campaign
    422 VALIDATION_ERROR: rule is missing
      rule | is missing
    "#);
    let key = add_key(&world.db, world.workspace, &["campaigns:read"], None).await;
    let asked =
        world.ask_as(&key, "POST", TEST).json(json!({"rule": rule(), "lead": sample("CA")}));
    assert_eq!(asked.send().await.status, 200);
    let asked = world.ask_as(&key, "POST", TEST).json(json!({"rule": rule(), "leadId": stored}));
    assert_eq!(asked.send().await.status, 403, "a stored lead wants leads:read");
}

fn config(state: &str, key: &str) -> Value {
    let payload = json!({"nodes": [{"kind": "field", "key": key, "source": "computed.full"}]});
    json!({
        "disqualification": [{"name": "elsewhere", "rule":
            {"field": "address.state", "operator": "notEquals", "value": state}}],
        "computedKeys": [{"key": "full", "type": "text", "expression": "lead.firstName ~ ' ' ~ lead.lastName"}],
        "endpoints": [{"id": "buyer", "name": "Buyer", "url": "https://buyer.example/x", "payload": payload,
            "response": {"rules": [{"outcome": "accepted", "when": {"status": [200]}}]}}],
    })
}

/// A campaign with three leads of two states; answers its what-if URL.
async fn three(world: &World) -> String {
    let id = world.campaign("SOL", config("CA", "name")).await;
    for (n, state) in ["CA", "TX", "CA"].into_iter().enumerate() {
        let mut lead = sample(state);
        (lead["email"], lead["phone"]) =
            (json!(format!("{n}@example.com")), json!(format!("415555010{n}")));
        assert_eq!(world.post("/api/v1/leads/submit", lead).await.status, 202);
    }
    format!("/api/v1/campaigns/{id}/what-if")
}

#[tokio::test]
async fn another_configuration_is_compared_lead_by_lead_and_nothing_is_written() {
    let world = world().await;
    let url = three(&world).await;
    let answer = world.post(&url, json!({"config": config("TX", "name")})).await;
    let data = &answer.json["data"];
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (&data["leads"], &data["changed"], &data["outcomeChanged"], &data["isComplete"]),
        (&json!(3), &json!(3), &json!(3), &json!(true))
    );
    let ways: Vec<String> = data["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| {
            format!(
                "{} {} -> {}",
                count["leads"], count["before"]["outcome"], count["after"]["outcome"]
            )
        })
        .collect();
    assert_eq!(ways, [r#"2 "sent" -> "disqualified""#, r#"1 "disqualified" -> "sent""#]);
    let sample = &data["samples"][0];
    assert_eq!(sample["after"]["details"]["leaves"][0]["actual"], "CA");
    assert_eq!(
        sample["payloads"][0],
        json!({"name": "buyer", "before": {"name": "Maria Diaz"}, "after": null})
    );
    assert_eq!(sample["computed"][0]["before"], "Maria Diaz");

    let payload = world.post(&url, json!({"config": config("CA", "applicant"), "last": 2})).await;
    let data = &payload.json["data"];
    assert_eq!(
        (&data["leads"], &data["payloadChanged"], &data["outcomeChanged"]),
        (&json!(2), &json!(1), &json!(0))
    );
    assert_eq!(data["samples"][0]["payloads"][0]["after"], json!({"applicant": "Maria Diaz"}));
    let same = world.post(&url, json!({"revision": 1})).await;
    assert_eq!(same.json["data"]["changed"], 0);
    let later = world.post(&url, json!({"revision": 1, "since": "2026-11-21T12:00:01Z"})).await;
    assert_eq!(later.json["data"]["leads"], 0);
    let leads = world.get("/api/v1/leads").await;
    assert!(
        leads.json["data"]["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|lead| lead["status"] == "pending")
    );
    assert_eq!(world.get(url.trim_end_matches("/what-if")).await.json["data"]["revision"], 1);
}

#[tokio::test]
async fn leads_that_would_be_routed_meet_the_other_campaigns_stages() {
    let world = world().await;
    let url = three(&world).await;
    let other = world.campaign("OTH", config("TX", "other")).await;
    let mut routed = config("CA", "name");
    routed["autoRouting"] = json!(true);
    routed["routing"] = json!([{"name": "texas", "to": other, "rule":
        {"field": "address.state", "operator": "equals", "value": "TX"}}]);
    let answer = world.post(&url, json!({"config": routed})).await;
    let sample = &answer.json["data"]["samples"][0];
    assert_eq!(answer.json["data"]["changed"], 1, "{answer:?}");
    assert_eq!(sample["before"]["outcome"], "disqualified");
    assert_eq!(
        (&sample["after"]["outcome"], &sample["after"]["campaignId"]),
        (&json!("sent"), &json!(other))
    );
    assert_eq!(sample["after"]["routing"]["candidates"][0]["result"], "chosen");
    assert_eq!(sample["payloads"][0]["after"], json!({"other": "Maria Diaz"}));
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_says_why() {
    let world = world().await;
    let url = three(&world).await;
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({"config": {}, "revision": 1}),
        json!({"config": {}, "last": 0}),
        json!({"config": {}, "last": 1_001}),
        json!({"config": {"timezone": "Mars"}}),
        json!({"revision": 7}),
        json!({"config": {}, "since": "yesterday"}),
    ] {
        lines.push(world.post(&url, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: config give either config or revision
      config | give either config or revision
    422 VALIDATION_ERROR: config give either config or revision
      config | give either config or revision
    422 VALIDATION_ERROR: last must be 1 to 1000
      last | must be 1 to 1000
    422 VALIDATION_ERROR: last must be 1 to 1000
      last | must be 1 to 1000
    422 VALIDATION_ERROR: config.timezone is not an IANA time zone such as America/New_York
      config.timezone | is not an IANA time zone such as America/New_York
    404 NOT_FOUND: there is no such revision
      revision | there is no such revision
    422 VALIDATION_ERROR: since input contains invalid characters
      since | input contains invalid characters
    "#);
    for scope in ["campaigns:read", "leads:read"] {
        let key = add_key(&world.db, world.workspace, &[scope], None).await;
        let asked = world.ask_as(&key, "POST", &url).json(json!({"config": {}})).send().await;
        assert_eq!(asked.status, 403, "{scope} alone");
    }
}

#[tokio::test]
async fn a_thousand_leads_are_asked_about_within_the_time_of_a_request() {
    let world = world().await;
    let id = world.campaign("SOL", config("CA", "name")).await;
    let mut open = tokio::task::JoinSet::new();
    for n in 0..1_020 {
        let mut lead = sample("CA");
        (lead["email"], lead["phone"]) =
            (json!(format!("{n}@example.com")), json!(format!("415{}", 5_550_000 + n)));
        open.spawn(world.ask("POST", "/api/v1/leads").json(lead).send());
    }
    while let Some(answer) = open.join_next().await {
        assert_eq!(answer.unwrap().status, 201);
    }
    let url = format!("/api/v1/campaigns/{id}/what-if");
    let body = json!({"config": config("TX", "name"), "last": 1_000});
    let data = world.post(&url, body).await.json["data"].clone();
    assert_eq!(
        (&data["leads"], &data["changed"], &data["isComplete"]),
        (&json!(1_000), &json!(1_000), &json!(true))
    );
    assert_eq!(data["samples"].as_array().unwrap().len(), 5, "of those that change alike");
}
