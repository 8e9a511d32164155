//! Lists as files: exactly what the list shows, harmless cells, no false end, and a line in the audit log before the first byte.
use crate::support::{Ask, World, lead, world};
use axum::{
    body::Body,
    http::{Request, Version},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::cells;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tower::ServiceExt;

/// A file that came whole: its announcement and its text.
async fn file(ask: Ask) -> (String, String) {
    let response = ask.response().await;
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert_eq!(head.status, 200, "{text}");
    let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("x-export-id").starts_with("exp_"));
    (format!("{} {}", header("content-type"), header("content-disposition")), text)
}

async fn lines(world: &World, path: &str) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (_, text) = file(world.ask("GET", &format!("{path}{separator}format=ndjson"))).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of a CSV file by the names of its columns, empty cells left out.
fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let of = |record: csv::StringRecord| {
        let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| of(record.unwrap())).collect()
}

/// What the audit log says of exports: who, what, and what was noted, first to last.
async fn audited(world: &World) -> Vec<(String, String, Value)> {
    let rows: Vec<(String, String, String)> = world
        .db
        .read()
        .sql(
            "SELECT actor, action, CAST(after AS text) FROM audit_event
             WHERE workspace_id = $1 AND object_kind = 'export' ORDER BY id",
        )
        .bind(world.workspace)
        .all()
        .await
        .unwrap();
    let read = |text: String| serde_json::from_str(&text).unwrap();
    rows.into_iter().map(|(actor, action, after)| (actor, action, read(after))).collect()
}

/// The items of all pages of a list, oldest first.
async fn listed(world: &World, path: &str) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("{path}{separator}limit=100{cursor}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        items.extend(page.json["data"]["items"].as_array().unwrap().clone());
        match page.json["data"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    items.reverse();
    items
}

/// Contacts, a thousand at a time, each with a property.
async fn contacts(world: &World, count: usize) {
    world.post("/api/v1/properties", json!({"name": "Tier", "kind": "text"})).await;
    let contact = |n: usize| {
        let state = if n.is_multiple_of(3) { "CA" } else { "NY" };
        json!({"email": format!("c{n}@example.com"), "state": state, "properties": {"tier": format!("={n}")}})
    };
    let all: Vec<Value> = (0..count).map(contact).collect();
    for some in all.chunks(1_000) {
        let answer = world.post("/api/v1/contacts/batch", json!({"contacts": some})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn an_export_has_what_the_list_shows() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let other = world.campaign("ROOF", json!({})).await;
    let mut ids = Vec::new();
    for (n, code) in ["SOL", "ROOF", "SOL", "ROOF", "ROOF"].into_iter().enumerate() {
        let mut body = lead(code);
        body["email"] = json!(format!("p{n}@example.com"));
        body["phone"] = json!(format!("415555010{n}"));
        body["customFields"] = json!({format!("k{}", n % 2): n});
        ids.push(world.post("/api/v1/leads/submit", body).await.data("submissionId"));
        world.clock.forward(chrono::Duration::hours(20));
    }
    for filter in [
        String::new(),
        format!("?campaignId={other}"),
        "?email=P3@example.com".into(),
        "?phone=(415)%20555-0102".into(),
        "?status=pending&startDate=2026-11-22&endDate=2026-11-23".into(),
        "?leadStatus=rejected".into(),
    ] {
        let wanted = listed(&world, &format!("/api/v1/leads{filter}")).await;
        assert_eq!(
            lines(&world, &format!("/api/v1/leads/export{filter}")).await,
            wanted,
            "{filter}"
        );
        let (_, text) = file(world.ask("GET", &format!("/api/v1/leads/export{filter}"))).await;
        let mut ids: Vec<String> =
            records(&text).into_iter().map(|row| row["leadId"].clone()).collect();
        ids.retain(|id| !id.is_empty());
        let wanted: Vec<&str> = wanted.iter().map(|row| row["leadId"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{filter}");
    }
    let (announced, text) = file(world.ask("GET", "/api/v1/leads/export?phone=4155550102")).await;
    assert_eq!(announced, "text/csv; charset=utf-8 attachment; filename=\"leads-2026-11-25.csv\"");
    let header = text.lines().next().unwrap();
    assert!(header.contains(",custom.k0,notes,"), "only columns of what is exported: {header}");

    let all = lines(&world, "/api/v1/submissions/export").await;
    let mut wanted = Vec::new();
    for id in &ids {
        wanted.push(
            world.get(&format!("/api/v1/submissions/{id}")).await.json["data"]["submission"]
                .clone(),
        );
    }
    assert_eq!(all, wanted);
    let of =
        format!("/api/v1/submissions/export?campaignId={other}&startDate=2026-11-22T12:00:00Z");
    assert_eq!(lines(&world, &of).await, [all[3].clone(), all[4].clone()]);
    let of = format!("/api/v1/submissions/export?leadId={}", all[1]["leadId"].as_str().unwrap());
    let (_, text) = file(world.ask("GET", &of)).await;
    assert_eq!(records(&text)[0]["campaignName"], "Campaign ROOF");
    assert_eq!(
        lines(&world, "/api/v1/submissions/export?status=accepted").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn contacts_and_members_are_exported_like_their_lists() {
    let world = world().await;
    contacts(&world, 260).await;
    for filter in ["", "?q=state:CA", "?q=state:CA%20-c9", "?q=c77", "?includeDeleted=true"] {
        let wanted = listed(&world, &format!("/api/v1/contacts{filter}")).await;
        assert_eq!(
            lines(&world, &format!("/api/v1/contacts/export{filter}")).await,
            wanted,
            "{filter}"
        );
    }
    let everybody = listed(&world, "/api/v1/contacts").await;
    let segment = world.post("/api/v1/segments", json!({"name": "VIP"})).await.data("segmentId");
    let some: Vec<&Value> =
        everybody.iter().step_by(2).map(|contact| &contact["contactId"]).collect();
    let members = format!("/api/v1/segments/{segment}/members");
    assert_eq!(world.post(&members, json!({"contactIds": some})).await.status, 200);
    let exported = lines(&world, &format!("/api/v1/segments/{segment}/export")).await;
    assert_eq!(exported, everybody.iter().step_by(2).cloned().collect::<Vec<Value>>());

    let (announced, text) = file(world.ask("GET", "/api/v1/contacts/export?q=state:CA")).await;
    assert!(announced.ends_with("filename=\"contacts-2026-11-21.csv\""), "{announced}");
    let cells = records(&text).into_iter().map(|row| row["property.tier"].clone());
    let wanted: Vec<String> = (0..260).step_by(3).map(|n| format!("'={n}")).collect();
    assert_eq!(cells.collect::<Vec<_>>(), wanted);
    let (_, raw) =
        file(world.ask("GET", "/api/v1/contacts/export?raw=true&fields=property.tier&q=c77")).await;
    assert_eq!(raw, "property.tier\r\n=77\r\n");
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused_before_the_first_byte() {
    let world = world().await;
    let mut refusals = Vec::new();
    for path in [
        "leads/export?fields=email,nope,email",
        "leads/export?email=nobody",
        "leads/export?limit=5",
        "contacts/export?q=state:",
        "contacts/export?format=xlsx",
        "segments/seg_01hzzzzzzzzzzzzzzzzzzzzzzz/export",
    ] {
        let refusal = world.get(&format!("/api/v1/{path}")).await.refusal();
        refusals.push(refusal.lines().next().unwrap().chars().take(110).collect::<String>());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r"
    422 VALIDATION_ERROR: the request has 2 problems
    422 VALIDATION_ERROR: email is not an email address; it looks like name@example.com
    422 VALIDATION_ERROR: limit is not a known field; known here: `campaignId`, `leadStatus`, `status`, `email`, `
    422 VALIDATION_ERROR: q at character 6: a value is wanted here, or * for any
    422 VALIDATION_ERROR: format `xlsx` is not known, expected `csv` or `ndjson`
    404 NOT_FOUND: there is no such segment
    ");
    world.campaign("SOL", json!({})).await;
    for n in 0..3 {
        let mut body = lead("SOL");
        body["phone"] = json!(format!("415555010{n}"));
        body["email"] = json!(format!("p{n}@example.com"));
        let keys = (0..199).map(|key| (format!("k{n}_{key}"), json!(1)));
        body["customFields"] = Value::Object(keys.collect());
        assert_eq!(world.post("/api/v1/leads", body).await.status, 201);
    }
    let many = world.get("/api/v1/leads/export").await;
    assert_eq!(many.status, 422, "{many:?}");
    assert!(
        many.refusal().contains("there would be 626 columns; at most 500 are allowed"),
        "{many:?}"
    );
    assert_eq!(lines(&world, "/api/v1/leads/export").await.len(), 3);
    let before = audited(&world).await;
    let old = Request::get("/api/v1/leads/export")
        .version(Version::HTTP_10)
        .header("x-api-key", &world.key);
    let old = world.router.clone().oneshot(old.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(old.status(), 422);
    assert_eq!(audited(&world).await, before, "what is refused is not in the audit log");
}

#[tokio::test]
async fn who_exports_what_is_known_before_the_first_byte() {
    let world = world().await;
    contacts(&world, 30).await;
    let ask = world.ask("GET", "/api/v1/contacts/export?q=c7%20state:CA&fields=email");
    let body = ask.response().await.into_body();
    let begun = audited(&world).await;
    assert_eq!(begun.len(), 1, "{begun:?}");
    let text = body.collect().await.unwrap().to_bytes();
    let all = audited(&world).await;
    let said = |n: usize| (all[n].0.as_str(), all[n].1.as_str());
    assert_eq!(said(0), ("key test admin installation", "contacts.exported"));
    assert_eq!(
        all[0].2,
        json!({
            "format": "csv", "raw": false, "fields": "email",
            "filters": {"searchReads": ["contact.state", "contact.words"], "includeDeleted": false}
        })
    );
    assert_eq!(said(1), ("key test admin installation", "contacts.export_ended"));
    assert_eq!(all[1].2, json!({"rows": 0, "bytes": text.len(), "whole": true, "why": null}));
    lines(&world, "/api/v1/leads/export?email=ada@example.com").await;
    let all = audited(&world).await;
    assert_eq!(all[2].2["filters"]["byEmail"], true);
    assert!(!format!("{all:?}").contains("example.com"), "{all:?}");
}

#[tokio::test]
async fn contacts_that_come_meanwhile_are_not_in_it_and_the_others_are_once() {
    let world = world().await;
    contacts(&world, 1_500).await;
    let wanted = listed(&world, "/api/v1/contacts").await;
    let response = world.ask("GET", "/api/v1/contacts/export?format=ndjson").response().await;
    let mut body = response.into_body();
    let mut text = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    let late = json!({"email": "late@example.com"});
    assert_eq!(world.post("/api/v1/contacts", late).await.status, 201);
    text.extend(body.collect().await.unwrap().to_bytes());
    let text = String::from_utf8(text).unwrap();
    let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), wanted.len());
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn an_export_that_breaks_has_no_end() {
    let world = world().await;
    contacts(&world, 1_500).await;
    // A value for which there is no column.
    let response = world.ask("GET", "/api/v1/contacts/export").response().await;
    world.post("/api/v1/properties", json!({"name": "Late", "kind": "text"})).await;
    let newest = world.get("/api/v1/contacts?limit=1").await.json["data"]["items"][0].clone();
    let path = format!("/api/v1/contacts/{}", newest["contactId"].as_str().unwrap());
    let late = world.ask("PATCH", &path).json(json!({"properties": {"late": "x"}})).send().await;
    assert_eq!(late.status, 200, "{late:?}");
    let broken = response.into_body().collect().await.unwrap_err();
    assert_eq!(broken.to_string(), "the export broke off");
    let ended = audited(&world).await.pop().unwrap();
    assert_eq!((ended.1.as_str(), &ended.2["whole"]), ("contacts.export_ended", &json!(false)));
    assert!(ended.2["why"].as_str().unwrap().contains("property.late"), "{ended:?}");
    // A database that goes away.
    let response = world.ask("GET", "/api/v1/contacts/export").response().await;
    world.db.close().await;
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn two_exports_at_once_and_none_for_who_does_not_read() {
    let world = world().await;
    contacts(&world, 1_500).await;
    let mut api = world.api();
    api.exports.idle = Duration::from_millis(1_500);
    let router = api::router(Arc::new(api));
    let ask = async || {
        let request = Request::get("/api/v1/contacts/export").header("x-api-key", &world.key);
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let (one, two, three) = (ask().await, ask().await, ask().await);
    assert_eq!(
        (one.status(), two.status(), three.status().as_u16()),
        (200.try_into().unwrap(), 200.try_into().unwrap(), 503)
    );
    assert!(three.headers().contains_key("retry-after"));
    // Nobody reads; after a while both places are free again, and what was sent does not look whole.
    while audited(&world).await.len() < 4 {
        tokio::task::yield_now().await;
    }
    assert!(audited(&world).await[2].2["why"].as_str().unwrap().contains("nobody took it for"));
    assert!(one.into_body().collect().await.is_err());
    drop(two);
    let again = ask().await;
    assert_eq!(again.status(), 200);
    // Who goes away frees the place at once.
    drop(again);
    let whole = ask().await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(records(std::str::from_utf8(&whole).unwrap()).len(), 1_500);
}

#[tokio::test]
async fn every_cell_is_harmless() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let mut body = lead("SOL");
    body["address"] = json!({"street": "=cmd|' /C calc'!A0", "city": "@home"});
    body["customFields"] =
        json!({"a": "+1", "b": -1, "c": "\t=1", "d": ["=1"], "e": "a\r\n\"b\"", "f": "\u{ff1d}1"});
    body["questionnaire"] = json!([{"key": "q", "question": "?", "answer": "-"}]);
    assert_eq!(world.post("/api/v1/leads", body).await.status, 201);
    let (_, text) = file(world.ask("GET", "/api/v1/leads/export")).await;
    let (_, raw) = file(world.ask("GET", "/api/v1/leads/export?raw=true")).await;
    let (harmless, raw) = (records(&text).remove(0), records(&raw).remove(0));
    assert_eq!(harmless["address.street"], "'=cmd|' /C calc'!A0");
    for (name, cell) in &harmless {
        assert_eq!(*cell, cells::neutralise(&raw[name]), "{name}");
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}']), "{name}: {cell}");
    }
    assert_eq!(raw["custom.e"], "a\r\n\"b\"");
}
