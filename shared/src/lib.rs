//! THE MEANING: what every part of Leadrail means by a lead, a campaign, a submission; the rules, the database and the queue.
pub mod breaker;
pub mod campaign;
pub mod clock;
pub mod drain;
pub mod exchange;
pub mod failpoint;
pub mod held;
pub mod ids;
pub mod journey;
pub mod key;
pub mod lead;
pub mod llm;
pub mod moves;
pub mod patience;
pub mod person;
pub mod push;
#[expect(clippy::disallowed_methods, reason = "the queue is where the waiting is done")]
pub mod queue;
pub mod rules;
pub mod secret;
pub mod stages;
pub mod status_query;
pub mod store;
pub mod submission;
#[cfg(feature = "testing")]
pub mod testing;
pub mod view;
