//! With whom we speak: calls and texts that people ask for, and everything that was said with a lead.
pub mod call;
mod preflight;
pub mod show;
pub mod text;
