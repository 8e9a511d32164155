//! What the desk writes besides closes: a status set by hand, the lead's data, a submission that a person opens.
use super::{Ask, Mark, NewSubmission, Rewrite};
use crate::{
    evidence as proof,
    ids::SubmissionId,
    store::{StoreError, Tx, evidence},
    submission::{Kind, Stage, State, Status},
};
use sqlx::types::Json;

/// Everything on the desk is locked, so what was read there is still so.
pub(super) fn must_be(moved: bool, id: SubmissionId) -> Result<(), StoreError> {
    if moved {
        return Ok(());
    }
    Err(StoreError::Inconsistent(format!("{id} moved while it was locked")))
}

/// Sets a status; the generation grows, so that a worker that has the job is fenced off. Says which job is open then.
pub(super) async fn mark(
    tx: &mut Tx,
    ask: &Ask,
    mark: &Mark,
) -> Result<Option<(Stage, SubmissionId, i64)>, StoreError> {
    let reason = mark.end.map(|_| (mark.line.reason_code.as_ref(), mark.line.reason.as_str()));
    let (code, reason) = reason.unzip();
    // A ready job is due at once under its new generation, but for one whose pause is not over.
    let moved: Option<(String, Stage, i64, i64)> = tx
        .ex()
        .sql(
            "UPDATE submission SET status = $4, outcome = COALESCE($5, outcome), reason_code = COALESCE($6, reason_code),
                reason = COALESCE($7, reason), generation = generation + 1, updated_at = $8,
                due_at = CASE WHEN run = 'ready' AND attempt = 0 THEN $8 ELSE due_at END
             WHERE workspace_id = $1 AND id = $2 AND generation = $3
             RETURNING run, stage, generation, attempt",
        )
        .bind(ask.workspace)
        .bind(mark.submission)
        .bind(mark.expected)
        .bind(mark.status)
        .bind(mark.end)
        .bind(code)
        .bind(reason)
        .bind(ask.at)
        .optional()
        .await?;
    must_be(moved.is_some(), mark.submission)?;
    // The question whether the buyer has a held lead goes on.
    tx.ex()
        .sql("UPDATE status_query SET generation = generation + 1 WHERE workspace_id = $1 AND submission_id = $2")
        .bind(ask.workspace)
        .bind(mark.submission)
        .run()
        .await?;
    line(tx, ask, mark).await?;
    Ok(moved.and_then(|(run, stage, generation, attempt)| {
        (run == "ready" && attempt == 0).then_some((stage, mark.submission, generation))
    }))
}

async fn line(tx: &mut Tx, ask: &Ask, mark: &Mark) -> Result<(), StoreError> {
    let line = &mark.line;
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, details, duration_us, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)",
        )
        .bind(ask.workspace)
        .bind(mark.submission)
        .bind(line.generation)
        .bind(line.stage)
        .bind(line.verdict)
        .bind(line.reason_code.as_ref())
        .bind(line.reason.as_str())
        .bind(line.attempt)
        .bind(line.details.clone().map(Json))
        .bind(line.at)
        .run()
        .await?;
    Ok(())
}

/// The buyer's id of the lead, as a person noted it.
pub(super) async fn buyer_lead_id(
    tx: &mut Tx,
    ask: &Ask,
    (submission, id): (SubmissionId, &str),
) -> Result<(), StoreError> {
    tx.ex()
        .sql("UPDATE submission SET buyer_lead_id = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(ask.workspace)
        .bind(submission)
        .bind(id)
        .run()
        .await?;
    Ok(())
}

pub(super) async fn lead(tx: &mut Tx, ask: &Ask, rewrite: &Rewrite) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE lead SET first_name = $3, last_name = $4, email = $5, phone = $6, details = $7, updated_at = $8
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(ask.workspace)
        .bind(ask.lead)
        .bind(rewrite.first_name.as_str())
        .bind(rewrite.last_name.as_str())
        .bind(rewrite.email.as_str())
        .bind(rewrite.phone.as_str())
        .bind(Json(&rewrite.details))
        .bind(ask.at)
        .run()
        .await?;
    let said = proof::of(&rewrite.details.compliance, &rewrite.details.attribution);
    let new = |said| {
        let (workspace, lead, at) = (ask.workspace, ask.lead, ask.at);
        evidence::New { workspace, lead, said, at, by: "api" }
    };
    evidence::add(tx, &said.into_iter().map(new).collect::<Vec<_>>()).await
}

/// The submission at generation 1 and the event that made it so. The lead is locked: nobody else gives out its next number.
pub(super) async fn submission(
    tx: &mut Tx,
    ask: &Ask,
    new: &NewSubmission,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, run, stage,
                generation, attempt, due_at, status, carry, created_at, updated_at)
             SELECT $1, $2, $3, (SELECT COALESCE(MAX(s.number), 0) + 1 FROM submission s WHERE s.lead_id = $3),
                $4, $5, $6, 'ready', $7, 1, 0, $8, $9, $10, $11, $11",
        )
        .bind(ask.workspace)
        .bind(new.id)
        .bind(ask.lead)
        .bind(new.kind)
        .bind(new.campaign)
        .bind(new.revision)
        .bind(new.stage)
        .bind(new.due_at)
        .bind(Status::of(State::InStage(new.stage), None))
        .bind(Json(&new.carry))
        .bind(ask.at)
        .run()
        .await?;
    let code = match new.kind {
        Kind::Standard => "accepted",
        Kind::Repost => "repost",
        Kind::ManualDelivery => "manual_delivery",
        Kind::Fallback => "fallback",
    };
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             VALUES ($1, $2, 1, 'accepted', 'accepted', $3, $4, 0, 0, $5)",
        )
        .bind(ask.workspace)
        .bind(new.id)
        .bind(code)
        .bind(new.reason.as_str())
        .bind(ask.at)
        .run()
        .await?;
    Ok(())
}
