//! Leads that move by themselves: activities taken in and scored, and leads that fall due because nothing was heard of them.
use crate::{
    engines::Engines,
    report::Report,
    run::{Options, record_memory},
    system::System,
    trouble::{Doing, Trouble},
};
use clap::Args;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

mod activities;
mod check;
mod document;
mod fill;
mod sweep;

/// How many leads, and what happens to them.
#[derive(Debug, Clone, Args)]
pub struct Automation {
    /// With --only automation: leads at the end; the first sweeps run over a tenth of them.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=20_000_000))]
    automated_leads: u64,
    /// Leads that fall due at one moment.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    due: u64,
    /// Activities sent in batches of 1,000, in each of the rounds.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    activities: u64,
    /// Activities sent one by one, in each of the rounds.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    single: u64,
}

impl Automation {
    /// For the record.
    pub fn settings(&self) -> Value {
        json!({"leads": self.automated_leads, "due": self.due, "activities": self.activities, "single": self.single})
    }
}

/// A running system, the database behind it, and the campaign.
struct Site<'a> {
    wanted: &'a Automation,
    system: System,
    /// Looks at the database beside the system.
    database: PgConnection,
    workspace: Uuid,
    campaign: Uuid,
    /// As the API writes it.
    campaign_id: String,
    /// Leads that are there.
    leads: u64,
}

pub async fn measure(
    options: &Options,
    engines: &Engines,
    report: &mut Report,
) -> Result<(), Trouble> {
    let ground = engines.ground("automation").await?;
    let Some(servers) = &ground.servers else {
        return Err("is measured on PostgreSQL").doing("--only automation");
    };
    let system = System::start(&options.binary, &ground, &["api", "worker", "scheduler"]).await?;
    let mut database = PgConnection::connect(&servers.database_url).await?;
    let workspace =
        sqlx::query_scalar("SELECT id FROM workspace LIMIT 1").fetch_one(&mut database).await?;
    sqlx::query("UPDATE workspace SET plan = 'enterprise'").execute(&mut database).await?;
    let body = json!({"name": "Bench", "config": {}}).to_string();
    let made = system.door.ask("POST", "/api/v1/campaigns", &body).await?;
    let campaign_id = made["campaignId"].as_str().unwrap_or_default().to_owned();
    let campaign =
        sqlx::query_scalar("SELECT id FROM campaign LIMIT 1").fetch_one(&mut database).await?;
    let wanted = &options.automation;
    let mut site = Site { wanted, system, database, workspace, campaign, campaign_id, leads: 0 };
    run(&mut site, report).await?;
    site.system.check_alive()?;
    record_memory(report, "automation_", &site.system);
    site.system.stop().await;
    Ok(())
}

async fn run(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let all = site.wanted.automated_leads;
    fill::until(site, all / 10, report).await?;
    let plain = activities::measure(site, "plain", report).await?;
    document::save(site, report).await?;
    let few = sweep::measure(site, "sweep_tenth", report).await?;
    fill::until(site, all, report).await?;
    let many = sweep::measure(site, "sweep_all", report).await?;
    report.say("sweep_all_per_tenth", many / few, "x");
    record_memory(report, "swept_", &site.system);
    let scored = activities::measure(site, "scored", report).await?;
    report.say("batch_scored_per_plain", scored.batch / plain.batch, "x");
    report.say("single_scored_per_plain", scored.single / plain.single, "x");
    check::all(site, &scored).await
}
