//! What really reaches a buyer in each body format and by each method, read back by parsers that are not ours.
use crate::{
    campaign::plain,
    world::{Call, Run, World, yes},
};
use axum::body::Bytes;
use chrono::Duration;
use quick_xml::{Reader, events::Event};
use serde_json::{Value, json};
use shared::{on_both_engines, submission::Status};

/// A campaign whose endpoint has the members of `more` and a payload of every kind of node.
fn config(world: &World, more: &Value) -> Value {
    let mut config = plain(&world.sink, "/buy");
    let endpoint = config["endpoints"][0].as_object_mut().unwrap();
    endpoint.insert("payload".into(), json!({"nodes": [
        {"kind": "field", "key": "name", "source": "lead.firstName", "required": true},
        {"kind": "field", "key": "note", "source": "questionnaire.note"},
        {"kind": "field", "key": "bill", "source": "questionnaire.bill", "type": "number"},
        {"kind": "field", "key": "fixed", "value": true, "type": "boolean"},
        {"kind": "field", "key": "gone", "source": "lead.dateOfBirth", "type": "date", "omitEmpty": true},
        {"kind": "field", "key": "paper", "source": "questionnaire.paper", "type": "file"},
        {"kind": "object", "key": "home", "children": [
            {"kind": "field", "key": "roof", "source": "questionnaire.roof"},
            {"kind": "array", "key": "tags", "items": [
                {"kind": "field", "value": "solar"},
                {"kind": "field", "source": "questionnaire.roof"},
            ]},
        ]},
    ]}));
    endpoint.extend(more.as_object().unwrap().clone());
    config
}

/// Sells one lead to an endpoint with the members of `more`; the one call that the buyer saw.
async fn sold(world: &World, code: &str, more: Value) -> Call {
    let before = world.sent().len();
    let campaign = world.campaign(code, config(world, &more)).await;
    let answers = json!({"note": "a&b <c> \"ä\"", "bill": "120.50", "roof": "Tile",
        "paper": "https://files.example/1.pdf"});
    let lead = world.submit(campaign, answers).await.lead_id;
    world.settle().await;
    let rows = world.submissions(lead).await;
    assert_eq!(rows[0].status, Status::Accepted, "{more}: {:?}", rows[0].reason);
    let mut calls = world.sent().split_off(before);
    assert_eq!(calls.len(), 1, "{more}: {calls:?}");
    let call = calls.remove(0);
    let payload = rows[0].carry.payload.as_ref().unwrap();
    assert_eq!(call.raw, payload.body.as_bytes(), "{more}: byte for byte what is stored");
    assert_eq!(call.content_type, payload.content_type.clone().unwrap_or_default());
    call
}

const PAIRS: [(&str, &str); 8] = [
    ("name", "Ada"),
    ("note", "a&b <c> \"ä\""),
    ("bill", "120.5"),
    ("fixed", "true"),
    ("paper", "https://files.example/1.pdf"),
    ("home[roof]", "Tile"),
    ("home[tags]", "solar"),
    ("home[tags]", "Tile"),
];

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn decoded(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

async fn parts(content_type: &str, body: Bytes) -> Vec<(String, String)> {
    let boundary = multer::parse_boundary(content_type).unwrap();
    // The whole body at once: axum's body type is a stream of such pieces.
    let stream = axum::body::Body::from(body).into_data_stream();
    let mut reader = multer::Multipart::new(stream, boundary);
    let mut found = Vec::new();
    while let Some(part) = reader.next_field().await.unwrap() {
        let name = part.name().unwrap().to_owned();
        found.push((name, part.text().await.unwrap()));
    }
    found
}

/// Each element that holds text, with its path.
fn elements(xml: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::from_reader(xml);
    let (mut path, mut found, mut text) = (Vec::new(), Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                path.push(String::from_utf8(start.name().0.to_vec()).unwrap());
                text.clear();
            }
            Event::Text(more) => text.push_str(&more.xml10_content().unwrap()),
            Event::GeneralRef(name) => {
                let name = name.decode().unwrap();
                text.push_str(quick_xml::escape::resolve_xml_entity(&name).unwrap());
            }
            Event::End(_) => {
                if !text.is_empty() {
                    found.push((path.join("/"), std::mem::take(&mut text)));
                }
                path.pop();
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

on_both_engines! {
    async fn every_method_and_format_reaches_the_buyer_as_it_was_laid_out(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;

        let json = sold(&world, "AAA", json!({"method": "PUT"})).await;
        assert_eq!((json.method.as_str(), json.content_type.as_str()), ("PUT", "application/json"));
        assert_eq!(json.body, json!({"name": "Ada", "note": "a&b <c> \"ä\"", "bill": 120.5, "fixed": true,
            "paper": "https://files.example/1.pdf", "home": {"roof": "Tile", "tags": ["solar", "Tile"]}}));

        let form = sold(&world, "BBB", json!({"method": "PATCH", "format": "form"})).await;
        assert_eq!((form.method.as_str(), form.content_type.as_str()), ("PATCH", "application/x-www-form-urlencoded"));
        assert_eq!(decoded(&form.raw), owned(&PAIRS));

        let multipart = sold(&world, "CCC", json!({"format": "multipart"})).await;
        assert_eq!(multipart.method, "POST");
        assert_eq!(parts(&multipart.content_type, multipart.raw).await, owned(&PAIRS));

        let url = format!("{}/buy?account=7", world.sink);
        let get = sold(&world, "DDD", json!({"method": "GET", "format": "form", "url": url})).await;
        assert_eq!((get.method.as_str(), get.content_type.as_str(), get.raw.len()), ("GET", "", 0));
        let with_account = [&[("account", "7")], &PAIRS[..]].concat();
        assert_eq!(decoded(get.query.as_bytes()), owned(&with_account));

        let xml = sold(&world, "EEE", json!({"format": "xml", "xml": {"root": "l:lead", "itemName": "tag",
            "attributes": {"xmlns:l": "urn:leads"}}})).await;
        assert_eq!(xml.content_type, "application/xml; charset=utf-8");
        assert_eq!(elements(&xml.raw), owned(&[
            ("l:lead/name", "Ada"),
            ("l:lead/note", "a&b <c> \"ä\""),
            ("l:lead/bill", "120.5"),
            ("l:lead/fixed", "true"),
            ("l:lead/paper", "https://files.example/1.pdf"),
            ("l:lead/home/roof", "Tile"),
            ("l:lead/home/tags/tag", "solar"),
            ("l:lead/home/tags/tag", "Tile"),
        ]));
        let keys: std::collections::HashSet<String> = world.sent().into_iter().map(|call| call.key).collect();
        assert_eq!(keys.len(), 5, "a GET carries its key as well");
    }

    async fn a_repeated_post_is_the_same_bytes(store: TestStore) {
        let busy = |_: &str, nth: usize| if nth == 0 { (503, json!({})) } else { yes() };
        let world = World::new(store, Run::Twice, busy).await;
        let campaign = world.campaign("AAA", config(&world, &json!({"format": "multipart"}))).await;
        let lead = world.submit(campaign, json!({"paper": "https://files.example/1.pdf"})).await.lead_id;
        world.settle().await;
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
        let calls = world.sent();
        assert_eq!(calls.len(), 2);
        assert_eq!((&calls[0].raw, &calls[0].content_type, &calls[0].key),
            (&calls[1].raw, &calls[1].content_type, &calls[1].key));
    }

    async fn an_answer_in_xml_sells_the_lead_and_names_its_price(store: TestStore) {
        let answer = "<r xmlns='urn:x'><lead status='taken' id='X-9'/><price>7.25</price></r>";
        let world = World::new(store, Run::Plain, move |_, _| (200, json!(answer))).await;
        let mut config = config(&world, &json!({"format": "xml"}));
        config["endpoints"][0]["response"] = json!({
            "rules": [{"outcome": "delivered", "when": {"xmlPath": {"path": "/r/lead/@status", "equals": "taken"}}}],
            "buyerLeadId": {"xmlPath": "/r/lead/@id"},
            "price": {"from": {"xmlPath": "//price"}, "currency": "USD"},
        });
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!(row.status, Status::Delivered);
        let attempts = shared::store::leads::attempts(&world.store.db, world.workspace, row.id).await.unwrap();
        assert_eq!(attempts[0].buyer_lead_id.as_deref(), Some("X-9"));
        assert_eq!(attempts[0].price_minor, Some(725));
    }

    async fn a_lead_that_no_url_can_carry_is_not_sent(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", config(&world, &json!({"method": "GET", "format": "form"}))).await;
        let lead = world.submit(campaign, json!({"note": "x".repeat(7_000)})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.status, row.reason_code.as_deref()), (Status::Disqualified, Some("payload_value")));
        assert!(row.reason.as_ref().unwrap().contains("a GET carries at most"), "{:?}", row.reason);
        assert_eq!(world.calls(), Vec::<String>::new());
    }
}
