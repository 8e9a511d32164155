//! What holds for every answer, and for a real connection.
use crate::support::{lead, world};
use axum::{body::Body, http::Request};
use serde_json::json;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

#[tokio::test]
async fn every_answer_has_an_id_and_a_callers_own_is_kept() {
    let world = world().await;
    let health = world.ask_without_key("GET", "/health/ready").send().await;
    assert_eq!((health.status, health.json["data"]["status"].as_str()), (200, Some("ready")));
    assert_eq!(health.header("x-request-id").map(str::len), Some(32));
    assert_eq!(health.header("x-content-type-options"), Some("nosniff"));
    for (given, kept) in [("trace-7.a_B", true), ("two words", false), (&*"x".repeat(65), false)] {
        let ask = world.ask_without_key("GET", "/health/live").header("x-request-id", given);
        assert_eq!(ask.send().await.header("x-request-id") == Some(given), kept, "{given}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_means_try_again() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    world.db.close().await;
    let mut lines = Vec::new();
    for ask in [
        world.ask("POST", "/api/v1/leads/submit").json(lead("SOL")),
        world.ask("GET", "/api/v1/leads"),
        world.ask_without_key("GET", "/health/ready"),
    ] {
        let answer = ask.send().await;
        assert_eq!(answer.header("retry-after"), Some("2"));
        lines.push(answer.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    503 UNAVAILABLE: the database cannot be reached; try again
    503 UNAVAILABLE: the database cannot be reached; try again
    503 UNAVAILABLE: the database cannot be reached; try again
    "#);
    assert_eq!(world.ask_without_key("GET", "/health/live").send().await.status, 200);
}

/// A body whose sender never goes on.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_ended() {
    let world = world().await;
    let mut api = world.api();
    api.settings.request_timeout = Duration::from_millis(20);
    let request = Request::post("/api/v1/resume/x").body(Body::new(Never)).unwrap();
    let response = api::router(Arc::new(api)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn the_door_serves_until_it_is_told_to_stop() {
    let world = world().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let door = tokio::spawn(api::serve(listener, Arc::new(world.api()), stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stop.cancel();
    door.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
