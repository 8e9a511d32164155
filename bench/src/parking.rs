//! Leads that wait and are woken: all at once, and a steady row of them while the pipeline is busy.
use crate::{
    buyer::{Arrivals, Buyer},
    campaign,
    cost::Cost,
    end_to_end::show_complaints,
    engines::Engines,
    hook::{self, Secret},
    load::{self, Plan, Sent},
    moment::{now_us, wait},
    posts::{Post, Posted},
    report::Report,
    run::{Options, record_memory},
    system::System,
    trouble::{Doing, Trouble},
    verify,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};

mod at_once;
mod busy;

/// Unmeasured leads before everything else.
const WARM_UP: u64 = 200;
/// Numbers of the leads of each part begin here.
const AT_ONCE: u64 = 1_000_000;
const RESUMES: u64 = 11_000_000;
const HOOKS: u64 = 16_000_000;
const BACKGROUND: u64 = 21_000_000;
/// Numbers between the backgrounds of two parts.
const BACKGROUND_STEP: u64 = 5_000_000;
/// When nothing arrives for so long, nothing will.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is written after the last thing that the sink sees.
const SETTLE: Duration = Duration::from_secs(1);
const SUBMIT_MAX: Duration = Duration::from_secs(600);

/// What is measured of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// All tokens are posted at once.
    AtOnce,
    /// Tokens are posted at a steady rate while other leads are submitted.
    Resumes,
    /// The same with a provider's reports of ended calls.
    Hooks,
}

/// How leads are parked and woken.
#[derive(Debug, Clone, Args)]
pub struct Waits {
    /// With --only parking: only this part of it.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Leads that wait and are woken at once.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    parked: u64,
    /// Connections that wake leads.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    wake_connections: u16,
    /// Leads woken a second while the pipeline is busy.
    #[arg(long, default_value_t = 200.0)]
    wake_rate: f64,
    /// For so many seconds. Webhooks are signed beforehand, and a signature is good for five minutes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=240))]
    wake_seconds: u64,
    /// Leads submitted a second meanwhile.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
}

impl Waits {
    fn wants(&self, part: Part) -> bool {
        self.part.is_none_or(|only| only == part)
    }

    fn wake_rate(&self) -> f64 {
        self.wake_rate.clamp(0.1, 5_000.0)
    }

    fn rate(&self) -> f64 {
        self.rate.clamp(0.1, 5_000.0)
    }

    /// Leads that are woken at the steady rate.
    fn woken(&self) -> u64 {
        (self.wake_rate() * self.wake_seconds as f64).ceil() as u64
    }

    /// For the record.
    pub fn settings(&self) -> Value {
        json!({
            "parked": self.parked,
            "wakeConnections": self.wake_connections,
            "wokenPerSecond": self.wake_rate(),
            "wokenForSeconds": self.wake_seconds,
            "submittedPerSecondMeanwhile": self.rate(),
        })
    }
}

/// A running system, its surroundings, and the leads that it has been given.
struct Site<'a> {
    options: &'a Options,
    engines: &'a Engines,
    system: System,
    buyer: Buyer,
    sent: Vec<Sent>,
    /// Webhooks and orders that the sink has been sent.
    waits: u64,
}

/// Leads of a campaign that wait.
struct Parked {
    /// The campaign's id.
    campaign: String,
    /// Lead number, and the resume URL or the order's id.
    waits: Vec<(u64, String)>,
    /// Leads submitted and parked a second.
    per_second: f64,
}

pub async fn measure(
    options: &Options,
    engines: &Engines,
    report: &mut Report,
) -> Result<(), Trouble> {
    let ground = engines.ground("parking").await?;
    let roles: &[&'static str] =
        if ground.servers.is_some() { &["api", "worker", "scheduler"] } else { &["serve"] };
    let system = System::start(&options.binary, &ground, roles).await?;
    let (sent, waits, buyer) = (Vec::new(), 0, Buyer::start().await?);
    let mut site = Site { options, engines, system, buyer, sent, waits };
    let busy = site.campaign(None).await?;
    let plan = Plan { first: 0, count: WARM_UP, connections: 4, at_most: SUBMIT_MAX };
    site.sent = load::burst(&site.system.door, &busy.0, plan).await?.sent;
    site.arrived().await?;
    if options.waits.wants(Part::AtOnce) {
        at_once::measure(&mut site, report).await?;
    }
    if options.waits.wants(Part::Resumes) {
        let parked = site.park_for_tokens(RESUMES, options.waits.woken()).await?;
        let posts = resumes(&parked)?;
        let part = ("resume_", BACKGROUND);
        busy::measure(&mut site, &busy, (&parked, posts), part, report).await?;
    }
    if options.waits.wants(Part::Hooks) {
        let (parked, posts) = site.park_for_hooks(HOOKS, options.waits.woken()).await?;
        let part = ("hook_", BACKGROUND + BACKGROUND_STEP);
        busy::measure(&mut site, &busy, (&parked, posts), part, report).await?;
    }
    record_memory(report, "parking_", &site.system);
    site.system.stop().await;
    Ok(())
}

impl Site<'_> {
    /// A new campaign's code and id.
    async fn campaign(&self, action: Option<Value>) -> Result<(String, String), Trouble> {
        let (sink, simple) = (self.buyer.address, self.options.simple);
        campaign::create(&self.system.door, sink, simple, action).await
    }

    /// Leads of the campaign without a first action so far.
    fn busy_count(&self) -> usize {
        let busy = |lead: &&Sent| lead.number < WARM_UP || lead.number >= BACKGROUND;
        self.sent.iter().filter(busy).count()
    }

    async fn cost(&self) -> Result<Cost, Trouble> {
        Cost::now(self.engines, &self.system, &self.buyer).await
    }

    /// Waits until every lead that was sent and does not wait for anybody should be there.
    async fn arrived(&self) -> Result<(), Trouble> {
        self.buyer.wait_for(self.sent.len() as u64, PATIENCE).await?;
        wait(SETTLE).await;
        Ok(())
    }

    /// Parks leads for a webhook's answer.
    async fn park_for_tokens(&mut self, first: u64, count: u64) -> Result<Parked, Trouble> {
        self.park(campaign::webhook(self.buyer.address), first, count).await
    }

    /// Parks leads for a call; returns the reports of its end too.
    async fn park_for_hooks(
        &mut self,
        first: u64,
        count: u64,
    ) -> Result<(Parked, Vec<Post>), Trouble> {
        let (door, secret) = (&self.system.door, Secret::random()?);
        let value = json!({"value": secret.text}).to_string();
        door.ask("PUT", "/api/v1/secrets/caller", &value).await?;
        let url = format!("http://{}/orders", self.buyer.address);
        let provider = json!({"type": "generic", "url": url, "secret": {"secret": "caller"}});
        let agent = json!({"provider": provider}).to_string();
        let agent = door.ask("PUT", "/api/v1/agents/caller", &agent).await?;
        let id = agent["agentId"].as_str().ok_or("no agentId").doing("making an agent")?;
        let path = format!("/api/v1/hooks/{id}");
        let parked = self.park(campaign::call("caller"), first, count).await?;
        let seconds = now_us() / 1_000_000;
        let ended = |(number, order): &(u64, String)| {
            hook::ended(&secret, &path, (*number, order), seconds)
        };
        let posts = parked.waits.iter().map(ended).collect();
        Ok((parked, posts))
    }

    /// Submits leads and waits until each of them waits, and the outside has been told once.
    async fn park(&mut self, action: Value, first: u64, count: u64) -> Result<Parked, Trouble> {
        eprintln!("== parking {count} leads: {}", action["kind"]);
        let (code, campaign) = self.campaign(Some(action)).await?;
        let (connections, at_most) = (self.options.connections, SUBMIT_MAX);
        let plan = Plan { first, count, connections, at_most };
        let burst = load::burst(&self.system.door, &code, plan).await?;
        self.buyer.wait_for_waits(self.waits + count, PATIENCE).await?;
        let seconds = (now_us() - burst.began_at_us) as f64 / 1e6;
        wait(SETTLE).await;
        self.system.check_alive()?;
        verify::all_stand(&self.system.door, &campaign, "pending_action", burst.sent.len()).await?;
        let mut waits = self.buyer.waits().await?;
        self.waits = waits.len() as u64;
        waits.retain(|(number, _)| (first..first + count).contains(number));
        verify::told_once(&burst.sent, &waits)?;
        self.sent.extend(&burst.sent);
        Ok(Parked { campaign, waits, per_second: count as f64 / seconds })
    }

    /// Checks every lead so far, and how those of the campaigns stand.
    async fn verify(&mut self, campaigns: &[(&str, usize)]) -> Result<Arrivals, Trouble> {
        self.system.check_alive()?;
        let arrivals = self.buyer.report().await?;
        show_complaints(&self.system);
        verify::once_each(&self.sent, &arrivals)?;
        for (id, count) in campaigns {
            verify::all_stand(&self.system.door, id, "accepted", *count).await?;
        }
        Ok(arrivals)
    }
}

/// One post a token. An answer that the wait was over before is none that is wanted.
fn resumes(parked: &Parked) -> Result<Vec<Post>, Trouble> {
    let post = |(number, url): &(u64, String)| {
        let at = url.find("/api/v1/resume/").ok_or(url.clone()).doing("reading a resumeUrl")?;
        let (path, headers, body) = (url[at..].to_owned(), String::new(), String::new());
        let proof = r#""repeated":false"#;
        Ok(Post { number: *number, path, headers, body, status: 200, proof })
    };
    parked.waits.iter().map(post).collect()
}

/// Milliseconds from the moment when each was due to the arrival of its lead at the buyer.
fn to_buyer_ms(posted: &[Posted], arrivals: &Arrivals) -> Vec<f64> {
    let times: &HashMap<u64, Vec<i64>> = &arrivals.times;
    let delay =
        |one: &Posted| Some((times.get(&one.number)?.first()? - one.due_at_us) as f64 / 1e3);
    posted.iter().filter_map(delay).collect()
}
