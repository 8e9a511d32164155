//! The demo's buyers: two endpoints that answer as real ones do: mostly yes, sometimes no, once “come back later”.
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// States that SunPeak does not serve.
const NOT_SERVED: [&str; 2] = ["NV", "OR"];

/// Starts both endpoints on a free port.
pub async fn start(stop: CancellationToken) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let counter = Arc::new(AtomicU64::new(0));
    let routes = Router::new()
        .route("/sunpeak", post(sunpeak))
        .route("/brighthome", post(brighthome))
        .with_state(counter);
    tokio::spawn(async move {
        let serving = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::warn!(%error, "the sample buyer ended");
        }
    });
    Ok(address)
}

/// Refuses some states and small bills; is busy for its fourth caller.
async fn sunpeak(
    State(calls): State<Arc<AtomicU64>>,
    Json(lead): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
    if call == 4 {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "busy, come back later"})));
    }
    let state = lead["address"]["state"].as_str().unwrap_or_default();
    if NOT_SERVED.contains(&state) {
        return refuse(&format!("we do not serve {state}"));
    }
    if lead["monthly_bill"].as_f64().is_some_and(|bill| bill < 60.0) {
        return refuse("the bill is too small");
    }
    (
        StatusCode::OK,
        Json(json!({"result": "accepted", "id": format!("SP-{call:04}"), "price": 38.5})),
    )
}

/// Takes whatever comes.
async fn brighthome(State(calls): State<Arc<AtomicU64>>) -> (StatusCode, Json<Value>) {
    let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
    (
        StatusCode::OK,
        Json(json!({"result": "accepted", "id": format!("BH-{call:04}"), "price": 21.0})),
    )
}

fn refuse(reason: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::OK, Json(json!({"result": "rejected", "reason": reason})))
}
