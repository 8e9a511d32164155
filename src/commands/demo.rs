//! `leadrail demo`: everything embedded, a sample buyer in the same process, leads over HTTP, and the story of each.
use crate::{
    commands::serve::stop_on_signal,
    settings::Settings,
    system::{Roles, StartError, System},
};
use clap::Args;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod buyer;
mod sample;
mod story;
mod waits;

/// How long a lead may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the demo looks whether a lead is done.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub struct Options {
    /// Go on serving after the last lead, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

type Failure = Box<dyn std::error::Error>;

/// A folder that goes when the demo ends.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // nothing to be done about it at the end
    }
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    let began = Instant::now();
    worker::outside::http::install_tls();
    let name = format!("leadrail-demo-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let key = shared::key::generate();
    let settings = Settings {
        database_url: None,
        redis_url: None,
        data: folder.0.clone(),
        admin_key: Some(key.clone()),
        admin_workspace: "demo".into(),
        allow_private_endpoints: true,
        public_url: None,
        ..settings.clone()
    };
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let buyer = buyer::start(stop.clone()).await?;
    let system = System::start(&settings).await?;
    let playing = {
        let stop = stop.clone();
        tokio::spawn(async move { system.play(Roles::ALL, listener, stop).await })
    };
    let shown = show(&Desk::new(address, key), buyer, began).await;
    if shown.is_ok() && options.keep {
        println!("\nServing until Ctrl-C.");
        stop.cancelled().await;
    }
    stop.cancel();
    let played: Result<Result<(), StartError>, _> = playing.await;
    shown?;
    Ok(played??)
}

/// The demo's own API client: what anybody with the key could do.
struct Desk {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Desk {
    fn new(address: SocketAddr, key: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a plain client");
        Self { http, base: format!("http://{address}/api/v1"), key }
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let answer = request.header("X-API-Key", &self.key).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if status.is_success() {
            Ok(body["data"].clone())
        } else {
            Err(format!("{status}: {body}").into())
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(self.http.put(format!("{}{path}", self.base)).json(body)).await
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(self.http.get(format!("{}{path}", self.base))).await
    }
}

async fn show(desk: &Desk, buyer: SocketAddr, began: Instant) -> Result<(), Failure> {
    println!("Leadrail demo: SQLite, an in-process queue and a sample buyer, all in this process.");
    println!(
        "API at {}, buyer at http://{buyer}, ready after {:.0?}.\n",
        desk.base,
        began.elapsed()
    );
    let second = desk.post("/campaigns", &sample::second_campaign(buyer)).await?;
    let first =
        desk.post("/campaigns", &sample::first_campaign(buyer, &second["campaignId"])).await?;
    println!(
        "Campaign {} “{}” delivers to SunPeak Energy;",
        text(&first["code"]),
        text(&first["name"])
    );
    println!("campaign {} “{}” is its fallback.\n", text(&second["code"]), text(&second["name"]));
    let submitting = Instant::now();
    let mut leads = Vec::new();
    for lead in sample::leads(&first["code"]) {
        leads.push(desk.post("/leads/submit", &lead).await?);
    }
    let submitted = submitting.elapsed();
    let mut tally = story::Tally::default();
    for (number, lead) in leads.iter().enumerate() {
        let lead_id = lead["leadId"].as_str().unwrap_or_default();
        let submissions = finished(desk, lead_id).await?;
        let who = desk.get(&format!("/leads/{lead_id}")).await?;
        story::tell(number + 1, &who, &submissions, &mut tally);
    }
    let waited = waits::show(desk, buyer, &mut tally).await?;
    tally.print(leads.len() + waited, submitted);
    println!("\nKey: {}", desk.key);
    println!("Another lead, while it serves (`--keep`):\n\n{}", curl(desk, &first["code"]));
    println!("\nAPI description: {}/docs", desk.base.trim_end_matches("/api/v1"));
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A lead's submissions with their journeys, once all of them have come to rest.
async fn finished(desk: &Desk, lead: &str) -> Result<Vec<Value>, Failure> {
    let began = Instant::now();
    loop {
        let rows = desk.get(&format!("/leads/{lead}/submissions")).await?;
        let rows = rows["items"].as_array().cloned().unwrap_or_default();
        let at_rest = |row: &Value| !matches!(row["run"].as_str(), Some("ready" | "parked"));
        if !rows.is_empty() && rows.iter().all(at_rest) {
            let mut whole = Vec::new();
            for row in rows {
                let id = row["submissionId"].as_str().unwrap_or_default();
                whole.push(desk.get(&format!("/submissions/{id}")).await?);
            }
            return Ok(whole);
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("lead {lead} is not done after {PATIENCE:?}: {rows:?}").into());
        }
        look().await;
    }
}

/// Returns once a lead waits for somebody.
async fn parked(desk: &Desk, lead: &str) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let rows = desk.get(&format!("/leads/{lead}/submissions")).await?;
        if rows["items"][0]["run"] == "parked" {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("lead {lead} does not wait after {PATIENCE:?}: {rows}").into());
        }
        look().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo waits for its leads as a person would")]
async fn look() {
    tokio::time::sleep(LOOK).await;
}

fn curl(desk: &Desk, campaign: &Value) -> String {
    let lead = json!({
        "campaignId": campaign,
        "firstName": "Grace",
        "lastName": "Hopper",
        "email": "grace@example.com",
        "phone": "(415) 555-0142",
        "address": {"state": "CA", "zip": "94103"},
        "questionnaire": {"homeowner": "yes", "roof": "tile", "monthly_bill": "180"},
    });
    format!(
        "curl -s {}/leads/submit -H 'X-API-Key: {}' -H 'Content-Type: application/json' \\\n  -d '{lead}'",
        desk.base, desk.key
    )
}
