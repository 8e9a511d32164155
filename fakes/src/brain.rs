//! The buyer's side: `/brain/{mode}` thinks up answers to texts, `/action/{mode}` is a webhook action. The mode is how it behaves.
//!
//! | brain | answers |
//! | --- | --- |
//! | `reply` | a reply |
//! | `qualify` | a reply, `outcome: continue` and answers |
//! | `reject` | a reply and `outcome: disqualify` |
//! | `silent` | 200 and an empty object |
//! | `slow` | as `reply`, late |
//! | `500` | 500 |
//!
//! | action | answers |
//! | --- | --- |
//! | `decide_continue`, `decide_disqualify`, `decide_reject` | 200 and `outcome` |
//! | `later` | 202; then `outcome: continue` is posted to the `resumeUrl` of the body |
//! | `silent` | 202 and nothing more |
//! | `hang` | never |
//! | `slow` | as `decide_continue`, late |
//! | `500` | 500 |
//! | `flaky` | 500 twice, then as `decide_continue` |
use crate::{
    desk,
    phone::Fake,
    time::{Time, wait},
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method},
    response::Response,
    routing::post,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How late the modes `slow` are.
pub const SLOW: Duration = Duration::from_millis(1500);
/// How often `flaky` fails.
const FLAKY: usize = 2;

/// A request to a brain or an action.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    pub method: String,
    /// `/action/later`
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Time,
}

impl Action {
    /// The body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/brain/{mode}", post(brain))
        .route("/action/{mode}", post(action).put(action))
}

/// Keeps the request; says how many of its path came before.
fn keep(fake: &Fake, path: String, (method, headers, body): (&Method, &HeaderMap, &[u8])) -> usize {
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    fake.acted(Action {
        method: method.to_string(),
        path,
        headers: headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
        at: fake.now(),
    })
}

/// What qualified people answer, by field path.
fn answers(fake: &Fake) -> Map<String, Value> {
    let answers = fake.settings().answers.into_iter();
    answers.map(|(key, answer)| (format!("questionnaire.{key}"), answer)).collect()
}

async fn brain(
    State(fake): State<Fake>,
    Path(mode): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    keep(&fake, format!("/brain/{mode}"), (&method, &headers, &body));
    let Some(asked) = desk::object(&body) else {
        return desk::answer(400, json!({"error": "the body is no JSON object"}));
    };
    let heard = heard(&Value::Object(asked));
    let reply = json!({"reply": format!("You said: {heard}. Do you own your home?")});
    match mode.as_str() {
        "reply" => desk::answer(200, reply),
        "qualify" => desk::answer(
            200,
            json!({
                "reply": "Thank you, somebody will call you.", "outcome": "continue",
                "answers": answers(&fake),
            }),
        ),
        "reject" => desk::answer(
            200,
            json!({"reply": "Thank you. We have nothing for you.", "outcome": "disqualify"}),
        ),
        "silent" => desk::answer(200, json!({})),
        "slow" => {
            wait(SLOW).await;
            desk::answer(200, reply)
        }
        "500" => desk::answer(500, json!({"error": "something broke"})),
        _ => desk::answer(404, json!({"error": "no such mode"})),
    }
}

/// What the person said: `message.combinedText`.
fn heard(asked: &Value) -> String {
    asked["message"]["combinedText"].as_str().unwrap_or_default().to_owned()
}

async fn action(
    State(fake): State<Fake>,
    Path(mode): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let before = keep(&fake, format!("/action/{mode}"), (&method, &headers, &body));
    let decide = |outcome: &str| {
        let reason = format!("the fake says {outcome}");
        desk::answer(200, json!({"outcome": outcome, "reason": reason}))
    };
    match mode.as_str() {
        "decide_continue" => decide("continue"),
        "decide_disqualify" => decide("disqualify"),
        "decide_reject" => decide("reject"),
        "flaky" if before >= FLAKY => decide("continue"),
        "500" | "flaky" => desk::answer(500, json!({"error": "something broke"})),
        "silent" => desk::answer(202, json!({})),
        "hang" => std::future::pending().await,
        "slow" => {
            wait(SLOW).await;
            decide("continue")
        }
        "later" => later(&fake, &body),
        _ => desk::answer(404, json!({"error": "no such mode"})),
    }
}

fn later(fake: &Fake, body: &[u8]) -> Response {
    let url = desk::object(body).and_then(|body| desk::text(&body, "resumeUrl").map(str::to_owned));
    let Some(url) = url else {
        return desk::answer(400, json!({"error": "resumeUrl is missing"}));
    };
    let (fake, answer) =
        (fake.clone(), json!({"outcome": "continue", "reason": "the fake says so"}));
    tokio::spawn(async move {
        wait(fake.settings().lasts).await;
        let post = fake.client.get().post(url).header("content-type", "application/json");
        if let Err(error) = post.body(answer.to_string()).send().await {
            eprintln!("fakes: cannot resume: {error}");
        }
    });
    desk::answer(202, json!({}))
}
