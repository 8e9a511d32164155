//! Stage jobs for operators: look, retry, discard, settle.
pub mod bulk;
pub mod list;
pub mod one;
