//! The Redis behind all lanes: one connection for commands, one that listens for wake-ups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSub};
use redis::{Client, RedisError, RedisResult};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::error::QueueError;
use super::job::{Depth, Lane};
use super::locked;
use super::redis_lane::RedisLane;

/// The default of 500 ms would turn every slow script or fsync into a failure.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a caller who can do without the answer waits for it.
const CALLER_TIMEOUT: Duration = Duration::from_millis(800);
/// Before the second try of such a call, for a connection that was found broken to be made anew.
const RECONNECT_PAUSE: Duration = Duration::from_millis(30);
/// Between two tries to listen for wake-ups; until then the safety poll serves.
const LISTEN_PAUSE: Duration = Duration::from_millis(300);

pub(super) struct RedisServer {
    client: Client,
    connection: ConnectionManager,
    namespace: String,
    lanes: Lanes,
    listener: OnceLock<AbortOnDropHandle<()>>,
}

type Lanes = Arc<Mutex<HashMap<&'static str, Arc<RedisLane>>>>;

impl RedisServer {
    pub(super) fn open(url: &str, namespace: &str) -> Result<Self, QueueError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if namespace.is_empty() || !namespace.bytes().all(allowed) {
            return Err(QueueError::Namespace(namespace.to_owned()));
        }
        let client = Client::open(url).map_err(QueueError::Url)?;
        // Without retries of its own the manager answers at once, and every caller here has a
        // patience of its own: none for a push, all of it for a settle.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)
            .map_err(QueueError::Url)?;
        let namespace = namespace.to_owned();
        Ok(Self {
            client,
            connection,
            namespace,
            lanes: Lanes::default(),
            listener: OnceLock::new(),
        })
    }

    pub(super) fn lane(&self, lane: Lane) -> Arc<RedisLane> {
        let new = || Arc::new(RedisLane::new(&self.connection, &self.namespace, lane));
        Arc::clone(locked(&self.lanes).entry(lane.name()).or_insert_with(new))
    }

    pub(super) async fn depths(&self, lanes: &[Lane]) -> Result<Vec<Depth>, QueueError> {
        let mut pipe = redis::pipe();
        for lane in lanes {
            self.lane(*lane).ask_depth(&mut pipe);
        }
        let ask = || async { pipe.query_async(&mut self.connection.clone()).await };
        let counts: Vec<u64> = if lanes.is_empty() { Vec::new() } else { impatient(ask).await? };
        let depth = |(lane, counts): (&Lane, &[u64])| match *counts {
            [ready, later, leased] => Ok(Depth { lane: *lane, ready, later, leased }),
            _ => Err(QueueError::Answer),
        };
        lanes.iter().zip(counts.chunks(3)).map(depth).collect()
    }

    /// Begins to listen for pushes of other processes, once.
    pub(super) fn listen(&self) {
        self.listener.get_or_init(|| {
            let channel = channel(&self.namespace);
            let listening = listen(self.client.clone(), channel, Arc::clone(&self.lanes));
            AbortOnDropHandle::new(tokio::spawn(listening))
        });
    }
}

/// One channel for all lanes, so that a process listens on one connection whatever it runs.
pub(super) fn channel(namespace: &str) -> String {
    format!("{namespace}:wake")
}

/// For callers who would rather hear no soon than yes late: tries twice, for a second at most.
/// The second try is for a connection that was lost since it was last used.
pub(super) async fn impatient<T, F, R>(ask: F) -> Result<T, QueueError>
where
    F: Fn() -> R,
    R: Future<Output = RedisResult<T>>,
{
    let twice = async {
        match ask().await {
            Err(cause) if lost_connection(&cause) => {
                sleep(RECONNECT_PAUSE).await;
                ask().await
            }
            answer => answer,
        }
    };
    match timeout(CALLER_TIMEOUT, twice).await {
        Ok(answer) => answer.map_err(QueueError::Redis),
        Err(_) => Err(QueueError::Silent(CALLER_TIMEOUT)),
    }
}

fn lost_connection(cause: &RedisError) -> bool {
    cause.is_io_error() || cause.is_unrecoverable_error()
}

async fn listen(client: Client, channel: String, lanes: Lanes) {
    loop {
        match timeout(CONNECT_TIMEOUT, subscribe(&client, &channel)).await {
            Ok(Ok(subscribed)) => wake_lanes(subscribed, &lanes).await,
            Ok(Err(cause)) => tracing::debug!(%cause, "cannot listen for wake-ups"),
            Err(_) => tracing::debug!("redis is silent, cannot listen for wake-ups"),
        }
        sleep(LISTEN_PAUSE).await;
    }
}

async fn subscribe(client: &Client, channel: &str) -> RedisResult<PubSub> {
    let mut subscribed = client.get_async_pubsub().await?;
    subscribed.subscribe(channel).await?;
    Ok(subscribed)
}

/// Wakes lanes by their names until the connection ends.
async fn wake_lanes(mut subscribed: PubSub, lanes: &Lanes) {
    // Something may have been pushed while nobody listened.
    for lane in locked(lanes).values() {
        lane.wake().notify_one();
    }
    let mut messages = subscribed.on_message();
    while let Some(message) = messages.next().await {
        let name = std::str::from_utf8(message.get_payload_bytes()).unwrap_or_default();
        if let Some(lane) = locked(lanes).get(name) {
            lane.wake().notify_one();
        }
    }
}
