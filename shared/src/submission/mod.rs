//! A submission: one trip of a lead through the nine stages towards one campaign.
pub mod carry;
pub mod stage;
pub mod state;
pub mod status;

pub use carry::Carry;
pub use stage::Stage;
pub use state::{Event, IllegalMove, State};
pub use status::{End, Status};

use serde::{Deserialize, Serialize};

/// Why this submission exists.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Submitted by API or by hand.
    Standard,
    /// Sent again by a person or the API.
    Repost,
    /// Sent to a campaign that a person chose.
    ManualDelivery,
    /// Opened by another submission's fallback.
    Fallback,
}
