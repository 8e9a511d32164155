//! What the clock makes of leads, passes over a campaign's leads, and what happens in bulk, on both engines with a hand clock.
#[path = "../live/world.rs"]
#[expect(dead_code, reason = "segments' own tests need more of it")]
mod people;
mod world;

mod broken;
mod bulk;
mod clock;
mod passes;
