//! Logs: to standard error, as text for people or as JSON for machines.
use crate::settings::{Contradiction, LogFormat, Settings};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

pub fn start(settings: &Settings) -> Result<(), Contradiction> {
    let filter =
        EnvFilter::try_new(&settings.log).map_err(|error| Contradiction::Log(error.to_string()))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
