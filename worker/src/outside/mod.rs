//! The only way out.
pub mod auth;
pub mod http;
pub mod limits;
pub mod llm;
pub mod oauth;
pub mod resolver;
pub mod signed;
mod token_server;
