//! What attempts make of their address: well, paused, gone. Whoever has changed a message locks its address after it.
use super::{State, work::Taken};
use crate::{
    clock::Time,
    ids::{WebhookId, WorkspaceId},
    store::{
        StoreError, Tx,
        notices::{self, Notice},
    },
    webhook::retry,
};

/// The state of an address, which stays so until the transaction ends; none: it is not there.
pub(super) async fn share(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: WebhookId,
) -> Result<Option<State>, StoreError> {
    let found: Option<(State,)> = tx
        .ex()
        .sql(
            "SELECT w.state FROM webhook w WHERE w.workspace_id = $1 AND w.id = $2{pg:  FOR SHARE}",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    Ok(found.map(|(state,)| state))
}

/// An address that hears is well again, if it was not. One that is well is not written.
pub(super) async fn heard(tx: &mut Tx, taken: &Taken) -> Result<State, StoreError> {
    tx.ex()
        .sql(
            "UPDATE webhook SET state = CASE WHEN state = 'paused' THEN 'on' ELSE state END, problem = CASE WHEN state = 'gone' THEN problem END,
                failing_since = NULL, failures = 0, probe_at = NULL, probes = 0, probed = NULL
             WHERE workspace_id = $1 AND id = $2 AND (failing_since IS NOT NULL OR state = 'paused')",
        )
        .bind(taken.workspace)
        .bind(taken.webhook)
        .run()
        .await?;
    Ok(State::On)
}

#[derive(sqlx::FromRow)]
struct Failing {
    state: State,
    failing_since: Time,
    failures: i64,
}

/// An address that does not hear: it is paused when that goes on for too long, or when a message is spent (it was first tried then) and
/// the address has taken nothing since. Answers with its state then.
pub(super) async fn failed(
    tx: &mut Tx,
    taken: &Taken,
    spent: Option<Time>,
    (notice, now): (&impl Fn(State, &str) -> Notice, Time),
) -> Result<State, StoreError> {
    let failing: Option<Failing> = tx
        .ex()
        .sql(
            "UPDATE webhook SET failures = failures + 1,
                failing_since = CASE WHEN failing_since < $3 THEN failing_since ELSE $3 END
             WHERE workspace_id = $1 AND id = $2
             RETURNING state, failing_since, failures",
        )
        .bind(taken.workspace)
        .bind(taken.webhook)
        .bind(taken.at)
        .optional()
        .await?;
    // It was deleted meanwhile.
    let Some(Failing { state, failing_since, failures }) = failing else { return Ok(State::On) };
    let only_fails = spent.is_some_and(|tried_at| failing_since <= tried_at);
    if state != State::On || !(only_fails || retry::is_given_up(failures, failing_since, now)) {
        return Ok(state);
    }
    let problem = format!("{failures} attempts in a row have failed");
    rest(tx, taken, (State::Paused, &problem), (notice, now)).await
}

/// An address that says that it is no more.
pub(super) async fn gone(
    tx: &mut Tx,
    taken: &Taken,
    (notice, now): (&impl Fn(State, &str) -> Notice, Time),
) -> Result<State, StoreError> {
    match share(tx, taken.workspace, taken.webhook).await? {
        None => Ok(State::On),
        Some(state @ (State::Gone | State::Off)) => Ok(state),
        Some(State::On | State::Paused) => {
            rest(tx, taken, (State::Gone, "it was answered with 410"), (notice, now)).await
        }
    }
}

async fn rest(
    tx: &mut Tx,
    taken: &Taken,
    (state, problem): (State, &str),
    (notice, now): (&impl Fn(State, &str) -> Notice, Time),
) -> Result<State, StoreError> {
    tx.ex()
        .sql(
            "UPDATE webhook SET state = $3, problem = $4, holds = TRUE, probe_at = $5, probes = 0, probed = NULL
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(taken.workspace)
        .bind(taken.webhook)
        .bind(state)
        .bind(problem)
        .bind((state == State::Paused).then(|| now + retry::probe_pause(0)))
        .run()
        .await?;
    notices::raise(tx, &[notice(state, problem)]).await?;
    Ok(state)
}
