//! A lane on Redis: each verb is one bounded script call.

use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{Pipeline, RedisResult, Value};
use tokio::sync::Notify;

use super::error::QueueError;
use super::job::{Job, Lane, Lease, Pushed, Settle};
use super::lane_store::Taken;
use super::redis_server::{channel, impatient};
use super::scripts::{self, PUSH, RENEW, SETTLE, TAKE};

/// Most jobs in one push call: a script must not keep the single-threaded server for long.
const PUSH_MAX: usize = 500;
/// Most leases in one renew call.
pub(super) const RENEW_MAX: usize = 500;
/// Most leases in one settle call.
pub(super) const SETTLE_MAX: usize = 250;

pub(super) struct RedisLane {
    lane: Lane,
    connection: ConnectionManager,
    /// Ready, later, lease, live: the scripts' KEYS. One hash tag keeps them on one node of a
    /// cluster.
    keys: [String; 4],
    channel: String,
    wake: Notify,
}

impl RedisLane {
    pub(super) fn new(connection: &ConnectionManager, namespace: &str, lane: Lane) -> Self {
        let key = |what: &str| format!("{{{namespace}:{lane}}}:{what}");
        Self {
            lane,
            connection: connection.clone(),
            keys: [key("ready"), key("later"), key("lease"), key("live")],
            channel: channel(namespace),
            wake: Notify::new(),
        }
    }

    pub(super) fn wake(&self) -> &Notify {
        &self.wake
    }

    /// Adds three counts to a pipeline: ready, later, leased.
    pub(super) fn ask_depth(&self, pipe: &mut Pipeline) {
        let [ready, later, lease, _] = &self.keys;
        pipe.llen(ready).zcard(later).zcard(lease);
    }

    pub(super) async fn push(&self, jobs: &[(Job, Duration)]) -> Result<Pushed, QueueError> {
        let mut pushed = self.push_some(&jobs[..jobs.len().min(PUSH_MAX)]).await?;
        for some in jobs.chunks(PUSH_MAX).skip(1) {
            let more = self.push_some(some).await?;
            pushed = Pushed { fresh: pushed.fresh + more.fresh, depth: more.depth };
        }
        Ok(pushed)
    }

    async fn push_some(&self, jobs: &[(Job, Duration)]) -> Result<Pushed, QueueError> {
        let mut cmd = scripts::call(&PUSH, &self.keys, 2 + 2 * jobs.len());
        cmd.arg(self.channel.as_bytes()).arg(self.lane.name());
        for (job, delay) in jobs {
            cmd.arg(job.member().as_bytes()).arg(millis(*delay));
        }
        let ask = || scripts::send(&PUSH, &cmd, &self.connection);
        let (fresh, depth) = impatient(ask).await?;
        if fresh > 0 {
            self.wake.notify_one();
        }
        Ok(Pushed { fresh, depth })
    }

    pub(super) async fn take(&self, most: usize, lease: Duration) -> Result<Taken, QueueError> {
        let mut cmd = scripts::call(&TAKE, &self.keys, 2);
        cmd.arg(most).arg(millis(lease));
        let answer: Vec<Value> =
            scripts::send(&TAKE, &cmd, &self.connection).await.map_err(QueueError::Redis)?;
        let [Value::Int(wait), Value::Int(stamp), pairs @ ..] = &answer[..] else {
            return Err(QueueError::Answer);
        };
        let mut leases = Vec::with_capacity(pairs.len() / 2);
        for pair in pairs.chunks_exact(2) {
            match read_lease(pair, *stamp) {
                Some(lease) => leases.push(lease),
                None => self.discard(&pair[0]).await,
            }
        }
        Ok(Taken { leases, wait: Duration::from_millis(wait.unsigned_abs()) })
    }

    /// Throws out a member that no push of ours wrote; it would come back after every lease.
    async fn discard(&self, member: &Value) {
        let Value::BulkString(member) = member else { return };
        let [_, _, lease, live] = &self.keys;
        let mut pipe = redis::pipe();
        pipe.zrem(lease, &member[..]).hdel(live, &member[..]);
        let thrown: RedisResult<()> = pipe.query_async(&mut self.connection.clone()).await;
        tracing::warn!(lane = %self.lane, thrown = thrown.is_ok(), "not a job, thrown out of the lane");
    }

    /// Prolongs at most `RENEW_MAX` leases; answers those that were lost.
    pub(super) async fn renew(&self, leases: &[Lease], by: Duration) -> RedisResult<Vec<Lease>> {
        let mut cmd = scripts::call(&RENEW, &self.keys, 1 + 2 * leases.len());
        cmd.arg(millis(by));
        for lease in leases {
            cmd.arg(lease.job.member().as_bytes()).arg(lease.token().as_bytes());
        }
        let lost: Vec<usize> = scripts::send(&RENEW, &cmd, &self.connection).await?;
        Ok(lost.into_iter().filter_map(|place| leases.get(place).copied()).collect())
    }

    /// Settles at most `SETTLE_MAX` leases; answers how many were still held.
    pub(super) async fn settle(&self, settled: &[(Lease, Settle)]) -> RedisResult<u64> {
        let mut cmd = scripts::call(&SETTLE, &self.keys, 2 + 3 * settled.len());
        cmd.arg(self.channel.as_bytes()).arg(self.lane.name());
        for (lease, settle) in settled {
            cmd.arg(lease.job.member().as_bytes()).arg(lease.token().as_bytes());
            match settle {
                Settle::Done => cmd.arg("done"),
                Settle::Back => cmd.arg("back"),
                Settle::Again(delay) => cmd.arg(millis(*delay)),
                Settle::Later(delay) => cmd.arg(format!("-{}", millis(*delay).max(1))),
            };
        }
        scripts::send(&SETTLE, &cmd, &self.connection).await
    }
}

/// Rounded up, so that no delay becomes none. The bound keeps the sum with the clock exact in Lua.
fn millis(duration: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 86_400_000;
    u64::try_from(duration.as_nanos().div_ceil(1_000_000).min(CENTURY)).unwrap_or(u64::MAX)
}

fn read_lease(pair: &[Value], stamp: i64) -> Option<Lease> {
    let [Value::BulkString(member), Value::Int(delivery)] = pair else { return None };
    let job = Job::from_member(member)?;
    Some(Lease { job, delivery: u32::try_from(*delivery).ok()?, stamp: u64::try_from(stamp).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_rounded_up_to_whole_milliseconds() {
        let table = [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)];
        for (nanos, expected) in table {
            assert_eq!(millis(Duration::from_nanos(nanos)), expected, "{nanos} ns");
        }
        assert_eq!(millis(Duration::MAX), 3_153_600_000_000);
    }
}
