//! Imports: a file comes in in any slices, is looked at, brought in, and what was not taken comes back as a file.
use crate::support::{Answer, World, world};
use axum::{
    Router,
    body::{Body, Bytes},
    http::Request,
};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::{
    import::Limits,
    store::{imports, lead_process},
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tower::ServiceExt;

const FILE: &str = "Given Name,E-Mail,Cell,Roof,Shoe Size\n\
    Ada,ada@example.com,(415) 555-0100,\"flat, old\",38\n\
    =Bob,no address,(415) 555-0101,steep,44\n\
    Cy,cy@example.com,(415) 555-0102,,41\n";

/// An import of leads into SOL; its id.
async fn created(world: &World, more: Value) -> String {
    let mut body = json!({"fileName": "fair.csv", "fallbackCampaignId": "SOL"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = world.post("/api/v1/imports", body).await;
    assert_eq!((answer.status, answer.data("state").as_str()), (201, "uploading"), "{answer:?}");
    answer.data("importId")
}

fn url(import: &str, rest: &str) -> String {
    format!("/api/v1/imports/{import}{rest}")
}

fn slices(text: &str, size: usize) -> Body {
    let slices: Vec<Result<Bytes, Infallible>> =
        text.as_bytes().chunks(size).map(|slice| Ok(Bytes::copy_from_slice(slice))).collect();
    Body::from_stream(stream::iter(slices))
}

async fn put(world: &World, import: &str, body: impl Into<Body>) -> Answer {
    let ask = world.ask("PUT", &url(import, "/file")).raw(body);
    ask.header("content-type", "text/csv; charset=utf-8").send().await
}

/// What a router with other limits answers.
async fn put_to(router: &Router, world: &World, import: &str, body: Body) -> (u16, Value) {
    let request = Request::put(url(import, "/file")).header("x-api-key", &world.key);
    let request = request.header("content-type", "text/csv").body(body).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// The rows that were not taken, as text.
async fn errors(world: &World, import: &str) -> String {
    let request = Request::get(url(import, "/errors")).header("x-api-key", &world.key);
    let response =
        world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Does what a worker does, until nothing is due.
async fn work(world: &World) {
    loop {
        let due = imports::due(&world.db, world.clock.now(), 10).await.unwrap();
        if due.is_empty() {
            return;
        }
        for (import, generation) in due {
            imports::work(&world.db, import, generation, &world.clock).await.unwrap();
        }
    }
}

async fn start(world: &World, import: &str) -> Value {
    let started = world.post(&url(import, "/start"), json!({})).await;
    assert_eq!((started.status, started.data("state").as_str()), (202, "running"), "{started:?}");
    work(world).await;
    world.get(&url(import, "")).await.json["data"].clone()
}

fn counts(import: &Value) -> String {
    let names = ["rows", "done", "percent", "created", "updated", "unchanged", "skipped", "failed"];
    names.map(|name| format!("{name} {}", import[name])).join(", ")
}

async fn events(world: &World, id: &str) -> Vec<String> {
    let told = "SELECT action FROM audit_event WHERE object_id = $1 ORDER BY id";
    let told: Vec<(String,)> = world.db.read().sql(told).bind(id).all().await.unwrap();
    told.into_iter().map(|(action,)| action).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_file_is_uploaded_looked_at_brought_in_mended_and_taken_back() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let import = created(&world, json!({})).await;
    let uploaded = put(&world, &import, slices(FILE, 7)).await;
    assert_eq!(uploaded.status, 200, "{uploaded:?}");
    let data = &uploaded.json["data"];
    assert_eq!(data["columns"], json!(["Given Name", "E-Mail", "Cell", "Roof", "Shoe Size"]));
    assert_eq!(
        (&data["rows"], &data["state"], &data["delimiter"]),
        (&json!(3), &json!("ready"), &json!(","))
    );
    assert_eq!(
        data["sample"][0],
        json!(["Ada", "ada@example.com", "(415) 555-0100", "flat, old", "38"])
    );
    assert_eq!(data["leftOut"], json!(["Roof", "Shoe Size"]));
    assert_eq!(data["problems"], json!([]));
    let mut mapping = data["suggestedMapping"].clone();
    mapping.as_array_mut().unwrap().push(json!({"column": "Roof", "field": "questionnaire.roof"}));
    mapping.as_array_mut().unwrap().push(json!({"column": "Hat", "field": "hat"}));
    let change = async |body| world.ask("PATCH", &url(&import, "")).json(body).send().await;
    insta::assert_snapshot!(change(json!({"mapping": mapping})).await.refusal(), @r#"
    422 VALIDATION_ERROR: the request has 2 problems
      mapping[4].column | `Hat` is no column of the file
      mapping[4].field | `hat`: is no field of a lead; known here: `campaignId`, `leadId`, `firstName`, `lastName`, `email`, `phone`, `dateOfBirth`, `country`, `timezone`, `isTest`, `notes`, `address.…`, `questionnaire.<key>`, `custom.<key>`, `attribution.…`, `attribution.params.<key>`, `compliance.<key>`, `file.<key>`
    "#);
    mapping.as_array_mut().unwrap().pop();
    assert_eq!(change(json!({"mapping": mapping})).await.status, 200);
    let checked = world.post(&url(&import, "/check?rows=2"), json!({})).await;
    let data = &checked.json["data"];
    assert_eq!(
        (&data["rows"], &data["created"], &data["failed"]),
        (&json!(2), &json!(1), &json!(1)),
        "{checked:?}"
    );
    assert_eq!(data["errors"][0]["row"], 2);
    let done = start(&world, &import).await;
    assert_eq!(done["state"], "done", "{done}");
    insta::assert_snapshot!(counts(&done), @"rows 3, done 3, percent 100, created 2, updated 0, unchanged 0, skipped 0, failed 1");
    let leads = world.get("/api/v1/leads").await;
    assert_eq!(leads.json["data"]["items"].as_array().unwrap().len(), 2);
    assert_eq!(leads.json["data"]["items"][0]["status"], "new", "{leads:?}");

    let file = errors(&world, &import).await;
    insta::assert_snapshot!(file, @r#"
    Given Name,E-Mail,Cell,Roof,Shoe Size,importRow,importProblems
    '=Bob,no address,(415) 555-0101,steep,44,2,E-Mail: is not an email address; it looks like name@example.com
    "#);
    // The same file again is a mistake; the mended rows are not.
    let again = created(&world, json!({})).await;
    let known = put(&world, &again, FILE).await;
    assert_eq!((known.status, known.code()), (409, "CONFLICT"), "{known:?}");
    assert_eq!(
        put(&world, &again, file.replace("no address", "bob@example.com")).await.status,
        200
    );
    let mended = start(&world, &again).await;
    insta::assert_snapshot!(counts(&mended), @"rows 1, done 1, percent 100, created 1, updated 0, unchanged 0, skipped 0, failed 0");

    let undone = world.post(&url(&import, "/undo"), json!({})).await;
    assert_eq!((undone.status, undone.data("state").as_str()), (202, "undoing"), "{undone:?}");
    work(&world).await;
    assert_eq!(world.get(&url(&import, "")).await.data("state"), "undone");
    let over = world.post(&url(&import, "/cancel"), json!({})).await;
    assert_eq!((over.status, over.code()), (409, "CONFLICT"));
    assert_eq!(
        events(&world, &import).await,
        ["import.created", "import.started", "import.undone"]
    );
    let listed = world.get("/api/v1/imports?limit=1").await;
    assert_eq!(listed.json["data"]["items"][0]["importId"], json!(again));
    assert_eq!(listed.json["data"]["hasMore"], true);
}

#[tokio::test]
async fn a_file_that_is_not_taken_leaves_the_import_waiting_for_another() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let import = created(&world, json!({})).await;
    let early = world.post(&url(&import, "/start"), json!({})).await;
    assert_eq!((early.status, early.code()), (409, "CONFLICT"));
    let wrong = world.ask("PUT", &url(&import, "/file")).raw(FILE).send().await;
    assert_eq!((wrong.status, wrong.code()), (415, "UNSUPPORTED_MEDIA_TYPE"));
    for broken in ["", "a,a\n1,2\n", "a,b\n\"never closed,2\n"] {
        let answer = put(&world, &import, broken).await;
        assert_eq!((answer.status, answer.code()), (422, "VALIDATION_ERROR"), "{answer:?}");
    }
    let mut api = world.api();
    api.settings.uploads.idle = Duration::from_millis(50);
    api.settings.uploads.limits = Limits { bytes: 1_000, ..Limits::default() };
    let small = api::router(Arc::new(api));
    let (status, said) = put_to(&small, &world, &import, slices(&FILE.repeat(9), 100)).await;
    assert_eq!((status, &said["error"]["code"]), (413, &json!("BODY_TOO_LARGE")));
    // The caller falls silent; the connection breaks.
    let some = || stream::iter([Ok::<_, std::io::Error>(Bytes::from(FILE))]);
    let silent = Body::from_stream(some().chain(stream::pending()));
    let (status, said) = put_to(&small, &world, &import, silent).await;
    assert_eq!((status, &said["error"]["code"]), (400, &json!("UNREADABLE")), "{said}");
    let cut = stream::iter([Err(std::io::Error::other("reset"))]);
    let (status, said) =
        put_to(&small, &world, &import, Body::from_stream(some().chain(cut))).await;
    assert_eq!((status, &said["error"]["code"]), (400, &json!("UNREADABLE")), "{said}");
    let parts: i64 = world
        .db
        .read()
        .sql("SELECT COUNT(*) FROM import_part WHERE import_id = $1")
        .bind(shared::ids::ImportId::parse(&import).unwrap())
        .scalar()
        .await
        .unwrap();
    assert_eq!((world.get(&url(&import, "")).await.data("state"), parts), ("uploading".into(), 0));
    assert_eq!(put(&world, &import, FILE).await.status, 200);
    assert_eq!(world.ask("DELETE", &url(&import, "")).send().await.status, 204);
    assert_eq!(world.get(&url(&import, "")).await.status, 404);
}

#[tokio::test]
async fn a_full_database_keeps_nothing_of_a_file_and_says_so() {
    let world = world().await;
    if world.db.engine() == shared::store::dialect::Engine::Postgres {
        return; // its disk is not ours to fill
    }
    world.campaign("SOL", json!({})).await;
    let import = created(&world, json!({})).await;
    let row = format!("Ada,ada@example.com,4155550100,{},1\n", "x".repeat(900));
    let file = format!("Given Name,E-Mail,Cell,Roof,Shoe Size\n{}", row.repeat(4_000));
    let pages: i64 = world.db.read().sql("PRAGMA page_count").scalar().await.unwrap();
    let limit =
        |pages: i64| world.db.write().made(format!("PRAGMA max_page_count = {pages}")).run();
    limit(pages + 500).await.unwrap(); // 2 MB of the file's 4
    let full = put(&world, &import, slices(&file, 64 << 10)).await;
    assert_eq!((full.status, full.code()), (507, "STORAGE_FULL"), "{full:?}");
    assert_eq!(world.get(&url(&import, "")).await.data("state"), "uploading");
    let parts: i64 =
        world.db.read().sql("SELECT COUNT(*) FROM import_part").scalar().await.unwrap();
    assert_eq!(parts, 0, "it has given its room back");
    assert_eq!(
        world.post("/api/v1/leads", crate::support::lead("SOL")).await.status,
        201,
        "others go on"
    );
    limit(pages + 5_000).await.unwrap();
    assert_eq!(put(&world, &import, file).await.json["data"]["rows"], 4_000);
}

#[tokio::test]
async fn what_an_import_is_to_do_is_checked() {
    let world = world().await;
    let create = async |body| world.post("/api/v1/imports", body).await;
    insta::assert_snapshot!(create(json!({"fileName": " ", "kind": "leads"})).await.refusal(), @r#"
    422 VALIDATION_ERROR: fileName must have 1 to 200 characters, none of them control characters
      fileName | must have 1 to 200 characters, none of them control characters
    "#);
    insta::assert_snapshot!(create(json!({"fileName": "a", "purpose": "all"})).await.refusal(), @r#"
    422 VALIDATION_ERROR: purpose `all` is not known, expected one of `add_and_update`, `add_new`, `update_existing`, `add_all`
      purpose | `all` is not known, expected one of `add_and_update`, `add_new`, `update_existing`, `add_all`
    "#);
    insta::assert_snapshot!(create(json!({"fileName": "a", "fallbackCampaignId": "NONE"})).await.refusal(), @r#"
    404 NOT_FOUND: there is no such campaign
      fallbackCampaignId | there is no such campaign
    "#);
    insta::assert_snapshot!(create(json!({"fileName": "a", "country": "Spain"})).await.refusal(), @r#"
    422 VALIDATION_ERROR: country is not a two-letter code such as US
      country | is not a two-letter code such as US
    "#);
    // Without a campaign the file is taken, and the answer says what is missing.
    let import = create(json!({"fileName": "a"})).await.data("importId");
    let uploaded = put(&world, &import, FILE).await;
    assert_eq!(uploaded.json["data"]["problems"][0]["path"], "fallbackCampaignId", "{uploaded:?}");
    let early = world.post(&url(&import, "/start"), json!({})).await;
    assert_eq!((early.status, early.code()), (422, "VALIDATION_ERROR"));
    // Contacts need none.
    let change =
        world.ask("PATCH", &url(&import, "")).json(json!({"kind": "contacts"})).send().await;
    assert_eq!(change.status, 200, "{change:?}");
    assert_eq!(start(&world, &import).await["created"], 2);
}

#[tokio::test]
async fn leads_that_were_brought_in_are_submitted_many_at_once() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let import = created(&world, json!({})).await;
    put(&world, &import, FILE).await;
    start(&world, &import).await;
    let path = "/api/v1/leads/process";
    let filter = json!({"importId": import, "createdFrom": "2026-11-21"});
    let counted = world.post(path, json!({"filter": filter, "dryRun": true})).await;
    assert_eq!((counted.status, &counted.json["data"]), (200, &json!({"matched": 2})));
    let ask =
        || world.ask("POST", path).json(json!({"filter": filter})).header("idempotency-key", "one");
    let begun = ask().send().await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let repeated = ask().send().await;
    assert_eq!((repeated.header("idempotent-replay"), &repeated.json), (Some("true"), &begun.json));
    let process = begun.data("processId");
    let id = shared::ids::LeadProcessId::parse(&process).unwrap();
    let now = world.clock.now();
    let step = lead_process::step(&world.db, (id, 1), now, now).await.unwrap().unwrap();
    assert_eq!((step.submitted.len(), step.next), (2, None));
    let shown = world.get(&format!("{path}/{process}")).await;
    assert_eq!((shown.data("state"), &shown.json["data"]["submitted"]), ("done".into(), &json!(2)));
    let over = world.post(&format!("{path}/{process}/cancel"), json!({})).await;
    assert_eq!((over.status, over.code()), (409, "CONFLICT"));
    assert_eq!(world.get(path).await.json["data"]["items"][0]["processId"], json!(process));
    insta::assert_snapshot!(world.post(path, json!({})).await.refusal(), @r#"
    422 VALIDATION_ERROR: the request needs either `leadIds` or `filter`
       | needs either `leadIds` or `filter`
    "#);
    insta::assert_snapshot!(world.post(path, json!({"filter": {}})).await.refusal(), @r#"
    422 VALIDATION_ERROR: filter needs an `importId` or a `campaignId`
      filter | needs an `importId` or a `campaignId`
    "#);
    let pause = format!("/api/v1/campaigns/{campaign}/pause");
    world.post(&pause, json!({})).await;
    let closed = world.post(path, json!({"filter": {"campaignId": campaign}})).await;
    insta::assert_snapshot!(closed.refusal(), @r#"
    409 CAMPAIGN_CLOSED: the campaign is paused and takes no leads
      filter.campaignId | the campaign is paused and takes no leads
    "#);
}
