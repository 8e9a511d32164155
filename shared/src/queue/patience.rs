//! Pauses between tries that double from try to try.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::sleep;

/// Redis that came back is noticed at most this much later.
const LONGEST: Duration = Duration::from_secs(2);

pub(super) struct Patience {
    first: Duration,
    failures: u32,
}

impl Patience {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// Waits after a failure. Only the first of a row is a warning.
    pub(super) async fn pause(&mut self, what: &str, cause: &(dyn Display + Sync)) {
        if self.failures == 0 {
            tracing::warn!(%cause, "cannot {what}, trying again until it works");
        }
        sleep(doubled(self.first, self.failures).min(LONGEST)).await;
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn success(&mut self, what: &str) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "can {what} again");
            self.failures = 0;
        }
    }
}

/// How long a job rests that panicked or overran at its n-th delivery (1 is the first).
pub(super) fn rest_after(delivery: u32) -> Duration {
    const REST: Duration = Duration::from_millis(500);
    const LONGEST_REST: Duration = Duration::from_secs(30);
    doubled(REST, delivery).min(LONGEST_REST)
}

fn doubled(first: Duration, times: u32) -> Duration {
    // A thousandfold is beyond every bound in use.
    first * 2_u32.pow(times.min(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_rests_twice_as_long_each_time_and_half_a_minute_at_most() {
        let table = [(1, 1_000), (2, 2_000), (5, 16_000), (6, 30_000), (u32::MAX, 30_000)];
        for (delivery, expected) in table {
            assert_eq!(rest_after(delivery), Duration::from_millis(expected), "{delivery}");
        }
    }
}
