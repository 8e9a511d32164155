//! Journeys: does a lead get home? All processes in one, on both engines, with a fake outside world whose calls are compared as lines.
mod asked;
mod breaker;
mod by_hand;
mod campaign;
mod crowded;
mod canary;
mod credentials;
mod delivered;
mod endpoints;
mod fallback;
mod formats;
mod models;
mod parked;
mod room;
mod stopped;
mod unknown;
mod world;
