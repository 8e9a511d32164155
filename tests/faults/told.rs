//! F24: a worker dies while it tells the outside that a lead waits. It is told again, recognisably, and the lead goes on once.
use crate::{
    desk::config,
    oracle,
    sender::Sender,
    stages::{SOON, Theatre, died_at, leave},
    wait::wait_for,
};
use serde_json::json;
