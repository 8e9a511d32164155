//! Contacts found by a search text or a rule: pages, counts, both faces, refusals, other workspaces, plans.
use crate::support::{World, add_key, noon, world};
use serde_json::{Value, json};
use shared::{
    contact::{
        PropertyKind,
        form::{Form, Patch},
    },
    ids::PropertyId,
    plan::Plan,
    store::{
        contacts::upsert::{self, Upsert},
        properties::{self, Property},
        workspaces,
    },
};

const CONTACTS: &str = "/api/v1/contacts";
const SEARCH: &str = "/api/v1/contacts/search";
const PARSE: &str = "/api/v1/search/parse";

fn ada() -> Value {
    json!({"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "company": "Analytical Engines",
        "state": "CA", "dateOfBirth": "1990-11-21", "tags": ["vip"], "properties": {"tier": "Gold"}})
}

fn people() -> Vec<Value> {
    vec![
        ada(),
        json!({"firstName": "Alan", "lastName": "Turing", "email": "alan@example.com", "state": "NY"}),
        json!({"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.org", "state": "CA",
            "properties": {"tier": "Silver"}}),
    ]
}

/// Stores contacts, one after the other; answers nothing.
async fn know(world: &World, people: Vec<Value>) {
    for person in people {
        let mut fields = person.as_object().unwrap().clone();
        let own = fields.remove("properties").unwrap_or(json!({}));
        let patch = Patch { fields, properties: own.as_object().unwrap().clone() };
        let form = Form { id: None, revision: None, patch };
        let (workspace, at) = (world.workspace, world.clock.now());
        let call = Upsert { workspace, form, source: "api", by: "test".into(), at };
        let answers = upsert::many(&world.db, &[call]).await.unwrap();
        assert!(answers[0].is_ok(), "{answers:?}");
    }
}

async fn property(world: &World, key: &str, indexed: bool) {
    let property = Property {
        id: PropertyId::new(),
        key: key.into(),
        name: key.into(),
        description: String::new(),
        kind: PropertyKind::Text,
        indexed,
        created_at: noon(),
        updated_at: noon(),
    };
    let made = properties::create(&world.db, world.workspace, &property).await.unwrap();
    assert_eq!(made, properties::Created::Yes);
}

/// The first names on a page, sorted.
fn names(answer: &crate::support::Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json["data"]["items"].as_array().unwrap();
    let mut names: Vec<String> =
        items.iter().map(|one| one["firstName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn listed(world: &World, text: &str) -> Vec<String> {
    let mut url = url::form_urlencoded::Serializer::new(format!("{CONTACTS}?"));
    let url = url.append_pair("q", text).finish();
    names(&world.get(&url).await)
}

#[tokio::test]
async fn contacts_are_listed_and_found_by_text() {
    let world = world().await;
    know(&world, people()).await;
    assert_eq!(names(&world.get(CONTACTS).await), ["Ada", "Alan", "Grace"]);
    for (text, found) in [
        ("", vec!["Ada", "Alan", "Grace"]),
        ("ada", vec!["Ada"]),
        ("ada turing", vec![]),
        ("LOVELACE engines", vec!["Ada"]),
        ("\"ada lovelace\"", vec!["Ada"]),
        ("\"analytical engines\"", vec!["Ada"]),
        ("\"lovelace ada\"", vec![]),
        ("-\"ada lovelace\"", vec!["Alan", "Grace"]),
        ("Tur*", vec!["Alan"]),
        ("Tur?ng", vec!["Alan"]),
        ("state:CA", vec!["Ada", "Grace"]),
        ("state:CA -grace", vec!["Ada"]),
        ("state:(CA, NY) com", vec!["Ada", "Alan"]),
        ("state:NY OR tag:VIP", vec!["Ada", "Alan"]),
        ("-state:CA", vec!["Alan"]),
        ("-has:company", vec!["Alan", "Grace"]),
        ("age:36..40 birthday:today", vec!["Ada"]),
        ("created:today", vec!["Ada", "Alan", "Grace"]),
        ("created:>1d", vec![]),
        ("event:page_visit=0", vec!["Ada", "Alan", "Grace"]),
        ("event:page_visit", vec![]),
        ("segment:seg_00000000000000000000000000", vec![]),
    ] {
        assert_eq!(listed(&world, text).await, found, "{text}");
    }
    let first = world.get(&format!("{CONTACTS}?limit=2")).await;
    let next = format!("{CONTACTS}?limit=2&cursor={}", first.data("nextCursor"));
    let second = world.get(&next).await;
    let mut all = names(&first);
    all.extend(names(&second));
    all.sort();
    assert_eq!(all, ["Ada", "Alan", "Grace"]);
    assert_eq!(second.json["data"]["nextCursor"], json!(null));
}

#[tokio::test]
async fn a_search_answers_both_faces_and_a_count() {
    let world = world().await;
    know(&world, people()).await;
    let by_text = json!({"query": "state:CA   AND age>=18", "count": true, "limit": 1});
    let answer = world.post(SEARCH, by_text).await;
    assert_eq!(names(&answer), ["Ada"]);
    let data = &answer.json["data"];
    insta::assert_snapshot!(json!({"total": data["total"], "query": data["query"], "rule": data["rule"], "hasMore": data["hasMore"]}), @r#"{"total":{"count":1,"exact":true},"query":"state:CA age>=18","rule":{"combinator":"and","not":false,"rules":[{"field":"contact.state","operator":"equals","value":"CA"},{"field":"contact.age","operator":"greaterOrEqual","value":18}]},"hasMore":false}"#);
    let by_rule = json!({"rule": {"field": "contact.state", "operator": "isAnyOf", "value": ["CA"]}, "limit": 1});
    let answer = world.post(SEARCH, by_rule.clone()).await;
    let data = &answer.json["data"];
    assert_eq!((&data["query"], &data["total"]), (&json!("state:(CA)"), &json!(null)));
    assert_eq!((&data["rule"]["operator"], &data["hasMore"]), (&json!("in"), &json!(true)));
    let mut next = by_rule;
    next["cursor"] = data["nextCursor"].clone();
    let second = world.post(SEARCH, next).await;
    let mut both = names(&answer);
    both.extend(names(&second));
    both.sort();
    assert_eq!(both, ["Ada", "Grace"]);
    assert_eq!(second.json["data"]["hasMore"], json!(false));
}

#[tokio::test]
async fn a_contact_is_found_as_it_is_shown() {
    let world = world().await;
    know(&world, vec![ada()]).await;
    let answer = world.post(SEARCH, json!({"query": "ada"})).await;
    let found = &answer.json["data"]["items"][0];
    assert_eq!(found["properties"], json!({"tier": "Gold"}));
    assert_eq!((&found["status"], &found["tags"]), (&json!("active"), &json!(["vip"])));
}

#[tokio::test]
async fn refusals_name_the_place() {
    let world = world().await;
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({"query": "ada", "rule": {"field": "contact.state", "operator": "isEmpty"}}),
        json!({"query": "stat:CA age:old"}),
        json!({"query": "(ada"}),
        json!({"query": ""}),
        json!({"rule": {"combinator": "and", "rules": [{"field": "lead.email", "operator": "isEmpty"}]}}),
        json!({"query": "zip:inValueSet(nowhere)"}),
        json!({"query": "ada", "limit": 0}),
        json!({"query": "ada", "offset": 5}),
    ] {
        lines.push(world.post(SEARCH, body).await.refusal());
    }
    lines.push(world.get(&format!("{CONTACTS}?q=OR")).await.refusal());
    lines.push(world.get(&format!("{CONTACTS}?limit=101")).await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: query give either query, a search text, or rule, a condition tree
      query | give either query, a search text, or rule, a condition tree
    422 VALIDATION_ERROR: query give either query, a search text, or rule, a condition tree
      query | give either query, a search text, or rule, a condition tree
    422 VALIDATION_ERROR: the request has 2 problems
      query | at character 0: unknown field `contact.stat`, did you mean `contact.state` or `contact.status` or `contact.street`; no indexed property has this name either; put it in quotation marks to search for the text itself
      query | at character 12: the value must be a number
    422 VALIDATION_ERROR: query at character 0: this bracket is not closed
      query | at character 0: this bracket is not closed
    422 VALIDATION_ERROR: query at character 0: the search is empty
      query | at character 0: the search is empty
    422 VALIDATION_ERROR: rule.rules[0].field unknown field `lead.email`, did you mean `contact.email`
      rule.rules[0].field | unknown field `lead.email`, did you mean `contact.email`
    422 VALIDATION_ERROR: query there is no value set `nowhere` in this workspace
      query | there is no value set `nowhere` in this workspace
    422 VALIDATION_ERROR: limit must be a number from 1 to 100
      limit | must be a number from 1 to 100
    422 VALIDATION_ERROR: offset is not a known field; known here: `query`, `rule`, `includeDeleted`, `limit`, `cursor`, `count`
      offset | is not a known field; known here: `query`, `rule`, `includeDeleted`, `limit`, `cursor`, `count`
    422 VALIDATION_ERROR: q at character 0: OR stands where it cannot: a word, a "phrase", a condition such as state:CA, or a group in brackets is wanted here
      q | at character 0: OR stands where it cannot: a word, a "phrase", a condition such as state:CA, or a group in brackets is wanted here
    422 VALIDATION_ERROR: limit must be a number from 1 to 100
      limit | must be a number from 1 to 100
    "#);
}

#[tokio::test]
async fn a_search_is_looked_through_without_being_made() {
    let world = world().await;
    property(&world, "tier", true).await;
    let parse = async |body: Value| world.post(PARSE, body).await.json["data"].clone();
    let lines = [
        parse(json!({"query": "tier:Gold OR ada lovelace"})).await,
        parse(json!({"rule": {"combinator": "and", "not": true, "rules": [
            {"field": "property.tier", "operator": "is", "value": "Gold"}]}}))
        .await,
        parse(json!({"query": "tier:Gold OR"})).await,
        parse(json!({"rule": {"combinator": "and", "rules": [{"field": "contact.age", "operator": "contains", "value": "x"}]}}))
            .await,
    ];
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"query":"tier:Gold OR ada lovelace","rule":{"combinator":"or","not":false,"rules":[{"field":"property.tier","operator":"equals","value":"Gold"},{"field":"contact.words","operator":"containsAllWords","value":"ada lovelace"}]},"noQuery":null,"problems":[]}
    {"query":"-tier:Gold","rule":{"combinator":"and","not":true,"rules":[{"field":"property.tier","operator":"equals","value":"Gold"}]},"noQuery":null,"problems":[]}
    {"query":null,"rule":null,"noQuery":null,"problems":[{"position":12,"path":null,"message":"the search ends where it cannot: a word, a \"phrase\", a condition such as state:CA, or a group in brackets is wanted here"}]}
    {"query":null,"rule":null,"noQuery":null,"problems":[{"position":null,"path":"rules[0].operator","message":"`contains` does not apply to `contact.age`, which is of type number; it applies to text, list, any"}]}
    "#);
    let both = world.post(PARSE, json!({"query": "a", "rule": {}})).await;
    assert_eq!((both.status, both.code()), (422, "VALIDATION_ERROR"));
}

#[tokio::test]
async fn custom_properties_are_searched_by_those_whose_plan_has_it() {
    let world = world().await;
    property(&world, "tier", true).await;
    property(&world, "hidden", false).await;
    know(&world, people()).await;
    let body = json!({"query": "tier:gold"});
    let barred = world.post(SEARCH, body.clone()).await;
    let listed = world.get(&format!("{CONTACTS}?q=tier:gold")).await;
    let rule = json!({"rule": {"combinator": "or", "rules": [{"field": "property.tier", "operator": "isEmpty"}]}});
    let by_rule = world.post(SEARCH, rule).await;
    for refused in [&listed, &by_rule] {
        assert_eq!((refused.status, refused.code()), (403, "PLAN_REQUIRED"));
    }
    insta::assert_snapshot!(barred.refusal(), @"403 PLAN_REQUIRED: searches that read custom properties need the plan enterprise; this workspace has the plan standard");
    workspaces::set_plan(&world.db, world.workspace, Plan::Enterprise, noon()).await.unwrap();
    assert_eq!(names(&world.post(SEARCH, body).await), ["Ada"]);
    let hidden = world.post(SEARCH, json!({"query": "hidden:x"})).await;
    assert_eq!((hidden.status, hidden.code()), (422, "VALIDATION_ERROR"), "it is not indexed");
}

#[tokio::test]
async fn others_find_nothing_of_it_and_weak_keys_nothing_at_all() {
    let world = world().await;
    know(&world, people()).await;
    let theirs =
        world.ask_as(&world.stranger, "POST", SEARCH).json(json!({"query": "ada", "count": true}));
    let theirs = theirs.send().await;
    assert_eq!(names(&theirs), Vec::<String>::new());
    assert_eq!(theirs.json["data"]["total"], json!({"count": 0, "exact": true}));
    let theirs = world.ask_as(&world.stranger, "GET", CONTACTS).send().await;
    assert_eq!(names(&theirs), Vec::<String>::new());
    let weak = add_key(&world.db, world.workspace, &["campaigns:read"], None).await;
    for (method, url) in [("GET", CONTACTS), ("POST", SEARCH), ("POST", PARSE)] {
        let answer = world.ask_as(&weak, method, url).json(json!({"query": "ada"})).send().await;
        assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{url}");
    }
}
