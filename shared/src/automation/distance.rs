//! A stretch of time in people's words: 30 days, 2 months.
use crate::{
    clock::Time,
    rules::{Unit, moved},
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Distance {
    /// From 1.
    pub amount: i64,
    pub unit: DistanceUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DistanceUnit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl DistanceUnit {
    /// The word in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Months => "months",
            Self::Years => "years",
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Minutes => Unit::Minutes,
            Self::Hours => Unit::Hours,
            Self::Days => Unit::Days,
            Self::Weeks => Unit::Weeks,
            Self::Months => Unit::Months,
            Self::Years => Unit::Years,
        }
    }
}

impl Distance {
    /// So much after a moment, by the clock on the wall of the zone. None: beyond all calendars.
    pub fn after(self, at: Time, zone: Tz) -> Option<Time> {
        moved(at, self.amount, self.unit.unit(), zone)
    }

    /// So much before a moment.
    pub fn before(self, at: Time, zone: Tz) -> Option<Time> {
        moved(at, -self.amount, self.unit.unit(), zone)
    }
}
