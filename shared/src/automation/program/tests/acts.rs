//! What is refused of actions and steps, with its place.
use super::{
    compile,
    documents::{act, leaf, refused, step, with, workflow},
    own,
};
use crate::{
    automation::program::{
        limits::{HEADERS_MAX, MESSAGE_MAX},
        uncallable,
    },
    campaign::guard::GuardPolicy,
};
use serde_json::{Map, Value, json};

#[test]
fn actions_are_checked() {
    let at = |path: &str, why: &str| format!("rules[0].do[0].{path}: {why}");
    refused(
        &act(&json!({"type": "addPoints", "points": 0})),
        &at("points", "must be -1000000 to 1000000, and not 0"),
    );
    refused(
        &act(&json!({"type": "addToCampaign", "campaign": own()})),
        &at("campaign", "is the campaign itself; name another one"),
    );
    refused(&act(&json!({"type": "addTag", "tag": " "})), &at("tag", "must not be empty"));
    refused(
        &act(&json!({"type": "removeTag", "tag": "x".repeat(65)})),
        &at("tag", "has 65 characters; at most 64 are allowed"),
    );
    refused(
        &act(&json!({"type": "notify", "message": ""})),
        &at("message", "must be 1 to 500 characters"),
    );
    refused(
        &act(&json!({"type": "notify", "message": "x".repeat(MESSAGE_MAX + 1)})),
        &at("message", "must be 1 to 500 characters"),
    );
    for action in ["startWorkflow", "stopWorkflow"] {
        refused(
            &act(&json!({"type": action, "workflow": "w"})),
            &at("workflow", "is no workflow of this document"),
        );
    }
}

#[test]
fn webhooks_are_checked() {
    let at = |path: &str, why: &str| format!("rules[0].do[0].{path}: {why}");
    let hook = |patch: Value| {
        act(&with(json!({"type": "webhook", "url": "https://crm.example.com/in"}), &patch))
    };
    assert!(
        compile(&hook(json!({"headers": {"X-Source": "leadrail"}, "signingSecret": "crm"})))
            .is_ok()
    );
    refused(
        &hook(json!({"url": "ftp://a.example.com"})),
        &at("url", "scheme \"ftp\" is not permitted, right would be https"),
    );
    refused(
        &hook(json!({"url": "https://u:p@a.example.com"})),
        &at("url", "url holds a user name or password, put credentials into the endpoint's auth"),
    );
    let header = |name: &str, value: &str| hook(json!({"headers": {name: value}}));
    refused(&header("a b", "x"), &at("headers.a b", "is not a header name"));
    refused(&header("Host", "x"), &at("headers.Host", "is set by the delivery itself"));
    refused(
        &header("X-A", "a\nb"),
        &at("headers.X-A", "at most 4000 characters, no control characters"),
    );
    refused(
        &header("Webhook-Id", "x"),
        &at("headers.Webhook-Id", "is set by the signature; name its key in `signingSecret`"),
    );
    refused(
        &header("Authorization", "x"),
        &at("headers.Authorization", "holds a credential, which must not be kept here in clear"),
    );
    let many: Map<String, Value> =
        (0..=HEADERS_MAX).map(|n| (format!("X-{n}"), json!("x"))).collect();
    refused(
        &hook(json!({"headers": many})),
        &at("headers", "has 51 entries; at most 50 are allowed"),
    );
    refused(
        &hook(json!({"signingSecret": "a b"})),
        &at("signingSecret", "is no secret's name: 1 to 64 letters, digits, `.`, `_` or `-`"),
    );
    // Whom an installation calls is its own matter.
    let local = hook(json!({"url": "http://127.0.0.1:9000/in"}));
    assert!(compile(&local).is_ok());
    let config = serde_json::from_value(local).unwrap();
    let problems = uncallable(&config, &GuardPolicy::default());
    assert_eq!(problems[0].path, "rules[0].do[0].url");
    let lax = GuardPolicy { allow_http: true, allow_private: true, extra_ports: Vec::new() };
    assert!(uncallable(&config, &lax).is_empty());
}

#[test]
fn steps_are_checked() {
    let at = |path: &str, why: &str| format!("workflows[0].steps[0]{path}: {why}");
    let one = "must have exactly one of `wait`, `waitUntil`, `if` and `do`";
    refused(&step(&json!({})), &at("", one));
    refused(
        &step(&json!({"wait": {"amount": 1, "unit": "days"}, "do": [{"type": "repost"}]})),
        &at("", one),
    );
    refused(
        &step(&json!({"wait": {"amount": 0, "unit": "days"}})),
        &at(".wait.amount", "must be 1 to 3660 days, ten years at most"),
    );
    refused(
        &step(&json!({"waitUntil": {"time": "9"}})),
        &at(".waitUntil.time", "must be a time of the day such as 09:00"),
    );
    refused(
        &step(&json!({"waitUntil": {"time": "09:00", "days": ["monday"]}})),
        &at(".waitUntil.days[0]", "must be one of mon, tue, wed, thu, fri, sat, sun"),
    );
    refused(
        &step(&json!({"waitUntil": {"time": "09:00", "days": ["mon", "mon"]}})),
        &at(".waitUntil.days[1]", "is there already"),
    );
    refused(
        &step(&json!({"if": leaf("contact.city"), "else": "t"})),
        &at(".else", "is neither `end` nor a step of this workflow"),
    );
    refused(
        &step(&json!({"do": [{"type": "repost"}], "else": "end"})),
        &at(".else", "is only for a step with `if`"),
    );
    refused(
        &step(&json!({"id": "end", "do": [{"type": "repost"}]})),
        &at(".id", "`end` is where a workflow ends: use another id"),
    );
    refused(
        &step(&json!({"do": [{"type": "addPoints", "points": 0}]})),
        &at(".do[0].points", "must be -1000000 to 1000000, and not 0"),
    );
    refused(
        &step(&json!({"if": leaf("contact.annualRevenu")})),
        &at(
            ".if.field",
            "unknown field `contact.annualRevenu`, did you mean `contact.annualRevenue`",
        ),
    );
    let wait = json!({"id": "s", "wait": {"amount": 1, "unit": "days"}});
    refused(
        &workflow(&json!([wait, wait])),
        "workflows[0].steps[1].id: is used already, at workflows[0].steps[0].id",
    );
}
