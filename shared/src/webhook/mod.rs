//! Telling others what happens: which events there are, who wants them, when a message is tried again. No I/O.
pub mod addresses;
pub mod body;
pub mod draft;
pub mod event;
pub mod retry;
pub mod secret;
pub mod told;

pub use addresses::{Address, Addresses};
pub use draft::Draft;
pub use event::Event;
pub use told::{About, Facts, Told};
