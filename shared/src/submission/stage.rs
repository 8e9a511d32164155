//! The nine stages, in order.
use serde::{Deserialize, Serialize};

/// One of the nine steps of a submission's way.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Stage {
    Routing,
    FirstAction,
    Disqualification,
    DynamicKeys,
    RequiredFields,
    FieldQualification,
    Payload,
    Delivery,
    Fallback,
}

impl Stage {
    pub const ALL: [Self; 9] = [
        Self::Routing,
        Self::FirstAction,
        Self::Disqualification,
        Self::DynamicKeys,
        Self::RequiredFields,
        Self::FieldQualification,
        Self::Payload,
        Self::Delivery,
        Self::Fallback,
    ];

    /// The stage after this one; fallback is the last.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1).min(Self::ALL.len() - 1)]
    }

    /// The stage's name, as in tables, URLs, logs and lanes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::FirstAction => "first_action",
            Self::Disqualification => "disqualification",
            Self::DynamicKeys => "dynamic_keys",
            Self::RequiredFields => "required_fields",
            Self::FieldQualification => "field_qualification",
            Self::Payload => "payload",
            Self::Delivery => "delivery",
            Self::Fallback => "fallback",
        }
    }

    /// Reads [`Stage::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
