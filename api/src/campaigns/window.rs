//! A campaign's start and end, as they are given and checked.
use crate::{error::Detail, params::is_near};
use chrono::{Datelike, SubsecRound};
use shared::{clock::Time, store::campaign_window::Window};

/// Digits of a second that are kept.
const DIGITS: u16 = 6;

/// The window that was given. An end that lies behind is only taken over, not set: it would never come.
pub(super) fn check(
    (starts_at, ends_at): (Option<Time>, Option<Time>),
    stored: Window,
    now: Time,
    problems: &mut Vec<Detail>,
) -> Window {
    let given = Window {
        starts_at: starts_at.map(|at| at.trunc_subsecs(DIGITS)),
        ends_at: ends_at.map(|at| at.trunc_subsecs(DIGITS)),
    };
    for (path, at) in [("startsAt", given.starts_at), ("endsAt", given.ends_at)] {
        if at.is_some_and(|at| !is_near(at.year())) {
            problems.push(Detail::new(path, "must be a time between 1900 and 9998"));
            return given;
        }
    }
    let Some(end) = given.ends_at else { return given };
    if given.starts_at.is_some_and(|start| start >= end) {
        problems.push(Detail::new("endsAt", "must be after `startsAt`"));
    } else if end <= now && stored.ends_at != Some(end) {
        problems.push(Detail::new("endsAt", "must lie ahead"));
    }
    given
}
