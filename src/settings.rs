//! What an operator may set, by flag or by environment. Contradictions stop the boot and name the variable.
use clap::Args;
use scheduler::timetable::{Timetable, TimetableError};
use shared::{
    clock::Clock,
    secret::{KeyRing, RingError, RingSource, Sensitive},
};
use std::{net::SocketAddr, path::PathBuf};

/// Settings of every role.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Where the truth is kept: postgres://USER:PASSWORD@HOST/DATABASE, or sqlite:FILE. Without it: SQLite in the data folder.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<String>,

    /// Where the queue is: redis://HOST:PORT. Without it the queue lives in this process, which must then play all roles.
    #[arg(
        long,
        env = "REDIS_URL",
        value_name = "REDIS_URL",
        hide_env_values = true,
        global = true
    )]
    pub redis_url: Option<String>,

    /// Begins every Redis key, so that several installations can share a Redis.
    #[arg(
        long,
        env = "LEADRAIL_REDIS_NAMESPACE",
        value_name = "LEADRAIL_REDIS_NAMESPACE",
        default_value = "leadrail",
        global = true
    )]
    pub redis_namespace: String,

    /// Folder of the embedded database.
    #[arg(
        long,
        env = "LEADRAIL_DATA",
        value_name = "LEADRAIL_DATA",
        default_value = "./data",
        global = true
    )]
    pub data: PathBuf,

    /// Where the HTTP API listens; port 0 takes a free one.
    #[arg(
        long,
        env = "LEADRAIL_LISTEN",
        value_name = "LEADRAIL_LISTEN",
        default_value = "127.0.0.1:8080",
        global = true
    )]
    pub listen: SocketAddr,

    /// How the outside reaches this server, for resume URLs and webhooks: https://leads.example.com. Without it: http:// and the listen address.
    #[arg(long, env = "LEADRAIL_PUBLIC_URL", value_name = "LEADRAIL_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,

    /// First admin key, for automation: made by `leadrail keys generate`, kept as the key of the workspace LEADRAIL_ADMIN_WORKSPACE.
    #[arg(
        long,
        env = "LEADRAIL_ADMIN_KEY",
        value_name = "LEADRAIL_ADMIN_KEY",
        hide_env_values = true,
        global = true
    )]
    pub admin_key: Option<String>,

    /// Workspace of the first admin key.
    #[arg(
        long,
        env = "LEADRAIL_ADMIN_WORKSPACE",
        value_name = "LEADRAIL_ADMIN_WORKSPACE",
        default_value = "default",
        global = true
    )]
    pub admin_workspace: String,

    /// Keys that guard the workspaces' credentials: ID:BASE64, several with commas between them, made by `leadrail secrets generate`. The first one is used for
    /// what is new, every one opens. All processes need the same. Embedded: made by itself, as secret.keys beside the database.
    #[arg(
        long,
        env = "LEADRAIL_SECRET_KEYS",
        value_name = "LEADRAIL_SECRET_KEYS",
        hide_env_values = true,
        global = true
    )]
    pub secret_keys: Option<Sensitive>,

    /// A file that holds these keys, one a line, instead of the variable.
    #[arg(
        long,
        env = "LEADRAIL_SECRET_KEYS_FILE",
        value_name = "LEADRAIL_SECRET_KEYS_FILE",
        global = true
    )]
    pub secret_keys_file: Option<PathBuf>,

    /// Connections to PostgreSQL, at most.
    #[arg(long, env = "LEADRAIL_DATABASE_CONNECTIONS", value_name = "LEADRAIL_DATABASE_CONNECTIONS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(4..=500), global = true)]
    pub database_connections: u32,

    /// Stage jobs that run at once in this process, for each stage but delivery.
    #[arg(long, env = "LEADRAIL_CONCURRENCY", value_name = "LEADRAIL_CONCURRENCY", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096), global = true)]
    pub concurrency: u16,

    /// Deliveries under way at once in this process.
    #[arg(long, env = "LEADRAIL_DELIVERIES", value_name = "LEADRAIL_DELIVERIES", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096), global = true)]
    pub deliveries: u16,

    /// Seconds after which a job that was pushed and not heard of is pushed again.
    #[arg(long, env = "LEADRAIL_REDELIVERY_SECONDS", value_name = "LEADRAIL_REDELIVERY_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3600), global = true)]
    pub redelivery_seconds: u32,

    /// Seconds a job is a worker's own without a sign of life; a dead worker is noticed after them.
    #[arg(long, env = "LEADRAIL_LEASE_SECONDS", value_name = "LEADRAIL_LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600), global = true)]
    pub lease_seconds: u32,

    /// When sweeps run instead of by default: NAME=EXPRESSION, several with ; between them. Cron expressions with seconds first, UTC; off
    /// for a sweep that only forgets. `leadrail scheduler list` shows them. All schedulers need the same.
    #[arg(
        long,
        env = "LEADRAIL_SWEEPS",
        value_name = "LEADRAIL_SWEEPS",
        default_value = "",
        hide_default_value = true,
        global = true
    )]
    pub sweeps: String,

    /// Lets endpoints and webhooks use http:// and addresses in private networks. For development only.
    #[arg(long, env = "LEADRAIL_ALLOW_PRIVATE_ENDPOINTS", value_name = "LEADRAIL_ALLOW_PRIVATE_ENDPOINTS", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set, global = true)]
    pub allow_private_endpoints: bool,

    /// Language model server that campaigns may use: where its OpenAI-compatible API begins, such as https://api.openai.com/v1. It may
    /// be on a private network.
    #[arg(
        long,
        env = "LEADRAIL_LLM_BASE_URL",
        value_name = "LEADRAIL_LLM_BASE_URL",
        global = true
    )]
    pub llm_base_url: Option<String>,

    /// Model of that server for campaigns that name none.
    #[arg(long, env = "LEADRAIL_LLM_MODEL", value_name = "LEADRAIL_LLM_MODEL", global = true)]
    pub llm_model: Option<String>,

    /// Key of that server. It is sent to no other.
    #[arg(
        long,
        env = "LEADRAIL_LLM_API_KEY",
        value_name = "LEADRAIL_LLM_API_KEY",
        hide_env_values = true,
        global = true
    )]
    pub llm_api_key: Option<Sensitive>,

    /// How logs are written.
    #[arg(
        long,
        env = "LEADRAIL_LOG_FORMAT",
        value_name = "LEADRAIL_LOG_FORMAT",
        default_value = "text",
        value_enum,
        global = true
    )]
    pub log_format: LogFormat,

    /// Which logs: error, warn, info, debug, or a tracing filter such as info,worker=debug.
    #[arg(
        long,
        env = "LEADRAIL_LOG",
        value_name = "LEADRAIL_LOG",
        default_value = "info",
        global = true
    )]
    pub log: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Settings that contradict each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Contradiction {
    #[error(
        "`leadrail {role}` is one of several processes and needs {missing}; without it use `leadrail serve`, which plays all roles in one process"
    )]
    Embedded { role: &'static str, missing: &'static str },
    #[error("DATABASE_URL must begin with postgres://, postgresql:// or sqlite:")]
    DatabaseUrl,
    #[error("REDIS_URL must begin with redis:// or unix:")]
    RedisUrl,
    #[error(
        "REDIS_URL is set but DATABASE_URL is not PostgreSQL: a queue for several processes needs a database for several processes"
    )]
    RedisWithoutPostgres,
    #[error("LEADRAIL_PUBLIC_URL must begin with http:// or https:// and must not end with /")]
    PublicUrl,
    #[error("LEADRAIL_ADMIN_KEY is not a Leadrail key; make one with `leadrail keys generate`")]
    AdminKey,
    #[error("set LEADRAIL_SECRET_KEYS or LEADRAIL_SECRET_KEYS_FILE, not both")]
    SecretKeys,
    #[error(transparent)]
    Ring(#[from] RingError),
    #[error(transparent)]
    Sweeps(#[from] TimetableError),
    #[error("LEADRAIL_LLM_BASE_URL must begin with http:// or https:// and have neither ? nor #")]
    LlmBaseUrl,
    #[error("{0} is set but LEADRAIL_LLM_BASE_URL is not: it says nothing without a server")]
    LlmWithoutServer(&'static str),
    #[error("LEADRAIL_LLM_API_KEY is no key: a header can hold visible ASCII characters only")]
    LlmApiKey,
    #[error("LEADRAIL_LOG is not a log filter: {0}")]
    Log(String),
}

impl Settings {
    /// An empty variable is one that is not set.
    pub fn tidied(mut self) -> Self {
        for setting in [
            &mut self.database_url,
            &mut self.redis_url,
            &mut self.public_url,
            &mut self.admin_key,
            &mut self.llm_base_url,
            &mut self.llm_model,
        ] {
            if setting.as_deref() == Some("") {
                *setting = None;
            }
        }
        self.llm_api_key = self.llm_api_key.filter(|key| !key.expose().is_empty());
        self.secret_keys = self.secret_keys.filter(|keys| !keys.expose().is_empty());
        self.secret_keys_file = self.secret_keys_file.filter(|file| !file.as_os_str().is_empty());
        self
    }

    /// The database to open: the one that is set, or the embedded one.
    pub fn database(&self) -> String {
        let embedded = || format!("sqlite:{}", self.data.join("leadrail.db").display());
        self.database_url.clone().unwrap_or_else(embedded)
    }

    /// Whether the database is the one in the data folder.
    pub fn is_embedded(&self) -> bool {
        self.database_url.is_none()
    }

    pub fn is_postgres(&self) -> bool {
        self.database_url.as_deref().is_some_and(|url| url.starts_with("postgres"))
    }

    /// Where the key ring comes from. A file that is named must be there; the embedded mode's own is made at first need.
    pub fn ring(&self) -> Result<RingSource, RingError> {
        if let Some(keys) = &self.secret_keys {
            return KeyRing::parse(keys.expose()).map(RingSource::Given);
        }
        if let Some(file) = &self.secret_keys_file {
            return RingSource::File(file.clone()).get().map(RingSource::Given);
        }
        Ok(match self.database().strip_prefix("sqlite:") {
            Some(file) => RingSource::File(PathBuf::from(file).with_file_name("secret.keys")),
            None => RingSource::Nowhere,
        })
    }

    /// Checks what no single setting can know.
    pub fn check(&self) -> Result<(), Contradiction> {
        let known = ["postgres://", "postgresql://", "sqlite:"];
        if let Some(url) = &self.database_url
            && !known.iter().any(|scheme| url.starts_with(scheme))
        {
            return Err(Contradiction::DatabaseUrl);
        }
        if let Some(url) = &self.redis_url {
            if !["redis://", "unix:", "redis+unix:"].iter().any(|scheme| url.starts_with(scheme)) {
                return Err(Contradiction::RedisUrl);
            }
            if !self.is_postgres() {
                return Err(Contradiction::RedisWithoutPostgres);
            }
        }
        if let Some(url) = &self.public_url
            && (!(url.starts_with("http://") || url.starts_with("https://")) || url.ends_with('/'))
        {
            return Err(Contradiction::PublicUrl);
        }
        if self.admin_key.as_deref().is_some_and(|key| !shared::key::is_well_formed(key)) {
            return Err(Contradiction::AdminKey);
        }
        if self.secret_keys.is_some() && self.secret_keys_file.is_some() {
            return Err(Contradiction::SecretKeys);
        }
        self.ring()?;
        self.timetable()?;
        self.check_llm()
    }

    /// When a pushed job that was not heard of is pushed again.
    pub fn redelivery(&self) -> chrono::Duration {
        chrono::Duration::seconds(i64::from(self.redelivery_seconds))
    }

    /// When each sweep runs.
    pub fn timetable(&self) -> Result<Timetable, TimetableError> {
        Timetable::read(&self.sweeps, Clock::system().now())
    }

    fn check_llm(&self) -> Result<(), Contradiction> {
        if let Some(url) = &self.llm_base_url {
            let known = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
            if !known || url.contains(['?', '#']) {
                return Err(Contradiction::LlmBaseUrl);
            }
        }
        if self
            .llm_api_key
            .as_ref()
            .is_some_and(|key| !key.expose().bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(Contradiction::LlmApiKey);
        }
        match (&self.llm_base_url, &self.llm_model, &self.llm_api_key) {
            (None, Some(_), _) => Err(Contradiction::LlmWithoutServer("LEADRAIL_LLM_MODEL")),
            (None, _, Some(_)) => Err(Contradiction::LlmWithoutServer("LEADRAIL_LLM_API_KEY")),
            _ => Ok(()),
        }
    }

    /// Checks that a process that plays one role can work with others.
    pub fn check_shared(&self, role: &'static str) -> Result<(), Contradiction> {
        self.check()?;
        let missing = match (self.is_postgres(), self.redis_url.is_some()) {
            (true, true) => return Ok(()),
            (false, false) => "DATABASE_URL (PostgreSQL) and REDIS_URL",
            (false, true) => "DATABASE_URL (PostgreSQL)",
            (true, false) => "REDIS_URL",
        };
        Err(Contradiction::Embedded { role, missing })
    }
}

#[cfg(test)]
mod tests;
