//! Leads: take in, store, list and show them.
pub mod answers;
pub mod create;
pub mod form;
pub mod list;
pub mod parts;
pub mod show;
pub mod submission;
pub mod submit;
