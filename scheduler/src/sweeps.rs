//! The sweeps and when they run. A sweep takes no input: it looks at the tables and acts, so doing it twice or late is harmless.
pub mod automation;
pub mod campaign_members;
pub mod campaign_windows;
pub mod due;
pub mod forget;
pub mod forget_events;
pub mod forget_jobs;
pub mod forget_models;
pub mod forget_visits;
pub mod imports;
pub mod lead_processes;
pub mod outreach;
pub mod questions;
pub mod queue;
pub mod retention;
pub mod segments;
pub mod webhooks;

use crate::Scheduler;
use shared::{queue::QueueError, store::StoreError};
use std::{future::Future, pin::Pin};

/// A scheduled pass over the tables.
pub struct Sweep {
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// When it runs unless the settings say otherwise: seconds first, UTC.
    pub cron: &'static str,
    pub kind: Kind,
    pub run: for<'a> fn(&'a Scheduler) -> Found<'a>,
}

/// What a sweep is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Leads and people wait for it. It cannot be switched off, and it may ring the queue's bell.
    Work,
    /// It only forgets what is old, and needs no queue.
    Retention,
}

/// How much a sweep found.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<u64, SweepError>> + Send + 'a>>;

/// Why a sweep did not finish. Its next tick makes it up.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("it panicked: {0}")]
    Panicked(String),
}

/// Nothing that is due waits longer than a second.
const EACH_SECOND: &str = "* * * * * *";

/// Every sweep, in the order in which they are shown.
pub const ALL: &[Sweep] = &[
    Sweep {
        name: "due",
        about: "Pushes leads that are due: lost pushes, retries, ends of waits, deadlines.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(due::sweep(scheduler)),
    },
    Sweep {
        name: "queue",
        about: "Lets leads go that wait for a cap's or a schedule's room, as soon as there is some.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(queue::sweep(scheduler)),
    },
    Sweep {
        name: "status_queries",
        about: "Pushes the questions to buyers about held deliveries that are due.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(questions::sweep(scheduler)),
    },
    Sweep {
        name: "outreach",
        about: "Pushes the calls and threads of texts that are due.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(outreach::sweep(scheduler)),
    },
    Sweep {
        name: "segment_builds",
        about: "Pushes the builds of segments that are due and that no worker has.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(segments::builds(scheduler)),
    },
    Sweep {
        name: "segment_clocks",
        about: "Looks at the segments whose members the clock alone changes: dates, inactivity, ages.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(segments::clocks(scheduler)),
    },
    Sweep {
        name: "campaign_windows",
        about: "Opens and closes campaigns whose start or end has come.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(campaign_windows::sweep(scheduler)),
    },
    Sweep {
        name: "campaign_members",
        about: "Brings the leads of campaigns into line with the segments that feed them.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(campaign_members::sweep(scheduler)),
    },
    Sweep {
        name: "automation_due",
        about: "Looks at the leads that are due: silences that have lasted, dates that have come, waits of workflows that are over.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(automation::due(scheduler)),
    },
    Sweep {
        name: "automation_passes",
        about: "Looks at all leads of campaigns whose automation was saved, or that opened again.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(automation::passes(scheduler)),
    },
    Sweep {
        name: "automation_pending",
        about: "Lets campaigns react to contacts that came to segments, or left them, many at once.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(automation::pending(scheduler)),
    },
    Sweep {
        name: "automation_jobs",
        about: "Pushes what reactions want of the outside: webhooks to post, leads to repost.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(automation::jobs(scheduler)),
    },
    Sweep {
        name: "lead_processes",
        about: "Pushes the steps of leads that are submitted many at once, when they are due and no worker has them.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(lead_processes::sweep(scheduler)),
    },
    Sweep {
        name: "imports",
        about: "Pushes the imports that are due: started, left by a worker that died, to be tried again.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(imports::due(scheduler)),
    },
    Sweep {
        name: "webhooks",
        about: "Pushes messages to webhooks that are due; lets held ones go, and tries paused webhooks again.",
        cron: EACH_SECOND,
        kind: Kind::Work,
        run: |scheduler| Box::pin(webhooks::messages(scheduler)),
    },
    Sweep {
        name: "forget_answers",
        about: "Forgets the answers of idempotent requests after 72 hours.",
        cron: "0 17 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(forget::sweep(scheduler)),
    },
    Sweep {
        name: "forget_model_answers",
        about: "Forgets what language models said after 30 days, and what a day has cost after 400.",
        cron: "0 37 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(forget_models::sweep(scheduler)),
    },
    Sweep {
        name: "forget_events",
        about: "Forgets the events of providers of calls and texts after 30 days.",
        cron: "0 47 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(forget_events::sweep(scheduler)),
    },
    Sweep {
        name: "forget_visits",
        about: "Forgets after 30 days the visits of browsers that nobody came to know.",
        cron: "0 57 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(forget_visits::sweep(scheduler)),
    },
    Sweep {
        name: "forget_automation_jobs",
        about: "Forgets after 30 days what automations wanted of the outside and is done.",
        cron: "0 27 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(forget_jobs::sweep(scheduler)),
    },
    Sweep {
        name: "forget_imports",
        about: "Forgets files that nobody started within a day, and imports 30 days after they ended.",
        cron: "0 7 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(imports::forget(scheduler)),
    },
    Sweep {
        name: "forget_webhook_messages",
        about: "Forgets after 30 days what webhooks were told, with its attempts.",
        cron: "0 22 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(webhooks::forget(scheduler)),
    },
    Sweep {
        name: "retention",
        about: "Forgets what workspaces need not keep any longer: journeys, activities, texts and the like.",
        cron: "0 12 * * * *",
        kind: Kind::Retention,
        run: |scheduler| Box::pin(retention::sweep(scheduler)),
    },
];
