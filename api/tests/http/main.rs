//! Does the API answer as written? The router in-process, over a real database, with the clock in hand.
mod campaigns;
mod endpoints;
mod idempotency;
mod isolation;
mod leads;
mod notices;
mod openapi;
mod operators;
mod parking;
mod preview;
mod refusals;
mod room;
mod secrets;
mod serving;
mod support;
