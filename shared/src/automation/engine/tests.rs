//! The engine, table by table, and what holds whatever happens.
mod acting;
mod dated;
mod laws;
mod order;
mod silence;
mod triggers;
mod walks;
mod world;
