//! Providers of the outside world, as they answer on good days and on bad ones. For tests, measuring and the demo: no part of the product
//! but the demo depends on this crate.
pub mod account;
mod bland;
pub mod brain;
mod callback;
mod control;
mod desk;
mod elevenlabs;
mod generic;
mod item;
pub mod openai;
pub mod phone;
mod play;
mod retell;
pub mod script;
pub mod sign;
pub mod time;
mod twilio;
mod vapi;
mod vonage;

pub use account::{Account, Provider};
pub use callback::Sent;
pub use item::{Item, Stage};
pub use phone::{Fake, Placed};

use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The routes of the model server.
pub fn router(openai: openai::Fake) -> Router {
    openai::router(openai)
}

/// The routes of the providers of calls and texts, each below its name; the buyer's side; and `/_fake/` to drive them.
pub fn phone_router(phone: Fake) -> Router {
    twilio::router()
        .merge(vonage::router())
        .merge(vapi::router())
        .merge(retell::router())
        .merge(bland::router())
        .merge(elevenlabs::router())
        .merge(generic::router())
        .merge(brain::router())
        .merge(control::router())
        .with_state(phone)
}

/// Serves the routes on a free port of this machine until the process ends.
pub async fn serve_in_background(routes: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
