//! THE DOOR: thin HTTP. A handler parses, makes one store call, answers; nothing here talks to the outside world.
pub mod activities;
pub mod agents;
pub mod answer;
pub mod audit;
pub mod automation;
pub mod body;
pub mod caller;
pub mod campaigns;
pub mod contacts;
pub mod docs;
pub mod error;
pub mod export;
pub mod files;
pub mod health;
pub mod hooks;
pub mod imports;
pub mod jobs;
pub mod keys;
pub mod lanes;
pub mod leads;
pub mod moving;
pub mod notices;
pub mod params;
pub mod parking;
pub mod person;
pub mod properties;
pub mod request;
pub mod retention;
pub mod reviews;
pub mod routes;
pub mod rules;
pub mod scan;
pub mod search;
pub mod secrets;
pub mod segments;
pub mod serve;
pub mod suppressions;
pub mod sweeps;
pub mod talks;
pub mod value_sets;
pub mod webhooks;
pub mod workspace;

pub use routes::{openapi, router};
pub use serve::serve;

use shared::{
    campaign::guard::GuardPolicy,
    clock::Clock,
    push::Pusher,
    queue::Queue,
    store::{
        Db, activities::Activities, close::Closer, contacts::upsert::Upserter, intake::Intake,
        load::Loader, secrets::Secrets,
    },
};

/// What handlers work with.
pub struct Api {
    pub db: Db,
    pub intake: Intake,
    pub loader: Loader,
    pub closer: Closer,
    pub contacts: Upserter,
    pub push: Pusher,
    /// Asked for the depths of the lanes, if there is one.
    pub depths: Option<Queue>,
    pub clock: Clock,
    pub settings: ApiSettings,
    /// Begins empty.
    pub callers: caller::Callers,
    pub secrets: Secrets,
    /// Begins empty.
    pub lines: hooks::Lines,
    pub activities: Activities,
    /// Begins empty.
    pub tracking: activities::pages::Tracking,
    /// Begins with all places free.
    pub exports: export::Exports,
}

/// What an installation may decide.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Which URLs a campaign may name.
    pub guard: GuardPolicy,
    /// When a job that was pushed and that nobody took is pushed again.
    pub redelivery: chrono::Duration,
    /// How long a request may take from its headers to its answer.
    pub request_timeout: std::time::Duration,
    /// How the outside reaches this server, without a slash at the end: `https://leads.example.com`.
    pub public_url: String,
    /// What files of imports may be like.
    pub uploads: imports::upload::Uploads,
}

impl ApiSettings {
    /// The usual limit of a request.
    pub const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
}
