//! Waiting for something outside this process: the one home of sleeping in tests.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// Asks until there is an answer or the limit is over; asks at least once.
///
/// The limit is real time, also in a test that has stopped tokio's clock.
pub(crate) async fn until<T>(
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        pause().await;
    }
}

/// The same for `Drop`, which cannot be async.
pub(crate) fn until_blocking<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        pause_blocking();
    }
}

#[expect(clippy::disallowed_methods, reason = "another process gives no signal to wait for")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

#[expect(clippy::disallowed_methods, reason = "another process gives no signal to wait for")]
fn pause_blocking() {
    std::thread::sleep(PAUSE);
}
