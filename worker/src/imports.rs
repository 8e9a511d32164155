//! Imports that are due: brought in or taken back, a turn at a time.
use crate::context::Context;
use shared::{
    ids::ImportId,
    push::IMPORTS,
    queue::{Delivered, Job, Settle},
    store::imports::{self, Worked},
};
use std::time::Duration;

/// How soon an import comes again when the database is away. Its claim has to run out first.
const DATABASE_AWAY: Duration = Duration::from_secs(1);

/// Works for a while on the import that the queue delivered, if it still has that generation.
pub async fn work(ctx: &Context, delivered: Delivered) -> Settle {
    let Job { id, generation } = delivered.job;
    let import = ImportId(id);
    match imports::work(&ctx.db, import, generation, &ctx.clock).await {
        Ok(Worked::More(generation)) => {
            ctx.push.ring(IMPORTS, Job { id, generation }, Duration::ZERO);
            Settle::Done
        }
        Ok(Worked::Ended(state)) => {
            tracing::info!(%import, state = state.word(), "an import has ended");
            Settle::Done
        }
        // One that waits for its next try is rung again by the sweep as soon as it is due.
        Ok(Worked::Nothing) => Settle::Done,
        Err(error) => {
            tracing::warn!(%import, %error, "an import comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}
