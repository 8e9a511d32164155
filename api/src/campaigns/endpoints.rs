//! GET /campaigns/{id}/endpoints, and closing or opening a breaker by hand: how a campaign's endpoints are.
use super::show::read;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
    parking::REASON_MAX,
};
use axum::extract::{Path, State, rejection::PathRejection};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    breaker::{Breaker, Cause, Phase},
    campaign::{
        CampaignConfig,
        config::{
            EndpointConfig,
            limits::{BreakerConfig, Limits},
        },
    },
    ids::CampaignId,
    store::{
        breakers::{self, BreakerRow, Change, Place},
        notices::{Kind, Notice},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Seconds for which a breaker may be opened by hand, at most: a week.
pub const OPEN_BY_HAND_MAX: i64 = 604_800;
/// How often a change is made again over what somebody else stored meanwhile.
const TRIES: usize = 4;
/// Waiting deliveries that are woken by one statement.
const WAKE: i64 = 1_000;

/// A campaign's id and an endpoint's, from the URL.
type Names = Result<Path<(String, String)>, PathRejection>;

/// How an endpoint is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointState {
    pub endpoint_id: String,
    pub name: String,
    pub limits: Limits,
    /// When its breaker opens.
    pub policy: BreakerConfig,
    pub breaker: BreakerState,
}

/// How its breaker is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakerState {
    pub phase: Phase,
    /// Failures in a row while it is closed.
    pub failures: i64,
    /// Why it is not closed.
    pub cause: Option<Cause>,
    /// How often it opened without having closed in between.
    pub openings: i64,
    /// In this phase since; null when it never failed.
    pub since: Option<DateTime<Utc>>,
    /// When the next probe may be made, while it is not closed.
    pub next_probe_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
}

/// A campaign's endpoints, in the order in which they are asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointStates {
    pub items: Vec<EndpointState>,
}

fn state(endpoint: EndpointConfig, row: Option<&BreakerRow>) -> EndpointState {
    let breaker = row.map_or(Breaker::WELL, BreakerRow::breaker);
    EndpointState {
        endpoint_id: endpoint.id,
        name: endpoint.name,
        limits: endpoint.limits,
        policy: endpoint.breaker,
        breaker: BreakerState {
            phase: breaker.phase,
            failures: breaker.failures,
            cause: breaker.cause,
            openings: breaker.openings,
            since: row.map(|row| row.since),
            next_probe_at: breaker.retry_at,
            last_error: row.and_then(|row| row.last_error.clone()),
            last_error_at: row.and_then(|row| row.last_error_at),
        },
    }
}

/// List a campaign's endpoints
///
/// With their limits and how their breakers are.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/endpoints", tag = "Operations", operation_id = "listEndpoints",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The endpoints.", body = Success<EndpointStates>), Guarded, Absent)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<EndpointStates>, ApiError> {
    caller.require(Scope::Ops)?;
    let endpoints = configured(&api, &caller, id).await?.1;
    let rows = breakers::of_campaign(&api.db, caller.workspace, id).await?;
    let of = |endpoint: EndpointConfig| {
        let row = rows.iter().find(|row| row.endpoint == endpoint.id);
        state(endpoint, row)
    };
    Ok(Data(EndpointStates { items: endpoints.into_iter().map(of).collect() }))
}

/// For how long a breaker is opened, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reason": "the buyer is down for maintenance", "seconds": 3600}))]
pub struct Opening {
    /// 1 to 500 characters.
    pub reason: String,
    /// 1 to 604,800; the endpoint's `openSeconds` unless given. Then one delivery probes.
    pub seconds: Option<i64>,
}

/// Open an endpoint's breaker
///
/// Deliveries to it wait, or go on if the endpoint says `whenOpen: next`. One that is open already opens anew for the given time.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/endpoints/{endpointId}/breaker/open", tag = "Operations", operation_id = "openBreaker",
    params(("campaignId" = CampaignId, Path), ("endpointId" = String, Path)),
    request_body = Opening,
    responses((status = 200, description = "The endpoint.", body = Success<EndpointState>), Guarded, Absent, Conflicting, Sent)
)]
pub async fn open(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Names,
    body: Body,
) -> Result<Data<EndpointState>, ApiError> {
    caller.require(Scope::Ops)?;
    let (name, endpoint, place) = one(&api, &caller, path).await?;
    let opening = body.read::<Opening>()?;
    let (reason, seconds) = (opening.reason.trim(), opening.seconds);
    let length = reason.chars().count();
    if !(1..=REASON_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {REASON_MAX} are needed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    if seconds.is_some_and(|seconds| !(1..=OPEN_BY_HAND_MAX).contains(&seconds)) {
        return Err(ApiError::invalid_at("seconds", format!("must be 1 to {OPEN_BY_HAND_MAX}")));
    }
    let now = api.clock.now();
    let time = Duration::seconds(seconds.unwrap_or(endpoint.breaker.open_seconds));
    let by = caller.by();
    let message = format!("{} of {name} was opened by {by}: {reason}", endpoint.name);
    let told = Told { kind: Kind::BreakerOpened, word: "breaker_opened", message };
    let next = |breaker: Breaker| Some(breaker.opened_by_hand(time, now));
    change(&api, (&caller, &place), &told, next).await?;
    shown(&api, endpoint, &place).await
}

/// Close an endpoint's breaker
///
/// Deliveries that wait for it go out. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/endpoints/{endpointId}/breaker/reset", tag = "Operations", operation_id = "resetBreaker",
    params(("campaignId" = CampaignId, Path), ("endpointId" = String, Path)),
    responses((status = 200, description = "The endpoint.", body = Success<EndpointState>), Guarded, Absent, Conflicting)
)]
pub async fn reset(
    State(api): State<Arc<Api>>,
    caller: Caller,
    path: Names,
) -> Result<Data<EndpointState>, ApiError> {
    caller.require(Scope::Ops)?;
    let (name, endpoint, place) = one(&api, &caller, path).await?;
    let message = format!("{} of {name} was closed by {}", endpoint.name, caller.by());
    let told = Told { kind: Kind::BreakerClosed, word: "breaker_closed", message };
    change(&api, (&caller, &place), &told, |breaker| {
        breaker.is_troubled().then(|| breaker.closed())
    })
    .await?;
    // Also when it was closed already: the one who closed it may have died before they were woken.
    let now = api.clock.now();
    while breakers::wake(&api.db, place.workspace, place.campaign, now, WAKE).await? >= WAKE as u64
    {
    }
    shown(&api, endpoint, &place).await
}

/// The campaign's name and its endpoints, as they are configured now.
async fn configured(
    api: &Api,
    caller: &Caller,
    id: CampaignId,
) -> Result<(String, Vec<EndpointConfig>), ApiError> {
    let row = read(&api.db, caller.workspace, id).await?;
    let config: CampaignConfig = serde_json::from_value(row.config.0).map_err(|error| {
        let why = format!("this program cannot read revision {}: {error}", row.revision);
        ApiError::new(Code::Conflict, why)
    })?;
    Ok((row.name, config.endpoints))
}

async fn one(
    api: &Api,
    caller: &Caller,
    path: Names,
) -> Result<(String, EndpointConfig, Place), ApiError> {
    let Path((campaign, endpoint)) = path.map_err(|_| ApiError::not_found("endpoint"))?;
    let campaign = CampaignId::parse(&campaign)
        .map_err(|error| ApiError::new(Code::NotFound, error.to_string()))?;
    let (name, endpoints) = configured(api, caller, campaign).await?;
    let found = endpoints.into_iter().find(|one| one.id == endpoint);
    let found = found.ok_or_else(|| ApiError::not_found("endpoint"))?;
    let place = Place { workspace: caller.workspace, campaign, endpoint };
    Ok((name, found, place))
}

struct Told {
    kind: Kind,
    word: &'static str,
    message: String,
}

/// Changes a breaker over whatever workers make of it meanwhile; `next` says to what, or that nothing is to be changed.
async fn change(
    api: &Api,
    (caller, place): (&Caller, &Place),
    told: &Told,
    next: impl Fn(Breaker) -> Option<Breaker>,
) -> Result<(), ApiError> {
    for _ in 0..TRIES {
        let row = breakers::get(&api.db, place).await?;
        let from = row.map_or(Breaker::WELL, |row| row.breaker());
        let Some(to) = next(from) else { return Ok(()) };
        let now = api.clock.now();
        let notice = Notice {
            workspace: place.workspace,
            campaign: Some(place.campaign),
            kind: told.kind,
            subject: format!("{}:{}:{}:{}", told.word, place.campaign, place.endpoint, to.version),
            message: told.message.clone(),
            details: Some(serde_json::json!({
                "endpointId": place.endpoint, "cause": "hand", "until": to.retry_at,
            })),
            at: now,
        };
        let moved = from.phase != Phase::Closed || to.phase != Phase::Closed;
        let notice = moved.then_some(notice);
        let change = Change { place, from, to, error: None, notice, at: now };
        if breakers::change(&caller.acting(&api.db), &change).await? {
            return Ok(());
        }
    }
    let why = "the breaker is being changed by something else; try again";
    Err(ApiError::new(Code::Conflict, why))
}

async fn shown(
    api: &Api,
    endpoint: EndpointConfig,
    place: &Place,
) -> Result<Data<EndpointState>, ApiError> {
    let row = breakers::get(&api.db, place).await?;
    Ok(Data(state(endpoint, row.as_ref())))
}
