//! The fakes' own clock, and how they wait.
use chrono::{DateTime, Utc};
use std::{fmt, sync::Arc, time::Duration};

/// A moment, in UTC.
pub type Time = DateTime<Utc>;

/// Says what time it is: the machine's clock unless a test brings its own.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> Time + Send + Sync>>);

impl Clock {
    /// A clock that a test moves.
    pub fn of(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    pub fn now(&self) -> Time {
        match &self.0 {
            Some(now) => now(),
            None => machine(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", if self.0.is_some() { "a test's" } else { "the machine's" })
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider has a clock of its own")]
fn machine() -> Time {
    Utc::now()
}

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "a provider that takes its time")]
pub(crate) async fn wait(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}
