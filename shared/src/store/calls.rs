//! What holds for calls alone: one at a time with a lead, and one worker that makes it.
use super::{Db, StoreError, interactions::Interaction, refusals::unless_forbidden};
use crate::{
    clock::Time,
    ids::{LeadId, WorkspaceId},
};

/// Whether a call with the lead is open, for whatever reason.
pub async fn is_called(db: &Db, workspace: WorkspaceId, lead: LeadId) -> Result<bool, StoreError> {
    let open: i64 = db
        .read()
        .sql(
            "SELECT COUNT(*) FROM interaction i WHERE i.lead_id = $2 AND (i.workspace_id = $1) IS TRUE AND i.type = 'call'
                AND i.state IN ('planned', 'placing', 'in_progress', 'unsure')",
        )
        .bind(workspace)
        .bind(lead)
        .scalar()
        .await?;
    Ok(open > 0)
}

/// Claims a planned call, so that one worker asks the provider and nobody else does. False when it is claimed, or when nobody may call the
/// person any more: the refusal that is there before the claim stands.
pub async fn claim(
    db: &Db,
    interaction: &Interaction,
    person_hash: &str,
    (now, until): (Time, Time),
) -> Result<bool, StoreError> {
    let claimed = db
        .write()
        .sql(concat!(
            "UPDATE interaction SET state = 'placing', generation = generation + 1, due_at = $6, updated_at = $5
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND state = 'planned'",
            unless_forbidden!("voice", "opt_out_phone", "$4", "$5", "$7"),
        ))
        .bind(interaction.workspace_id)
        .bind(interaction.id)
        .bind(interaction.generation)
        .bind(person_hash)
        .bind(now)
        .bind(until)
        .bind(interaction.lead_id)
        .run()
        .await?;
    Ok(claimed == 1)
}
