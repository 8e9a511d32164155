//! Real processes, real servers, and what goes wrong with them. Every test breaks something under a running installation and then asks
//! the oracle: is every lead that was answered with 202 still there, and was none of them sold twice?
//!
//! Read in this order: `world` (an installation), `sink` (the buyer), `sender` (the source), `oracle` (what must hold), `phones` (providers of
//! calls and texts), `moving` (campaigns that move their leads), then the faults.

mod desk;
mod moving;
mod oracle;
mod phones;
mod sender;
mod sink;
mod wait;
mod world;

mod asked;
mod automated;
mod boot;
mod buyer;
mod called;
mod canary;
mod crowd;
mod database;
mod embedded;
mod hooks;
mod imported;
mod ingest;
mod poison;
mod queue_away;
mod redis_memory;
mod rolling;
mod schedulers;
mod scored;
mod silent;
mod stages;
mod texted;
mod told;
mod told_webhooks;
mod unsettled;
mod zombie;
