//! Asking for room before a lead is sent: the newest revision's schedule and caps decide.
use crate::{context::Context, gather, step::StepError, trip::Trip};
use shared::{
    campaign::Campaign,
    stages::{Verdict, room},
    store::{caps, close::Needs},
    submission::carry::Planned,
};
use std::sync::Arc;

/// The campaign revision whose caps and schedule count now.
pub async fn ruling(ctx: &Context, trip: &mut Trip) -> Result<Arc<Campaign>, StepError> {
    let ruling = ctx.campaigns.newest(trip.loaded.workspace_id, &trip.campaign).await?;
    trip.capped = trip.campaign.room.has_caps() || ruling.room.has_caps();
    Ok(ruling)
}

/// What becomes of a lead whose campaign is closed now; none when it is open. A cap that is full as well speaks first. A lead that the
/// buyer may have already is never turned away: to ask once more under the same key is the only way to know.
pub async fn closed(
    ctx: &Context,
    trip: &Trip,
    ruling: &Campaign,
    planned: &Planned,
) -> Result<Option<Verdict>, StepError> {
    let now = ctx.clock.now();
    let Some((overflow, opens)) = ruling.room.closed(now) else { return Ok(None) };
    if gather::may_be_taken(ctx, trip, &planned.endpoint, gather::ANY).await? {
        return Ok(None);
    }
    let claims = ruling.room.claims(now);
    let taken = caps::taken(&ctx.db, (trip.loaded.workspace_id, ruling.id), &claims).await?;
    let full = claims
        .iter()
        .find(|claim| taken.get(&claim.cap).copied().unwrap_or(0) + claim.amount > claim.limit);
    Ok(Some(match full {
        Some(claim) => room::full(claim, now),
        None => room::closed(overflow, opens),
    }))
}

/// The places that a lead needs; none for a campaign without caps.
pub fn needs(ctx: &Context, trip: &Trip, ruling: &Campaign) -> Option<Needs> {
    // A revision without caps still asks when an older one had some: only the newest counts, and the store knows which that is.
    trip.capped.then(|| Needs {
        campaign: ruling.id,
        revision: ruling.revision,
        claims: ruling.room.claims(ctx.clock.now()),
        in_line: ruling.room.queues(),
    })
}
