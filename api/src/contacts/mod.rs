//! Contacts: the people behind the leads, and what a workspace keeps of them.
pub mod answer;
pub mod batch;
pub mod consent;
pub mod form;
pub mod notes;
pub mod show;
pub mod status;
pub mod tags;
