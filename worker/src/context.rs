//! Everything a stage job may touch, and nothing else.
use crate::{campaigns::Campaigns, outside::http::DeliveryClient};
use shared::{
    clock::Clock,
    push::Pusher,
    store::{
        Db,
        close::{Closer, Starter},
        load::Loader,
    },
};
use std::sync::Arc;

/// What the workers of a process share.
pub struct Context {
    pub db: Db,
    pub loader: Loader,
    pub closer: Closer,
    pub starter: Starter,
    pub push: Pusher,
    pub campaigns: Campaigns,
    pub http: DeliveryClient,
    pub clock: Clock,
    pub settings: Settings,
    pub lanes: Arc<crate::lanes::Lanes>,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When a pushed job that was not heard of is pushed again.
    pub redelivery: chrono::Duration,
    /// Where this server is reached, for resume URLs: `https://leads.example.com`.
    pub public_url: String,
}
