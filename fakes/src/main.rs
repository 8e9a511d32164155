//! `fakes [ADDRESS]`: serves all fake providers until it is ended; port 0 (the default) takes a free one.
use std::process::ExitCode;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    match serve(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fakes: cannot serve on {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("fakes listen on http://{}", listener.local_addr()?);
    let routes = fakes::router(fakes::openai::Fake::default());
    let routes = routes.merge(fakes::phone_router(fakes::Fake::default()));
    axum::serve(listener, routes).await
}
