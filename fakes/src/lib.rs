//! Providers of the outside world, as they answer on good days and on bad ones. For tests, measuring and the demo: no part of the product
//! depends on this crate.
pub mod openai;

use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Every provider's routes.
pub fn router(openai: openai::Fake) -> Router {
    openai::router(openai)
}

/// Serves the routes on a free port of this machine until the process ends.
pub async fn serve_in_background(routes: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
