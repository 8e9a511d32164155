//! Statuses that reactions give their leads.
use super::{Done, Note, Wanted, wanted};
use crate::{
    automation::Want,
    clock::Time,
    ids::{LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Rows, StoreError, Tx,
        automation::Decided,
        lead_status::{self, Change, Changed},
        live::{Touched, What},
    },
};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// Only these are changed by reactions.
const PROCESSED: &[LeadStatus] = &[LeadStatus::Active, LeadStatus::Duplicate];

/// Changes them, round by round: the first change of each lead, then the second of those that have one.
pub(super) async fn apply(
    tx: &mut Tx,
    workspace: WorkspaceId,
    decided: &[Decided],
    (done, now): (&mut Done, Time),
) -> Result<(), StoreError> {
    let all = wanted(decided, |want| match want {
        Want::Status { to } => Some(*to),
        _ => None,
    });
    for round in rounds(all) {
        let changes: Vec<Change> = round.iter().map(|one| change(workspace, one, now)).collect();
        let changed = lead_status::change(tx, &changes).await?;
        lead_status::wake_stopped(tx, &changed, now).await?;
        let changed: HashMap<LeadId, Changed> =
            changed.into_iter().map(|one| (one.lead, one)).collect();
        let (made, left): (Vec<_>, Vec<_>) =
            round.iter().partition(|one| changed.contains_key(&one.state.lead));
        let touched = made.iter().map(|one| {
            let told = Touched::new(workspace, one.state.contact, What::leads());
            told.and(changed[&one.state.lead].happened())
        });
        done.touched.extend(touched);
        note(tx, workspace, &left, done).await?;
    }
    Ok(())
}

type Wish<'a> = Wanted<'a, LeadStatus>;

fn rounds(all: Vec<Wish<'_>>) -> Vec<Vec<Wish<'_>>> {
    let mut rounds: Vec<Vec<Wish>> = Vec::new();
    let mut had: HashMap<LeadId, usize> = HashMap::new();
    for one in all {
        let round = had.entry(one.state.lead).or_default();
        match rounds.get_mut(*round) {
            Some(known) => known.push(one),
            None => rounds.push(vec![one]),
        }
        *round += 1;
    }
    rounds
}

fn change(workspace: WorkspaceId, one: &Wish<'_>, at: Time) -> Change {
    Change {
        workspace,
        lead: one.state.lead,
        from: PROCESSED,
        to: one.what,
        code: "automation".into(),
        reason: one.reason(),
        by: one.by(),
        submission: None,
        at,
    }
}

#[derive(Serialize)]
struct LeadRow {
    workspace_id: Uuid,
    id: Uuid,
}

/// Says of leads that were left what they are: somebody else was faster, or they have that status already.
async fn note(
    tx: &mut Tx,
    workspace: WorkspaceId,
    left: &[&Wish<'_>],
    done: &mut Done,
) -> Result<(), StoreError> {
    if left.is_empty() {
        return Ok(());
    }
    let rows: Vec<LeadRow> = left
        .iter()
        .map(|one| LeadRow { workspace_id: workspace.0, id: one.state.lead.0 })
        .collect();
    let found: Vec<(LeadId, LeadStatus)> = tx
        .ex()
        .sql(
            "SELECT l.id, l.status FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    let found: HashMap<LeadId, LeadStatus> = found.into_iter().collect();
    for one in left {
        let note = match found.get(&one.state.lead) {
            None => Note::Left("the lead is not there".to_owned()),
            Some(status) if *status == one.what => {
                Note::Stands(*status, format!("the lead is {} already", status.word()))
            }
            Some(status) => Note::Stands(*status, format!("the lead is {}", status.word())),
        };
        done.notes.push((one.place, note));
    }
    Ok(())
}
