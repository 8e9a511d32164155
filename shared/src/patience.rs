//! How long to wait before a stage is tried again, and when to stop.
use crate::submission::Stage;
use std::time::Duration;

/// What patience says after a try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    For(Duration),
    /// It was tried often enough.
    Exhausted,
}

/// How patient a stage is.
struct Policy {
    /// Tries in all, the first included.
    tries: i64,
    first: Duration,
    longest: Duration,
}

/// A buyer may be down for an hour; what only needs our own database is soon back or broken.
const fn policy(stage: Stage) -> Policy {
    match stage {
        Stage::Delivery => Policy {
            tries: 12,
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30 * 60),
        },
        _ => Policy { tries: 5, first: Duration::from_secs(1), longest: Duration::from_secs(60) },
    }
}

/// The pause after try number `attempt` (from 0) failed: exponential, up to a third of it taken off by `seed` so that submissions that
/// failed together do not come back together. A buyer's own wish (`Retry-After`) is honoured; it was clamped when it was read.
pub fn pause(stage: Stage, attempt: i64, seed: u64, asked: Option<Duration>) -> Pause {
    let policy = policy(stage);
    if attempt + 1 >= policy.tries {
        return Pause::Exhausted;
    }
    let doubled = policy.first.saturating_mul(1 << attempt.clamp(0, 20));
    let full = doubled.min(policy.longest);
    let spread = full.as_millis() as u64 / 3;
    let taken_off = if spread == 0 { 0 } else { (seed ^ attempt as u64) % spread };
    let own = full - Duration::from_millis(taken_off);
    Pause::For(asked.map_or(own, |asked| asked.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let pauses: Vec<_> = (0..12)
            .map(|attempt| pause(Stage::Delivery, attempt, 0, None))
            .map(|pause| match pause {
                Pause::For(pause) => pause.as_secs(),
                Pause::Exhausted => 0,
            })
            .collect();
        assert_eq!(pauses.len(), 12);
        assert!(pauses[..11].windows(2).all(|pair| pair[0] < pair[1]), "{pauses:?}");
        assert_eq!(pauses[11], 0);
        assert_eq!(pause(Stage::Routing, 4, 0, None), Pause::Exhausted);
    }

    #[test]
    fn a_buyers_wish_is_honoured_within_bounds() {
        let asked = |secs| pause(Stage::Delivery, 0, 0, Some(Duration::from_secs(secs)));
        assert_eq!(asked(60), Pause::For(Duration::from_secs(60)));
        assert_eq!(asked(1), Pause::For(Duration::from_secs(2)));
    }

    #[test]
    fn submissions_that_failed_together_come_back_apart() {
        let pauses: std::collections::HashSet<_> = (0..50)
            .map(|seed| format!("{:?}", pause(Stage::Delivery, 3, seed * 97, None)))
            .collect();
        assert!(pauses.len() > 20, "{}", pauses.len());
    }
}
