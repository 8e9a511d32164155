//! Before a person is erased, nothing of theirs may be on its way: submissions end, leads are deleted.
use super::{Ask, Refused};
use crate::{
    clock::Time,
    ids::{ContactId, InteractionId, LeadId, SubmissionId},
    lead::LeadStatus,
    store::{
        StoreError, Tx,
        close::{self, Close, Event as Line, LeadMove, ParkEnd, Place, Places, Query},
        contacts::keys,
        lead_status::{self, Change},
        load::{self, Loaded},
    },
    submission::{Carry, End, Event, Stage, State},
};
use serde_json::{Map, json};
use std::borrow::Cow;

/// What a person has here, locked and at rest.
pub(super) struct Held {
    pub leads: Vec<LeadId>,
    pub submissions: Vec<SubmissionId>,
}

/// Locks the leads and submissions and ends what is open.
pub(super) async fn everything(
    tx: &mut Tx,
    ask: &Ask,
    contacts: &[ContactId],
) -> Result<Result<Held, Refused>, StoreError> {
    let leads = leads(tx, ask, contacts).await?;
    let submissions = submissions(tx, ask, &leads).await?;
    if let Some(refused) = under_way(tx, ask, (&leads, &submissions)).await? {
        return Ok(Err(refused));
    }
    let mut closes = Vec::new();
    for loaded in load::read(tx.ex(), &submissions).await? {
        closes.extend(end(&loaded, ask)?);
    }
    if !closes.is_empty() {
        let moved = close::record_in(tx, &closes).await?;
        if let Some(still) = closes.iter().find(|close| !moved.contains(&close.submission)) {
            let what = format!("{} moved while it was locked", still.submission);
            return Err(StoreError::Inconsistent(what));
        }
    }
    lead_status::change(tx, &leads.iter().map(|lead| deleted(ask, *lead)).collect::<Vec<_>>())
        .await?;
    Ok(Ok(Held { leads, submissions }))
}

/// Locked against new submissions and calls too.
async fn leads(tx: &mut Tx, ask: &Ask, contacts: &[ContactId]) -> Result<Vec<LeadId>, StoreError> {
    let found: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT l.id FROM ROWS($2: id uuid) r
             JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, contacts.iter().map(|id| id.0)))
        .all()
        .await?;
    let locked: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT l.id FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id AND (r.workspace_id = $1) IS TRUE{pg:  FOR UPDATE OF l}",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, found.into_iter().map(|(id,)| id.0)))
        .all()
        .await?;
    Ok(locked.into_iter().map(|(id,)| id).collect())
}

/// Locked: no worker begins a delivery or records a move until we are done.
async fn submissions(
    tx: &mut Tx,
    ask: &Ask,
    leads: &[LeadId],
) -> Result<Vec<SubmissionId>, StoreError> {
    let found: Vec<(SubmissionId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM ROWS($2: id uuid) r
             JOIN submission s ON s.lead_id = r.id AND (s.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, leads.iter().map(|id| id.0)))
        .all()
        .await?;
    let locked: Vec<(SubmissionId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM ROWS($2: id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = $1) IS TRUE{pg:  FOR NO KEY UPDATE OF s}",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, found.into_iter().map(|(id,)| id.0)))
        .all()
        .await?;
    Ok(locked.into_iter().map(|(id,)| id).collect())
}

/// What cannot be stopped: a buyer has been sent the lead and has not answered, or somebody speaks with the person.
async fn under_way(
    tx: &mut Tx,
    ask: &Ask,
    (leads, submissions): (&[LeadId], &[SubmissionId]),
) -> Result<Option<Refused>, StoreError> {
    let delivery: Option<(SubmissionId,)> = tx
        .ex()
        .sql(
            "SELECT a.submission_id FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN delivery_attempt a ON a.workspace_id = r.workspace_id AND a.submission_id = r.id AND (r.workspace_id = $1) IS TRUE AND a.outcome IS NULL LIMIT 1",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, submissions.iter().map(|id| id.0)))
        .optional()
        .await?;
    if let Some((submission,)) = delivery {
        return Ok(Some(Refused::Delivery(submission)));
    }
    let call: Option<(InteractionId,)> = tx
        .ex()
        .sql(
            "SELECT i.id FROM ROWS($2: id uuid) r
             JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE
             WHERE i.state IN ('placing', 'in_progress') LIMIT 1",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, leads.iter().map(|id| id.0)))
        .optional()
        .await?;
    Ok(call.map(|(call,)| Refused::Call(call)))
}

fn deleted(ask: &Ask, lead: LeadId) -> Change {
    Change {
        workspace: ask.workspace,
        lead,
        from: &[
            LeadStatus::Active,
            LeadStatus::Qualified,
            LeadStatus::Rejected,
            LeadStatus::Duplicate,
        ],
        to: LeadStatus::Deleted,
        code: "erased".into(),
        reason: REASON.into(),
        by: ask.by.clone(),
        submission: None,
        at: ask.at,
    }
}

const REASON: &str = "the person was erased";

/// How an open submission ends; none for one that has ended.
fn end(loaded: &Loaded, ask: &Ask) -> Result<Option<Close>, StoreError> {
    let from = loaded.state()?;
    let (event, end, verdict) = match from {
        State::Finished => return Ok(None),
        // Whether the buyer has the lead is never known: its places are kept.
        State::Held => (Event::Discarded, End::Discarded, "discarded"),
        _ => (Event::Withdrawn, End::Withdrawn, "withdrawn"),
    };
    let state = from.on(event).map_err(|illegal| StoreError::Inconsistent(illegal.to_string()))?;
    let places = match from {
        State::InStage(Stage::Delivery) | State::Queued => Places::GiveBackUnlessTaken,
        _ => Places::Keep,
    };
    let unpark = (from == State::Parked).then(|| ParkEnd {
        resolution: "withdrawn",
        by: "person",
        decider: Some(ask.by.clone()),
        reason: None,
    });
    let query = if from == State::Held { Query::End } else { Query::None };
    let place = place(loaded, state, end);
    let line = line(loaded, verdict, ask.at);
    Ok(Some(Close {
        workspace: loaded.workspace_id,
        submission: loaded.id,
        expected: loaded.generation,
        place,
        events: vec![line],
        shown: None,
        extend: None,
        park: None,
        reach: None,
        unpark,
        attempt: None,
        places,
        child: None,
        learnt: Map::new(),
        lead: LeadMove::Nothing,
        notices: Vec::new(),
        query,
        audited: None,
        at: ask.at,
    }))
}

fn place(loaded: &Loaded, state: State, end: End) -> Place {
    Place {
        state,
        stage: loaded.stage,
        generation: loaded.generation + 1,
        attempt: 0,
        due_at: None,
        campaign: loaded.campaign_id,
        revision: loaded.revision,
        end: Some(end),
        reason: Some((Cow::Borrowed("erased"), REASON.into())),
        carry: Carry::default(),
        error_fingerprint: None,
    }
}

fn line(loaded: &Loaded, verdict: &'static str, at: Time) -> Line {
    Line {
        generation: loaded.generation + 1,
        stage: loaded.stage.name(),
        verdict,
        reason_code: Cow::Borrowed("erased"),
        reason: REASON.into(),
        attempt: loaded.attempt,
        details: Some(json!({})),
        duration_us: 0,
        at,
    }
}
