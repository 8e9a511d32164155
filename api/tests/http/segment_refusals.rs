//! What segments refuse: every problem, plans, scopes.
use crate::{
    segments::{URL, city, enterprise, made, names, patch, plan, property, rung, within},
    support::{add_key, world},
};
use serde_json::json;
use shared::ids::{ContactId, SegmentId};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests and one of answers")]
async fn every_refusal_says_what_would_be_right() {
    let world = enterprise().await;
    let vip = made(&world, json!({"name": "VIP"})).await;
    let a = made(&world, json!({"name": "A", "kind": "dynamic", "rule": city("Reno")})).await;
    let b = made(&world, json!({"name": "B", "kind": "dynamic", "rule": within(&a)})).await;
    let (vip, a, b) = (format!("{URL}/{vip}"), format!("{URL}/{a}"), format!("{URL}/{b}"));
    let b_id = b.rsplit('/').next().unwrap();
    let mut lines = Vec::new();
    for body in [
        json!({"name": "VIP"}),
        json!({"name": "x".repeat(101), "description": "y".repeat(1_001), "timezone": "Mars/Base", "rule": city("Reno")}),
        json!({"name": "n", "kind": "dynamic"}),
        json!({"name": "n", "kind": "dynamic", "rule": city("Reno"), "search": "city:reno"}),
        json!({"name": "n", "kind": "dynamic", "search": "city:("}),
        json!({"name": "n", "kind": "dynamic", "rule": city("Reno"), "from": {"search": "reno"}}),
        json!({"name": "n", "kind": "dynamic", "rule": {"combinator": "and", "rules": [
            city("Reno"), {"field": "contact.city", "operator": "nearly", "value": "x"}, {"field": "property.tier", "operator": "isEmpty"},
        ]}}),
        json!({"name": "n", "kind": "dynamic", "rule": {"combinator": "or", "rules": [city("Reno"), within("seg_00000000000000000000000000")]}}),
        json!({"name": "n", "from": {}}),
        json!({"name": "n", "from": {"rule": {"field": "contact.shoe", "operator": "isEmpty"}}}),
        json!({"name": "n", "members": []}),
    ] {
        lines.push(world.post(URL, body).await.refusal());
    }
    for (url, body) in [
        (&a, json!({"rule": within(b_id)})),
        (&b, json!({"rule": within(b_id)})),
        (&b, json!({"name": "VIP"})),
        (&vip, json!({"rule": city("Reno")})),
        (&vip, json!({"kind": "dynamic"})),
        (&vip, json!({"name": ""})),
    ] {
        lines.push(patch(&world, url, body).await.refusal());
    }
    for (url, body) in [
        (format!("{a}/members"), json!({"contactIds": [ContactId::new()]})),
        (format!("{a}/members/remove"), json!({"contactIds": [ContactId::new()]})),
        (format!("{a}/members/from-search"), json!({"search": "city:reno"})),
        (format!("{vip}/members"), json!({"contactIds": []})),
        (format!("{vip}/members"), json!({"contactIds": vec![ContactId::new(); 1_001]})),
        (format!("{vip}/members/from-search"), json!({})),
        (format!("{vip}/members/from-search"), json!({"segmentId": SegmentId::new()})),
        (format!("{vip}/members/from-search"), json!({"segmentId": b_id, "search": "x"})),
        (format!("{vip}/rebuild"), json!({})),
        (format!("{vip}/check"), json!({})),
        (format!("{vip}/copy"), json!({"name": "A"})),
        (format!("{URL}/preview"), json!({"timezone": "Mars/Base"})),
        (format!("{URL}/preview"), json!({"search": "city:(", "rule": {}})),
    ] {
        lines.push(world.post(&url, body).await.refusal());
    }
    lines.push(world.ask("DELETE", &a).send().await.refusal());
    lines
        .push(patch(&world, "/api/v1/workspace", json!({"timezone": "Mars/Base"})).await.refusal());
    lines.push(patch(&world, "/api/v1/workspace", json!({"plan": "gold"})).await.refusal());
    let text = lines.join("\n").replace(b_id, "seg_b");
    insta::assert_snapshot!(text, @r#"
    409 CONFLICT: another segment has the name VIP
      name | another segment has the name VIP
    422 VALIDATION_ERROR: the request has 4 problems
      name | must be 1 to 100 characters
      description | has more than 1000 characters
      timezone | must be a time zone by its IANA name, such as America/Los_Angeles
      rule | a static segment has no rule; create it from a search with `from`
    422 VALIDATION_ERROR: rule is missing: a dynamic segment has a rule or a search
      rule | is missing: a dynamic segment has a rule or a search
    422 VALIDATION_ERROR: search cannot be given together with `rule`: give one of them
      search | cannot be given together with `rule`: give one of them
    422 VALIDATION_ERROR: search at character 5: this bracket is not closed
      search | at character 5: this bracket is not closed
    422 VALIDATION_ERROR: from does not belong to a dynamic segment: its members are those who match its rule
      from | does not belong to a dynamic segment: its members are those who match its rule
    422 VALIDATION_ERROR: the request has 2 problems
      rule.rules[1].operator | unknown operator `nearly`
      rule.rules[2].field | there is no indexed property `tier`
    422 VALIDATION_ERROR: rule.rules[1].value[0] there is no such segment in this workspace
      rule.rules[1].value[0] | there is no such segment in this workspace
    422 VALIDATION_ERROR: from.rule is missing: give a rule or a search
      from.rule | is missing: give a rule or a search
    422 VALIDATION_ERROR: from.rule.field unknown field `contact.shoe`, did you mean `contact.phone` or `contact.age` or `contact.state`
      from.rule.field | unknown field `contact.shoe`, did you mean `contact.phone` or `contact.age` or `contact.state`
    422 VALIDATION_ERROR: members is not a known field; known here: `name`, `description`, `kind`, `rule`, `search`, `timezone`, `enabled`, `from`
      members | is not a known field; known here: `name`, `description`, `kind`, `rule`, `search`, `timezone`, `enabled`, `from`
    422 VALIDATION_ERROR: rule would make segments ask for each other in a circle: A → B → A
      rule | would make segments ask for each other in a circle: A → B → A
    422 VALIDATION_ERROR: rule would make segments ask for each other in a circle: B → B
      rule | would make segments ask for each other in a circle: B → B
    409 CONFLICT: another segment has the name VIP
      name | another segment has the name VIP
    422 VALIDATION_ERROR: rule a static segment has no rule; create it from a search with `from`
      rule | a static segment has no rule; create it from a search with `from`
    422 VALIDATION_ERROR: rule is missing: a dynamic segment has a rule or a search
      rule | is missing: a dynamic segment has a rule or a search
    422 VALIDATION_ERROR: name must be 1 to 100 characters
      name | must be 1 to 100 characters
    409 CONFLICT: the segment is dynamic: its members are those who match its rule; change the rule, or add contacts to a static one
    409 CONFLICT: the segment is dynamic: its members are those who match its rule; change the rule, or add contacts to a static one
    409 CONFLICT: the segment is dynamic: its members are those who match its rule; change the rule, or add contacts to a static one
    422 VALIDATION_ERROR: contactIds must be 1 to 1000 ids
      contactIds | must be 1 to 1000 ids
    422 VALIDATION_ERROR: contactIds must be 1 to 1000 ids
      contactIds | must be 1 to 1000 ids
    422 VALIDATION_ERROR: rule is missing: give a rule or a search
      rule | is missing: give a rule or a search
    422 VALIDATION_ERROR: segmentId there is no such segment in this workspace
      segmentId | there is no such segment in this workspace
    422 VALIDATION_ERROR: segmentId cannot be given together with a rule or a search
      segmentId | cannot be given together with a rule or a search
    409 CONFLICT: a static segment has no rule to be built from
    409 CONFLICT: the segment is not kept right by a rule now: it is static, off, broken or frozen
    409 CONFLICT: another segment has the name A
      name | another segment has the name A
    422 VALIDATION_ERROR: the request has 2 problems
      timezone | must be a time zone by its IANA name, such as America/Los_Angeles
      rule | is missing: give a rule or a search
    422 VALIDATION_ERROR: search cannot be given together with `rule`: give one of them
      search | cannot be given together with `rule`: give one of them
    409 CONFLICT: it is named by segment "B"
    422 VALIDATION_ERROR: timezone must be a time zone by its IANA name, such as America/Los_Angeles
      timezone | must be a time zone by its IANA name, such as America/Los_Angeles
    422 VALIDATION_ERROR: plan `gold` is not known, expected one of `standard`, `premium`, `enterprise`
      plan | `gold` is not known, expected one of `standard`, `premium`, `enterprise`
    "#);
}

#[tokio::test]
async fn plans_are_asked_and_frozen_segments_say_why() {
    let world = world().await;
    property(&world).await;
    let tier = json!({"field": "property.tier", "operator": "is", "value": "gold"});
    let mut lines = Vec::new();
    let ask = async |lines: &mut Vec<String>, at: &str| {
        for (url, body) in [
            (
                URL,
                json!({"name": format!("{at} dynamic"), "kind": "dynamic", "rule": city("Reno")}),
            ),
            (URL, json!({"name": format!("{at} tier"), "kind": "dynamic", "rule": tier})),
            (URL, json!({"name": format!("{at} from"), "from": {"rule": tier}})),
            ("/api/v1/segments/preview", json!({"rule": tier})),
        ] {
            let answer = world.post(url, body).await;
            let line = if answer.status < 300 { "allowed".into() } else { answer.refusal() };
            lines.push(format!("{at}: {line}"));
        }
    };
    for at in ["standard", "premium", "enterprise"] {
        plan(&world, at).await;
        ask(&mut lines, at).await;
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    standard: 403 PLAN_REQUIRED: dynamic segments need the plan premium or enterprise; this workspace has the plan standard
    standard: 403 PLAN_REQUIRED: dynamic segments need the plan premium or enterprise; this workspace has the plan standard
    standard: 403 PLAN_REQUIRED: segments that filter on custom properties need the plan enterprise; this workspace has the plan standard
    standard: 403 PLAN_REQUIRED: segments that filter on custom properties need the plan enterprise; this workspace has the plan standard
    premium: allowed
    premium: 403 PLAN_REQUIRED: segments that filter on custom properties need the plan enterprise; this workspace has the plan premium
    premium: 403 PLAN_REQUIRED: segments that filter on custom properties need the plan enterprise; this workspace has the plan premium
    premium: 403 PLAN_REQUIRED: segments that filter on custom properties need the plan enterprise; this workspace has the plan premium
    enterprise: allowed
    enterprise: allowed
    enterprise: allowed
    enterprise: allowed
    ");
    plan(&world, "standard").await;
    let frozen = world.get(&format!("{URL}?state=frozen")).await;
    assert_eq!(names(&frozen), ["premium dynamic", "enterprise dynamic", "enterprise tier"]);
    let why = &frozen.json["data"]["items"][2]["problem"];
    assert_eq!(
        why,
        "dynamic segments need the plan premium or enterprise; this workspace has the plan standard"
    );
    let before = rung(&world).await;
    plan(&world, "enterprise").await;
    assert_eq!(names(&world.get(&format!("{URL}?state=waiting")).await).len(), 3);
    assert_eq!(rung(&world).await, before + 3);
}

#[tokio::test]
async fn each_route_wants_its_scope() {
    let world = enterprise().await;
    let id = made(&world, json!({"name": "VIP"})).await;
    let one = format!("{URL}/{id}");
    let mut lines = Vec::new();
    for (method, url) in [
        ("GET", URL.to_owned()),
        ("GET", one.clone()),
        ("GET", format!("{one}/members")),
        ("GET", format!("{one}/history")),
        ("GET", format!("/api/v1/contacts/{}/segments", ContactId::new())),
        ("POST", format!("{URL}/preview")),
        ("POST", URL.to_owned()),
        ("PATCH", one.clone()),
        ("DELETE", one.clone()),
        ("POST", format!("{one}/check")),
        ("POST", format!("{one}/copy")),
        ("POST", format!("{one}/rebuild")),
        ("POST", format!("{one}/members")),
        ("POST", format!("{one}/members/remove")),
        ("POST", format!("{one}/members/from-search")),
        ("GET", "/api/v1/workspace".to_owned()),
        ("PATCH", "/api/v1/workspace".to_owned()),
    ] {
        let key = add_key(&world.db, world.workspace, &["ops"], None).await;
        let answer = world.ask_as(&key, method, &url).json(json!({})).send().await;
        assert_eq!(
            (answer.status, answer.code()),
            (403, "FORBIDDEN"),
            "{method} {url}: {answer:?}"
        );
        let short = url.replace(&id, "{id}");
        let contact = short.find("contact_").map_or(short.len(), |at| at);
        let message = answer.json["error"]["message"].as_str().unwrap().to_owned();
        lines.push(format!("{method} {}: {message}", &short[..contact]));
    }
    let admin = add_key(&world.db, world.workspace, &["admin"], None).await;
    let up = world.ask_as(&admin, "PATCH", "/api/v1/workspace").json(json!({"plan": "standard"}));
    lines.push(up.send().await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @"
    GET /api/v1/segments: this key lacks the scope leads:read
    GET /api/v1/segments/{id}: this key lacks the scope leads:read
    GET /api/v1/segments/{id}/members: this key lacks the scope leads:read
    GET /api/v1/segments/{id}/history: this key lacks the scope leads:read
    GET /api/v1/contacts/: this key lacks the scope leads:read
    POST /api/v1/segments/preview: this key lacks the scope leads:read
    POST /api/v1/segments: this key lacks the scope campaigns:write
    PATCH /api/v1/segments/{id}: this key lacks the scope campaigns:write
    DELETE /api/v1/segments/{id}: this key lacks the scope campaigns:write
    POST /api/v1/segments/{id}/check: this key lacks the scope leads:read
    POST /api/v1/segments/{id}/copy: this key lacks the scope campaigns:write
    POST /api/v1/segments/{id}/rebuild: this key lacks the scope campaigns:write
    POST /api/v1/segments/{id}/members: this key lacks the scope leads:write
    POST /api/v1/segments/{id}/members/remove: this key lacks the scope leads:write
    POST /api/v1/segments/{id}/members/from-search: this key lacks the scope leads:write
    GET /api/v1/workspace: this key lacks the scope campaigns:read
    PATCH /api/v1/workspace: this key lacks the scope admin
    403 FORBIDDEN: this key lacks the scope installation
    ");
}
