//! The URL map: every route of the door, and what every request passes through on its way to one.
use crate::{
    Api, activities, agents, audit, automation, campaigns, contacts, docs::Words, error::ApiError,
    error::Code, export, files, health, hooks, imports, jobs, keys, lanes, leads, notices,
    params::refuse_unkept_key, parking, person, properties, request, retention, reviews, rules,
    search, secrets, segments, suppressions, sweeps, talks, value_sets, webhooks, workspace,
};
use axum::{Router, http::Method, http::Uri, middleware};
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

/// Every URL. Those under `/api/v1` want a key, but for the one that carries a token and the one that carries a signature.
fn map() -> OpenApiRouter<Arc<Api>> {
    let v1 = OpenApiRouter::new()
        .merge(of_leads())
        .merge(of_campaigns())
        .merge(of_waits())
        .merge(of_talks())
        .merge(of_contacts())
        .merge(segments::routes())
        .merge(imports::routes())
        .merge(automation::routes())
        .merge(webhooks::routes())
        .merge(export::routes())
        .merge(of_operators())
        .merge(audit::routes())
        .route_layer(middleware::from_fn(refuse_unkept_key))
        // Providers send what headers they like.
        .routes(routes!(hooks::take));
    OpenApiRouter::with_openapi(Words::openapi())
        .nest("/api/v1", v1)
        .merge(activities::open())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// Leads, their submissions, and what becomes of many at once.
fn of_leads() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(leads::submit::submit))
        .routes(routes!(leads::create::create, leads::list::list))
        .routes(routes!(leads::show::show, leads::status::of_lead))
        .routes(routes!(leads::status::history))
        .routes(routes!(leads::resend::repost))
        .routes(routes!(leads::resend::deliver))
        .routes(routes!(leads::resend::submit))
        .routes(routes!(leads::approve::approve))
        .routes(routes!(leads::submission::of_lead))
        .routes(routes!(leads::submission::show, leads::status::of_submission))
        .routes(routes!(leads::bulk::status))
        .routes(routes!(leads::bulk::remove))
        .merge(leads::evidence::routes())
        .merge(files::routes())
        .merge(leads::process::routes())
}

/// What leads are collected for, whom campaigns have as leads, and the rules and lists that they use.
fn of_campaigns() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(campaigns::create::create, campaigns::show::list))
        .routes(routes!(campaigns::show::show, campaigns::save::save))
        .routes(routes!(campaigns::room::room))
        .routes(routes!(campaigns::state::activate))
        .routes(routes!(campaigns::state::pause))
        .routes(routes!(campaigns::state::archive))
        .routes(routes!(campaigns::members::add))
        .routes(routes!(campaigns::segments::put, campaigns::segments::list))
        .routes(routes!(campaigns::preview::preview))
        .routes(routes!(campaigns::response_test::of_endpoint))
        .routes(routes!(campaigns::response_test::of_rules))
        .routes(routes!(campaigns::endpoints::list))
        .routes(routes!(campaigns::endpoints::open))
        .routes(routes!(campaigns::endpoints::reset))
        .routes(routes!(rules::test::test))
        .routes(routes!(rules::what_if::what_if))
        .routes(routes!(value_sets::create, value_sets::list))
        .routes(routes!(value_sets::show, value_sets::save, value_sets::delete))
}

/// Waking what waits for somebody outside, or for a person's decision.
fn of_waits() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(parking::by_token))
        .routes(routes!(parking::by_hand))
        .routes(routes!(reviews::list::list))
        .routes(routes!(reviews::decide::many))
        .routes(routes!(reviews::claim::claim_next))
        .routes(routes!(reviews::list::show))
        .routes(routes!(reviews::claim::claim))
        .routes(routes!(reviews::claim::release))
        .routes(routes!(reviews::decide::one))
}

/// With whom people are called and texted, and whom nobody may reach.
fn of_talks() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(agents::list))
        .routes(routes!(agents::show, agents::put, agents::delete))
        .merge(suppressions::routes())
        .routes(routes!(talks::show::of_lead))
        .routes(routes!(talks::show::show))
        .routes(routes!(talks::text::send))
        .routes(routes!(talks::call::initiate))
}

/// The people behind the leads, how they are found, what they did, and the fields that a workspace made up for them.
fn of_contacts() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(search::list))
        .routes(routes!(search::find))
        .routes(routes!(search::parse))
        .routes(routes!(contacts::form::keep))
        .routes(routes!(contacts::batch::keep))
        .routes(routes!(contacts::tags::tag))
        .routes(routes!(contacts::show::show, contacts::form::change, contacts::status::delete))
        .routes(routes!(contacts::show::leads))
        .routes(routes!(contacts::status::set))
        .routes(routes!(contacts::consent::put))
        .routes(routes!(contacts::notes::add, contacts::notes::list))
        .merge(person::routes())
        .merge(activities::keyed())
        .routes(routes!(properties::create, properties::list))
        .routes(routes!(properties::show, properties::change))
}

/// For those who keep the machine running, and who own the workspace.
fn of_operators() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(jobs::list::list))
        .routes(routes!(jobs::list::groups))
        .routes(routes!(jobs::bulk::retry))
        .routes(routes!(jobs::bulk::discard))
        .routes(routes!(jobs::one::show))
        .routes(routes!(jobs::one::retry))
        .routes(routes!(jobs::one::discard))
        .routes(routes!(jobs::one::settle))
        .routes(routes!(lanes::list))
        .routes(routes!(lanes::pause))
        .routes(routes!(lanes::resume))
        .routes(routes!(sweeps::list))
        .routes(routes!(notices::list))
        .routes(routes!(workspace::show, workspace::change))
        .merge(retention::routes())
        .routes(routes!(keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::put, secrets::delete))
}

/// The door, with its description at `/docs` and `/api/openapi.json`.
pub fn router(api: Arc<Api>) -> Router {
    let (routes, description) = map().split_for_parts();
    routes
        .merge(SwaggerUi::new("/docs").url("/api/openapi.json", description))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(api.clone(), request::around))
        .with_state(api)
}

/// The description of every route.
pub fn openapi() -> utoipa::openapi::OpenApi {
    map().split_for_parts().1
}

async fn nowhere(uri: Uri) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no such URL: {}", uri.path()))
}

async fn not_so(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(Code::MethodNotAllowed, message)
}
