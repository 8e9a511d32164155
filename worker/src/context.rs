//! Everything a stage job may touch, and nothing else.
use crate::{
    breaker::Breakers,
    campaigns::Campaigns,
    outside::{http::DeliveryClient, limits::Gates, llm::InstalledModel, oauth::TokenKeeper},
    switches::Switches,
};
use shared::{
    clock::Clock,
    ids::SubmissionId,
    push::Pusher,
    shelf::Shelf,
    store::{
        Db,
        close::{Closer, Starter},
        load::Loader,
        secrets::Secrets,
    },
};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// What the workers of a process share.
pub struct Context {
    pub db: Db,
    pub loader: Loader,
    pub closer: Closer,
    pub starter: Starter,
    pub push: Pusher,
    pub campaigns: Campaigns,
    pub sets: Shelf,
    pub http: DeliveryClient,
    /// The model server that the installation offers to its campaigns.
    pub model: Option<InstalledModel>,
    pub breakers: Breakers,
    pub gates: Gates,
    pub clock: Clock,
    pub settings: Settings,
    pub switches: Switches,
    pub unsent: Unsent,
    pub secrets: Secrets,
    pub tokens: TokenKeeper,
}

/// Deliveries whose intent this process could not confirm: the database went away at its commit. Nothing was sent for them, so should
/// the intent turn out to be on disk, it may be acted on.
#[derive(Debug, Default)]
pub struct Unsent(Mutex<HashSet<(SubmissionId, i64)>>);

impl Unsent {
    pub fn note(&self, submission: SubmissionId, generation: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((submission, generation));
    }

    /// Whether this process knows that nothing was sent; it is asked once.
    pub fn take(&self, submission: SubmissionId, generation: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(submission, generation))
    }
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When a pushed job that was not heard of is pushed again.
    pub redelivery: chrono::Duration,
    /// Where this server is reached, for resume URLs: `https://leads.example.com`.
    pub public_url: String,
}
