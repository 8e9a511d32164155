//! The engine, table by table.
mod triggers;
mod world;
