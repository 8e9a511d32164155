//! The description is the API: every route is in it, every route but the open ones wants a key, and the committed copy is current.
use crate::support::world;
use serde_json::{Value, json};
use std::path::Path;

/// Paths that are open on purpose.
const OPEN: [&str; 7] = [
    "/health/live",
    "/health/ready",
    "/api/v1/resume/{token}",
    "/api/v1/hooks/{agentId}",
    "/t/leadrail.js",
    "/t/p.gif",
    "/t/p",
];

fn document() -> Value {
    serde_json::to_value(api::openapi()).unwrap()
}

#[tokio::test]
async fn every_route_wants_a_key_except_the_open_ones() {
    let world = world().await;
    let mut walked = 0;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let open = OPEN.contains(&path.as_str());
            let says_open = operation["security"] == json!([{}]);
            assert_eq!(open, says_open, "{method} {path} describes its security");
            if open {
                continue;
            }
            let url = path.replace("{stage}", "payload").replace(['{', '}'], "x");
            let answer = world.ask_without_key(&method.to_uppercase(), &url).send().await;
            assert_eq!((answer.status, answer.code()), (401, "UNAUTHORIZED"), "{method} {url}");
            walked += 1;
        }
    }
    assert!(walked >= 38, "{walked} routes want a key");
}

#[tokio::test]
async fn every_operation_is_described() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::HashSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty() && !summary.ends_with('.'), "{method} {path}: {summary}");
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
            let statuses: Vec<&String> =
                operation["responses"].as_object().unwrap().keys().collect();
            assert!(statuses.iter().any(|status| status.starts_with('2')), "{method} {path}");
            let keyed = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
            let takes_key = method == "post" && api::params::KEYED_ROUTES.contains(&path.as_str());
            assert_eq!(keyed, takes_key, "{method} {path}");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn walk<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    walk(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let world = world().await;
    let served = world.ask_without_key("GET", "/api/openapi.json").send().await;
    assert_eq!((served.status, &served.json), (200, &document()));
    assert_eq!(world.ask_without_key("GET", "/docs/").send().await.status, 200);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
fn the_committed_copy_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("LEADRAIL_UPDATE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "docs/openapi.json is old; run this test with LEADRAIL_UPDATE=1");
}
