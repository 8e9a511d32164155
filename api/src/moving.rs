//! Moving one submission by hand: read it, decide, write if nobody was faster, ring the bell.
use crate::{
    Api,
    caller::Caller,
    error::{ApiError, Code},
};
use shared::{
    clock::Time,
    ids::SubmissionId,
    store::{
        close::{Close, Place},
        load::{Loaded, with_newest},
    },
    submission::{IllegalMove, State},
};

/// How often a move is decided again when something else moved the submission in between.
pub const TRIES: usize = 3;

/// Moves a submission of the caller's workspace; says where it is now. `action` is the audit log's word for it.
pub async fn of_caller(
    api: &Api,
    caller: &Caller,
    (action, id): (&'static str, SubmissionId),
    decide: impl Fn(&Loaded, &str, Time) -> Result<Close, IllegalMove>,
) -> Result<Place, ApiError> {
    for _ in 0..TRIES {
        let loaded = api.loader.load(id).await?;
        let loaded = loaded.filter(|loaded| loaded.workspace_id == caller.workspace);
        let loaded = loaded.ok_or_else(|| ApiError::not_found("submission"))?;
        let loaded = with_newest(&api.db, loaded).await?;
        let close = decide(&loaded, &caller.by(), api.clock.now())?;
        let close = close.by(caller.actor(), action, &loaded);
        if let Some(place) = record(api, close).await? {
            return Ok(place);
        }
    }
    Err(busy())
}

/// Writes the move and pushes the job that it opens; none when the submission has moved since it was read.
pub async fn record(api: &Api, close: Close) -> Result<Option<Place>, ApiError> {
    let (id, place) = (close.submission, close.place.clone());
    if !api.closer.close(close).await? {
        return Ok(None);
    }
    if let State::InStage(stage) = place.state {
        api.push.push(stage, id, place.generation);
    }
    Ok(Some(place))
}

pub fn busy() -> ApiError {
    ApiError::new(Code::Conflict, "the submission is being moved by something else; try again")
}
