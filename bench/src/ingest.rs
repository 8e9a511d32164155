//! Phase 1: how fast leads are taken in, durably, while nothing works on them; beside the floor in the same rounds.
use crate::{
    buyer::Buyer,
    campaign,
    door::Door,
    engines::Engines,
    floor::Floor,
    load::{self, Burst, Plan},
    moment::wait,
    report::{Report, median, milliseconds},
    run::{Options, record_memory},
    system::System,
    trouble::Trouble,
    verify,
};
use std::time::Duration;

/// Leads of a round, at most: rounds end by time.
const ROUND_MAX: u64 = 1_000_000;
/// Unmeasured leads before the first round.
const WARM_UP: u64 = 200;
/// How long a worker may take to notice that its lane is paused.
const PAUSE: Duration = Duration::from_secs(3);

pub async fn measure(
    options: &Options,
    engines: &Engines,
    buyer: &Buyer,
    report: &mut Report,
) -> Result<(), Trouble> {
    eprintln!("== ingest: {} connections, {} rounds", options.connections, options.rounds);
    let ground = engines.ground("ingest").await?;
    let roles = if ground.servers.is_some() { &["api"] } else { &["serve"] };
    let mut system = System::start(&options.binary, &ground, roles).await?;
    if ground.servers.is_none() {
        hold_work(&system.door).await?;
    }
    let (code, id) = campaign::create(&system.door, buyer.address, options.simple, None).await?;
    let mut floor = match &ground.servers {
        Some(servers) => Some(Floor::open(&servers.database_url, options.connections).await?),
        None => None,
    };
    let at_most = Duration::from_secs(60);
    let warm_up = Plan { first: 0, count: WARM_UP, connections: options.connections, at_most };
    let mut taken = load::burst(&system.door, &code, warm_up).await?.sent.len();
    let (mut bursts, mut floors) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        if let Some(floor) = &mut floor {
            floors.push(floor.measure(Duration::from_secs(options.seconds)).await?);
        }
        let plan = Plan {
            first: u64::from(round) * ROUND_MAX,
            count: ROUND_MAX,
            connections: options.connections,
            at_most: Duration::from_secs(options.seconds),
        };
        let burst = load::burst(&system.door, &code, plan).await?;
        taken += burst.sent.len();
        bursts.push(burst);
    }
    system.check_alive()?;
    verify::all_stand(&system.door, &id, "pending", taken).await?;
    say(report, &bursts, floors);
    record_memory(report, "ingest_", &system);
    system.stop().await;
    Ok(())
}

/// Embedded, the worker is in the same process: its first lane is paused instead.
async fn hold_work(door: &Door) -> Result<(), Trouble> {
    let why = r#"{"reason":"ingest is measured"}"#;
    door.ask("POST", "/api/v1/lanes/routing/pause", why).await?;
    wait(PAUSE).await;
    Ok(())
}

fn say(report: &mut Report, bursts: &[Burst], floors: Vec<f64>) {
    let rates: Vec<f64> = bursts.iter().map(Burst::per_second).collect();
    let times = bursts.iter().flat_map(|burst| &burst.sent).map(|lead| milliseconds(lead.took));
    report.say("ingest_requests_per_s", median(rates.clone()), "1/s");
    report.say_times("ingest", times.collect());
    if !floors.is_empty() {
        let ratios = rates.iter().zip(&floors).map(|(rate, floor)| rate / floor).collect();
        report.say("floor_inserts_per_s", median(floors), "1/s");
        report.say("ingest_per_floor", median(ratios), "ratio");
    }
}
