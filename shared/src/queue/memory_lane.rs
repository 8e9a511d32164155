//! A lane inside this process: as on Redis, but without leases, for it ends with its workers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::job::{Depth, Job, Lane, Lease, Pushed, Settle};
use super::lane_store::{SAFETY_POLL, Taken};
use super::locked;

pub(super) struct MemoryLane {
    lane: Lane,
    jobs: Mutex<Jobs>,
    wake: Notify,
}

#[derive(Default)]
struct Jobs {
    ready: VecDeque<Job>,
    /// Due time, then order of arrival.
    later: BinaryHeap<Reverse<(Instant, u64, Job)>>,
    arrivals: u64,
    /// Every job of the lane and how often it was delivered.
    live: HashMap<Job, u32>,
}

impl Jobs {
    fn delay(&mut self, job: Job, due: Instant) {
        self.arrivals += 1;
        self.later.push(Reverse((due, self.arrivals, job)));
    }

    fn admit_due(&mut self, now: Instant) {
        while let Some(Reverse((due, _, job))) = self.later.peek().copied() {
            if due > now {
                break;
            }
            self.later.pop();
            self.ready.push_back(job);
        }
    }

    fn settle(&mut self, job: Job, settle: Settle, now: Instant) {
        match settle {
            Settle::Done => {
                self.live.remove(&job);
            }
            Settle::Again(delay) => self.delay(job, after(now, delay)),
            Settle::Later(delay) => {
                self.uncount(job);
                self.delay(job, after(now, delay));
            }
            Settle::Back => {
                self.uncount(job);
                self.ready.push_front(job);
            }
        }
    }

    fn uncount(&mut self, job: Job) {
        if let Some(delivery) = self.live.get_mut(&job) {
            *delivery = delivery.saturating_sub(1);
        }
    }
}

/// A time too far to be told apart from never is a century away.
fn after(now: Instant, delay: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    now + delay.min(CENTURY)
}

impl MemoryLane {
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, jobs: Mutex::default(), wake: Notify::new() }
    }

    pub(super) fn push(&self, new: &[(Job, Duration)]) -> Pushed {
        let now = Instant::now();
        let mut jobs = locked(&self.jobs);
        let mut fresh = 0;
        for (job, delay) in new {
            if jobs.live.contains_key(job) {
                continue;
            }
            jobs.live.insert(*job, 0);
            fresh += 1;
            if delay.is_zero() {
                jobs.ready.push_back(*job);
            } else {
                jobs.delay(*job, after(now, *delay));
            }
        }
        let depth = jobs.ready.len() as u64;
        drop(jobs);
        if fresh > 0 {
            self.wake.notify_one();
        }
        Pushed { fresh, depth }
    }

    pub(super) fn take(&self, most: usize) -> Taken {
        let now = Instant::now();
        let mut jobs = locked(&self.jobs);
        jobs.admit_due(now);
        let count = most.min(jobs.ready.len());
        let ready: Vec<Job> = jobs.ready.drain(..count).collect();
        let lease = |job: Job| {
            let delivery = jobs.live.entry(job).or_insert(0);
            *delivery += 1;
            Lease { job, delivery: *delivery, stamp: 0 }
        };
        let leases = ready.into_iter().map(lease).collect();
        let due = jobs.later.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
        Taken { leases, wait: due.map_or(SAFETY_POLL, |due| due.min(SAFETY_POLL)) }
    }

    pub(super) fn settle(&self, job: Job, settle: Settle) {
        locked(&self.jobs).settle(job, settle, Instant::now());
        if settle != Settle::Done {
            self.wake.notify_one();
        }
    }

    pub(super) fn depth(&self) -> Depth {
        let jobs = locked(&self.jobs);
        let (ready, later) = (jobs.ready.len(), jobs.later.len());
        let leased = jobs.live.len() - ready - later;
        Depth { lane: self.lane, ready: ready as u64, later: later as u64, leased: leased as u64 }
    }

    pub(super) fn wake(&self) -> &Notify {
        &self.wake
    }
}
