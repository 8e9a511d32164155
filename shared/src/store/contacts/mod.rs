//! Contacts: read, found, written. Every write keeps what rules read (`folded`, `words`) and ends with [`super::live::reassess`].
pub mod erase;
pub mod export;
pub mod history;
mod keys;
pub mod merge;
pub mod read;
mod row;
pub mod timeline;
pub mod write;
