//! Contacts: read, found, written. Every write keeps what rules read (`folded`, `words`) and ends with [`super::live::reassess`].
pub mod consent;
pub mod erase;
pub mod export;
pub mod history;
mod keys;
pub mod merge;
pub mod notes;
pub mod read;
pub mod related;
mod resolve;
mod row;
pub mod search;
pub mod status;
pub mod tags;
pub mod timeline;
pub mod upsert;
pub mod write;
