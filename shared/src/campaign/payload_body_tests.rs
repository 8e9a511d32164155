//! Body formats, read back by parsers that are not ours.
use super::*;
use crate::campaign::config::EndpointConfig;
use crate::campaign::payload_body_check::check_body;
use proptest::prelude::*;
use quick_xml::{Reader, XmlVersion, events::Event};
use serde_json::json;
use url::form_urlencoded;

const KEY: &str = "lr_0123";

fn endpoint(more: &Value) -> EndpointConfig {
    let mut config = json!({"id": "a", "name": "A", "url": "https://a.example", "response": {}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(config).unwrap()
}

fn written(more: Value, document: &Value) -> Body {
    endpoint(&more).writing().write(document, KEY).unwrap()
}

fn document() -> Value {
    json!({"name": "Zoë & <Co>", "n": 1.5, "yes": true, "none": null, "tags": ["a", "b"], "empty": [],
        "home": {"zip": "1", "cars": [{"make": "x"}, {"make": "y"}]}})
}

#[test]
fn each_format_writes_the_same_document_in_its_own_way() {
    for (more, content_type, text) in [
        (
            json!({}),
            "application/json",
            r#"{"name":"Zoë & <Co>","n":1.5,"yes":true,"none":null,"tags":["a","b"],"empty":[],"home":{"zip":"1","cars":[{"make":"x"},{"make":"y"}]}}"#,
        ),
        (
            json!({"format": "form"}),
            "application/x-www-form-urlencoded",
            "name=Zo%C3%AB+%26+%3CCo%3E&n=1.5&yes=true&none=&tags=a&tags=b&home%5Bzip%5D=1&home%5Bcars%5D%5B0%5D%5Bmake%5D=x&home%5Bcars%5D%5B1%5D%5Bmake%5D=y",
        ),
        (
            json!({"format": "form", "form": {"nesting": "dots", "arrays": "brackets"}}),
            "application/x-www-form-urlencoded",
            "name=Zo%C3%AB+%26+%3CCo%3E&n=1.5&yes=true&none=&tags%5B%5D=a&tags%5B%5D=b&home.zip=1&home.cars.0.make=x&home.cars.1.make=y",
        ),
        (
            json!({"format": "xml"}),
            "application/xml; charset=utf-8",
            r#"<?xml version="1.0" encoding="UTF-8"?><lead><name>Zoë &amp; &lt;Co&gt;</name><n>1.5</n><yes>true</yes><none></none><tags>a</tags><tags>b</tags><home><zip>1</zip><cars><make>x</make></cars><cars><make>y</make></cars></home></lead>"#,
        ),
        (
            json!({"format": "xml", "xml": {"root": "s:Body", "itemName": "item", "declaration": false,
                "attributes": {"xmlns:s": "urn:a\"b"}, "contentType": "text/xml"}}),
            "text/xml; charset=utf-8",
            r#"<s:Body xmlns:s="urn:a&quot;b"><name>Zoë &amp; &lt;Co&gt;</name><n>1.5</n><yes>true</yes><none></none><tags><item>a</item><item>b</item></tags><empty></empty><home><zip>1</zip><cars><item><make>x</make></item><item><make>y</make></item></cars></home></s:Body>"#,
        ),
    ] {
        let body = written(more.clone(), &document());
        assert_eq!(body.content_type.as_deref(), Some(content_type), "{more}");
        assert_eq!((body.text.as_str(), body.query), (text, None), "{more}");
    }
}

#[test]
fn a_get_carries_the_form_in_its_query_or_says_that_it_is_too_long() {
    let get = json!({"method": "GET", "format": "form"});
    let body = written(get.clone(), &json!({"a": "x y", "b": ["1", "2"]}));
    assert_eq!(
        body,
        Body { content_type: None, text: String::new(), query: Some("a=x+y&b=1&b=2".into()) }
    );
    let fits = json!({"a": "x".repeat(QUERY_MAX_BYTES - 2)});
    assert!(endpoint(&get).writing().write(&fits, KEY).is_ok());
    let long = json!({"a": "x".repeat(QUERY_MAX_BYTES - 1)});
    let why = endpoint(&get).writing().write(&long, KEY).unwrap_err();
    assert!(why.contains("6145 bytes") && why.contains("6144"), "{why}");
}

#[test]
fn keys_with_an_at_sign_are_attributes_and_odd_names_are_mended() {
    let document = json!({"@id": 7, "@gone": null, "2nd name": "x", "a b": {"@c": "1 < 2\n", "t": "\u{1}y\r\n\u{b}"},
        "@no name": "z", "deep": [[1, 2]]});
    let settings = json!({"format": "xml", "xml": {"declaration": false}});
    assert_eq!(
        written(settings, &document).text,
        "<lead id=\"7\"><_2nd_name>x</_2nd_name><a_b c=\"1 &lt; 2&#10;\"><t>y&#13;\n</t></a_b>\
         <_no_name>z</_no_name><deep><item>1</item><item>2</item></deep></lead>"
    );
}

#[test]
fn what_does_not_fit_together_is_refused_at_the_place() {
    let tree = |nodes: Value| json!({"format": "xml", "payload": {"nodes": nodes}});
    let field = |key: &str| json!({"kind": "field", "key": key, "value": "x"});
    for (more, path, says) in [
        (json!({"method": "GET"}), "e.format", "a GET carries"),
        (json!({"method": "GET", "format": "xml"}), "e.format", "is `xml`"),
        (json!({"form": {}}), "e.form", "not for `json`"),
        (json!({"format": "form", "xml": {}}), "e.xml", "not for `form`"),
        (json!({"format": "xml", "xml": {"root": "1a"}}), "e.xml.root", "is no XML name"),
        (json!({"format": "xml", "xml": {"root": "XmlLead"}}), "e.xml.root", "is no XML name"),
        (json!({"format": "xml", "xml": {"itemName": "a b"}}), "e.xml.itemName", "is no XML name"),
        (
            json!({"format": "xml", "xml": {"attributes": {"a b": ""}}}),
            "e.xml.attributes.a b",
            "XML name",
        ),
        (
            json!({"format": "xml", "xml": {"attributes": {"a": "\u{1}"}}}),
            "e.xml.attributes.a",
            "control",
        ),
        (tree(json!([field("a>")])), "e.payload.nodes[0].key", "is no XML name"),
        (tree(json!([field("@1")])), "e.payload.nodes[0].key", "behind its @"),
        (
            tree(json!([{"kind": "object", "key": "@a", "children": []}])),
            "e.payload.nodes[0].key",
            "is a field",
        ),
        (
            tree(
                json!([{"kind": "array", "key": "a", "items": [{"kind": "object", "children": [field("a:b:c")]}]}]),
            ),
            "e.payload.nodes[0].items[0].children[0].key",
            "is no XML name",
        ),
        (
            json!({"format": "xml", "xml": {"attributes": {"id": "1"}}, "payload": {"nodes": [field("@id")]}}),
            "e.payload.nodes[0].key",
            "sets already",
        ),
    ] {
        let mut problems = Vec::new();
        check_body(&endpoint(&more), "e", &mut problems);
        let found: Vec<_> =
            problems.iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert_eq!(found[0].0, path, "{more}");
        assert!(found[0].1.contains(says), "{more}: {found:?}");
    }
    for good in [
        json!({"format": "form"}),
        json!({"format": "multipart", "form": {"nesting": "dots"}}),
        json!({"method": "GET", "format": "form", "form": {}}),
        json!({"format": "xml", "xml": {"root": "soap:Envelope", "attributes": {"xmlns:soap": "urn:x"}}}),
    ] {
        let mut problems = Vec::new();
        check_body(&endpoint(&good), "e", &mut problems);
        assert_eq!(problems, [], "{good}");
    }
}

#[test]
fn a_file_is_sent_as_its_url_in_every_format() {
    let nodes = json!({"nodes": [
        {"kind": "field", "key": "id", "source": "file.id_card", "type": "file"},
        {"kind": "field", "key": "bill", "source": "custom.bill", "type": "file"},
    ]});
    let url = "https://files.example/id.pdf?a=1&b=2";
    let view = json!({"file": {"id_card": {"fileKey": "id_card", "documentUrl": url}}, "custom": {"bill": url}});
    let config = endpoint(&json!({"format": "multipart", "payload": nodes}));
    let sent = config.payload.render(&view).unwrap();
    assert_eq!(sent, json!({"id": url, "bill": url}));
    for wrong in [
        json!({"file": {"id_card": {"fileKey": "id_card"}}}),
        json!({"file": {"id_card": "passport"}}),
        json!({"file": {"id_card": ["https://a.example"]}}),
        json!({"file": {"id_card": {"documentUrl": "javascript:alert(1)"}}}),
    ] {
        let errors = config.payload.render(&wrong).unwrap_err();
        assert!(errors[0].message.contains("documentUrl"), "{wrong}: {errors:?}");
    }
}

#[tokio::test]
async fn multipart_is_read_back_and_the_same_bytes_each_time() {
    let odd =
        json!({"a\"b\r\n": "x\r\n--leadrail\r\n", "tags": ["a", "ö"], "n": {"m": 1}, "none": null});
    let more = json!({"format": "multipart"});
    let body = written(more.clone(), &odd);
    assert_eq!(body, written(more, &odd), "the same bytes");
    assert_eq!(
        parts(&body).await,
        [
            ("a%22b%0D%0A", "x\r\n--leadrail\r\n"),
            ("tags", "a"),
            ("tags", "ö"),
            ("n[m]", "1"),
            ("none", "")
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn a_value_that_holds_the_boundary_gets_another_boundary() {
    let first = written(json!({"format": "multipart"}), &json!({"a": "x"}));
    let boundary = first.content_type.unwrap().rsplit('=').next().unwrap().to_owned();
    let sly = format!("x\r\n--{boundary}--\r\ny");
    let body = written(json!({"format": "multipart"}), &json!({"a": sly}));
    assert_eq!(parts(&body).await, [("a".to_owned(), sly)]);
}

async fn parts(body: &Body) -> Vec<(String, String)> {
    let boundary = multer::parse_boundary(body.content_type.as_deref().unwrap()).unwrap();
    let bytes = bytes::Bytes::from(body.text.clone());
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    let mut reader = multer::Multipart::new(stream, boundary);
    let mut found = Vec::new();
    while let Some(part) = reader.next_field().await.unwrap() {
        let name = part.name().unwrap().to_owned();
        found.push((name, part.text().await.unwrap()));
    }
    found
}

/// Any document a lead can lead to: keys are XML names, so that they come back unchanged.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = "[a-w_][A-Za-z0-9_.-]{0,5}";
    let tree = leaf.prop_recursive(3, 24, 4, move |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inside), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    });
    prop::collection::vec((key, tree), 0..4)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

/// What an XML reader sees: a line for each element that begins or ends, and its text.
fn seen(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut lines = vec![String::new()];
    loop {
        let last = lines.last_mut().unwrap();
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                lines.push(format!("<{}", String::from_utf8(start.name().0.to_vec()).unwrap()));
                let attributes = start.attributes().map(|a| {
                    a.unwrap().normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned()
                });
                lines.extend(attributes);
                lines.push(String::new());
            }
            Event::End(_) => lines.extend([">".to_owned(), String::new()]),
            Event::Text(text) => last.push_str(&text.xml10_content().unwrap()),
            Event::GeneralRef(name) => match name.resolve_char_ref().unwrap() {
                Some(sign) => last.push(sign),
                None => last.push_str(
                    quick_xml::escape::resolve_xml_entity(&name.decode().unwrap()).unwrap(),
                ),
            },
            Event::Eof => return lines.into_iter().filter(|line| !line.is_empty()).collect(),
            other => panic!("{other:?}"),
        }
    }
}

/// The same lines, made from the document without any XML.
fn expected(name: &str, value: &Value, lines: &mut Vec<String>) {
    lines.push(format!("<{name}"));
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| expected(key, value, lines)),
        Value::Array(items) => items.iter().for_each(|item| expected("i", item, lines)),
        Value::String(text) => {
            let kept = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{7f}'..);
            let kept = text.chars().filter(kept).filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
            lines.push(kept.collect());
        }
        Value::Null => {}
        scalar => lines.push(scalar.to_string()),
    }
    lines.push(">".to_owned());
}

proptest! {
    #[test]
    fn xml_comes_back_as_it_was(document in documents()) {
        let settings = json!({"format": "xml", "xml": {"declaration": false, "itemName": "i"}});
        let xml = written(settings, &document).text;
        let mut wanted = Vec::new();
        expected("lead", &document, &mut wanted);
        wanted.retain(|line| !line.is_empty());
        prop_assert_eq!(seen(&xml), wanted);
        prop_assert!(crate::campaign::xml_path::Document::parse(&xml).is_some(), "our own reader reads it");
    }

    #[test]
    fn forms_come_back_as_they_were(document in documents(), dots in any::<bool>()) {
        let nesting = if dots { "dots" } else { "brackets" };
        let body = written(json!({"format": "form", "form": {"nesting": nesting}}), &document);
        let back: Vec<(String, String)> = form_urlencoded::parse(body.text.as_bytes()).into_owned().collect();
        let form = FormSettings { nesting: if dots { Nesting::Dots } else { Nesting::Brackets }, ..Default::default() };
        prop_assert_eq!(back, pairs(&document, form));
    }

    #[test]
    fn no_document_makes_xml_that_no_parser_reads(keys in prop::collection::vec(".{0,6}", 0..5), text in ".{0,9}") {
        let document = Value::Object(keys.into_iter().map(|key| (key, json!(text))).collect());
        let xml = written(json!({"format": "xml"}), &document).text;
        prop_assert!(crate::campaign::xml_path::Document::parse(&xml).is_some(), "{}", xml);
    }
}
