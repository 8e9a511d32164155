//! Every refusal says where, what, and what would be right.
use crate::support::{lead, world};
use serde_json::{Value, json};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the cases and what is said of each are one table")]
async fn a_lead_that_does_not_fit_is_refused_with_the_path_and_the_rule() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let with = |changes: Value| {
        let mut body = lead("SOL");
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body.to_string()
    };
    let cases = [
        ("malformed JSON", "{\"campaignId\": \"SOL\",\n  \"email\": }".to_owned()),
        ("something after the JSON", format!("{} x", lead("SOL"))),
        (
            "a member twice",
            r#"{"campaignId": "SOL", "email": "a@b.co", "email": "c@d.co"}"#.to_owned(),
        ),
        ("a NUL character", with(json!({"customFields": {"a": ["x\u{0}"]}}))),
        ("an unknown field", with(json!({"emial": "a@b.co"}))),
        ("an unknown field within", with(json!({"address": {"province": "CA"}}))),
        ("a wrong type", with(json!({"firstName": 5}))),
        ("a wrong type within", with(json!({"files": [{"fileKey": "a", "fileName": []}]}))),
        ("not an object", "[1]".to_owned()),
        ("a list for an object", with(json!({"address": ["Main Street 1"]}))),
        ("too deep", "[".repeat(200)),
        ("an empty body", String::new()),
        ("everything missing", "{}".to_owned()),
        (
            "many problems at once",
            with(json!({
                "firstName": " ", "phone": "555-0100", "email": "maria@", "dateOfBirth": "2027-01-01",
                "country": "usa", "timezone": "EST5", "notes": "x".repeat(10_001),
                "customFields": {"a b": 1}, "compliance": {"tcpaConsent": "yes"},
                "questionnaire": [{"key": "ok", "answer": 1}, {"key": "no good", "answer": 1}],
                "attribution": {"params": {"utm": {"deep": 1}}},
                "files": [{"fileKey": "a", "fileName": "a", "fileType": "pdf", "documentUrl": "ftp://a"}]
            })),
        ),
        ("a campaign id that is none", with(json!({"campaignId": "solar"}))),
        ("an unknown campaign", with(json!({"campaignId": "NOPE"}))),
        ("a known lead with a name", with(json!({"leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz"}))),
        (
            "an unknown lead",
            json!({"campaignId": "SOL", "leadId": "lead_01hzzzzzzzzzzzzzzzzzzzzzzz"}).to_string(),
        ),
        ("another kind of id", json!({"campaignId": "SOL", "leadId": "sub_1"}).to_string()),
        ("a body over the limit", with(json!({"notes": "x".repeat(70_000)}))),
    ];
    let mut lines = Vec::new();
    for (name, body) in cases {
        let answer = world.ask("POST", "/api/v1/leads/submit").raw(body).send().await;
        lines.push(format!("{name}:\n{}", answer.refusal()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    malformed JSON:
    400 MALFORMED_JSON: the body is not JSON: expected value at line 2 column 12
    something after the JSON:
    400 MALFORMED_JSON: the body is not JSON: trailing characters at line 1 column 113
    a member twice:
    422 VALIDATION_ERROR: email is given twice; once is allowed
      email | is given twice; once is allowed
    a NUL character:
    422 VALIDATION_ERROR: customFields.a[0] contains a NUL character, which no text may
      customFields.a[0] | contains a NUL character, which no text may
    an unknown field:
    422 VALIDATION_ERROR: emial is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
      emial | is not a known field; known here: `campaignId`, `firstName`, `lastName`, `email`, `phone`, `leadId`, `address`, `dateOfBirth`, `country`, `questionnaire`, `customFields`, `attribution`, `compliance`, `files`, `isTest`, `timezone`, `notes`
    an unknown field within:
    422 VALIDATION_ERROR: address.province is not a known field; known here: `street`, `unit`, `city`, `state`, `zip`, `country`
      address.province | is not a known field; known here: `street`, `unit`, `city`, `state`, `zip`, `country`
    a wrong type:
    422 VALIDATION_ERROR: firstName is integer `5`; expected text
      firstName | is integer `5`; expected text
    a wrong type within:
    422 VALIDATION_ERROR: files[0].fileName is a list; expected text
      files[0].fileName | is a list; expected text
    not an object:
    422 VALIDATION_ERROR: the request is a list; expected an object
       | is a list; expected an object
    a list for an object:
    422 VALIDATION_ERROR: address is a list; expected an object
      address | is a list; expected an object
    too deep:
    400 MALFORMED_JSON: the body is not JSON: recursion limit exceeded at line 1 column 128
    an empty body:
    422 VALIDATION_ERROR: campaignId is missing
      campaignId | is missing
    everything missing:
    422 VALIDATION_ERROR: campaignId is missing
      campaignId | is missing
    many problems at once:
    422 VALIDATION_ERROR: the request has 12 problems
      questionnaire[1].key | is no key; a key is 1 to 64 letters, digits, `_` or `-`
      customFields.a b | is no key; a key is 1 to 64 letters, digits, `_` or `-`
      compliance.tcpaConsent | must be true or false
      notes | has 10001 characters; at most 10000 are allowed
      dateOfBirth | is in the future
      country | is not a two-letter code such as US
      timezone | is not an IANA time zone such as America/New_York
      attribution.params.utm | must be text, a number or a boolean
      files[0].documentUrl | is not an http or https URL
      firstName | must not be empty
      email | is not an email address; it looks like name@example.com
      phone | has 7 digits; at least 10 are needed
    a campaign id that is none:
    422 VALIDATION_ERROR: campaignId `solar` is neither a campaign id (cmp_…) nor a code of 2 to 5 capital letters or digits
      campaignId | `solar` is neither a campaign id (cmp_…) nor a code of 2 to 5 capital letters or digits
    an unknown campaign:
    404 NOT_FOUND: there is no such campaign
      campaignId | there is no such campaign
    a known lead with a name:
    422 VALIDATION_ERROR: the request has 4 problems
      firstName | is the stored lead's; leave it out when leadId is given
      lastName | is the stored lead's; leave it out when leadId is given
      email | is the stored lead's; leave it out when leadId is given
      phone | is the stored lead's; leave it out when leadId is given
    an unknown lead:
    404 NOT_FOUND: there is no such lead
      leadId | there is no such lead
    another kind of id:
    422 VALIDATION_ERROR: leadId `sub_1` is not a lead id; it looks like `lead_` and 26 characters of base32
      leadId | `sub_1` is not a lead id; it looks like `lead_` and 26 characters of base32
    a body over the limit:
    413 BODY_TOO_LARGE: the body is longer than 65536 bytes
    "#);
    let none = world.get("/api/v1/leads").await;
    assert_eq!(none.json["data"]["items"], json!([]), "nothing was written");
}

#[tokio::test]
async fn a_campaign_that_is_paused_or_archived_takes_no_leads() {
    let world = world().await;
    let id = world.campaign("SOL", json!({})).await;
    let mut lines = Vec::new();
    for action in ["pause", "archive", "activate"] {
        let changed = world.ask("POST", &format!("/api/v1/campaigns/{id}/{action}")).send().await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let answer = world.post("/api/v1/leads/submit", lead("SOL")).await;
        lines.push(if answer.status == 202 { "202".to_owned() } else { answer.refusal() });
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    409 CAMPAIGN_CLOSED: the campaign is paused and takes no leads
      campaignId | the campaign is paused and takes no leads
    409 CAMPAIGN_CLOSED: the campaign is archived and takes no leads
      campaignId | the campaign is archived and takes no leads
    202
    "#);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the cases and what is said of each are one table")]
async fn what_is_not_a_route_a_method_or_a_parameter_is_refused_in_the_envelope() {
    let world = world().await;
    let mut lines = Vec::new();
    for (method, path) in [
        ("GET", "/api/v2/leads"),
        ("GET", "/api/v1/leeds"),
        ("PATCH", "/api/v1/leads"),
        ("GET", "/api/v1/leads?sort=name"),
        ("GET", "/api/v1/leads?limit=500"),
        ("GET", "/api/v1/leads?startDate=yesterday&limit=1"),
        ("GET", "/api/v1/leads?endDate=%2B262142-12-31"),
        ("GET", "/api/v1/leads?status=sold"),
        ("GET", "/api/v1/leads?limit=1&limit=2"),
        ("GET", "/api/v1/leads?email=%00"),
        ("GET", "/api/v1/leads?cursor=abc"),
        ("GET", "/api/v1/jobs?cursor=abc"),
        ("GET", "/api/v1/jobs/groups?limit=5"),
        ("GET", "/api/v1/leads/abc"),
        ("POST", "/api/v1/lanes/shipping/resume"),
    ] {
        let answer = world.ask(method, path).send().await;
        lines.push(format!("{method} {path}\n{}", answer.refusal()));
        assert!(answer.status != 405 || answer.header("allow").is_some(), "{answer:?}");
    }
    let text = world.ask("POST", "/api/v1/leads/submit").json(lead("SOL"));
    let text = text.header("content-type", "text/plain").send().await;
    lines.push(format!("text/plain\n{}", text.refusal()));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    GET /api/v2/leads
    404 NOT_FOUND: there is no such URL: /api/v2/leads
    GET /api/v1/leeds
    404 NOT_FOUND: there is no such URL: /api/v1/leeds
    PATCH /api/v1/leads
    405 METHOD_NOT_ALLOWED: /api/v1/leads does not take PATCH
    GET /api/v1/leads?sort=name
    422 VALIDATION_ERROR: sort is not a known field; known here: `campaignId`, `leadStatus`, `status`, `email`, `phone`, `startDate`, `endDate`, `limit`, `cursor`
      sort | is not a known field; known here: `campaignId`, `leadStatus`, `status`, `email`, `phone`, `startDate`, `endDate`, `limit`, `cursor`
    GET /api/v1/leads?limit=500
    422 VALIDATION_ERROR: limit must be a number from 1 to 100
      limit | must be a number from 1 to 100
    GET /api/v1/leads?startDate=yesterday&limit=1
    422 VALIDATION_ERROR: startDate must be a day such as 2026-11-21 or a time such as 2026-11-21T12:00:00Z
      startDate | must be a day such as 2026-11-21 or a time such as 2026-11-21T12:00:00Z
    GET /api/v1/leads?endDate=%2B262142-12-31
    422 VALIDATION_ERROR: endDate must be a day such as 2026-11-21 or a time such as 2026-11-21T12:00:00Z
      endDate | must be a day such as 2026-11-21 or a time such as 2026-11-21T12:00:00Z
    GET /api/v1/leads?status=sold
    422 VALIDATION_ERROR: status `sold` is not known, expected one of `new`, `pending`, `processing`, `qualified`, `disqualified`, `missing_data`, `queued`, `pending_action`, `no_answer`, `voicemail`, `contacted`, `scheduled_callback`, `no_contact`, `pending_signature`, `document_sent`, `signed`, `delivered`, `accepted`, `duplicate`, `failed`, `error`, `rejected`, `dnc`
      status | `sold` is not known, expected one of `new`, `pending`, `processing`, `qualified`, `disqualified`, `missing_data`, `queued`, `pending_action`, `no_answer`, `voicemail`, `contacted`, `scheduled_callback`, `no_contact`, `pending_signature`, `document_sent`, `signed`, `delivered`, `accepted`, `duplicate`, `failed`, `error`, `rejected`, `dnc`
    GET /api/v1/leads?limit=1&limit=2
    422 VALIDATION_ERROR: limit is given twice; once is allowed
      limit | is given twice; once is allowed
    GET /api/v1/leads?email=%00
    422 VALIDATION_ERROR: email contains a NUL character, which no text may
      email | contains a NUL character, which no text may
    GET /api/v1/leads?cursor=abc
    422 VALIDATION_ERROR: cursor `abc` is not a lead id; it looks like `lead_` and 26 characters of base32
      cursor | `abc` is not a lead id; it looks like `lead_` and 26 characters of base32
    GET /api/v1/jobs?cursor=abc
    422 VALIDATION_ERROR: cursor is not the nextCursor of a page of jobs
      cursor | is not the nextCursor of a page of jobs
    GET /api/v1/jobs/groups?limit=5
    422 VALIDATION_ERROR: limit is not a known field; known here: `state`, `stage`, `campaign`, `fingerprint`, `from`, `until`
      limit | is not a known field; known here: `state`, `stage`, `campaign`, `fingerprint`, `from`, `until`
    GET /api/v1/leads/abc
    404 NOT_FOUND: `abc` is not a lead id; it looks like `lead_` and 26 characters of base32
    POST /api/v1/lanes/shipping/resume
    404 NOT_FOUND: there is no such lane; the lanes are routing, first_action, disqualification, dynamic_keys, required_fields, field_qualification, payload, delivery, fallback
    text/plain
    415 UNSUPPORTED_MEDIA_TYPE: send the body with Content-Type: application/json
    "#);
}
