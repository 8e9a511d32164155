//! THE CLOCK: looks at the tables again and again, so that nothing is ever forgotten.
pub mod run;
mod scheduler;
pub mod sweeps;
pub mod timetable;

pub use run::{announce, run};
pub use scheduler::Scheduler;
pub use timetable::Timetable;
