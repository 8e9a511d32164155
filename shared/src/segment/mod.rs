//! Segments: groups of contacts, fixed or by a rule. What they are, and the checks that need no database.
use serde::{Deserialize, Serialize};

pub mod change;
pub mod check;
pub mod gate;
pub mod named;
pub mod order;
pub mod source;

/// How a segment gets its members.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SegmentKind {
    /// Members are added and removed.
    Static,
    /// Members are those who match the rule.
    Dynamic,
}

/// How far its members can be relied on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SegmentState {
    /// Members are right.
    Ready,
    /// To be built.
    Waiting,
    /// A worker builds it.
    Building,
    /// The rule cannot be evaluated; `problem` says why. Members stay as they were.
    Broken,
    /// The plan no longer allows it; `problem` says why. Members stay as they were.
    Frozen,
}

impl SegmentKind {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

impl SegmentState {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::Broken => "broken",
            Self::Frozen => "frozen",
        }
    }
}
