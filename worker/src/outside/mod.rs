//! The only way out.
pub mod http;
pub mod resolver;
