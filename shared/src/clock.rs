//! Where the time comes from: the machine in production, a hand in tests.
use chrono::{DateTime, Duration, SubsecRound, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// A moment, UTC, to the microsecond (what PostgreSQL keeps).
pub type Time = DateTime<Utc>;

/// Tells the time. Cheap to clone; clones of a hand clock share the hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Time>>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `time` until it is moved with [`Clock::forward`].
    pub fn by_hand(time: Time) -> Self {
        Self(Some(Arc::new(Mutex::new(time.trunc_subsecs(6)))))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn now(&self) -> Time {
        match &self.0 {
            None => Utc::now().trunc_subsecs(6),
            Some(hand) => *hand.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a hand clock; a system clock does not move.
    pub fn forward(&self, by: Duration) {
        if let Some(hand) = &self.0 {
            *hand.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}
