//! Campaigns: create, save, show, list, open and close.
pub mod create;
pub mod endpoints;
pub mod form;
pub mod members;
pub mod preview;
pub mod response_test;
pub mod room;
pub mod save;
pub mod segments;
pub mod show;
pub mod state;
mod window;
