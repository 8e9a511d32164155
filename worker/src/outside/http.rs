//! The delivery client: one HTTP exchange with a buyer's endpoint, and an honest word on what came of it.
//!
//! Every exchange ends in one of three ways. `NotSent`: no byte of the request can have reached the buyer, so it
//! may be sent again. `Unknown`: it may have been taken, so it must not be sent again without an idempotency key.
//! `Answered`: a whole answer, or one that was cut at our limit.
//!
//! HTTP/1.1 only. Under it, hyper sends a request again by itself in one case: the kept-alive connection that it
//! was to use turned out closed before the request was handed to it. hyper gives the untouched request back then
//! (`TrySendError::message`), and only then; once the head has been encoded the request cannot come back, and the
//! caller sees an error, which is `Unknown` here. So no request is written twice. The client's own retries are off.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::timeout;

use super::resolver::{GuardedResolver, refusal_in};
use shared::campaign::guard::{GuardPolicy, check_request_url};
use shared::campaign::response::Answer;
pub use shared::exchange::{Exchange, NotSent};

/// Most of a buyer's answer that is read; the rest is cut off and the connection dropped.
pub const ANSWER_BODY_MAX_BYTES: usize = 256 * 1024;

/// Name lookup, connection and TLS together. Give requests a longer deadline than this: a deadline that ends while
/// still connecting counts as `Unknown`, for it cannot be told apart.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are dropped before most servers do it (5 s and up is common), so that few of them turn out dead.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);
pub const POOL_IDLE_PER_HOST: usize = 32;

/// Most headers of an answer.
pub const ANSWER_HEADERS_MAX: usize = 100;

/// Written by the client alone; an endpoint that could set them could smuggle a second request.
pub const RESERVED_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

/// What is to be sent. `timeout` is the deadline of the whole exchange, the answer's body included.
#[derive(Clone)]
pub struct OutboundRequest {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub timeout: Duration,
}

/// Without the headers' values and the body: they hold credentials and people.
impl std::fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let (url, _) = self.url.split_once('?').unwrap_or((&self.url, ""));
        write!(
            f,
            "OutboundRequest({:?} {url}, headers {names:?}, {} bytes)",
            self.method,
            self.body.len()
        )
    }
}

/// Names the one TLS implementation of the whole program; every `reqwest` client needs it. Naming it again changes nothing.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[derive(Debug, Error)]
#[error("delivery client cannot be built: {0}")]
pub struct ClientError(String);

/// One client, one pool, one policy: a connection made under a laxer policy is never reused under a stricter one.
#[derive(Debug, Clone)]
pub struct DeliveryClient {
    client: Client,
    policy: GuardPolicy,
}

impl DeliveryClient {
    pub fn new(policy: GuardPolicy) -> Result<Self, ClientError> {
        install_tls();
        let client = Client::builder()
            .dns_resolver(GuardedResolver::new(policy.clone()))
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS_MAX)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .user_agent("leadrail")
            .build()
            .map_err(|e| ClientError(cause(&e)))?;
        Ok(Self { client, policy })
    }

    /// Sends once. Never follows a redirect: it is an answer like any other.
    pub async fn send(&self, request: OutboundRequest) -> Exchange {
        self.send_reading(request, ANSWER_BODY_MAX_BYTES).await
    }

    /// The same for those whose answer says little: at most so many bytes of it are read.
    pub async fn send_reading(&self, request: OutboundRequest, most: usize) -> Exchange {
        let started = Instant::now();
        let deadline = request.timeout;
        let built = match self.build(request) {
            Ok(built) => built,
            Err(why) => return Exchange::NotSent { why },
        };
        match timeout(deadline, self.exchange(built, most)).await {
            Ok(Ok(answer)) => Exchange::Answered(answer, started.elapsed()),
            Ok(Err(Broken::NotSent(why))) => Exchange::NotSent { why },
            Ok(Err(Broken::Unknown(why))) => Exchange::Unknown { why },
            Err(_) => Exchange::Unknown { why: "no whole answer within the deadline".to_owned() },
        }
    }

    fn build(&self, request: OutboundRequest) -> Result<reqwest::Request, NotSent> {
        let url = check_request_url(&request.url, &self.policy)?;
        let headers = headers(&request.headers)?;
        self.client
            .request(request.method.into(), url)
            .headers(headers)
            .body(request.body)
            .build()
            .map_err(|e| NotSent::Malformed(cause(&e.without_url())))
    }

    async fn exchange(&self, request: reqwest::Request, most: usize) -> Result<Answer, Broken> {
        let response = self.client.execute(request).await.map_err(Broken::from)?;
        read(response, most).await.map_err(Broken::Unknown)
    }
}

enum Broken {
    NotSent(NotSent),
    Unknown(String),
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        match refusal_in(&error) {
            Some(refusal) => Self::NotSent(NotSent::Guard(refusal)),
            None if error.is_builder() => Self::NotSent(NotSent::Malformed(cause(&error))),
            None if error.is_connect() => Self::NotSent(NotSent::NoConnection(cause(&error))),
            None => {
                Self::Unknown(format!("the connection broke before an answer: {}", cause(&error)))
            }
        }
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
        }
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, NotSent> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refuse = |why: &str| NotSent::Malformed(format!("header \"{name}\" {why}"));
        let key = HeaderName::try_from(name.as_str()).map_err(|_| refuse("is no header name"))?;
        if RESERVED_HEADERS.contains(&key.as_str()) {
            return Err(refuse("is written by the client alone"));
        }
        let value = HeaderValue::try_from(value.as_str());
        let mut value = value.map_err(|_| refuse("has a value that no header can hold"))?;
        value.set_sensitive(true); // debug output of what handles it says nothing
        headers.append(key, value);
    }
    Ok(headers)
}

async fn read(mut response: Response, most: usize) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await.map_err(|e| {
            let (so_far, why) = (body.len(), cause(&e.without_url()));
            format!("the answer with status {status} broke off after {so_far} bytes: {why}")
        })?;
        let Some(chunk) = chunk else { break };
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Answer { status, headers, body: body.freeze(), cut: true });
        }
    }
    Ok(Answer { status, headers, body: body.freeze(), cut: false })
}

/// The innermost cause says what happened; the layers around it only repeat that something did.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
