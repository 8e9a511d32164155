//! Leads: take in, store, list and show them.
pub mod approve;
pub mod bulk;
pub mod by_hand;
pub mod conditions;
pub mod create;
pub mod evidence;
pub mod form;
pub mod list;
pub mod process;
pub mod resend;
pub mod routing;
pub mod show;
pub mod status;
pub mod submission;
pub mod submit;
