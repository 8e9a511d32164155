//! Imports on both engines: files in parts, what becomes of rows, crashes, rivals, cancelling, undoing.
mod faults;
mod files;
mod people;
mod purposes;
mod undone;
mod world;
