//! `leadrail jobs`: what operators do to stage jobs and lanes, straight on the database.
use crate::{settings::Settings, system::open_database};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use shared::{
    audit::Actor,
    clock::Clock,
    ids::{CampaignId, SubmissionId, WorkspaceId},
    moves::{self, Settlement},
    store::{
        Db, StoreError,
        close::{Close, Closer},
        jobs::{self, Bulk, JobFilter, JobState},
        keys, leads,
        load::{Loader, with_newest},
        sweeps::{self, PausedLane},
    },
    submission::Stage,
};

type Failure = Box<dyn std::error::Error>;

/// Jobs printed by one `list`, at most.
const LIST_MAX: i64 = 1_000;

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    /// The workspace's name.
    #[arg(long, default_value = "default", global = true)]
    workspace: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Jobs that match, the one that moved last first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Count them by stage, campaign and error instead.
        #[arg(long)]
        groups: bool,
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// One job: where it is, its journey with every attempt's error, its exchanges with the buyer.
    Show { id: String },
    /// Run failed jobs again: one by id, or all that match.
    Retry {
        id: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// Retry all that match; without it they are only counted.
        #[arg(long)]
        all: bool,
    },
    /// Give up on failed jobs: one by id, or all that match.
    Discard {
        id: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// Discard all that match; without it they are only counted.
        #[arg(long)]
        all: bool,
    },
    /// Say whether a held delivery was sold.
    Settle {
        id: String,
        #[arg(value_enum)]
        outcome: Outcome,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Stop a stage's lane: its jobs wait.
    Pause {
        stage: String,
        #[arg(long, default_value = "paused by hand")]
        reason: String,
    },
    /// Let a stage's lane run again.
    Resume { stage: String },
}

impl Action {
    /// Who does it, for the audit log.
    fn actor(&self) -> Actor {
        Actor::command(match self {
            Self::List { .. } | Self::Show { .. } => "jobs",
            Self::Retry { .. } => "jobs retry",
            Self::Discard { .. } => "jobs discard",
            Self::Settle { .. } => "jobs settle",
            Self::Pause { .. } => "jobs pause",
            Self::Resume { .. } => "jobs resume",
        })
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Outcome {
    /// The buyer has the lead.
    Sold,
    /// The buyer has not got it; a fallback may take it.
    NotSold,
    /// Post it again under the same idempotency key.
    Retry,
}

#[derive(Debug, Args)]
struct Filter {
    /// failed, held, ready or parked.
    #[arg(long, value_enum, default_value = "failed")]
    state: State,
    #[arg(long)]
    stage: Option<String>,
    /// The campaign's id, cmp_…
    #[arg(long)]
    campaign: Option<String>,
    /// What failed jobs have in common: see `list --groups`.
    #[arg(long)]
    fingerprint: Option<String>,
    /// Last moved at this time or later, RFC 3339.
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Last moved before this time.
    #[arg(long)]
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Failed,
    Held,
    Ready,
    Parked,
}

impl Filter {
    fn read(&self) -> Result<JobFilter, Failure> {
        Ok(JobFilter {
            state: Some(match self.state {
                State::Failed => JobState::Failed,
                State::Held => JobState::Held,
                State::Ready => JobState::Ready,
                State::Parked => JobState::Parked,
            }),
            stage: self.stage.as_deref().map(stage).transpose()?,
            campaign: self.campaign.as_deref().map(CampaignId::parse).transpose()?,
            fingerprint: self.fingerprint.clone(),
            from: self.from,
            until: self.until,
        })
    }
}

fn stage(name: &str) -> Result<Stage, Failure> {
    let names = Stage::ALL.map(Stage::name).join(", ");
    Ok(Stage::parse(name).ok_or_else(|| format!("`{name}` is not a stage; stages are {names}"))?)
}

/// What the actions need.
struct Desk {
    db: Db,
    workspace: WorkspaceId,
    by: String,
    actor: Actor,
    now: DateTime<Utc>,
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    let db = open_database(settings).await?;
    let now = Clock::system().now();
    let workspace = keys::find_workspace(&db, &options.workspace).await?;
    let workspace =
        workspace.ok_or_else(|| format!("there is no workspace {}", options.workspace))?.id;
    let actor = options.action.actor();
    let desk =
        Desk { db: db.acting(actor.clone()), actor, workspace, by: "the command line".into(), now };
    match options.action {
        Action::List { filter, groups: true, .. } => desk.groups(&filter.read()?).await?,
        Action::List { filter, limit, .. } => desk.list(&filter.read()?, limit).await?,
        Action::Show { id } => desk.show(SubmissionId::parse(&id)?).await?,
        Action::Retry { id: Some(id), .. } => {
            desk.one(&id, "job.retried", moves::retry).await?;
        }
        Action::Discard { id: Some(id), .. } => {
            desk.one(&id, "job.discarded", moves::discard).await?;
        }
        Action::Retry { filter, all, .. } => desk.bulk(&filter.read()?, Bulk::Retry, all).await?,
        Action::Discard { filter, all, .. } => {
            desk.bulk(&filter.read()?, Bulk::Discard, all).await?;
        }
        Action::Settle { id, outcome, reason } => {
            let settlement = match outcome {
                Outcome::Sold => Settlement::Sold,
                Outcome::NotSold => Settlement::NotSold,
                Outcome::Retry => Settlement::Retry,
            };
            let settle = |loaded: &_, by: &str, now| {
                moves::settle(loaded, settlement, reason.as_deref(), by, now)
            };
            desk.one(&id, "job.settled", settle).await?;
        }
        Action::Pause { stage: name, reason } => {
            let lane = stage(&name)?.name().to_owned();
            let pause = PausedLane { lane, reason, paused_by: desk.by.clone(), paused_at: now };
            sweeps::pause_lane(&desk.db, workspace, &pause).await?;
            println!("{name} is paused; workers see it within a second");
        }
        Action::Resume { stage: name } => {
            let lane = stage(&name)?.name();
            let resumed = sweeps::resume_lane(&desk.db, workspace, lane, now).await?;
            println!("{name} {}", if resumed { "runs again" } else { "was not paused" });
        }
    }
    desk.db.close().await;
    Ok(())
}

impl Desk {
    async fn list(&self, filter: &JobFilter, limit: i64) -> Result<(), StoreError> {
        let limit = limit.clamp(1, LIST_MAX);
        for job in jobs::list(&self.db, self.workspace, filter, None, limit).await? {
            println!(
                "{}  {}  {}  {}  try {}  {}  {}",
                job.id,
                job.run,
                job.stage,
                job.campaign_code,
                job.attempt,
                job.updated_at.to_rfc3339(),
                job.reason.unwrap_or_default()
            );
        }
        Ok(())
    }

    async fn groups(&self, filter: &JobFilter) -> Result<(), StoreError> {
        for group in jobs::groups(&self.db, self.workspace, filter).await? {
            println!(
                "{:>7}  {}  {}  {}  {}",
                group.jobs,
                group.error_fingerprint.unwrap_or_else(|| "-".into()),
                group.stage,
                group.campaign_id,
                group.example.unwrap_or_default()
            );
        }
        Ok(())
    }

    async fn show(&self, id: SubmissionId) -> Result<(), Failure> {
        let job = leads::submission(&self.db, self.workspace, id).await?;
        let job = job.ok_or_else(|| format!("this workspace has no submission {id}"))?;
        println!(
            "{id} of {}: {} at {}, generation {}",
            job.lead_id, job.run, job.stage, job.generation
        );
        for event in leads::journey(&self.db, self.workspace, id).await? {
            println!(
                "  {:>3} {} {:<20} {:<10} {:>8.2} ms  {}",
                event.generation,
                event.at.format("%H:%M:%S%.3f"),
                event.stage,
                event.verdict,
                event.duration_us as f64 / 1_000.0,
                event.reason
            );
        }
        for attempt in leads::attempts(&self.db, self.workspace, id).await? {
            let outcome = attempt.outcome.map_or("open".into(), |outcome| format!("{outcome:?}"));
            let status = attempt.status_code.map_or(String::new(), |status| format!(" {status}"));
            println!(
                "  attempt {} at {} under {}: {}{status} {}",
                attempt.number,
                attempt.endpoint,
                attempt.idempotency_key,
                outcome.to_lowercase(),
                attempt.reason.unwrap_or_default()
            );
        }
        Ok(())
    }

    /// Moves one job. The push is left to the due sweep: the row is due at once.
    async fn one<F>(&self, id: &str, action: &'static str, decide: F) -> Result<(), Failure>
    where
        F: Fn(
            &shared::store::load::Loaded,
            &str,
            DateTime<Utc>,
        ) -> Result<Close, shared::submission::IllegalMove>,
    {
        let id = SubmissionId::parse(id)?;
        let loaded = Loader::start(self.db.clone()).load(id).await?;
        let loaded = loaded.filter(|loaded| loaded.workspace_id == self.workspace);
        let loaded = loaded.ok_or_else(|| format!("this workspace has no submission {id}"))?;
        let loaded = with_newest(&self.db, loaded).await?;
        let close = decide(&loaded, &self.by, self.now).map_err(|refused| match refused.from {
            shared::submission::State::Held => {
                "its delivery is held: say whether it was sold, with `leadrail jobs settle`"
                    .to_owned()
            }
            _ => refused.to_string(),
        })?;
        let close = close.by(self.actor.clone(), action, &loaded);
        let state = close.place.state;
        if !Closer::start(self.db.clone()).close(close).await? {
            return Err("the submission moved at this very moment; look again".into());
        }
        println!("{id} is {} now", state.run());
        Ok(())
    }

    async fn bulk(&self, filter: &JobFilter, bulk: Bulk, all: bool) -> Result<(), Failure> {
        let groups = jobs::groups(&self.db, self.workspace, filter).await?;
        let matched: i64 = groups.iter().map(|group| group.jobs).sum();
        if !all {
            println!("{matched} jobs match; add --all to move them");
            return Ok(());
        }
        let mut moved = 0;
        loop {
            let by = (self.by.as_str(), self.now);
            let chunk = jobs::move_failed(&self.db, self.workspace, filter, bulk, by).await?;
            if chunk.is_empty() {
                break;
            }
            moved += chunk.len();
        }
        println!("{moved} jobs moved");
        Ok(())
    }
}
