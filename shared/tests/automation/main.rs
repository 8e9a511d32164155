//! Campaigns that react to what happens to their leads, in the transaction in which it happens, on both engines.
mod chain;
mod concurrent;
mod hooks;
mod react;
mod world;
