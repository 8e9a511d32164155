//! What came of one HTTP exchange with the outside: an answer, surely nothing, or nobody knows.
use crate::campaign::{guard::GuardError, response::Answer};
use std::time::Duration;
use thiserror::Error;

/// What came of it. Only the worker's client makes one; decisions read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// A whole answer, or one that was cut at our limit, and how long it took.
    Answered(Answer, Duration),
    /// No byte of the request can have reached the other side: it may be sent again.
    NotSent { why: NotSent },
    /// It may have been taken: it must not be sent again without an idempotency key.
    Unknown { why: String },
}

/// Why nothing was sent. The texts hold no query string and no header value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    #[error("refused by the guard: {0}")]
    Guard(#[from] GuardError),
    #[error("request cannot be written: {0}")]
    Malformed(String),
    /// Refused, unreachable, no such name, TLS failed, or no connection in time.
    #[error("no connection: {0}")]
    NoConnection(String),
}

impl NotSent {
    /// Whether it is worth trying again without changing the endpoint.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NoConnection(_))
    }
}
