//! How much an automation may be.
use super::super::{Distance, distance::DistanceUnit};

/// Characters of an id, at most.
pub const ID_MAX: usize = 64;
/// Characters of a name, at most.
pub const NAME_MAX: usize = 120;
/// Scoring rules of a campaign, at most; as many rules.
pub const REACTIONS_MAX: usize = 200;
/// Workflows of a campaign, at most.
pub const WORKFLOWS_MAX: usize = 20;
/// Steps of a workflow, at most.
pub const STEPS_MAX: usize = 100;
/// Actions of a rule or a step, at most.
pub const ACTIONS_MAX: usize = 20;
/// Triggers of a rule or a workflow, at most.
pub const TRIGGERS_MAX: usize = 10;
/// Fields that a trigger `changed` names, at most.
pub const FIELDS_MAX: usize = 50;
/// Points that a firing adds or takes, at most.
pub const POINTS_AT_ONCE_MAX: i64 = 1_000_000;
/// Points that make a star, at most.
pub const POINTS_PER_STAR_MAX: i64 = 1_000_000;
/// Days before or after a date, at most; half a year of a date that comes every year would be as well another one.
pub const DATE_DAYS_MAX: i64 = 3_650;
/// The same for a date that comes every year.
pub const YEARLY_DAYS_MAX: i64 = 366;
/// Characters of a notice, at most.
pub const MESSAGE_MAX: usize = 500;
/// Headers of a webhook, at most.
pub const HEADERS_MAX: usize = 50;
/// Problems that are told at once, at most: nobody reads more.
pub const PROBLEMS_MAX: usize = 100;

/// The longest stretch of time in a unit: ten years.
pub fn longest(unit: DistanceUnit) -> i64 {
    match unit {
        DistanceUnit::Minutes => 5_270_400,
        DistanceUnit::Hours => 87_840,
        DistanceUnit::Days => 3_660,
        DistanceUnit::Weeks => 522,
        DistanceUnit::Months => 120,
        DistanceUnit::Years => 10,
    }
}

/// What is wrong with a stretch of time, if anything.
pub(super) fn distance(given: Distance) -> Option<String> {
    let most = longest(given.unit);
    let is_fine = (1..=most).contains(&given.amount);
    (!is_fine).then(|| format!("must be 1 to {most} {}, ten years at most", given.unit.word()))
}
