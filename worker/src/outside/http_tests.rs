//! The delivery client against a listener that misbehaves in every way that matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the listener does with a connection.
#[derive(Clone)]
enum Buyer {
    ClosesAtOnce,
    ReadsAndCloses,
    /// Reads, says this, closes.
    Says(Vec<u8>),
    /// Reads, says this, then keeps the line open and silent.
    SaysAndHangs(Vec<u8>),
    /// Answers once and keeps the line; what comes then is read but never answered.
    AnswersOnceThenReadsAndCloses,
    /// Answers once, then closes the idle line.
    AnswersOnceThenCloses,
}

struct Listening {
    port: u16,
    requests: Arc<AtomicUsize>,
}

async fn listen(buyer: Buyer) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, buyer.clone(), counted.clone()));
        }
    });
    Listening { port, requests }
}

async fn serve(mut stream: TcpStream, buyer: Buyer, requests: Arc<AtomicUsize>) {
    const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    if matches!(buyer, Buyer::ClosesAtOnce) {
        return;
    }
    read_request(&mut stream, &requests).await;
    match buyer {
        Buyer::ClosesAtOnce | Buyer::ReadsAndCloses => {}
        Buyer::Says(text) => stream.write_all(&text).await.unwrap_or(()),
        Buyer::SaysAndHangs(text) => {
            stream.write_all(&text).await.unwrap();
            std::future::pending::<()>().await;
        }
        Buyer::AnswersOnceThenCloses => stream.write_all(KEPT).await.unwrap(),
        Buyer::AnswersOnceThenReadsAndCloses => {
            stream.write_all(KEPT).await.unwrap();
            read_request(&mut stream, &requests).await;
        }
    }
}

/// Reads head and body (`{"a":1}`), and counts it.
async fn read_request(stream: &mut TcpStream, requests: &AtomicUsize) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(b"{\"a\":1}") {
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
            _ => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
}

fn client(port: u16) -> DeliveryClient {
    let policy = GuardPolicy { allow_private: true, allow_http: true, extra_ports: vec![port] };
    DeliveryClient::new(policy).unwrap()
}

fn post(url: String, millis: u64) -> OutboundRequest {
    OutboundRequest {
        method: Method::Post,
        url,
        headers: vec![("x-key".into(), "secret".into())],
        body: Bytes::from_static(b"{\"a\":1}"),
        timeout: Duration::from_millis(millis),
    }
}

async fn send_to(buyer: Buyer, millis: u64) -> Exchange {
    let port = listen(buyer).await.port;
    client(port).send(post(format!("http://127.0.0.1:{port}/in?key=hidden"), millis)).await
}

fn unknown(exchange: Exchange) -> String {
    match exchange {
        Exchange::Unknown { why } => why,
        other => panic!("not unknown: {other:?}"),
    }
}

fn answered(exchange: Exchange) -> Answer {
    match exchange {
        Exchange::Answered(answer, _) => answer,
        other => panic!("not answered: {other:?}"),
    }
}

fn says(text: &str) -> Buyer {
    Buyer::Says(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_whole_answer_is_an_answer() {
    let text = "HTTP/1.1 201 Created\r\nX-Id: 7\r\ncontent-length: 2\r\n\r\nok";
    let answer = answered(send_to(says(text), 5000).await);
    assert_eq!((answer.status, &answer.body[..], answer.cut), (201, &b"ok"[..], false));
    assert!(answer.headers.contains(&("x-id".into(), "7".into())));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    match client(port).send(post(format!("http://127.0.0.1:{port}/?key=hidden"), 5000)).await {
        Exchange::NotSent { why } => {
            assert!(matches!(why, NotSent::NoConnection(_)) && why.may_pass(), "{why:?}");
            assert!(!why.to_string().contains("hidden"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_is_not_sent() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let exchange = client(port).send(post(format!("https://127.0.0.1:{port}/"), 5000)).await;
    assert!(
        matches!(exchange, Exchange::NotSent { why: NotSent::NoConnection(_) }),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_not_sent() {
    let exchange = client(80).send(post("http://no-such-name.invalid/".into(), 8000)).await;
    assert!(
        matches!(exchange, Exchange::NotSent { why: NotSent::NoConnection(_) }),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn the_guard_stops_literals_before_and_names_at_the_connection() {
    let listening = listen(says("HTTP/1.1 200 OK\r\n\r\n")).await;
    let policy =
        GuardPolicy { allow_http: true, extra_ports: vec![listening.port], ..Default::default() };
    let strict = DeliveryClient::new(policy).unwrap();
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost"]
    {
        let exchange = strict.send(post(format!("http://{host}:{}/", listening.port), 5000)).await;
        assert!(
            matches!(exchange, Exchange::NotSent { why: NotSent::Guard(_) }),
            "{host}: {exchange:?}"
        );
    }
    // Past the first gate, as a public name that resolves to this machine would be.
    let url = format!("http://localhost:{}/", listening.port);
    let request = strict.client.post(url).body("{\"a\":1}").build().unwrap();
    assert!(matches!(
        strict.exchange(request, 1_024).await,
        Err(Broken::NotSent(NotSent::Guard(_)))
    ));
    assert_eq!(listening.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_the_policy_admits_is_reached() {
    let port = listen(says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await.port;
    let exchange = client(port).send(post(format!("http://localhost:{port}/"), 5000)).await;
    assert_eq!(answered(exchange).status, 200);
}

#[tokio::test]
async fn whatever_breaks_once_connected_is_unknown() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let garbage = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnot a chunk";
    for (name, buyer, told) in [
        ("closes at once", Buyer::ClosesAtOnce, "broke before an answer"),
        ("reads and closes", Buyer::ReadsAndCloses, "broke before an answer"),
        ("half a status line", says("HTTP/1.1 20"), "broke before an answer"),
        ("no http", says("220 mail.example ESMTP\r\n\r\n"), "broke before an answer"),
        ("half a body", says(half), "status 200 broke off"),
        ("chunked garbage", says(garbage), "status 200 broke off"),
    ] {
        let why = unknown(send_to(buyer, 5000).await);
        assert!(why.contains(told) && !why.contains("hidden"), "{name}: {why}");
    }
}

#[tokio::test]
async fn a_deadline_holds_over_headers_and_body_together() {
    for text in
        ["HTTP/1.1 200 OK\r\nx-slow: 1\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow"]
    {
        let exchange = send_to(Buyer::SaysAndHangs(text.as_bytes().to_vec()), 300).await;
        assert_eq!(unknown(exchange), "no whole answer within the deadline");
    }
}

#[tokio::test]
async fn a_huge_body_is_cut_at_the_limit_and_one_at_the_limit_is_not() {
    for (size, cut) in
        [(ANSWER_BODY_MAX_BYTES, false), (ANSWER_BODY_MAX_BYTES + 1, true), (4 << 20, true)]
    {
        let mut text = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").into_bytes();
        text.resize(text.len() + size, b'x');
        let answer = answered(send_to(Buyer::Says(text), 8000).await);
        assert_eq!((answer.body.len(), answer.cut), (ANSWER_BODY_MAX_BYTES, cut), "{size}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let trap = listen(says("HTTP/1.1 200 OK\r\n\r\n")).await;
    let text = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        trap.port
    );
    assert_eq!(answered(send_to(says(&text), 5000).await).status, 302);
    assert_eq!(trap.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_lost_on_a_reused_connection_is_unknown_and_written_once() {
    let listening = listen(Buyer::AnswersOnceThenReadsAndCloses).await;
    let url = format!("http://127.0.0.1:{}/", listening.port);
    let client = client(listening.port);
    assert_eq!(answered(client.send(post(url.clone(), 5000)).await).status, 200);
    unknown(client.send(post(url, 5000)).await);
    assert_eq!(listening.requests.load(Ordering::SeqCst), 2, "the second request was read once");
}

#[tokio::test]
async fn a_dead_idle_connection_never_doubles_a_request() {
    let listening = listen(Buyer::AnswersOnceThenCloses).await;
    let url = format!("http://127.0.0.1:{}/", listening.port);
    let client = client(listening.port);
    let mut whole = 0;
    for _ in 0..50 {
        match client.send(post(url.clone(), 5000)).await {
            Exchange::Answered(..) => whole += 1,
            Exchange::Unknown { .. } => {}
            Exchange::NotSent { why } => panic!("{why}"),
        }
    }
    // Each request that was read has its own answer: none was read twice, none answered twice.
    assert_eq!(listening.requests.load(Ordering::SeqCst), whole);
}

#[tokio::test]
async fn a_header_that_could_smuggle_is_never_sent() {
    for (name, value) in [
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Host", "other"),
        ("x-a", "1\r\nx-b: 2"),
        ("x a", "1"),
    ] {
        let mut request = post("http://127.0.0.1:80/".into(), 1000);
        request.headers = vec![(name.into(), value.into())];
        let exchange = client(80).send(request).await;
        assert!(
            matches!(exchange, Exchange::NotSent { why: NotSent::Malformed(_) }),
            "{name}: {exchange:?}"
        );
    }
}
