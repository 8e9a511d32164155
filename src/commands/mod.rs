//! The sub-commands, one file each.
pub mod audit;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod import;
pub mod jobs;
pub mod keys;
pub mod migrate;
pub mod scheduler;
pub mod secrets;
pub mod serve;
