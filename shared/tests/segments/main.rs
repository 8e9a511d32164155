//! Segments on both engines: saved, refused, filled, emptied, deleted; circles that two savers would make together; plans and zones.
mod definitions;
mod members;
mod plans;
mod support;
