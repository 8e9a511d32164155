//! Stage 8 with the outside: the intent on disk, the exchange, the verdict.
use crate::{
    admission::{self, Admitted},
    context::Context,
    gather,
    outside::{
        auth::{self, Credentials, NoCredentials},
        http::{Method, OutboundRequest},
    },
    room,
    step::{StepError, step},
    trip::Trip,
};
use shared::{
    campaign::{Campaign, Endpoint, config},
    failpoint::failpoint,
    stages::{
        Verdict,
        credentials::with_another_token,
        room::{behind_others, full},
        s8_delivery::{self, Tries, decide, not_sent, on_open_attempt, or_next_endpoint},
    },
    store::close::{AttemptEnd, AttemptStart, Needs, Outcome, Started},
    submission::carry::Planned,
};
use std::{sync::Arc, time::Duration};

/// Performs the planned delivery; none when the submission has moved on and nothing must be sent.
pub async fn deliver(ctx: &Context, trip: &mut Trip) -> Result<Option<Verdict>, StepError> {
    let ruling = room::ruling(ctx, trip).await?;
    if !trip.loaded.lead_status.is_processed() {
        return step(ctx, trip).await;
    }
    let campaign = trip.campaign.clone();
    let (planned, endpoint) = match plan(trip, &campaign) {
        Ok(plan) => plan,
        Err(stuck) => return Ok(Some(*stuck)),
    };
    let is_test = trip.loaded.is_test;
    let Some(url) = endpoint.config.target(is_test) else {
        return Ok(Some(not_sent(endpoint, is_test)));
    };
    let is_trial = endpoint.config.is_trial(is_test);
    trip.capped &= !is_trial;
    let ticket = match admission::admit(ctx, trip, endpoint).await? {
        Admitted::Yes(ticket) => ticket,
        Admitted::No(verdict) => return Ok(Some(*verdict)),
        Admitted::Waits => return Ok(None),
    };
    let credentials = match auth::credentials(ctx, trip.loaded.workspace_id, endpoint).await {
        Ok(credentials) => credentials,
        Err(NoCredentials::Store(error)) => return Err(error.into()),
        Err(NoCredentials::Trouble(why)) => return auth::without(ctx, trip, endpoint, &why).await,
    };
    let ruling = (!is_trial).then_some(ruling);
    let begun = begin(ctx, trip, ruling, (&planned, endpoint.config.idempotent)).await?;
    let number = match begun {
        Begun::Turned(verdict) => return Ok(verdict),
        Begun::Open(number) if ctx.unsent.take(trip.id(), trip.loaded.generation) => number,
        Begun::Open(number) => {
            trip.attempted(lost(number));
            return Ok(Some(on_open_attempt(number)));
        }
        Begun::Go(number) => number,
    };
    failpoint("delivery.before_call", &trip.loaded.email);
    let mut exchange = ctx.http.send(request(endpoint, url, &planned, &credentials)).await;
    credentials.hide(&mut exchange);
    failpoint("delivery.after_call", &trip.loaded.email);
    let tries = Tries { attempt: trip.attempt, seed: trip.seed(), now: ctx.clock.now() };
    let (mut verdict, mut end) = decide(endpoint, &exchange, number, tries);
    if auth::is_refused_once(ctx, trip, endpoint, &credentials, &exchange).await {
        (verdict, end) = with_another_token(endpoint, verdict, end);
    } else {
        trip.seen = Some(admission::seen(trip, endpoint, ticket, &end, tries.now));
    }
    trip.attempted(end);
    let verdict = doubted(ctx, trip, endpoint, (verdict, number)).await;
    Ok(Some(or_next_endpoint(verdict, !trip.carry.later.is_empty())))
}

/// A no that leaves open what became of an earlier attempt is none. While the database cannot say, the doubt stands: the answer in hand
/// must not be lost over the question.
async fn doubted(
    ctx: &Context,
    trip: &Trip,
    endpoint: &Endpoint,
    (verdict, number): (Verdict, i64),
) -> Verdict {
    let doubt = (number > 1).then(|| s8_delivery::in_doubt(&verdict)).flatten();
    let Some(doubt) = doubt else { return verdict };
    match gather::may_be_taken(ctx, trip, &endpoint.config.id, number).await {
        Ok(false) => verdict,
        Ok(true) | Err(_) => doubt,
    }
}

/// What is sent, and to which endpoint of the campaign.
fn plan<'c>(trip: &Trip, campaign: &'c Campaign) -> Result<(Planned, &'c Endpoint), Box<Verdict>> {
    let stuck = |code, why: String| Box::new(Verdict::stuck(code, why));
    let planned = trip.carry.payload.clone();
    let planned =
        planned.ok_or_else(|| stuck("no_payload", "there is nothing to deliver".into()))?;
    let id = &planned.endpoint;
    let endpoint = campaign.endpoint(id).ok_or_else(|| {
        let why = format!("it was built for endpoint {id}, which the campaign no longer has");
        stuck("endpoint_changed", why)
    })?;
    if planned.query.is_some() != (endpoint.config.method == config::Method::Get) {
        let why = "it was built for another method: a GET carries its fields in the URL, others in the body";
        return Err(stuck("endpoint_changed", why.into()));
    }
    Ok((planned, endpoint))
}

/// How often a campaign may be saved while one delivery asks for its places.
const SAVES_MAX: usize = 5;

enum Begun {
    /// Send now, as the attempt with this number.
    Go(i64),
    /// An earlier attempt has no outcome.
    Open(i64),
    /// Send nothing: there is no room, or (none) the submission has moved on.
    Turned(Option<Verdict>),
}

/// Asks for room and puts the intent on disk. A trial (no `ruling`) needs no room.
async fn begin(
    ctx: &Context,
    trip: &Trip,
    ruling: Option<Arc<Campaign>>,
    (planned, idempotent): (&Planned, bool),
) -> Result<Begun, StepError> {
    let what = (planned, idempotent);
    let Some(mut ruling) = ruling else {
        return Ok(begun(ctx, intend(ctx, trip, what, None).await?));
    };
    let workspace = trip.loaded.workspace_id;
    for _ in 0..SAVES_MAX {
        if let Some(verdict) = room::closed(ctx, trip, &ruling, planned).await? {
            return Ok(Begun::Turned(Some(verdict)));
        }
        let needs = room::needs(ctx, trip, &ruling);
        match intend(ctx, trip, what, needs).await? {
            Started::OldNeeds { newest } => {
                ctx.campaigns.hear(workspace, ruling.id, newest);
                ruling = ctx.campaigns.get(workspace, ruling.id, newest).await?;
            }
            started => return Ok(begun(ctx, started)),
        }
    }
    Err(StepError::Stuck("its campaign is being saved over and over".into()))
}

fn begun(ctx: &Context, started: Started) -> Begun {
    match started {
        Started::Go { number } => Begun::Go(number),
        Started::Open { number } => Begun::Open(number),
        Started::Full { claim } => Begun::Turned(Some(full(&claim, ctx.clock.now()))),
        Started::BehindOthers => Begun::Turned(Some(behind_others(ctx.clock.now()))),
        Started::Stale | Started::OldNeeds { .. } => Begun::Turned(None),
    }
}

async fn intend(
    ctx: &Context,
    trip: &Trip,
    (planned, idempotent): (&Planned, bool),
    needs: Option<Needs>,
) -> Result<Started, StepError> {
    let start = AttemptStart {
        workspace: trip.loaded.workspace_id,
        submission: trip.id(),
        generation: trip.loaded.generation,
        endpoint: planned.endpoint.clone(),
        idempotency_key: planned.idempotency_key.clone(),
        over_open: idempotent,
        needs,
        at: ctx.clock.now(),
    };
    let begun = ctx.starter.begin(start).await;
    if begun.is_err() {
        ctx.unsent.note(trip.id(), trip.loaded.generation);
    }
    Ok(begun?)
}

/// How an attempt is noted whose worker died.
fn lost(number: i64) -> AttemptEnd {
    AttemptEnd {
        number,
        outcome: Outcome::Unknown,
        status_code: None,
        reason: Some("its worker died before an answer was noted".into()),
        buyer_lead_id: None,
        price: None,
        answer: None,
        duration_us: 0,
    }
}

fn request(
    endpoint: &Endpoint,
    url: &str,
    planned: &Planned,
    known: &Credentials,
) -> OutboundRequest {
    let config = &endpoint.config;
    let mut headers: Vec<(String, String)> = known.headers().collect();
    headers.extend(planned.content_type.iter().map(|kind| ("content-type".into(), kind.clone())));
    headers.push(("idempotency-key".into(), planned.idempotency_key.clone()));
    OutboundRequest {
        method: method(config.method),
        url: planned.url(url),
        headers,
        body: planned.body.clone().into(),
        timeout: Duration::from_secs(config.timeout_seconds),
    }
}

fn method(method: config::Method) -> Method {
    match method {
        config::Method::Get => Method::Get,
        config::Method::Post => Method::Post,
        config::Method::Put => Method::Put,
        config::Method::Patch => Method::Patch,
    }
}
