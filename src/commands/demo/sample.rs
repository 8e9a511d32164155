//! The demo's campaigns and people. All of them are made up.
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Solar leads for SunPeak, with everything a campaign can say.
pub fn first_campaign(buyer: SocketAddr, fallback: &Value) -> Value {
    json!({
        "name": "Solar, first choice",
        "config": {
            "timezone": "America/Los_Angeles",
            "duplicates": {"windowDays": 30},
            "disqualification": [
                {"name": "no renters", "rule": leaf("questionnaire.homeowner", "in", json!(["no", "rent"]))},
                {"name": "under 18", "rule": leaf("lead.age", "lessThan", json!(18))},
            ],
            "computedKeys": [
                {"key": "full_name", "expression": "lead.firstName ~ ' ' ~ lead.lastName", "type": "text"},
                {"key": "bill", "expression": "questionnaire.monthly_bill", "type": "number"},
            ],
            "requiredFields": ["address.zip"],
            "acceptedValues": [{
                "field": "questionnaire.roof",
                "values": ["Tile", "Shingle", "Metal", "Flat"],
                "synonyms": {"asphalt": "Shingle", "tin": "Metal"},
                "whenMissing": "skip",
            }],
            "endpoints": [endpoint("sunpeak", "SunPeak Energy", &format!("http://{buyer}/sunpeak"))],
            "fallback": {"campaigns": [fallback]},
        },
    })
}

/// Takes what SunPeak does not.
pub fn second_campaign(buyer: SocketAddr) -> Value {
    json!({
        "name": "Solar, second choice",
        "config": {
            "disqualification": [
                {"name": "no renters", "rule": leaf("questionnaire.homeowner", "in", json!(["no", "rent"]))},
            ],
            "computedKeys": [
                {"key": "full_name", "expression": "lead.firstName ~ ' ' ~ lead.lastName", "type": "text"},
                {"key": "bill", "expression": "questionnaire.monthly_bill", "type": "number"},
            ],
            "endpoints": [endpoint("brighthome", "BrightHome", &format!("http://{buyer}/brighthome"))],
        },
    })
}

/// Asks somebody before it delivers to BrightHome.
pub fn waiting_campaign(buyer: SocketAddr, name: &str, action: &Value) -> Value {
    let mut campaign = second_campaign(buyer);
    campaign["name"] = json!(name);
    campaign["config"]["firstAction"] = action.clone();
    campaign
}

/// One of those who are asked, with a number of their own.
pub fn waiting_lead(campaign: &Value, number: usize, phone: &str) -> Value {
    let (first, last) =
        [("Olga", "Ivanova"), ("Ben", "Adler"), ("Zoe", "Martin"), ("Ken", "Sato")][number];
    lead(campaign, (first, last, phone, "CA", "94110", "yes", "tile", "150", "1984-05-17"))
}

fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

fn endpoint(id: &str, name: &str, url: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "url": url,
        "headers": {"X-Source": "leadrail-demo"},
        "timeoutSeconds": 10,
        "payload": {"nodes": [
            {"kind": "field", "key": "name", "source": "computed.full_name"},
            {"kind": "field", "key": "email", "source": "lead.email"},
            {"kind": "field", "key": "phone", "source": "lead.phone"},
            {"kind": "field", "key": "roof", "source": "questionnaire.roof", "omitEmpty": true},
            {"kind": "field", "key": "monthly_bill", "source": "computed.bill", "type": "number", "omitEmpty": true},
            {"kind": "object", "key": "address", "children": [
                {"kind": "field", "key": "state", "source": "address.state"},
                {"kind": "field", "key": "zip", "source": "address.zip", "omitEmpty": true},
            ]},
        ]},
        "response": {
            "rules": [
                {"outcome": "accepted", "when": {"status": ["2xx"], "jsonPath": {"path": "$.result", "equals": "accepted"}}},
                {"outcome": "rejected", "when": {"jsonPath": {"path": "$.result", "equals": "rejected"}},
                 "reason": {"jsonPath": "$.reason"}},
            ],
            "buyerLeadId": {"jsonPath": "$.id"},
            "price": {"from": {"jsonPath": "$.price"}, "currency": "USD", "unit": "major"},
        },
    })
}

/// Ten people; each shows something else.
pub fn leads(campaign: &Value) -> Vec<Value> {
    let rows = [
        // first, last, phone, state, zip, homeowner, roof, monthly bill, date of birth
        ("maria", "gonzalez", "(415) 555-0101", "CA", "94110", "yes", "tile", "210", "1979-04-12"),
        ("James", "O'Brien", "213 555 0102", "CA", "90012", "yes", "asphalt", "145", "1985-09-30"),
        ("WEI", "CHEN", "+1 602 555 0103", "AZ", "85004", "yes", "Flat", "320", "1990-01-05"),
        ("Aisha", "Khan", "702-555-0104", "NV", "89101", "yes", "metal", "99", "1988-06-21"),
        ("Tom", "Becker", "(480) 555-0105", "AZ", "85281", "rent", "tile", "120", "1995-11-02"),
        ("Linda", "Park", "619.555.0106", "CA", "92101", "yes", "tin", "45", "1970-02-17"),
        ("Noah", "Silva", "503 555 0107", "OR", "97205", "yes", "shingle", "160", "1982-12-24"),
        ("Emma", "Rossi", "916-555-0108", "CA", "", "yes", "tile", "175", "1993-08-08"),
        ("Lucas", "Moreau", "(510) 555-0109", "CA", "94607", "yes", "thatch", "130", "1991-03-03"),
        ("Maria", "Gonzalez", "415-555-0101", "CA", "94110", "yes", "tile", "210", "1979-04-12"),
    ];
    rows.into_iter().map(|row| lead(campaign, row)).collect()
}

type Person<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str);

fn lead(
    campaign: &Value,
    (first, last, phone, state, zip, owner, roof, bill, born): Person,
) -> Value {
    let email = format!("{first}.{last}@example.com").to_lowercase().replace('\'', "");
    let mut address = json!({"state": state});
    if !zip.is_empty() {
        address["zip"] = json!(zip);
    }
    json!({
        "campaignId": campaign,
        "firstName": first,
        "lastName": last,
        "email": email,
        "phone": phone,
        "dateOfBirth": born,
        "address": address,
        "questionnaire": {"homeowner": owner, "roof": roof, "monthly_bill": bill},
        "attribution": {"params": {"utm_source": "demo"}},
        "compliance": {"tcpaConsent": true},
    })
}
