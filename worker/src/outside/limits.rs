//! How much each endpoint is given by this process: deliveries at once, and deliveries within a second and a minute.
//!
//! A delivery that finds no place is told when to come again. The turns are handed out in the order of asking, so who waits is served
//! in about that order; nobody waits longer than [`LONGEST`] without asking again.
use chrono::Duration as Span;
use shared::{campaign::config::limits::Limits, clock::Time};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// When a delivery that found no place asks again, at the latest.
pub const LONGEST: Duration = Duration::from_secs(30);
/// The least time until it asks again.
const SHORTEST: Duration = Duration::from_millis(20);
/// What a delivery is believed to take before one has ended.
const FIRST_GUESS: Duration = Duration::from_millis(200);
/// Endpoints that are remembered before those that have nothing under way are forgotten.
const KEPT: usize = 4_000;

/// An endpoint: its campaign, and its id within it; a webhook: its own id, and no word.
pub type Key = (Uuid, String);

/// Every endpoint that this process delivers to.
#[derive(Debug, Clone, Default)]
pub struct Gates(Arc<Mutex<HashMap<Key, Gate>>>);

/// One endpoint's places.
#[derive(Debug)]
struct Gate {
    under_way: u32,
    /// When deliveries of the last minute began, oldest first; only as many as a limit looks at.
    begun: VecDeque<Time>,
    /// What a delivery takes, smoothed.
    takes: Duration,
    /// The last turn that was handed out to one who waits.
    turn: Option<Time>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { under_way: 0, begun: VecDeque::new(), takes: FIRST_GUESS, turn: None }
    }
}

impl Gates {
    /// A place at the endpoint, given back when it is dropped; otherwise when to ask again.
    pub fn enter(&self, key: Key, limits: &Limits, now: Time) -> Result<Place, Duration> {
        let mut gates = self.locked();
        if gates.len() >= KEPT {
            gates.retain(|_, gate| gate.under_way > 0 || gate.turn.is_some_and(|turn| turn > now));
        }
        gates.entry(key.clone()).or_default().enter(limits, now)?;
        Ok(Place { gates: self.clone(), key, since: std::time::Instant::now() })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, key: &Key, took: Duration) {
        if let Some(gate) = self.locked().get_mut(key) {
            gate.leave(took);
        }
    }
}

/// A delivery that may go out.
#[derive(Debug)]
pub struct Place {
    gates: Gates,
    key: Key,
    since: std::time::Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gates.leave(&self.key, self.since.elapsed());
    }
}

impl Gate {
    fn enter(&mut self, limits: &Limits, now: Time) -> Result<(), Duration> {
        let (free_at, apart) = self.next(limits, now);
        let Some(free_at) = free_at else {
            self.under_way += 1;
            if limits.per_second.is_some() || limits.per_minute.is_some() {
                self.begun.push_back(now);
            }
            return Ok(());
        };
        let longest = span(LONGEST);
        let last = self.turn.map_or(now, |turn| turn.clamp(now, now + longest));
        let turn = (last + span(apart)).max(free_at).min(now + longest);
        self.turn = Some(turn);
        Err((turn - now).to_std().unwrap_or_default().max(SHORTEST))
    }

    /// When there is a place, none for now, and how far apart those who wait for one come.
    fn next(&mut self, limits: &Limits, now: Time) -> (Option<Time>, Duration) {
        let mut free_at: Option<Time> = None;
        let mut apart = Duration::ZERO;
        let windows = [
            (limits.per_second, Duration::from_secs(1)),
            (limits.per_minute, Duration::from_secs(60)),
        ];
        let most = windows.iter().filter_map(|(most, _)| *most).max().unwrap_or(0) as usize;
        while self.begun.len() > most {
            self.begun.pop_front();
        }
        for (most, window) in windows {
            let Some(most) = most.map(|most| most as usize) else { continue };
            let Some(nth) = self.begun.len().checked_sub(most) else { continue };
            let until = self.begun[nth] + span(window);
            if until > now {
                free_at = free_at.max(Some(until));
                apart = apart.max(window / most as u32);
            }
        }
        if self.under_way >= limits.at_once() {
            free_at = free_at.max(Some(now));
            apart = apart.max(self.takes / limits.at_once());
        }
        (free_at, apart)
    }

    fn leave(&mut self, took: Duration) {
        self.under_way = self.under_way.saturating_sub(1);
        self.takes = (self.takes * 3 + took) / 4;
    }
}

fn span(duration: Duration) -> Span {
    Span::from_std(duration).unwrap_or(Span::MAX)
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
