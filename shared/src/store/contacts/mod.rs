//! Contacts: read, found, written. Every write keeps what rules read (`folded`, `words`) and ends with [`super::live::reassess`].
pub mod history;
pub mod read;
mod row;
pub mod write;
