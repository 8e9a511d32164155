//! `leadrail serve | api | worker | scheduler`: play roles until told to stop.
use crate::{
    settings::{Contradiction, Settings},
    system::{Roles, StartError, System},
};
use std::time::Duration;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// After a stop signal the process ends within this time, finished or not: what is not finished comes again.
const STOP_MAX: Duration = Duration::from_secs(19);

/// Why a role did not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Settings(#[from] Contradiction),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// All roles in this process.
pub async fn all(settings: &Settings) -> Result<(), ServeError> {
    if settings.redis_url.is_some() != settings.is_postgres() {
        tracing::warn!(
            "this process cannot share its work with others: that needs DATABASE_URL (PostgreSQL) and REDIS_URL"
        );
    }
    play(settings, Roles::ALL).await
}

/// One role, beside other processes.
pub async fn role(settings: &Settings, role: &'static str) -> Result<(), ServeError> {
    settings.check_shared(role)?;
    let roles =
        Roles { api: role == "api", worker: role == "worker", scheduler: role == "scheduler" };
    play(settings, roles).await
}

async fn play(settings: &Settings, roles: Roles) -> Result<(), ServeError> {
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let system = System::start(settings).await?;
    // A role without an API needs no port of its own.
    let address = if roles.api { settings.listen } else { ([127, 0, 0, 1], 0).into() };
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen(settings.listen, error))?;
    system.play(roles, listener, stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// SIGTERM and SIGINT stop the process: first gently, and after [`STOP_MAX`] for good.
pub fn stop_on_signal(stop: CancellationToken) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running jobs finish or are handed back");
        stop.cancel();
        // A second signal, or too long a wait, ends the process at once; nothing is lost by it.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = overtime() => {}
        }
        std::process::exit(0);
    });
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the process's own time to stop")]
async fn overtime() {
    tokio::time::sleep(STOP_MAX).await;
}
