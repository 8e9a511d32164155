//! Building segments that are due. One that asks about others comes after them.
use crate::context::Context;
use shared::{
    ids::SegmentId,
    push::SEGMENTS,
    queue::{Delivered, Job, Settle},
    store::live::build::{self, Ended},
};
use std::time::Duration;

/// How soon a build comes again when the database is away.
const DATABASE_AWAY: Duration = Duration::from_secs(1);

/// Builds the segment that the queue delivered, if it is due still.
pub async fn build(ctx: &Context, delivered: Delivered) -> Settle {
    let segment = SegmentId(delivered.job.id);
    match build::run(&ctx.db, segment, &ctx.clock).await {
        Ok(Some(Ended::Ready { askers })) => {
            for (asker, generation) in askers {
                ctx.push.ring(SEGMENTS, Job { id: asker.0, generation }, Duration::ZERO);
            }
            Settle::Done
        }
        // What waits for others, and what was cancelled, is rung again by the sweep as long as it is due.
        Ok(_) => Settle::Done,
        Err(error) => {
            tracing::warn!(%segment, %error, "a build comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}
