//! Trying rules and configurations out before leads meet them.
pub mod rehearsal;
pub mod test;
pub mod what_if;
