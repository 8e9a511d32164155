//! What holds for every answer, and for a real connection.
use crate::support::world;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

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
