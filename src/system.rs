//! The parts of a process, put together once: database, queue, batchers, roles.
use crate::settings::Settings;
use api::{Api, ApiSettings};
use scheduler::Scheduler;
use shared::{
    audit::Actor,
    campaign::guard::GuardPolicy,
    clock::Clock,
    ids::KeyId,
    key, person,
    push::Pusher,
    queue::Queue,
    shelf::Shelf,
    store::{
        Db, StoreError,
        activities::Activities,
        close::{Closer, Starter},
        contacts::upsert::Upserter,
        intake::Intake,
        keys,
        load::Loader,
        migrate,
        secrets::Secrets,
        sweeps,
    },
};
use std::{
    fs::{File, TryLockError},
    os::unix::fs::DirBuilderExt,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use worker::{
    breaker::Breakers,
    campaigns::Campaigns,
    context::{Context, Unsent},
    lanes::Concurrency,
    outside::{http::DeliveryClient, limits::Gates, llm::InstalledModel, oauth::TokenKeeper},
    switches::Switches,
};

/// Which parts a process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    pub api: bool,
    pub worker: bool,
    pub scheduler: bool,
}

impl Roles {
    pub const ALL: Self = Self { api: true, worker: true, scheduler: true };
}

/// Why a process does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the database {0} cannot be opened: {1}")]
    Open(String, #[source] StoreError),
    #[error("LEADRAIL_DATA: the folder {0} cannot be made: {1}")]
    Data(String, #[source] std::io::Error),
    #[error("REDIS_URL: {0}")]
    Queue(#[from] shared::queue::QueueError),
    #[error("LEADRAIL_LISTEN: cannot listen on {0}: {1}")]
    Listen(std::net::SocketAddr, #[source] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sweeps(#[from] scheduler::timetable::TimetableError),
    #[error("LEADRAIL_ADMIN_KEY belongs to another workspace or was revoked")]
    AdminKey,
    #[error(
        "LEADRAIL_DATA: another process serves {0}; several processes need DATABASE_URL (PostgreSQL) and REDIS_URL"
    )]
    InUse(String),
    #[error("the HTTP client cannot be made: {0}")]
    Http(String),
    #[error(transparent)]
    Ring(#[from] shared::secret::RingError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What all roles of a process share.
pub struct System {
    pub db: Db,
    pub queue: Queue,
    pub push: Pusher,
    pub clock: Clock,
    pub secrets: Secrets,
    settings: Settings,
    /// Held while the embedded queue lives: a second process would not know of its jobs.
    _alone: Option<File>,
}

/// Opens the database that the settings name; the folder of the embedded one is made, for its owner only.
pub async fn open_database(settings: &Settings) -> Result<Db, StartError> {
    let url = settings.database();
    if settings.database_url.is_none() {
        let shown = settings.data.display().to_string();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&settings.data)
            .map_err(|error| StartError::Data(shown, error))?;
    }
    let shown = if settings.is_postgres() { "DATABASE_URL".to_owned() } else { url.clone() };
    Db::open(&url, settings.database_connections)
        .await
        .map_err(|error| StartError::Open(shown, error))
}

/// Takes the embedded database's folder for this process. The lock goes with the process, however it ends.
fn alone(settings: &Settings) -> Result<File, StartError> {
    let lock = File::create(settings.data.join("leadrail.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(StartError::InUse(settings.data.display().to_string()))
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

impl System {
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let db = open_database(settings).await?;
        let alone = settings.is_embedded().then(|| alone(settings)).transpose()?;
        migrate::migrate(&db).await?;
        let clock = Clock::system();
        let queue = match &settings.redis_url {
            Some(url) => Queue::redis(url, &settings.redis_namespace)?,
            None => {
                // The queue of the last process died with it.
                sweeps::recall(&db, clock.now()).await?;
                Queue::memory()
            }
        };
        let push = Pusher::start(queue.clone());
        // The number plan is read at its first use, which takes a moment: before the first lead, not with it.
        tokio::task::spawn_blocking(|| drop(person::phone("+14155550100", None)));
        let secrets = Secrets::new(db.clone(), settings.ring()?);
        let settings = settings.clone();
        let system = Self { db, queue, push, clock, secrets, settings, _alone: alone };
        system.admin_key().await?;
        Ok(system)
    }

    /// Keeps the first admin key, if one is set.
    async fn admin_key(&self) -> Result<(), StartError> {
        let Some(secret) = &self.settings.admin_key else { return Ok(()) };
        let now = self.clock.now();
        let db = self.db.acting(Actor::command("start with LEADRAIL_ADMIN_KEY"));
        let workspace = keys::workspace(&db, &self.settings.admin_workspace, now).await?;
        let row = keys::KeyRow {
            workspace_id: workspace.id,
            id: KeyId::new(),
            name: "LEADRAIL_ADMIN_KEY".into(),
            shown: key::shown(secret).into(),
            // Who sets the variable runs the installation.
            scopes: vec!["admin".to_owned(), "installation".to_owned()].into(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let hash = key::hash(secret);
        if keys::add(&db, &row, &hash).await? {
            return Ok(());
        }
        let kept = keys::by_secret(&self.db, &hash).await?;
        let fits = kept.is_some_and(|k| k.workspace_id == workspace.id && k.revoked_at.is_none());
        if fits { Ok(()) } else { Err(StartError::AdminKey) }
    }

    fn guard(&self) -> GuardPolicy {
        let free = self.settings.allow_private_endpoints;
        GuardPolicy { allow_private: free, allow_http: free, ..GuardPolicy::default() }
    }

    fn redelivery(&self) -> chrono::Duration {
        self.settings.redelivery()
    }

    /// How the outside reaches the API, which listens at `address`.
    fn public_url(&self, address: std::net::SocketAddr) -> String {
        self.settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"))
    }

    /// The HTTP API's parts. `address` is where it listens, for URLs of its own when no public URL is set.
    pub fn api(&self, address: std::net::SocketAddr) -> Arc<Api> {
        Arc::new(Api {
            db: self.db.clone(),
            intake: Intake::start(self.db.clone()),
            loader: Loader::start(self.db.clone()),
            closer: Closer::start(self.db.clone()),
            contacts: Upserter::start(self.db.clone()),
            push: self.push.clone(),
            clock: self.clock.clone(),
            settings: ApiSettings {
                guard: self.guard(),
                redelivery: self.redelivery(),
                request_timeout: ApiSettings::REQUEST_TIMEOUT,
                public_url: self.public_url(address),
                uploads: api::imports::upload::Uploads::default(),
            },
            depths: Some(self.queue.clone()),
            callers: api::caller::Callers::default(),
            secrets: self.secrets.clone(),
            lines: api::hooks::Lines::default(),
            activities: Activities::start(self.db.clone()),
            tracking: api::activities::pages::Tracking::default(),
            exports: api::export::Exports::default(),
        })
    }

    /// The worker's parts. `address` is where the API listens, for resume URLs when no public URL is set.
    pub fn worker(&self, address: std::net::SocketAddr) -> Result<Arc<Context>, StartError> {
        let public_url = self.public_url(address);
        Ok(Arc::new(Context {
            db: self.db.clone(),
            loader: Loader::start(self.db.clone()),
            closer: Closer::start(self.db.clone()),
            starter: Starter::start(self.db.clone()),
            push: self.push.clone(),
            campaigns: Campaigns::new(self.db.clone()),
            sets: Shelf::new(self.db.clone()),
            http: DeliveryClient::new(self.guard())
                .map_err(|error| StartError::Http(error.to_string()))?,
            model: self.model()?,
            breakers: Breakers::new(self.db.clone()),
            gates: Gates::default(),
            clock: self.clock.clone(),
            settings: worker::context::Settings { redelivery: self.redelivery(), public_url },
            switches: Switches::default(),
            unsent: Unsent::default(),
            secrets: self.secrets.clone(),
            tokens: TokenKeeper::default(),
        }))
    }

    /// The model server of the settings. The operator chose it, so it may be where campaigns must not reach.
    fn model(&self) -> Result<Option<InstalledModel>, StartError> {
        let Some(base_url) = self.settings.llm_base_url.clone() else { return Ok(None) };
        let policy =
            GuardPolicy { allow_private: true, allow_http: true, ..GuardPolicy::default() };
        let client = DeliveryClient::new(policy);
        let client = client.map_err(|error| StartError::Http(error.to_string()))?;
        let (model, key) = (self.settings.llm_model.clone(), self.settings.llm_api_key.clone());
        Ok(Some(InstalledModel { client, base_url, model, key }))
    }

    pub fn concurrency(&self) -> Concurrency {
        Concurrency {
            quick: usize::from(self.settings.concurrency),
            delivery: usize::from(self.settings.deliveries),
            lease: Duration::from_secs(u64::from(self.settings.lease_seconds)),
        }
    }

    /// Plays the roles until `stop`; returns when all work is finished or handed back.
    pub async fn play(
        &self,
        roles: Roles,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), StartError> {
        let address = listener.local_addr()?;
        let mut parts: JoinSet<Result<(), std::io::Error>> = JoinSet::new();
        if roles.api {
            let (api, stop) = (self.api(address), stop.clone());
            tracing::info!(%address, "the API listens");
            parts.spawn(api::serve(listener, api, stop));
        }
        if roles.worker {
            // A worker of its own has no port; resume URLs then name the address that the API is told to listen on.
            let address = if roles.api { address } else { self.settings.listen };
            let (ctx, queue, stop) = (self.worker(address)?, self.queue.clone(), stop.clone());
            let much = self.concurrency();
            ctx.switches.refresh(&self.db).await?;
            tracing::info!("the worker takes jobs");
            parts.spawn(async move {
                worker::lanes::run(ctx, queue, much, stop).await;
                Ok(())
            });
        }
        if roles.scheduler {
            let redelivery = self.redelivery();
            let scheduler =
                Scheduler::new(self.db.clone(), self.queue.clone(), self.push.clone(), redelivery);
            let (timetable, stop) = (self.settings.timetable()?, stop.clone());
            scheduler::announce(&scheduler, &timetable).await?;
            tracing::info!("the scheduler ticks");
            parts.spawn(async move {
                scheduler::run(Arc::new(scheduler), timetable, stop).await;
                Ok(())
            });
        }
        // The first part that ends takes the others with it.
        let mut outcome = Ok(());
        while let Some(ended) = parts.join_next().await {
            stop.cancel();
            let ended = ended.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
            outcome = outcome.and(ended);
        }
        self.db.close().await;
        Ok(outcome?)
    }
}
