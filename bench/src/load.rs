//! The load generator: leads as fast as a number of connections can, or at a steady rate.
use crate::{
    door::{Door, Line},
    leads,
    moment::now_us,
    trouble::Trouble,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

/// Where leads are posted.
pub const SUBMIT: &str = "/api/v1/leads/submit";

/// A lead that the API has taken in.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub number: u64,
    /// When the answer 202 was there, in microseconds.
    pub accepted_at_us: i64,
    /// From the request's first byte to the answer's last.
    pub took: Duration,
}

/// What a burst did.
#[derive(Debug, Default)]
pub struct Burst {
    pub sent: Vec<Sent>,
    pub began_at_us: i64,
    pub took: Duration,
}

impl Burst {
    pub fn per_second(&self) -> f64 {
        self.sent.len() as f64 / self.took.as_secs_f64()
    }
}

/// Which leads a burst sends, over how many connections, and when it ends at the latest.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub first: u64,
    pub count: u64,
    pub connections: usize,
    pub at_most: Duration,
}

/// Sends as fast as the connections can, each waiting for its answer; any answer but 202 ends the run.
pub async fn burst(door: &Door, campaign: &str, plan: Plan) -> Result<Burst, Trouble> {
    let mut lines = Vec::new();
    for _ in 0..plan.connections {
        lines.push(door.connect().await?);
    }
    let next = Arc::new(AtomicU64::new(plan.first));
    let (began, began_at_us) = (Instant::now(), now_us());
    let mut callers = JoinSet::new();
    for mut line in lines {
        let (next, campaign) = (next.clone(), campaign.to_owned());
        callers.spawn(async move {
            let mut sent = Vec::new();
            while began.elapsed() < plan.at_most {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= plan.first + plan.count {
                    break;
                }
                sent.push(submit(&mut line, &campaign, number).await?);
            }
            Ok::<_, Trouble>(sent)
        });
    }
    let mut sent = Vec::new();
    while let Some(caller) = callers.join_next().await {
        let caller = caller.map_err(|panic| Trouble::Void(panic.to_string()))?;
        sent.extend(caller?);
    }
    Ok(Burst { sent, began_at_us, took: began.elapsed() })
}

/// Sends `count` leads, `per_second` of them in a second, over one connection.
pub async fn steady(
    door: &Door,
    campaign: &str,
    (first, count): (u64, u64),
    per_second: f64,
) -> Result<Burst, Trouble> {
    let mut line = door.connect().await?;
    let (began, began_at_us) = (Instant::now(), now_us());
    let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sent = Vec::new();
    for number in first..first + count {
        tick.tick().await;
        sent.push(submit(&mut line, campaign, number).await?);
    }
    Ok(Burst { sent, began_at_us, took: began.elapsed() })
}

async fn submit(line: &mut Line, campaign: &str, number: u64) -> Result<Sent, Trouble> {
    let body = leads::body(campaign, number);
    let began = Instant::now();
    let answer = line.send("POST", SUBMIT, &body).await?;
    if answer.status() != 202 {
        let said = String::from_utf8_lossy(answer.body);
        let why = format!("lead {number} was answered {}: {said}", answer.status());
        return Err(Trouble::Void(why));
    }
    Ok(Sent { number, accepted_at_us: now_us(), took: began.elapsed() })
}
