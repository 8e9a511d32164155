//! Bringing in files of leads or contacts: what a file's columns mean, what each row says, and what becomes of it. No I/O.
mod body;
pub mod config;
pub mod decide;
mod decode;
pub mod draft;
mod fields;
pub mod mapping;
pub mod plan;
pub mod report;
pub mod row;
mod row_contact;
mod row_lead;
mod sniff;
pub mod split;

pub use body::Body;
pub use config::{Identifier, ImportConfig, ImportKind, Mapped, Purpose, Reach};
pub use draft::{Draft, Problem};
pub use mapping::{Suggested, suggest};
pub use plan::{Known, Plan};
pub use row::Row;
pub use split::{Finished, Limits, Part, SplitError, Splitter};
