//! Campaigns: every problem at once, revisions, codes.
use crate::support::world;
use serde_json::json;

fn endpoint(url: &str) -> serde_json::Value {
    json!({"id": "buyer", "name": "Buyer", "url": url, "response": {"rules": [
        {"outcome": "accepted", "when": {"status": [200]}}
    ]}})
}

#[tokio::test]
async fn every_problem_of_a_campaign_is_listed_at_once() {
    let world = world().await;
    let config = json!({
        "timezone": "Mars/Olympus",
        "duplicates": {"windowDays": 400},
        "hardStops": [{"name": "a", "rule": {"field": "lead.shoeSize", "operator": "equals", "value": 1}}],
        "disqualification": [
            {"name": "", "rule": {"combinator": "and", "rules": [
                {"field": "address.state", "operator": "roughly", "value": "CA"},
                {"field": "lead.age", "operator": "greaterThan", "value": "old"}
            ]}}
        ],
        "computedKeys": [{"key": "full", "type": "text", "expression": "lead.firstName ~"}],
        "requiredFields": ["address.state", "nonsense"],
        "fallback": {"campaigns": ["cmp_01hzzzzzzzzzzzzzzzzzzzzzzz"]}
    });
    let body = json!({"name": "", "code": "solar", "config": config});
    let answer = world.post("/api/v1/campaigns", body).await;
    insta::assert_snapshot!(answer.refusal(), @r#"
    422 VALIDATION_ERROR: the request has 11 problems
      code | must be 2 to 5 capital letters or digits
      name | has 0 characters; 1 to 120 are allowed
      config.hardStops[0].rule.field | unknown field `lead.shoeSize`
      config.disqualification[0].rule.rules[0].operator | unknown operator `roughly`
      config.disqualification[0].rule.rules[1].value | must be one number
      config.timezone | is not an IANA time zone such as America/New_York
      config.duplicates.windowDays | must be 1 to 365 days
      config.disqualification[0].name | must not be empty
      config.computedKeys[0].expression | line 1, column 16: syntax error: unexpected end of input, expected expression
      config.requiredFields[1] | unknown field `nonsense`
      config.fallback.campaigns[0] | there is no such campaign in this workspace
    "#);
}

#[tokio::test]
async fn a_configuration_of_another_shape_is_refused_where_it_differs() {
    let world = world().await;
    let mut lines = Vec::new();
    for config in [
        json!([]),
        json!({"routng": []}),
        json!({"duplicates": {"windowDays": "30"}}),
        json!({"routing": [{"name": "a", "rule": {"field": "lead.email", "operator": "isEmpty"}}]}),
        json!({"routing": [{"name": "a", "to": "SOL", "rule": {"field": "lead.email", "operator": "isEmpty"}}]}),
        json!({"firstAction": {"kind": "carrier_pigeon", "deadlineMinutes": 5}}),
        json!({"endpoints": [{"id": "a", "name": "a", "url": "https://a.example", "method": "DELETE", "response": {}}]}),
        json!({"endpoints": [{"id": "a", "name": "a", "url": "https://a.example", "method": "GET", "response": {}}]}),
        json!({"endpoints": [{"id": "a", "name": "a", "url": "https://a.example", "format": "xml", "xml": {"root": "a b"}, "response": {}}]}),
    ] {
        let body = json!({"name": "x", "config": config});
        lines.push(world.post("/api/v1/campaigns", body).await.refusal());
    }
    let huge = json!({"name": "x".repeat(300_000), "config": {}});
    lines.push(world.post("/api/v1/campaigns", huge).await.refusal());
    // Whatever a configuration may have: the list grows with every feature.
    let known = |line: &str| match line.split_once("known here: `timezone`") {
        Some((before, _)) => format!("{before}known here: …"),
        None => line.to_owned(),
    };
    let lines: Vec<String> = lines.iter().flat_map(|line| line.lines()).map(known).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: config is a list; expected an object
      config | is a list; expected an object
    422 VALIDATION_ERROR: config.routng is not a known field; known here: …
      config.routng | is not a known field; known here: …
    422 VALIDATION_ERROR: config.duplicates.windowDays is "30"; expected a whole number
      config.duplicates.windowDays | is "30"; expected a whole number
    422 VALIDATION_ERROR: config.routing[0].to is missing
      config.routing[0].to | is missing
    422 VALIDATION_ERROR: config.routing[0].to `SOL` is not a cmp id; it looks like `cmp_` and 26 characters of base32
      config.routing[0].to | `SOL` is not a cmp id; it looks like `cmp_` and 26 characters of base32
    422 VALIDATION_ERROR: config.firstAction.kind `carrier_pigeon` is not known, expected one of `human_review`, `webhook`, `voice_ai`, `sms`
      config.firstAction.kind | `carrier_pigeon` is not known, expected one of `human_review`, `webhook`, `voice_ai`, `sms`
    422 VALIDATION_ERROR: config.endpoints[0].method `DELETE` is not known, expected one of `GET`, `POST`, `PUT`, `PATCH`
      config.endpoints[0].method | `DELETE` is not known, expected one of `GET`, `POST`, `PUT`, `PATCH`
    422 VALIDATION_ERROR: config.endpoints[0].format is `json`; a GET carries its fields in the URL, so set it to `form`
      config.endpoints[0].format | is `json`; a GET carries its fields in the URL, so set it to `form`
    422 VALIDATION_ERROR: config.endpoints[0].xml.root "a b" is no XML name: a letter or `_`, then letters, digits, `_`, `-`, `.`, and at most one `:`; not beginning with xml
      config.endpoints[0].xml.root | "a b" is no XML name: a letter or `_`, then letters, digits, `_`, `-`, `.`, and at most one `:`; not beginning with xml
    413 BODY_TOO_LARGE: the body is longer than 262144 bytes
    "#);
}

#[tokio::test]
async fn a_url_that_is_not_web_or_points_inside_is_refused() {
    let world = world().await;
    let mut lines = Vec::new();
    for url in [
        "ftp://buyer.example/x",
        "http://buyer.example/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest",
        "https://me:secret@buyer.example/x",
        "https://db.internal/x",
        "not a url",
    ] {
        let config = json!({"endpoints": [endpoint(url)]});
        let body = json!({"name": "URL", "config": config});
        lines.push(format!("{url}\n{}", world.post("/api/v1/campaigns", body).await.refusal()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ftp://buyer.example/x
    422 VALIDATION_ERROR: config.endpoints[0].url scheme "ftp" is not permitted, right would be https
      config.endpoints[0].url | scheme "ftp" is not permitted, right would be https
    http://buyer.example/x
    422 VALIDATION_ERROR: config.endpoints[0].url scheme "http" is not permitted, right would be https
      config.endpoints[0].url | scheme "http" is not permitted, right would be https
    https://127.0.0.1/x
    422 VALIDATION_ERROR: config.endpoints[0].url address 127.0.0.1 is not on the public internet
      config.endpoints[0].url | address 127.0.0.1 is not on the public internet
    https://2130706433/x
    422 VALIDATION_ERROR: config.endpoints[0].url address 127.0.0.1 is not on the public internet
      config.endpoints[0].url | address 127.0.0.1 is not on the public internet
    https://[::ffff:10.0.0.1]/x
    422 VALIDATION_ERROR: config.endpoints[0].url address ::ffff:10.0.0.1 is not on the public internet
      config.endpoints[0].url | address ::ffff:10.0.0.1 is not on the public internet
    https://169.254.169.254/latest
    422 VALIDATION_ERROR: config.endpoints[0].url address 169.254.169.254 is not on the public internet
      config.endpoints[0].url | address 169.254.169.254 is not on the public internet
    https://me:secret@buyer.example/x
    422 VALIDATION_ERROR: config.endpoints[0].url url holds a user name or password, put credentials into the endpoint's auth
      config.endpoints[0].url | url holds a user name or password, put credentials into the endpoint's auth
    https://db.internal/x
    422 VALIDATION_ERROR: config.endpoints[0].url host "db.internal" is a name inside a private network
      config.endpoints[0].url | host "db.internal" is a name inside a private network
    not a url
    422 VALIDATION_ERROR: config.endpoints[0].url url cannot be read: relative URL without a base
      config.endpoints[0].url | url cannot be read: relative URL without a base
    "#);
}

#[tokio::test]
async fn a_language_model_is_named_within_the_rules() {
    let world = world().await;
    let mut lines = Vec::new();
    for ai in [
        json!({"baseUrl": "https://llm.example.com/v1"}),
        json!({"enabled": true, "key": 1}),
        json!({"enabled": true, "apiKey": "sk-1"}),
        json!({"enabled": true, "apiKey": {"secret": "gone"}}),
        json!({"enabled": true, "baseUrl": "https://127.0.0.1/v1", "model": "m"}),
        json!({"enabled": true, "dailyCalls": 0, "minConfidence": 80}),
    ] {
        let body = json!({"name": "A", "config": {"ai": ai}});
        lines.push(world.post("/api/v1/campaigns", body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: config.ai.enabled is missing
      config.ai.enabled | is missing
    422 VALIDATION_ERROR: config.ai.key is not a known field; known here: `enabled`, `baseUrl`, `model`, `apiKey`, `timeoutSeconds`, `dailyCalls`, `dailyTokens`, `minConfidence`
      config.ai.key | is not a known field; known here: `enabled`, `baseUrl`, `model`, `apiKey`, `timeoutSeconds`, `dailyCalls`, `dailyTokens`, `minConfidence`
    422 VALIDATION_ERROR: config.ai.apiKey holds a credential in clear; keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here
      config.ai.apiKey | holds a credential in clear; keep it with PUT /api/v1/secrets/NAME and write {"secret": "NAME"} here
    422 VALIDATION_ERROR: config.ai.apiKey.secret there is no secret "gone" in this workspace; keep it with PUT /api/v1/secrets
      config.ai.apiKey.secret | there is no secret "gone" in this workspace; keep it with PUT /api/v1/secrets
    422 VALIDATION_ERROR: config.ai.baseUrl address 127.0.0.1 is not on the public internet
      config.ai.baseUrl | address 127.0.0.1 is not on the public internet
    422 VALIDATION_ERROR: the request has 2 problems
      config.ai.dailyCalls | must be 1 to 1000000
      config.ai.minConfidence | must be 0 to 1
    "#);
    let ai = json!({"enabled": true, "baseUrl": "https://llm.example.com/v1", "model": "small"});
    world.campaign("LLM", json!({"ai": ai})).await;
}

#[tokio::test]
async fn each_save_is_a_revision_and_a_stale_one_is_refused() {
    let world = world().await;
    let id = world.campaign("SOL", json!({})).await;
    let path = format!("/api/v1/campaigns/{id}");
    let put = async |body| world.ask("PUT", &path).json(body).send().await;
    let saved =
        put(json!({"name": "New", "revision": 1, "config": {"timezone": "America/New_York"}}))
            .await;
    insta::assert_snapshot!(saved.plain(), @r#"
    200 {
      "data": {
        "campaignId": "cmp_…",
        "code": "SOL",
        "config": {
          "acceptedValues": [],
          "autoRouting": false,
          "computedKeys": [],
          "disqualification": [],
          "endpoints": [],
          "fallback": {
            "campaigns": [],
            "onFailed": true,
            "onRejected": true
          },
          "hardStops": [],
          "requiredFields": [],
          "routing": [],
          "timezone": "America/New_York"
        },
        "createdAt": "2026-11-21T12:00:00Z",
        "endsAt": null,
        "name": "New",
        "revision": 2,
        "startsAt": null,
        "state": "active",
        "updatedAt": "2026-11-21T12:00:00Z"
      },
      "success": true
    }
    "#);
    let stale = put(json!({"name": "Old", "revision": 1, "config": {}})).await;
    insta::assert_snapshot!(stale.refusal(), @r#"
    409 REVISION_CONFLICT: the campaign is at revision 2, not 1
      revision | the campaign is at revision 2, not 1
    "#);
    let own = put(json!({"name": "Own", "config": {"fallback": {"campaigns": [id]}}})).await;
    insta::assert_snapshot!(own.refusal(), @r#"
    422 VALIDATION_ERROR: config.fallback.campaigns[0] is the campaign itself; name another one
      config.fallback.campaigns[0] | is the campaign itself; name another one
    "#);
    let blind = put(json!({"name": "Blind", "config": {}})).await;
    assert_eq!(blind.json["data"]["revision"], 3);
}

#[tokio::test]
async fn a_code_is_made_up_when_absent_and_refused_when_taken() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let taken =
        world.post("/api/v1/campaigns", json!({"name": "b", "code": "SOL", "config": {}})).await;
    insta::assert_snapshot!(taken.refusal(), @r#"
    409 CONFLICT: another campaign has the code SOL
      code | another campaign has the code SOL
    "#);
    let made = world.post("/api/v1/campaigns", json!({"name": "c", "config": {}})).await;
    assert_eq!((made.status, made.data("code").len()), (201, 3));
    let archive = format!("/api/v1/campaigns/{}/archive", made.data("campaignId"));
    assert_eq!(world.ask("POST", &archive).send().await.status, 200);
    for (query, count) in
        [("", 1), ("?includeArchived=true", 2), ("?includeArchived=true&limit=1", 1)]
    {
        let page = world.get(&format!("/api/v1/campaigns{query}")).await;
        assert_eq!(page.json["data"]["items"].as_array().unwrap().len(), count, "{query}");
    }
}
