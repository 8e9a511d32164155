//! An endpoint whose breaker is open: what becomes of a delivery to it.
use super::{Change, Verdict, s8_delivery::or_next_endpoint};
use crate::{
    campaign::compiled::Endpoint,
    clock::Time,
    submission::{End, Event},
};
use chrono::Duration;
use std::time;

/// The reason code of such a wait.
pub const BREAKER_OPEN: &str = "breaker_open";
/// Those who wait for an endpoint come back spread over a tenth of the time, but over no more than this.
const SPREAD_MAX: Duration = Duration::seconds(60);
/// Spreads what is close together (the golden ratio's bits).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
/// While another delivery probes, one looks again after 1 to 5 seconds.
const LOOK_MILLIS: u64 = 1_000;
const LOOK_SPREAD_MILLIS: u64 = 4_000;

/// When a delivery that waits until `until` comes back: they come spread over a while, not all at once.
pub fn due(until: Time, now: Time, seed: u64) -> Time {
    let spread = ((until - now) / 10).min(SPREAD_MAX).num_milliseconds().max(1);
    // Another order each time, so that it is not always the same lead that probes.
    let mixed = (seed ^ until.timestamp_millis().unsigned_abs()).wrapping_mul(MIX) >> 32;
    until + Duration::milliseconds((mixed % spread.unsigned_abs()) as i64)
}

/// A delivery that waits for its endpoint. It was not tried, so no try is counted.
pub fn wait(endpoint: &Endpoint, due: Time, now: Time) -> Verdict {
    let (name, seconds) = (&endpoint.config.name, (due - now).num_seconds());
    let reason = format!("{name} is left alone for {seconds} s more");
    Verdict::of(Event::Again, BREAKER_OPEN, reason).changing(Change::NotBefore(due))
}

/// One that does not wait: the next endpoint, or a fallback.
pub fn pass_over(endpoint: &Endpoint, later_endpoints: bool) -> Verdict {
    let reason = format!("{} is left alone, and the lead does not wait", endpoint.config.name);
    or_next_endpoint(Verdict::refuse(End::Failed, BREAKER_OPEN, reason), later_endpoints)
}

/// When to look again while another delivery probes.
pub fn look_again(seed: u64) -> time::Duration {
    time::Duration::from_millis(LOOK_MILLIS + seed % LOOK_SPREAD_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_come_back_apart_soon_after_and_in_another_order_each_time() {
        let now: Time = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut firsts = std::collections::HashSet::new();
        for minutes in 1..20 {
            let until = now + Duration::minutes(minutes);
            let dues: Vec<Time> = (0..50).map(|seed| due(until, now, seed * 7_919)).collect();
            assert!(dues.iter().all(|due| *due >= until && *due <= until + SPREAD_MAX));
            let apart: std::collections::HashSet<&Time> = dues.iter().collect();
            assert!(apart.len() > 30, "{}", apart.len());
            firsts.insert((0..50).min_by_key(|lead| dues[*lead]));
        }
        assert!(firsts.len() > 5, "{firsts:?}");
        assert_eq!(due(now, now, 7), now, "no time, no spread");
    }
}
