//! Leads that move by themselves: what a campaign reacts to (scoring, rules, workflows), and what comes of it. Nothing here does I/O.
//!
//! Something happens ([`Happened`]); the campaign's [`Program`] says what follows for a lead ([`engine::decide`]); the store writes that
//! down in the transaction in which it happened.
pub mod config;
pub mod distance;
pub mod doc;
pub mod engine;
pub mod happened;
pub mod outcome;
pub mod program;
pub mod state;

pub use config::AutomationConfig;
pub use distance::Distance;
pub use happened::{Happened, Occurrence};
pub use outcome::{Effect, Firing, Outcome, Want};
pub use program::Program;
pub use state::{LeadState, Memory, Position};

/// Points of a lead, at most, and as a debt.
pub const POINTS_MAX: i64 = 1_000_000_000;
