//! Contacts: read, found, written. Every write keeps what rules read (`folded`, `words`) and ends with [`super::live::reassess`].
pub mod consent;
pub mod history;
pub mod notes;
pub mod read;
pub mod related;
mod resolve;
mod row;
pub mod search;
pub mod status;
pub mod tags;
pub mod upsert;
pub mod write;
