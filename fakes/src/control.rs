//! Driving the fakes over HTTP: `/_fake/…`. What tests do in process, other programs do here.
use crate::{
    account::{Account, Provider},
    desk,
    phone::Fake,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/_fake/accounts/{provider}", put(account))
        .route("/_fake/settings", put(settings))
        .route("/_fake/texts", post(text))
        .route("/_fake/items/{id}/webhooks", post(webhooks_of))
        .route("/_fake/items/{id}/end", post(end))
        .route("/_fake/placed", get(|State(fake): State<Fake>| async move { Json(fake.placed()) }))
        .route(
            "/_fake/webhooks",
            get(|State(fake): State<Fake>| async move { Json(fake.webhooks()) }),
        )
        .route(
            "/_fake/actions",
            get(|State(fake): State<Fake>| async move { Json(fake.actions()) }),
        )
}

fn unknown(what: &str) -> Response {
    desk::answer(404, json!({"error": format!("no such {what}")}))
}

async fn account(
    State(fake): State<Fake>,
    Path(provider): Path<String>,
    Json(account): Json<Account>,
) -> Response {
    let Some(provider) = Provider::of(&provider) else { return unknown("provider") };
    fake.account(provider, account);
    desk::answer(200, json!({}))
}

/// What stays as it is when absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    lasts_ms: Option<u64>,
    hold: Option<bool>,
    answers: Option<Map<String, Value>>,
}

async fn settings(State(fake): State<Fake>, Json(change): Json<Change>) -> Response {
    if let Some(lasts) = change.lasts_ms {
        fake.lasts(Duration::from_millis(lasts));
    }
    match change.hold {
        Some(true) => fake.hold(),
        Some(false) => fake.release(),
        None => {}
    }
    if let Some(answers) = change.answers {
        fake.answers(answers);
    }
    desk::answer(200, json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    provider: Provider,
    from: String,
    to: String,
    body: String,
}

async fn text(State(fake): State<Fake>, Json(text): Json<Text>) -> Response {
    if !text.provider.texts() {
        return unknown("provider of texts");
    }
    let id = fake.text_in(text.provider, &text.from, &text.to, &text.body).await;
    desk::answer(200, json!({"id": id}))
}

async fn webhooks_of(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    if fake.item(&id).is_none() {
        return unknown("call or text");
    }
    fake.send_webhooks_of(&id).await;
    desk::answer(200, json!({}))
}

async fn end(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    if fake.item(&id).is_none() {
        return unknown("call or text");
    }
    fake.end(&id);
    desk::answer(200, json!({}))
}
