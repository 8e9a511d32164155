//! Bringing in files of leads or contacts: what a file's columns mean, what each row says, and what becomes of it. No I/O.
pub mod config;
pub mod draft;

pub use config::{Identifier, ImportConfig, ImportKind, Mapped, Purpose, Reach};
pub use draft::{Draft, Problem};
