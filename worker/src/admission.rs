//! May this delivery go out now? Asked before its intent is on disk: a delivery that has to wait has done nothing yet.
use crate::{
    breaker::{Answer, Pass, Seen, sign},
    context::Context,
    gather,
    outside::limits,
    step::StepError,
    trip::Trip,
};
use chrono::Duration;
use shared::{
    breaker::Admission,
    campaign::{compiled::Endpoint, config::limits::WhenOpen},
    clock::Time,
    stages::{Verdict, left_alone},
    store::{
        breakers::{self, Place},
        close::{AttemptEnd, Outcome},
    },
};

/// What the gates say.
pub enum Admitted {
    /// Send it; the place at the endpoint is given back with the ticket.
    Yes(Ticket),
    /// Not now, or not here.
    No(Box<Verdict>),
    /// Not now, as was said before: it comes again by itself.
    Waits,
}

/// The right to deliver once.
pub struct Ticket {
    pass: Pass,
    _place: limits::Place,
}

/// Asks the endpoint's breaker, then for a place. [`StepError::NoPlace`] when there is none at the moment.
pub async fn admit(ctx: &Context, trip: &Trip, endpoint: &Endpoint) -> Result<Admitted, StepError> {
    let now = ctx.clock.now();
    let place = Place {
        workspace: trip.loaded.workspace_id,
        campaign: trip.campaign.id,
        endpoint: endpoint.config.id.clone(),
    };
    if let Some(no) = refused(ctx, trip, endpoint, ctx.breakers.look(&place, now).await).await? {
        return Ok(no);
    }
    let key = (place.campaign.0, place.endpoint.clone());
    let entered = ctx.gates.enter(key, &endpoint.config.limits, now);
    let at_endpoint = entered.map_err(StepError::NoPlace)?;
    let time = Duration::seconds(i64::try_from(endpoint.config.timeout_seconds).unwrap_or(0));
    let said = match ctx.breakers.admit(place, time, now).await? {
        Answer::Go(pass) => return Ok(Admitted::Yes(Ticket { pass, _place: at_endpoint })),
        Answer::Probed(until) => Admission::Probed(until),
        Answer::Wait(until) => Admission::Wait(until),
    };
    let no = refused(ctx, trip, endpoint, said).await?;
    Ok(no.unwrap_or(Admitted::Waits))
}

/// What becomes of a delivery that the breaker does not let go.
async fn refused(
    ctx: &Context,
    trip: &Trip,
    endpoint: &Endpoint,
    said: Admission,
) -> Result<Option<Admitted>, StepError> {
    if matches!(said, Admission::Go | Admission::Probe) {
        return Ok(None);
    }
    if endpoint.config.breaker.when_open == WhenOpen::Next
        && !gather::may_be_taken(ctx, trip, &endpoint.config.id, gather::ANY).await?
    {
        let verdict = left_alone::pass_over(endpoint, !trip.carry.later.is_empty());
        return Ok(Some(Admitted::No(Box::new(verdict))));
    }
    let Admission::Wait(until) = said else {
        return Err(StepError::NoPlace(left_alone::look_again(trip.seed())));
    };
    let now = ctx.clock.now();
    let due = left_alone::due(until, now, trip.seed());
    if trip.loaded.reason_code.as_deref() == Some(left_alone::BREAKER_OPEN) {
        // It is in the journey already that it waits for this.
        postpone(ctx, trip, due).await?;
        return Ok(Some(Admitted::Waits));
    }
    Ok(Some(Admitted::No(Box::new(left_alone::wait(endpoint, due, now)))))
}

async fn postpone(ctx: &Context, trip: &Trip, due: Time) -> Result<(), StepError> {
    let (workspace, id) = (trip.loaded.workspace_id, trip.id());
    Ok(breakers::postpone(&ctx.db, workspace, (id, trip.loaded.generation), due).await?)
}

/// What the exchange showed of the endpoint, to be told once its outcome is on disk.
pub fn seen(trip: &Trip, endpoint: &Endpoint, ticket: Ticket, end: &AttemptEnd, at: Time) -> Seen {
    let broken = matches!(end.outcome, Outcome::Failed | Outcome::Unknown);
    let answered = end.status_code.map(|status| format!("it answered {status}"));
    Seen {
        pass: ticket.pass,
        policy: endpoint.config.breaker.policy(),
        sign: sign(end.outcome),
        why: end.reason.clone().or(answered).filter(|_| broken || end.reason.is_some()),
        names: (endpoint.config.name.clone(), trip.campaign.name.clone()),
        at,
    }
}
