//! The only way out.
pub mod auth;
pub mod http;
pub mod resolver;
