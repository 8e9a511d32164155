//! The buyer: writes down every request before it answers, and can be moody.
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use shared::key;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::watch};

/// How the buyer answers at `/first`; at any other URL it takes every lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Accept,
    Reject,
    /// 503: surely not taken.
    Busy,
    /// Takes the lead, but the first answer to each key waits for [`Sink::release`].
    Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Accepted,
    Rejected,
    Busy,
}

/// A request as it arrived. What the buyer says of it is decided then: an answer that does not get through changes nothing.
#[derive(Debug, Clone)]
pub struct Seen {
    pub endpoint: String,
    pub key: String,
    pub email: String,
    pub body_hash: String,
    pub said: Said,
}

#[derive(Clone)]
pub struct Sink {
    pub address: SocketAddr,
    book: Arc<Book>,
}

struct Book {
    seen: Mutex<Vec<Seen>>,
    told: Mutex<Vec<Value>>,
    mode: Mutex<Mode>,
    released: watch::Sender<bool>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let book = Arc::new(Book {
            seen: Mutex::default(),
            told: Mutex::default(),
            mode: Mutex::new(Mode::Accept),
            released: watch::channel(false).0,
        });
        let routes = Router::new()
            .route("/hook", post(hook))
            .route("/{endpoint}", post(take))
            .route("/status/{key}", get(status))
            .with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, book }
    }

    pub fn turn(&self, mode: Mode) {
        *self.book.mode.lock().unwrap() = mode;
    }

    /// Lets the answers go that [`Mode::Hold`] keeps.
    pub fn release(&self) {
        self.book.released.send_replace(true);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.book.seen.lock().unwrap().clone()
    }

    /// What was posted to `/hook`, in order. It is heard and not answered.
    pub fn told(&self) -> Vec<Value> {
        self.book.told.lock().unwrap().clone()
    }

    /// How many requests were seen, and how many posts to `/hook`.
    pub fn counts(&self) -> (usize, usize) {
        (self.book.seen.lock().unwrap().len(), self.book.told.lock().unwrap().len())
    }

    /// The requests about a person.
    pub fn about(&self, email: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|one| one.email == email);
        seen
    }
}

/// What the buyer says when it is asked about a key.
async fn status(
    State(book): State<Arc<Book>>,
    Path(asked): Path<String>,
) -> (StatusCode, Json<Value>) {
    let took = |one: &Seen| one.key == asked && one.said == Said::Accepted;
    if book.seen.lock().unwrap().iter().any(took) {
        (StatusCode::OK, Json(json!({"state": "sold"})))
    } else {
        (StatusCode::NOT_FOUND, Json(json!({"state": "unknown"})))
    }
}

async fn hook(State(book): State<Arc<Book>>, Json(body): Json<Value>) -> StatusCode {
    book.told.lock().unwrap().push(body);
    StatusCode::ACCEPTED
}

async fn take(
    State(book): State<Arc<Book>>,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let mode = *book.mode.lock().unwrap();
    let said = match mode {
        Mode::Reject if endpoint == "first" => Said::Rejected,
        Mode::Busy if endpoint == "first" => Said::Busy,
        _ => Said::Accepted,
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none");
    let lead: Value = serde_json::from_slice(&body).unwrap_or_default();
    let email = lead["email"].as_str().unwrap_or("none").to_owned();
    let body_hash = key::hash(&body);
    let again = {
        let mut seen = book.seen.lock().unwrap();
        let again = seen.iter().rev().any(|one| one.key == key);
        seen.push(Seen { endpoint, key: key.to_owned(), email, body_hash, said });
        again
    };
    if mode == Mode::Hold && !again {
        // Never closed: the book keeps the sender.
        let _ = book.released.subscribe().wait_for(|released| *released).await;
    }
    match said {
        Said::Accepted => {
            let answer = json!({"result": "accepted", "id": key, "price": 10});
            (StatusCode::OK, Json(answer))
        }
        Said::Rejected => {
            (StatusCode::OK, Json(json!({"result": "rejected", "reason": "no need"})))
        }
        Said::Busy => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "come back later"}))),
    }
}
