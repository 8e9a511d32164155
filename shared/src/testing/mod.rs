//! What tests stand on: fresh databases, private servers to break, child processes to kill.
//!
//! Everything here ends with the test that made it, even when the test process is killed. A setup
//! that fails panics with a sentence that says what to do: a test cannot go on without it.

mod cluster;
mod database;
mod engines;
mod folder;
mod leash;
mod port;
mod process;
mod redis;
mod ring;
mod store;
mod wait;

pub use cluster::{Cluster, StopMode};
pub use database::{TestDatabase, fresh_database};
pub use engines::{postgres_url, redis_url};
pub use process::Process;
pub use redis::RedisServer;
pub use ring::ring;
pub use store::{TestStore, noon};
