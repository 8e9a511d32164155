//! A campaign: what leads are collected for, and everything it says about them.
pub mod accepted;
mod accepted_kind;
mod accepted_model;
pub mod compiled;
pub mod computed;
mod computed_filters;
pub mod computed_lookup;
pub mod config;
pub mod date;
mod extract;
pub mod fold;
pub mod guard;
mod near;
pub mod payload;
pub mod payload_body;
mod payload_body_check;
mod payload_check;
mod payload_form;
mod payload_xml;
mod phone;
mod price;
pub mod problem;
pub mod required;
pub mod response;
mod response_match;
pub(crate) mod retry_after;
pub mod room;
pub mod view;
mod xml_path;

pub use compiled::{Campaign, Endpoint};
pub use config::CampaignConfig;
pub use price::Price;
pub use problem::Problem;
pub use room::Room;

/// Whether a text has the form of a campaign's code.
pub fn is_code(text: &str) -> bool {
    (2..=5).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
