//! The outreach lane: calls and threads of texts, each moved by what is due and by what its provider has told.
use crate::{campaigns::CampaignError, context::Context};
use shared::{
    clock::Time,
    ids::InteractionId,
    outreach::provider::Found,
    push::OUTREACH,
    queue::{Delivered, Job, Settle},
    store::{
        StoreError,
        interactions::{self, Interaction, Kind, Move, Moved},
        secrets::SecretError,
    },
    submission::Stage,
};

mod brain;
mod call;
mod gate;
mod line;
mod text;
mod thread;

/// How soon a job comes again when the database is away.
const DATABASE_AWAY: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a provider may take to answer.
const PROVIDER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Why a job did not finish: it comes again.
#[derive(Debug, thiserror::Error)]
enum OutreachError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Campaign(#[from] CampaignError),
}

/// Attends to the call or the thread that the queue delivered.
pub async fn attend(ctx: &Context, delivered: Delivered) -> Settle {
    let id = InteractionId(delivered.job.id);
    match run(ctx, id).await {
        Ok(()) => Settle::Done,
        Err(error) => {
            tracing::warn!(interaction = %id, %error, "a call or a thread comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}

async fn run(ctx: &Context, id: InteractionId) -> Result<(), OutreachError> {
    let Some(found) = interactions::get(&ctx.db, id).await? else { return Ok(()) };
    match found.kind {
        Kind::Call => call::attend(ctx, found).await,
        Kind::Sms => thread::attend(ctx, found).await,
    }
}

/// Rings the bell of a call or a thread that has something to do. A lost ring is made up by the sweep.
pub fn ring(ctx: &Context, id: InteractionId) {
    let generation = ctx.clock.now().timestamp_micros();
    ctx.push.ring(OUTREACH, Job { id: id.0, generation }, std::time::Duration::ZERO);
}

/// What was found by number and time may be another order than ours, which we know by its id.
async fn not_anothers(
    ctx: &Context,
    interaction: &Interaction,
    found: Found,
) -> Result<Found, StoreError> {
    let Found::As(reference) = &found else { return Ok(found) };
    let known = interactions::is_known_reference(&ctx.db, interaction, reference).await?;
    Ok(if known { Found::NotSure } else { found })
}

/// Writes a move, if nobody was faster, and rings the bell of the wait that it wakes.
async fn advance(
    ctx: &Context,
    interaction: &Interaction,
    to: &Move,
    now: Time,
) -> Result<bool, StoreError> {
    match interactions::advance(&ctx.db, interaction, to, now).await? {
        Moved::No => Ok(false),
        Moved::Yes(woken) => {
            if let Some(woken) = woken {
                ctx.push.push(Stage::FirstAction, woken.id, woken.generation);
            }
            Ok(true)
        }
    }
}
