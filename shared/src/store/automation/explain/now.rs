//! What a lead's campaign would say of it now: every condition asked, with the values compared.
use crate::{
    automation::{Occurrence, Program, config::Trigger, outcome::FiringKind},
    clock::Time,
    ids::{LeadId, WorkspaceId},
    rules::{Evaluation, Facts, LeafResult, Rule},
    store::{
        Db, StoreError, Tx,
        automation::gather::{self, Found, Heard, Ready},
        live::definitions,
    },
};

/// What a reaction's condition says now.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedNow {
    pub kind: FiringKind,
    pub id: String,
    pub name: String,
    /// What it reacts to beside its condition.
    pub on: Vec<Trigger>,
    /// None: it has no condition, which holds always.
    pub said: Option<Said>,
}

/// An answer with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub evaluation: Evaluation,
    /// Every leaf, those too that need not be asked.
    pub leaves: Vec<LeafResult>,
}

/// Asks the reactions and workflows of the lead's campaign that are on, in their order. None: there is no such lead, or its campaign has
/// nothing that is on and can be evaluated.
pub async fn ask_now(
    db: &Db,
    (workspace, lead): (WorkspaceId, LeadId),
    now: Time,
) -> Result<Option<Vec<AskedNow>>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    let Some(row) = found(&mut tx, workspace, lead).await? else { return Ok(None) };
    let definitions = definitions::of(&mut tx, workspace).await?;
    let state = gather::state(workspace, row);
    let Some(program) = definitions.programs.get(&state.campaign) else { return Ok(None) };
    let heard = vec![Heard { state, program, occurrences: vec![Occurrence::Clock] }];
    let ready = gather::ready(&mut tx, workspace, (heard, &definitions.sets), now).await?;
    Ok(ready.into_iter().next().map(|ready| ask(&ready, program, now)))
}

async fn found(
    tx: &mut Tx,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Option<Found>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status, l.created_at, p.points, p.number, p.memory, p.due_at
             FROM lead l LEFT JOIN lead_automation p ON p.workspace_id = l.workspace_id AND p.lead_id = l.id
             WHERE l.workspace_id = $1 AND l.id = $2",
        )
        .bind(workspace)
        .bind(lead)
        .optional()
        .await
}

fn ask(ready: &Ready<'_>, program: &Program, now: Time) -> Vec<AskedNow> {
    let subject = &ready.subject;
    let facts = Facts { doc: &subject.doc, now, tz: program.zone, value_sets: subject.sets };
    let said = |rule: &Option<Rule>| {
        let rule = rule.as_ref()?;
        Some(Said { evaluation: rule.evaluate(&facts), leaves: rule.ask_all(&facts) })
    };
    let reactions = program.reactions.iter().map(|one| AskedNow {
        kind: if one.is_scoring { FiringKind::Scoring } else { FiringKind::Rule },
        id: one.id.clone(),
        name: one.name.clone(),
        on: one.triggers.clone(),
        said: said(&one.when),
    });
    let workflows = program.workflows.iter().map(|one| AskedNow {
        kind: FiringKind::Workflow,
        id: one.id.clone(),
        name: one.name.clone(),
        on: one.triggers.clone(),
        said: said(&one.when),
    });
    reactions.chain(workflows).collect()
}
