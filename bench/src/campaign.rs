//! The campaigns that the leads go to: one with all that a real one has, and an empty one.
use crate::{
    door::Door,
    trouble::{Doing, Trouble},
};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Creates the campaign whose leads go to `sink`, after a first action if there is one; returns its code and its id.
pub async fn create(
    door: &Door,
    sink: SocketAddr,
    simple: bool,
    first_action: Option<Value>,
) -> Result<(String, String), Trouble> {
    let mut config = if simple {
        json!({"endpoints": [{"id": "sink", "name": "Sink", "url": url(sink),
            "limits": {"concurrency": 128}, "response": answers()}]})
    } else {
        let spare = json!({"name": "Second choice", "config": {}});
        let spare = door.ask("POST", "/api/v1/campaigns", &spare.to_string()).await?;
        realistic(sink, &spare["campaignId"])
    };
    if let Some(action) = first_action {
        config["firstAction"] = action;
    }
    let campaign = json!({"name": "Bench", "config": config}).to_string();
    let campaign = door.ask("POST", "/api/v1/campaigns", &campaign).await?;
    let text = |name: &str| {
        let value = campaign[name].as_str().map(str::to_owned);
        value.ok_or(format!("the answer has no {name}")).doing("creating the campaign")
    };
    Ok((text("code")?, text("campaignId")?))
}

fn url(sink: SocketAddr) -> String {
    format!("http://{sink}/leads")
}

/// A webhook to the sink, whose answer is awaited.
pub fn webhook(sink: SocketAddr) -> Value {
    json!({"kind": "webhook", "url": format!("http://{sink}/actions"), "deadlineMinutes": 1_440})
}

/// A call by the agent, at any hour; the provider is told the lead's number.
pub fn call(agent: &str) -> Value {
    let hours = json!({"from": "00:00", "to": "24:00"});
    let voice = json!({"agent": agent, "hours": hours, "variables": {"ref": "custom.ref"}});
    json!({"kind": "voice_ai", "deadlineMinutes": 1_440, "voice": voice})
}

fn realistic(sink: SocketAddr, fallback: &Value) -> Value {
    json!({
        "timezone": "America/Los_Angeles",
        "duplicates": {"windowDays": 30},
        "disqualification": [
            {"name": "no renters", "rule": {"field": "questionnaire.homeowner", "operator": "in", "value": ["no", "rent"]}},
            {"name": "under 18", "rule": {"field": "lead.age", "operator": "lessThan", "value": 18}},
        ],
        "computedKeys": [
            {"key": "full_name", "expression": "lead.firstName ~ ' ' ~ lead.lastName", "type": "text"},
            {"key": "bill", "expression": "questionnaire.monthly_bill", "type": "number"},
            {"key": "area", "expression": "address.city ~ ', ' ~ address.state", "type": "text"},
        ],
        "requiredFields": ["address.zip", "address.state", "questionnaire.roof"],
        "acceptedValues": [{
            "field": "questionnaire.roof",
            "values": ["Tile", "Shingle", "Metal", "Flat"],
            "synonyms": {"asphalt": "Shingle", "tin": "Metal"},
        }],
        "endpoints": [{
            "id": "sink",
            "name": "Sink",
            "url": url(sink),
            "limits": {"concurrency": 128},
            "headers": {"X-Source": "leadrail-bench"},
            "payload": {"nodes": payload()},
            "response": answers(),
        }],
        "fallback": {"campaigns": [fallback]},
    })
}

/// Twelve nodes.
fn payload() -> Value {
    json!([
        {"kind": "field", "key": "ref", "source": "custom.ref"},
        {"kind": "field", "key": "name", "source": "computed.full_name"},
        {"kind": "field", "key": "email", "source": "lead.email"},
        {"kind": "field", "key": "phone", "source": "lead.phone"},
        {"kind": "field", "key": "born", "source": "lead.dateOfBirth", "type": "date", "omitEmpty": true},
        {"kind": "field", "key": "roof", "source": "questionnaire.roof"},
        {"kind": "field", "key": "monthly_bill", "source": "computed.bill", "type": "number"},
        {"kind": "object", "key": "address", "children": [
            {"kind": "field", "key": "area", "source": "computed.area"},
            {"kind": "field", "key": "zip", "source": "address.zip"},
        ]},
        {"kind": "object", "key": "consent", "children": [
            {"kind": "field", "key": "tcpa", "source": "compliance.tcpaConsent", "type": "boolean"},
        ]},
    ])
}

fn answers() -> Value {
    json!({
        "rules": [
            {"outcome": "accepted", "when": {"status": ["2xx"], "jsonPath": {"path": "$.result", "equals": "accepted"}}},
            {"outcome": "duplicate", "when": {"jsonPath": {"path": "$.result", "equals": "duplicate"}}},
            {"outcome": "rejected", "when": {"jsonPath": {"path": "$.result", "equals": "rejected"}},
             "reason": {"jsonPath": "$.reason"}},
        ],
        "buyerLeadId": {"jsonPath": "$.id"},
    })
}
