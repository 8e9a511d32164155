//! Why the queue did not do what it was asked.

use std::time::Duration;

/// The first two stop the boot; after the others the work is left to the database sweep.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the redis url makes no sense")]
    Url(#[source] redis::RedisError),
    #[error("the queue namespace {0:?} must be ASCII letters, digits, `-`, `_` or `.`")]
    Namespace(String),
    #[error("redis did not do it")]
    Redis(#[source] redis::RedisError),
    #[error("redis did not answer within {0:?}")]
    Silent(Duration),
    #[error("redis answered a script with something unexpected")]
    Answer,
}
