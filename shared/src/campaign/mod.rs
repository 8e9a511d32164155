//! A campaign: what leads are collected for, and everything it says about them.
pub mod accepted;
mod accepted_kind;
pub mod compiled;
pub mod computed;
mod computed_filters;
pub mod config;
pub mod date;
mod extract;
mod fold;
pub mod guard;
pub mod payload;
mod payload_check;
mod phone;
mod price;
pub mod problem;
pub mod required;
pub mod response;
mod response_match;
mod retry_after;
pub mod room;
pub mod view;

pub use compiled::{Campaign, Endpoint};
pub use config::CampaignConfig;
pub use price::Price;
pub use problem::Problem;
pub use room::Room;
