//! Phase 2: leads through all nine stages to the buyer. First one now and then (how long does one take?), then all at once (how many
//! a second, and what does each cost?).
use crate::{
    buyer::{Arrivals, Buyer},
    campaign,
    cost::Cost,
    engines::Engines,
    load::{self, Burst, Plan},
    moment::wait,
    report::Report,
    run::{Options, record_memory},
    system::System,
    trouble::Trouble,
    verify,
};
use std::time::Duration;

/// Unmeasured leads before everything else.
const WARM_UP: u64 = 200;
/// Numbers of the steady leads and of the burst begin here.
const STEADY: u64 = 100_000;
const BURST: u64 = 1_000_000;
/// When no lead arrives for so long, none will.
const PATIENCE: Duration = Duration::from_secs(60);
/// After the last arrival the last submissions are closed; their cost counts.
const SETTLE: Duration = Duration::from_secs(1);
const BURST_MAX: Duration = Duration::from_secs(600);

pub async fn measure(
    options: &Options,
    engines: &Engines,
    report: &mut Report,
) -> Result<(), Trouble> {
    let ground = engines.ground("pipeline").await?;
    let roles: &[&'static str] =
        if ground.servers.is_some() { &["api", "worker", "scheduler"] } else { &["serve"] };
    let mut system = System::start(&options.binary, &ground, roles).await?;
    // A sink of its own: what it reports is this phase's.
    let buyer = Buyer::start().await?;
    let (code, id) = campaign::create(&system.door, buyer.address, options.simple, None).await?;
    let warm_up = Plan { first: 0, count: WARM_UP, connections: 4, at_most: BURST_MAX };
    let mut sent = load::burst(&system.door, &code, warm_up).await?.sent;
    buyer.wait_for(WARM_UP, PATIENCE).await?;

    let count = (options.latency_seconds as f64 * options.latency_rate) as u64;
    eprintln!("== accept to buyer: {count} leads, {} a second", options.latency_rate);
    let steady = load::steady(&system.door, &code, (STEADY, count), options.latency_rate).await?;
    buyer.wait_for(WARM_UP + count, PATIENCE).await?;
    sent.extend(&steady.sent);

    eprintln!("== end to end: {} leads, {} connections", options.leads, options.connections);
    let before = Cost::now(engines, &system, &buyer).await?;
    let (first, at_most) = (BURST, BURST_MAX);
    let plan = Plan { first, count: options.leads, connections: options.connections, at_most };
    let burst = load::burst(&system.door, &code, plan).await?;
    buyer.wait_for(WARM_UP + count + options.leads, PATIENCE).await?;
    wait(SETTLE).await;
    let cost = Cost::now(engines, &system, &buyer).await?.since(&before);
    sent.extend(&burst.sent);

    system.check_alive()?;
    let arrivals = buyer.report().await?;
    show_complaints(&system);
    verify::once_each(&sent, &arrivals)?;
    verify::all_stand(&system.door, &id, "accepted", sent.len()).await?;
    say_speed(report, &burst, &arrivals);
    report.say_times("accept_to_buyer", delays_ms(&steady, &arrivals));
    cost.say(report, "", options.leads);
    record_memory(report, "", &system);
    system.stop().await;
    Ok(())
}

pub fn show_complaints(system: &System) {
    let complaints = system.complaints();
    for line in complaints.iter().take(5) {
        eprintln!("   log: {line}");
    }
    if complaints.len() > 5 {
        eprintln!("   log: {} more warnings and errors", complaints.len() - 5);
    }
}

/// From the first submit to the last arrival; and to the last answer 202, for comparison.
fn say_speed(report: &mut Report, burst: &Burst, arrivals: &Arrivals) {
    let times = burst.sent.iter().filter_map(|lead| arrivals.times.get(&lead.number)?.first());
    let last = times.max().copied().unwrap_or(burst.began_at_us);
    let seconds = (last - burst.began_at_us) as f64 / 1e6;
    report.say("end_to_end_leads_per_s", burst.sent.len() as f64 / seconds, "1/s");
    report.say("end_to_end_submitted_per_s", burst.per_second(), "1/s");
}

/// From the answer 202 at the caller to the arrival at the buyer, which may come first.
fn delays_ms(steady: &Burst, arrivals: &Arrivals) -> Vec<f64> {
    let delay = |lead: &load::Sent| {
        let arrived = arrivals.times.get(&lead.number)?.first()?;
        Some((arrived - lead.accepted_at_us) as f64 / 1_000.0)
    };
    steady.sent.iter().filter_map(delay).collect()
}
