//! Contacts: the people behind the leads, and what a workspace keeps of them.
pub mod answer;
