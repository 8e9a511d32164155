//! Waiting for other processes, always with a deadline.
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
///
/// # Panics
/// With `what`, when there is none within the limit.
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for: {what}");
        pause(LOOK).await;
    }
}

/// Lets time pass that is part of a fault: how long something is broken, or the beat in which it breaks.
#[expect(
    clippy::disallowed_methods,
    reason = "the faults have a rhythm, and other processes give no signal"
)]
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
