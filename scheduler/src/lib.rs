//! THE CLOCK: looks at the tables again and again, so that nothing is ever forgotten.
pub mod run;
pub mod sweeps;

pub use run::{Scheduler, run};
