//! A receiver of providers' webhooks that does what the API does: genuine or nothing, on disk before it is acknowledged.
use crate::world::World;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, http::Uri};
use shared::{
    campaign::config::SecretRef,
    clock::Clock,
    ids::AgentId,
    outreach::{Incoming, providers},
    secret::Sensitive,
    store::{agents, inbound, secrets::Secrets},
};
use std::{collections::HashMap, sync::Arc};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Hooks {
    db: shared::store::Db,
    clock: Clock,
    secrets: Arc<Secrets>,
    url: String,
}

/// What `POST /hooks/{agentId}` does.
async fn hook(
    State(hooks): State<Hooks>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let id = uri.path().rsplit('/').next().and_then(|id| AgentId::parse(id).ok());
    let Some(id) = id else { return (StatusCode::NOT_FOUND, "") };
    let now = hooks.clock.now();
    let Some(agent) = agents::by_id(&hooks.db, id).await.unwrap() else {
        return (StatusCode::NOT_FOUND, "");
    };
    let mut opened: HashMap<String, Sensitive> = HashMap::new();
    for (_, named) in agent.config.provider.secret_refs() {
        let found = hooks.secrets.open(agent.workspace_id, &named.secret, now).await.unwrap();
        opened.insert(named.secret.clone(), found.unwrap().value);
    }
    let find = |named: &SecretRef| opened.get(&named.secret).cloned();
    let provider = providers::open(&agent.config.provider, &find).unwrap();
    let url = format!("{}{}", hooks.url, uri);
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
        .collect();
    let query = uri.query().unwrap_or_default();
    let incoming = Incoming { url: &url, query, headers: &headers, body: &body };
    if provider.verify(&incoming, now).is_err() {
        return (StatusCode::UNAUTHORIZED, "");
    }
    let heard = provider.read(&incoming).unwrap();
    inbound::take_in(&hooks.db, &hooks.secrets, &agent, &heard, now).await.unwrap();
    (StatusCode::OK, provider.thanks().1)
}

/// Receives webhooks; says under which public URL.
pub async fn serve(world: &World) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secrets = Arc::new(Secrets::new(world.store.db.clone(), shared::testing::ring()));
    let state =
        Hooks { db: world.store.db.clone(), clock: world.clock.clone(), secrets, url: url.clone() };
    let routes = Router::new().fallback(hook).with_state(state);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}
