//! The only way out.
pub mod auth;
pub mod http;
pub mod oauth;
pub mod resolver;
mod token_server;
