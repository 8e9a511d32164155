//! The words of the queue: lane, job, what a handler is given and what it answers.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One line of jobs with its own concurrency, depth and pause: a stage or a kind of background job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane(&'static str);

impl Lane {
    /// A lane by its name, which is part of Redis keys: lower-case ASCII letters, digits, `_`, `-`.
    ///
    /// # Panics
    /// For any other name; as lanes are constants, that is at compile time.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a lane needs a name");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'),
                "a lane's name is lower-case letters, digits, `_` and `-`"
            );
            at += 1;
        }
        Self(name)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A row that is to be worked on, as it was in this generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job {
    pub id: Uuid,
    pub generation: i64,
}

/// Longest member: 32 hex digits, a colon and `i64::MIN`.
const MEMBER_BYTES: usize = 32 + 1 + 20;
/// Longest token: `u32::MAX`, a colon and `u64::MAX`.
const TOKEN_BYTES: usize = 10 + 1 + 20;

/// A short text on the stack, because several are made for every job that passes.
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    fn of(text: fmt::Arguments<'_>) -> Self {
        let mut bytes = [0; N];
        let mut rest = &mut bytes[..];
        // The sizes above are those of the longest texts, so this cannot fail.
        let written = rest.write_fmt(text);
        debug_assert!(written.is_ok(), "the text is longer than {N} bytes");
        let length = N - rest.len();
        Self { bytes, length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Job {
    /// The same text for the same job, always: that is what makes a repeated push a no-op.
    pub(super) fn member(&self) -> Text<MEMBER_BYTES> {
        Text::of(format_args!("{}:{}", self.id.simple(), self.generation))
    }

    /// Reads what `member` wrote; anything else is `None`.
    pub(super) fn from_member(member: &[u8]) -> Option<Self> {
        let (id, rest) = member.split_at_checked(32)?;
        let generation = std::str::from_utf8(rest.strip_prefix(b":")?).ok()?.parse().ok()?;
        Some(Self { id: Uuid::try_parse_ascii(id).ok()?, generation })
    }
}

/// The right to settle one delivery of a job. Void as soon as the job was delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lease {
    pub(super) job: Job,
    /// 1 at the first delivery.
    pub(super) delivery: u32,
    /// When it was taken, microseconds of the server's clock; 0 in memory, where leases do not
    /// expire.
    pub(super) stamp: u64,
}

impl Lease {
    pub(super) fn token(&self) -> Text<TOKEN_BYTES> {
        Text::of(format_args!("{}:{}", self.delivery, self.stamp))
    }
}

/// A job in a handler's hands.
#[derive(Debug, Clone)]
pub struct Delivered {
    pub lane: Lane,
    pub job: Job,
    /// How often it was delivered, this time included; jobs that were handed back do not count.
    pub delivery: u32,
    /// Cancelled when the lease was lost: somebody else may be working on the job, or Redis forgot
    /// it. Whatever the handler answers then is ignored. Not cancelled while Redis is merely away;
    /// cancelled too when the handler was dropped for its time or the stop, for what it has started
    /// elsewhere.
    pub cancelled: CancellationToken,
}

/// What becomes of a delivered job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// Finished: the same job may be pushed again.
    Done,
    /// Deliver it again after this long.
    Again(Duration),
    /// Deliver it again after this long, and do not count this delivery: the job is not to blame.
    Later(Duration),
    /// Deliver it again at once, to whoever is free, and do not count this delivery.
    Back,
}

/// What a push did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Jobs that did not live in the lane before.
    pub fresh: u64,
    /// Ready jobs in the lane after the push.
    pub depth: u64,
}

/// How many jobs live in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub lane: Lane,
    /// Waiting for a free hand.
    pub ready: u64,
    /// Waiting for their time.
    pub later: u64,
    /// In a worker's hands.
    pub leased: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_reads_back_as_the_job_it_was_made_of() {
        for generation in [0, 1, -1, i64::MAX, i64::MIN] {
            for id in [Uuid::nil(), Uuid::max(), Uuid::now_v7()] {
                let job = Job { id, generation };
                assert_eq!(Job::from_member(job.member().as_bytes()), Some(job));
            }
        }
    }

    #[test]
    fn anything_else_is_no_member() {
        let id = Uuid::nil().simple().to_string();
        for text in ["", ":1", &id, &format!("{id}:"), &format!("{id}:x"), &format!("{id}1")] {
            assert_eq!(Job::from_member(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_longest_token_fits() {
        let job = Job { id: Uuid::nil(), generation: 0 };
        let token = Lease { job, delivery: u32::MAX, stamp: u64::MAX }.token();
        assert_eq!(token.as_bytes(), b"4294967295:18446744073709551615");
    }
}
