//! Handing out lists as files: which columns a list has, and how a row becomes cells or a line of JSON. No I/O.
mod columns;
mod layout;
mod write;

#[cfg(test)]
mod tests;

pub use columns::{READ_ONLY, What};
pub use layout::{COLUMNS_MAX, Layout, TooMany};
pub use write::{Format, Unlisted, Writer};
