//! The clock and the waiting of a run. Every process of it is on one machine, so the wall clock in microseconds is shared.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load generator waits; it is no part of the product"
)]
pub async fn wait(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

/// Waits until a moment; at once when it has passed. The timer goes by milliseconds.
pub async fn wait_until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}
