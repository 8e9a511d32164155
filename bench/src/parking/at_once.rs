//! Every lead that waits is woken at once: how long until the last one is at the buyer?
use super::{AT_ONCE, Site, resumes, to_buyer_ms};
use crate::{
    buyer::Arrivals,
    posts::{self, Pace, Posted},
    report::{Report, milliseconds},
    trouble::Trouble,
};

pub async fn measure(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let (options, count) = (site.options, site.options.waits.parked);
    let parked = site.park_for_tokens(AT_ONCE, count).await?;
    let connections = usize::from(options.waits.wake_connections);
    eprintln!("== waking {count} leads at once, {connections} connections");
    let (posts, door) = (resumes(&parked)?, site.system.door.without_key());
    let before = site.cost().await?;
    let posted = posts::send(&door, posts, connections, Pace::AtOnce).await?;
    site.arrived().await?;
    let cost = site.cost().await?.since(&before);
    let arrivals = site.verify(&[(&parked.campaign, posted.len())]).await?;
    report.say("at_once_parked_per_s", parked.per_second, "1/s");
    say_speed(report, &posted, &arrivals);
    let times = posted.iter().map(|one| milliseconds(one.took)).collect();
    report.say_times_and_max("at_once_answer", times);
    report.say_times_and_max("at_once_to_buyer", to_buyer_ms(&posted, &arrivals));
    cost.say(report, "at_once_", count);
    Ok(())
}

/// From the first post to the last answer, and to the last arrival.
fn say_speed(report: &mut Report, posted: &[Posted], arrivals: &Arrivals) {
    let began = posted.iter().map(|one| one.due_at_us).min().unwrap_or(0);
    let answered = posted.iter().map(|one| one.answered_at_us).max().unwrap_or(began);
    let times = posted.iter().filter_map(|one| arrivals.times.get(&one.number)?.first());
    let last = times.max().copied().unwrap_or(began);
    let seconds = |end: i64| (end - began) as f64 / 1e6;
    report.say("at_once_resumes_per_s", posted.len() as f64 / seconds(answered), "1/s");
    report.say("at_once_until_last_delivery_s", seconds(last), "s");
    report.say("at_once_leads_per_s", posted.len() as f64 / seconds(last), "1/s");
}
