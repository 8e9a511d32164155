//! Leads are woken at a steady rate while others are submitted: how long does who wakes one wait for the answer?
use super::{Parked, Site, to_buyer_ms};
use crate::{
    leads,
    load::{SUBMIT, Sent},
    moment::wait,
    posts::{self, Pace, Post, Posted},
    report::{Report, milliseconds},
    trouble::Trouble,
};
use std::time::Duration;

/// How long other leads come before the first one is woken, and after the last.
const LEAD_IN: Duration = Duration::from_secs(2);

/// Sends the posts, while leads of the campaign `busy` (code and id) with numbers from `first` are submitted; `phase` begins the names.
pub async fn measure(
    site: &mut Site<'_>,
    busy: &(String, String),
    (parked, posts): (&Parked, Vec<Post>),
    (phase, first): (&str, u64),
    report: &mut Report,
) -> Result<(), Trouble> {
    let waits = &site.options.waits;
    let rate = waits.rate();
    let (wake_rate, wakes) = (waits.wake_rate(), waits.wake_seconds);
    eprintln!("== waking {wake_rate} a second for {wakes} s, among {rate} other leads a second");
    let seconds = wakes as f64 + 2.0 * LEAD_IN.as_secs_f64();
    let load = submits(&busy.0, first, (seconds * rate).ceil() as u64);
    let connections = usize::from(waits.wake_connections);
    let (door, outside) = (site.system.door.clone(), site.system.door.without_key());
    let before = site.cost().await?;
    let (others, woken) =
        tokio::try_join!(posts::send(&door, load, connections, Pace::PerSecond(rate)), async {
            wait(LEAD_IN).await;
            posts::send(&outside, posts, connections, Pace::PerSecond(wake_rate)).await
        })?;
    site.sent.extend(others.iter().map(sent));
    site.arrived().await?;
    let cost = site.cost().await?.since(&before);
    let campaigns = [(&*parked.campaign, woken.len()), (&busy.1, site.busy_count())];
    let arrivals = site.verify(&campaigns).await?;
    report.say(format!("{phase}parked_per_s"), parked.per_second, "1/s");
    report.say(format!("{phase}per_s"), per_second(&woken), "1/s");
    report.say_times_and_max(&format!("{phase}answer"), answers_ms(&woken));
    report.say_times_and_max(&format!("{phase}to_buyer"), to_buyer_ms(&woken, &arrivals));
    report.say(format!("{phase}others_per_s"), per_second(&others), "1/s");
    report.say_times(&format!("{phase}others_answer"), answers_ms(&others));
    report.say_times(&format!("{phase}others_to_buyer"), to_buyer_ms(&others, &arrivals));
    cost.say(report, phase, (woken.len() + others.len()) as u64);
    Ok(())
}

fn submits(campaign: &str, first: u64, count: u64) -> Vec<Post> {
    let post = |number| Post {
        number,
        path: SUBMIT.to_owned(),
        headers: String::new(),
        body: leads::body(campaign, number),
        status: 202,
        proof: "",
    };
    (first..first + count).map(post).collect()
}

fn sent(one: &Posted) -> Sent {
    Sent { number: one.number, accepted_at_us: one.answered_at_us, took: one.took }
}

/// Answers a second, from the first post to the last answer.
fn per_second(posted: &[Posted]) -> f64 {
    let began = posted.iter().map(|one| one.due_at_us).min().unwrap_or(0);
    let ended = posted.iter().map(|one| one.answered_at_us).max().unwrap_or(began);
    posted.len() as f64 * 1e6 / (ended - began) as f64
}

fn answers_ms(posted: &[Posted]) -> Vec<f64> {
    posted.iter().map(|one| milliseconds(one.took)).collect()
}
