//! Who has waited longest for a campaign's room? When a window opens, a cap starts anew or a place is given back, they go, in order.
use crate::{
    campaign::Room,
    clock::Time,
    ids::{CampaignId, WorkspaceId},
    push::Pusher,
    store::{
        Db, StoreError, campaigns,
        caps::{self, Release},
    },
    submission::Stage,
};
use chrono::Duration;

/// Campaigns looked at in one go, at most; the next one sees the others.
const CAMPAIGNS: i64 = 200;
/// How long those who wait for a paused or archived campaign wait until it is looked at again. Activating it wakes them.
const CLOSED_LOOK: Duration = Duration::hours(1);

/// Lets all go who are due and for whom there is room at `now`; says how many.
pub async fn drain(
    db: &Db,
    push: &Pusher,
    now: Time,
    redelivery: Duration,
) -> Result<u64, StoreError> {
    let mut found = 0;
    for (workspace, campaign) in caps::due(db, now, CAMPAIGNS).await? {
        found += of_campaign(db, push, (workspace, campaign), (now, redelivery)).await?;
    }
    Ok(found)
}

async fn of_campaign(
    db: &Db,
    push: &Pusher,
    (workspace, campaign): (WorkspaceId, CampaignId),
    (now, redelivery): (Time, Duration),
) -> Result<u64, StoreError> {
    let row = campaigns::get(db, workspace, campaign).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent(format!("{campaign} is not there")))?;
    let room = Room::of_config(&row.config.0)
        .map_err(|error| StoreError::Inconsistent(format!("{campaign} cannot be read: {error}")))?;
    let claims = room.claims(now);
    let look_again = claims.iter().map(|claim| claim.look_again(now)).min();
    let release = Release {
        workspace,
        campaign,
        claims: &claims,
        now,
        redeliver_at: now + redelivery,
        look_again: look_again.unwrap_or(now + CLOSED_LOOK),
    };
    if let Some(until) = shut(&row.state, &room, now) {
        caps::keep_waiting(db, Release { look_again: until, ..release }).await?;
        return Ok(0);
    }
    let mut found = 0;
    loop {
        let released = caps::release(db, release).await?;
        for (submission, generation) in &released {
            push.push(Stage::Delivery, *submission, *generation);
        }
        found += released.len() as u64;
        if (released.len() as i64) < caps::RELEASED_MAX {
            return Ok(found);
        }
    }
}

/// Until when nobody is let go, if nobody is.
fn shut(state: &str, room: &Room, now: Time) -> Option<Time> {
    if state != "active" {
        return Some(now + CLOSED_LOOK);
    }
    room.closed(now).map(|(_, opens)| opens)
}
