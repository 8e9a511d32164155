//! Webhooks: who is told, the messages, and what came of them.
//!
//! A message is written in the transaction in which its event happens (`tell`), posted by whoever takes it ([`work`]), and rung for by
//! a sweep ([`sweep`]). Like a job it is taken with its attempt's number and settled with it.
mod addresses;
mod log;
mod pause;
mod rotate;
pub mod sweep;
pub(super) mod tell;
pub mod work;

pub(super) use addresses::addresses;
pub use addresses::{
    Created, Switch, WEBHOOKS_MAX, WORKSPACE_MAX, WebhookRow, change, create, delete, get, list,
};
pub use log::{
    AttemptRow, MessageFilter, MessageRow, REPLAYED_AT_ONCE, Range, attempts, message, messages,
    replay, replay_some, test,
};
pub use rotate::{make, opened, rotate};

use serde::{Deserialize, Serialize};

/// Whether messages go to an address.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = WebhookState)]
pub enum State {
    On,
    /// A person switched it off: nothing new is kept for it, and what waited is held.
    Off,
    /// It failed for too long: its messages are held, and one at a time tries whether it is back.
    Paused,
    /// It answered 410: its messages are held until a person switches it on.
    Gone,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = WebhookMessageState)]
pub enum MessageState {
    /// Due, or waiting for its next attempt.
    Waiting,
    /// Its address rests.
    Held,
    /// It was answered with 2xx.
    Done,
    Failed,
}
