//! Contacts: read, found, written. Every write keeps what rules read (`folded`, `words`) and ends with [`super::live::reassess`].
pub mod read;
pub mod related;
pub mod search;
