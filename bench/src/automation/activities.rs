//! Activities through the API: each answer comes after the activity is counted, scored and evaluated.
use super::{Site, document::activity};
use crate::{
    posts::{self, Pace, Post},
    report::{Report, milliseconds},
    trouble::Trouble,
};
use serde_json::{Value, json};
use std::time::Instant;

/// Activities of one request.
const BATCH: u64 = 1_000;
/// Connections that send batches.
const SENDERS: usize = 4;
/// Connections that send single ones.
const CONNECTIONS: usize = 64;

/// What was taken in.
pub struct Rates {
    /// Activities a second.
    pub batch: f64,
    pub single: f64,
    /// Activities in all, and the points that they are worth.
    pub sent: u64,
    pub points: i64,
}

/// Spreads the activities over the leads that are there.
fn one(site: &Site<'_>, n: u64) -> (Value, i64) {
    let (kind, name, points) = activity(n);
    let lead = n.wrapping_mul(7_919) % site.leads;
    (json!({"email": format!("ada{lead}@example.com"), "type": kind, "name": name}), points)
}

fn post(number: u64, activities: &[Value]) -> Post {
    Post {
        number,
        path: "/api/v1/activities".into(),
        headers: String::new(),
        body: json!({"activities": activities}).to_string(),
        status: 200,
        proof: "",
    }
}

pub async fn measure(
    site: &mut Site<'_>,
    name: &str,
    report: &mut Report,
) -> Result<Rates, Trouble> {
    let mut rates = Rates { batch: 0.0, single: 0.0, sent: 0, points: 0 };
    let mut next = 0..;
    let mut take = |count: u64, rates: &mut Rates| -> Vec<Value> {
        let numbers = next.by_ref().take(count as usize);
        numbers
            .map(|n| {
                let (activity, points) = one(site, n);
                rates.sent += 1;
                rates.points += points;
                activity
            })
            .collect()
    };
    let batches = site.wanted.activities / BATCH;
    let batched: Vec<Post> = (0..batches).map(|n| post(n, &take(BATCH, &mut rates))).collect();
    let single: Vec<Post> =
        (0..site.wanted.single).map(|n| post(n, &take(1, &mut rates))).collect();
    let before = site.system.cpu();
    let began = Instant::now();
    posts::send(&site.system.door, batched, SENDERS, Pace::AtOnce).await?;
    rates.batch = (batches * BATCH) as f64 / began.elapsed().as_secs_f64();
    report.say(format!("batch_{name}_per_s"), rates.batch, "activities/s");
    for ((role, before), (_, after)) in before.into_iter().zip(site.system.cpu()) {
        let each = milliseconds(after.saturating_sub(before)) / (batches * BATCH) as f64;
        report.say(format!("batch_{name}_cpu_{role}_ms"), each, "ms/activity");
    }
    let began = Instant::now();
    let posted = posts::send(&site.system.door, single, CONNECTIONS, Pace::AtOnce).await?;
    rates.single = site.wanted.single as f64 / began.elapsed().as_secs_f64();
    report.say(format!("single_{name}_per_s"), rates.single, "activities/s");
    let times = posted.iter().map(|posted| milliseconds(posted.took)).collect();
    report.say_times(&format!("single_{name}"), times);
    Ok(rates)
}
