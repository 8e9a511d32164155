//! Tests of what must hold of an agent.
use super::*;
use crate::ids::CampaignId;
use serde_json::{Value, json};

fn named(name: &str) -> Value {
    json!({"secret": name})
}

fn provider(kind: &str) -> Value {
    match kind {
        "twilio" => {
            json!({"type": kind, "accountSid": "AC1", "authToken": named("t"), "from": "+14155550199"})
        }
        "vonage" => {
            json!({"type": kind, "apiKey": "k", "apiSecret": named("s"), "signatureSecret": named("g"), "from": "ACME 24"})
        }
        "vapi" => {
            json!({"type": kind, "apiKey": named("a"), "assistantId": "as-1", "phoneNumberId": "pn-1",
            "webhookAuth": {"type": "secret", "secret": named("b")}})
        }
        "retell" => {
            json!({"type": kind, "apiKey": named("a"), "agentId": "ag_1", "from": "+14155550199"})
        }
        "bland" => {
            json!({"type": kind, "apiKey": named("a"), "webhookSecret": named("b"), "task": "Ask.\nBe kind."})
        }
        "elevenlabs" => {
            json!({"type": kind, "apiKey": named("a"), "webhookSecret": named("b"), "agentId": "ag_1", "agentPhoneNumberId": "pn_1"})
        }
        _ => json!({"type": "generic", "url": "https://calls.example.com/x", "secret": named("s")}),
    }
}

/// The paths of what is wrong, and a problem of each kind must say something.
fn paths(agent: &Value) -> Vec<String> {
    let config: AgentConfig = serde_json::from_value(agent.clone()).unwrap();
    let problems = config.problems(&GuardPolicy::default());
    assert!(problems.iter().all(|problem| !problem.message.is_empty()));
    problems.into_iter().map(|problem| problem.path).collect()
}

/// A provider with members changed; null takes one away.
fn changed(kind: &str, change: &Value) -> Value {
    let mut provider = provider(kind);
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => provider.as_object_mut().unwrap().remove(name),
            value => provider.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    json!({"provider": provider})
}

fn refused(kind: &str, change: Value, wanted: &[&str]) {
    assert_eq!(paths(&changed(kind, &change)), wanted, "{kind} {change}");
}

#[test]
fn a_plain_agent_of_every_provider_is_fine() {
    for kind in ["twilio", "vonage", "vapi", "retell", "bland", "elevenlabs", "generic"] {
        refused(kind, json!({}), &[]);
    }
}

#[test]
fn numbers_are_e164_and_one_sender_is_named() {
    for bad in ["4155550199", "+1 415 555 0199", "+1415", "", "ACME"] {
        refused("twilio", json!({"from": bad}), &["provider.from"]);
        refused("retell", json!({"from": bad}), &["provider.from"]);
        refused("bland", json!({"from": bad}), &["provider.from"]);
    }
    refused("bland", json!({"from": "+14155550199"}), &[]);
    refused("twilio", json!({"from": null, "messagingServiceSid": "MG1"}), &[]);
    refused("twilio", json!({"messagingServiceSid": "MG1"}), &["provider.from"]);
    refused("twilio", json!({"from": null}), &["provider.from"]);
    for good in ["+14155550199", "ACME", "Acme 24", "72345"] {
        refused("vonage", json!({"from": good}), &[]);
    }
    for bad in ["", "AB", "14155550199", "A longer name", " ACME", "AC/ME", "+1415"] {
        refused("vonage", json!({"from": bad}), &["provider.from"]);
    }
}

#[test]
fn a_bland_call_has_a_pathway_or_a_task() {
    refused("bland", json!({"pathwayId": "pw-1"}), &["provider.pathwayId"]);
    refused("bland", json!({"task": null}), &["provider.pathwayId"]);
    refused("bland", json!({"task": null, "pathwayId": "pw-1"}), &[]);
    refused("bland", json!({"task": " "}), &["provider.task"]);
    refused("bland", json!({"task": "x".repeat(20_001)}), &["provider.task"]);
    refused("bland", json!({"task": "x".repeat(20_000)}), &[]);
}

#[test]
fn ids_are_plain() {
    for (kind, name) in [
        ("twilio", "accountSid"),
        ("vonage", "apiKey"),
        ("vapi", "assistantId"),
        ("vapi", "phoneNumberId"),
        ("vapi", "credentialId"),
        ("retell", "agentId"),
        ("elevenlabs", "agentId"),
        ("elevenlabs", "agentPhoneNumberId"),
    ] {
        let path = format!("provider.{name}");
        for bad in ["", "a/b", "a:b", "é", &"a".repeat(101)] {
            refused(kind, json!({name: bad}), &[&path]);
        }
    }
    refused(
        "twilio",
        json!({"from": null, "messagingServiceSid": "M G"}),
        &["provider.messagingServiceSid"],
    );
    refused("bland", json!({"task": null, "pathwayId": "p/w"}), &["provider.pathwayId"]);
    refused(
        "twilio",
        json!({"signingKey": {"id": "", "key": named("k")}}),
        &["provider.signingKey.id"],
    );
}

#[test]
fn urls_pass_the_guard() {
    for kind in ["twilio", "vonage", "vapi", "retell", "bland", "elevenlabs"] {
        refused(kind, json!({"baseUrl": "https://proxy.example.com/p"}), &[]);
        for bad in [
            "http://proxy.example.com",
            "https://10.0.0.1",
            "https://a.example?x=1",
            "https://a.example#x",
            "x",
        ] {
            refused(kind, json!({"baseUrl": bad}), &["provider.baseUrl"]);
        }
    }
    refused("generic", json!({"url": "https://a.example/x?key=1"}), &[]);
    for bad in ["http://a.example", "https://127.0.0.1/", "https://a.example/#x", ""] {
        refused("generic", json!({"url": bad}), &["provider.url"]);
    }
    refused("generic", json!({"statusUrl": "https://a.example/x/{reference}?y={reference}"}), &[]);
    for bad in [
        "https://a.example/x",
        "https://{reference}.example/x",
        "http://a.example/{reference}",
        "https://10.0.0.1/{reference}",
    ] {
        refused("generic", json!({"statusUrl": bad}), &["provider.statusUrl"]);
    }
}

#[test]
fn secrets_are_named_by_plain_names() {
    let bad = named("no name");
    for (kind, change, path) in [
        ("twilio", json!({"authToken": bad}), "provider.authToken.secret"),
        ("twilio", json!({"previousAuthToken": bad}), "provider.previousAuthToken.secret"),
        (
            "twilio",
            json!({"signingKey": {"id": "k", "key": bad}}),
            "provider.signingKey.key.secret",
        ),
        ("vonage", json!({"apiSecret": bad}), "provider.apiSecret.secret"),
        ("vonage", json!({"signatureSecret": bad}), "provider.signatureSecret.secret"),
        ("vapi", json!({"apiKey": bad}), "provider.apiKey.secret"),
        (
            "vapi",
            json!({"webhookAuth": {"type": "secret", "secret": bad}}),
            "provider.webhookAuth.secret.secret",
        ),
        (
            "vapi",
            json!({"webhookAuth": {"type": "bearer", "token": bad}}),
            "provider.webhookAuth.token.secret",
        ),
        (
            "vapi",
            json!({"webhookAuth": {"type": "hmac", "secret": bad}}),
            "provider.webhookAuth.secret.secret",
        ),
        ("retell", json!({"apiKey": bad}), "provider.apiKey.secret"),
        ("bland", json!({"webhookSecret": bad}), "provider.webhookSecret.secret"),
        ("elevenlabs", json!({"webhookSecret": bad}), "provider.webhookSecret.secret"),
        ("generic", json!({"secret": bad}), "provider.secret.secret"),
    ] {
        refused(kind, change, &[path]);
    }
}

#[test]
fn vapi_s_headers_are_legal_and_its_body_is_signed() {
    let bearer = |name: &str, value: String| {
        let mut auth = json!({"type": "bearer", "token": named("t")});
        auth[name] = json!(value);
        json!({"webhookAuth": auth})
    };
    refused("vapi", bearer("header", "X-Token".into()), &[]);
    refused("vapi", bearer("header", "X Token".into()), &["provider.webhookAuth.header"]);
    refused("vapi", bearer("prefix", String::new()), &[]);
    refused("vapi", bearer("prefix", "x".repeat(101)), &["provider.webhookAuth.prefix"]);
    refused("vapi", bearer("prefix", "a\nb".into()), &["provider.webhookAuth.prefix"]);
    for (name, bad) in [
        ("signatureHeader", "x y".to_owned()),
        ("timestampHeader", String::new()),
        ("messageIdHeader", "é".into()),
        ("signaturePrefix", "\r\n".into()),
        ("payloadFormat", "{timestamp}".into()),
        ("payloadFormat", "{body}".into()),
        ("payloadFormat", format!("{{timestamp}}{{body}}{}", "x".repeat(200))),
    ] {
        let mut auth = json!({"type": "hmac", "secret": named("s")});
        auth[name] = json!(bad);
        refused("vapi", json!({"webhookAuth": auth}), &[&format!("provider.webhookAuth.{name}")]);
    }
    let bare = json!({"type": "hmac", "secret": named("s"), "payloadFormat": "{body}", "includeTimestamp": false});
    refused("vapi", json!({"webhookAuth": bare}), &[]);
}

#[test]
fn only_agents_that_text_answer_and_wait() {
    let with = |kind: &str, more: Value| {
        let mut agent = changed(kind, &json!({}));
        agent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        paths(&agent)
    };
    let webhook = json!({"webhook": {"url": "https://bot.example.com/sms", "secret": named("w")}});
    assert_eq!(with("twilio", webhook.clone()), [""; 0]);
    assert_eq!(with("vapi", webhook), ["webhook"]);
    let bad = json!({"webhook": {"url": "http://bot.example.com", "secret": named("")}});
    assert_eq!(with("vonage", bad), ["webhook.url", "webhook.secret.secret"]);
    for (kind, window, fine) in [
        ("twilio", 1_000, true),
        ("twilio", 60_000, true),
        ("twilio", 999, false),
        ("twilio", 60_001, false),
        ("retell", 7_000, true),
        ("retell", 8_000, false),
    ] {
        let wanted: &[&str] = if fine { &[] } else { &["batchWindowMs"] };
        assert_eq!(with(kind, json!({"batchWindowMs": window})), wanted, "{kind} {window}");
    }
}

#[test]
fn inbound_campaigns_are_few_and_each_once() {
    let with = |list: Vec<CampaignId>| {
        let mut agent = changed("twilio", &json!({}));
        agent["inboundCampaigns"] = json!(list);
        paths(&agent)
    };
    let many: Vec<CampaignId> = std::iter::repeat_with(CampaignId::new).take(51).collect();
    assert_eq!(with(many[..50].to_vec()), [""; 0]);
    assert_eq!(with(many.clone()), ["inboundCampaigns"]);
    assert_eq!(with(vec![many[0], many[1], many[0]]), ["inboundCampaigns[2]"]);
}
