//! THE WORK: the outside world, and the drive that takes a submission from one to the next.
pub mod action;
pub mod action_webhook;
pub mod admission;
pub mod breaker;
pub mod campaigns;
pub mod context;
pub mod delivery;
pub mod drive;
pub mod gather;
pub mod lanes;
pub mod outside;
pub mod qualify;
pub mod room;
pub mod status_query;
pub mod step;
pub mod switches;
pub mod trip;
