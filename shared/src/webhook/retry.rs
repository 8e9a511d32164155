//! What came of an attempt, when the next one is, and when an address is left alone.
use crate::{campaign::retry_after, clock::Time, exchange::Exchange};
use chrono::Duration as Span;
use std::time::Duration;

/// Pauses before the retries, as Standard Webhooks suggests; the last one for all that follow.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// The least pause after silence or "too many requests".
const BUSY_PAUSE: Duration = Duration::from_secs(60);
/// A pause is longer by up to this part of itself.
const JITTER: u32 = 5;
/// Bytes of an answer that are read, at most.
pub const ANSWER_BYTES_MAX: usize = 20 * 1024;
/// Characters of an answer that the log keeps.
pub const ANSWER_KEPT: usize = 1_000;

/// An address is paused after so many failed attempts in a row ...
pub const FAILURES_MAX: i64 = 10;
/// ... over so long, or when a message has used up its retries while nothing else got through.
pub const FAILING_FOR: Span = Span::hours(1);
/// When a paused address is first tried again; each further pause is twice as long ...
pub const PROBE_FIRST: Span = Span::minutes(5);
/// ... up to this.
pub const PROBE_PAUSE_MAX: Span = Span::hours(1);
/// How long a message is held for an address that rests.
pub const HELD_FOR: Span = Span::days(7);

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// It was heard.
    Heard,
    /// The address is no more, and says so (410).
    Gone,
    /// It was not heard; the next attempt comes after this pause.
    Not(Duration),
}

/// An attempt for the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The status of the answer; none: there was none.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub answer: String,
    pub duration: Duration,
}

/// Reads an exchange: what came of it, and the line of the log. `tries`: how many were made, this one included; `seed` spreads what fails
/// at the same time.
pub fn read(exchange: &Exchange, tries: i64, seed: u64, now: Time) -> (Came, Line) {
    let (status, answer, took) = match exchange {
        Exchange::Answered(answer, took) => {
            (Some(answer.status), String::from_utf8_lossy(&answer.body).into_owned(), *took)
        }
        Exchange::NotSent { why } => (None, why.to_string(), Duration::ZERO),
        Exchange::Unknown { why } => (None, why.clone(), Duration::ZERO),
    };
    let came = match exchange {
        Exchange::Answered(answer, _) if (200..300).contains(&answer.status) => Came::Heard,
        Exchange::Answered(answer, _) if answer.status == 410 => Came::Gone,
        Exchange::Answered(answer, _) => {
            let mut headers = answer.headers.iter();
            let asked = headers.find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            let asked = asked.and_then(|(_, text)| retry_after::read(text, now));
            Came::Not(pause(tries, matches!(answer.status, 408 | 429), asked, seed))
        }
        Exchange::Unknown { .. } => Came::Not(pause(tries, true, None, seed)),
        Exchange::NotSent { .. } => Came::Not(pause(tries, false, None, seed)),
    };
    (came, Line { status, answer: kept(&answer), duration: took })
}

/// The pause after so many tries; one that the other side asks for is honoured up to twice our own.
fn pause(tries: i64, busy: bool, asked: Option<Duration>, seed: u64) -> Duration {
    let nth = usize::try_from(tries - 1).unwrap_or(0).min(PAUSES.len() - 1);
    let base = if busy { PAUSES[nth].max(BUSY_PAUSE) } else { PAUSES[nth] };
    if let Some(asked) = asked {
        return asked.clamp(base, base * 2);
    }
    let spread = (base / JITTER).as_millis() as u64;
    base + Duration::from_millis((seed ^ tries as u64) % spread)
}

/// What is kept of a text from outside.
pub fn kept(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(ANSWER_KEPT).collect()
}

/// Whether an address is left alone: it has failed so often in a row, and since then.
pub fn is_given_up(failures: i64, failing_since: Time, now: Time) -> bool {
    failures >= FAILURES_MAX && now - failing_since >= FAILING_FOR
}

/// The pause until the next probe, after so many.
pub fn probe_pause(probes: i64) -> Span {
    let doubled = probes.clamp(0, 10) as u32;
    (PROBE_FIRST * 2_i32.pow(doubled)).min(PROBE_PAUSE_MAX)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
