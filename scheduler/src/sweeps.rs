//! The sweeps and when they run. A sweep takes no input: it looks at the tables and acts, so doing it twice or late is harmless.
pub mod due;
pub mod forget;
pub mod forget_events;
pub mod forget_models;
pub mod forget_visits;
pub mod outreach;
pub mod questions;
pub mod queue;
pub mod segments;

use crate::Scheduler;
use shared::{queue::QueueError, store::StoreError};
use std::{future::Future, pin::Pin};

/// A scheduled pass over the tables.
pub struct Sweep {
    pub name: &'static str,
    /// Seconds first, UTC.
    pub cron: &'static str,
    run: for<'a> fn(&'a Scheduler) -> Found<'a>,
}

type Found<'a> = Pin<Box<dyn Future<Output = Result<u64, SweepError>> + Send + 'a>>;

/// Why a sweep did not finish. Its next tick makes it up.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Sweep {
    pub async fn run(&self, scheduler: &Scheduler) -> Result<u64, SweepError> {
        (self.run)(scheduler).await
    }
}

/// Every sweep.
pub const ALL: &[Sweep] = &[
    // A lead that waits for its bell waits a second at most.
    Sweep { name: "due", cron: "* * * * * *", run: |scheduler| Box::pin(due::sweep(scheduler)) },
    // Who waits for room goes within a second of it.
    Sweep {
        name: "queue",
        cron: "* * * * * *",
        run: |scheduler| Box::pin(queue::sweep(scheduler)),
    },
    Sweep {
        name: "status_queries",
        cron: "* * * * * *",
        run: |scheduler| Box::pin(questions::sweep(scheduler)),
    },
    // A call or a text that lost its bell waits a second at most.
    Sweep {
        name: "outreach",
        cron: "* * * * * *",
        run: |scheduler| Box::pin(outreach::sweep(scheduler)),
    },
    // A segment that is due for a build waits a second at most, and what the clock changes is seen within one.
    Sweep {
        name: "segment_builds",
        cron: "* * * * * *",
        run: |scheduler| Box::pin(segments::builds(scheduler)),
    },
    Sweep {
        name: "segment_clocks",
        cron: "* * * * * *",
        run: |scheduler| Box::pin(segments::clocks(scheduler)),
    },
    Sweep {
        name: "forget_events",
        cron: "0 47 * * * *",
        run: |scheduler| Box::pin(forget_events::sweep(scheduler)),
    },
    // Answers are kept for days; an hour more or less is nothing.
    Sweep {
        name: "forget_answers",
        cron: "0 17 * * * *",
        run: |scheduler| Box::pin(forget::sweep(scheduler)),
    },
    Sweep {
        name: "forget_model_answers",
        cron: "0 37 * * * *",
        run: |scheduler| Box::pin(forget_models::sweep(scheduler)),
    },
    Sweep {
        name: "forget_visits",
        cron: "0 57 * * * *",
        run: |scheduler| Box::pin(forget_visits::sweep(scheduler)),
    },
];
