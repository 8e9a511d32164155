//! What a submission's end makes of its lead, as its campaign says: qualified, rejected, or nothing.
use super::Close;
use crate::{
    automation::{Happened, Occurrence},
    campaign::config::LeadOutcomes,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Rows, StoreError, Tx,
        lead_status::{self, Change},
        live::{Touched, What},
    },
    submission::{State, Status},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

/// Who speaks about the lead when a close ends its submission.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LeadMove {
    /// Nobody: the submission goes on, or another campaign tries.
    #[default]
    Nothing,
    /// The campaign revision in hand says this.
    To(LeadStatus),
    /// The submission's campaign revision has to be asked; it is not in hand.
    Ask,
}

impl LeadMove {
    /// For a submission that goes to `state` and shows `status` there; `handed_on`: another campaign tries.
    pub fn of(
        outcomes: Option<&LeadOutcomes>,
        (state, status): (State, Status),
        handed_on: bool,
    ) -> Self {
        match outcomes {
            Some(outcomes) if state == State::Finished && !handed_on => {
                outcomes.of(status).map_or(Self::Nothing, Self::To)
            }
            _ => Self::Nothing,
        }
    }
}

/// Only a lead that is still processed is qualified or rejected by an outcome.
const PROCESSED: &[LeadStatus] = &[LeadStatus::Active, LeadStatus::Duplicate];

/// Changes the leads whose submissions have ended so that their campaigns say something about them; says what campaigns
/// react to of that: ends, what was learnt, and leads that changed.
pub(super) async fn change(tx: &mut Tx, closes: &[&Close]) -> Result<Vec<Touched>, StoreError> {
    let asking: Vec<&Close> =
        closes.iter().filter(|close| close.lead == LeadMove::Ask).copied().collect();
    let said = ask(tx, &asking).await?;
    let speaking: Vec<(&Close, LeadStatus)> = closes
        .iter()
        .filter_map(|close| match close.lead {
            LeadMove::Nothing => None,
            LeadMove::To(status) => Some((*close, status)),
            LeadMove::Ask => said.get(&close.submission).map(|status| (*close, *status)),
        })
        .collect();
    let owners = owners(tx, closes.iter().copied().filter(|close| is_told(close))).await?;
    let mut touched: Vec<Touched> =
        closes.iter().filter_map(|close| told(close, *owners.get(&close.submission)?)).collect();
    let changes: Vec<Change> = speaking
        .into_iter()
        .filter_map(|(close, to)| Some(made(close, owners.get(&close.submission)?.0, to)))
        .collect();
    let changed = lead_status::change(tx, &changes).await?;
    touched.extend(lead_status::touched(&changed));
    Ok(touched)
}

/// Whether the submission has ended and no other campaign tries.
fn is_end(close: &Close) -> bool {
    close.place.state == State::Finished && close.child.is_none()
}

/// Whether it is of interest to more than the submission.
fn is_told(close: &Close) -> bool {
    close.lead != LeadMove::Nothing || is_end(close) || !close.learnt.is_empty()
}

/// What happened to the lead: something became known of it, its submission ended.
fn told(close: &Close, (lead, contact): (LeadId, ContactId)) -> Option<Touched> {
    let mut told = Touched::new(close.workspace, contact, What::nothing());
    if !close.learnt.is_empty() {
        let fields = close.learnt.keys().cloned().collect();
        told = told.and(Happened::to_lead(lead, Occurrence::Fields { fields }));
    }
    if is_end(close) {
        let outcome = word(Status::of(close.place.state, close.place.end));
        let ended = Occurrence::Outcome { submission: close.submission, outcome };
        told = told.and(Happened::to_lead(lead, ended));
    }
    (!told.happened.is_empty()).then_some(told)
}

/// The word of a status in tables and answers.
pub(in crate::store) fn word(status: Status) -> String {
    let word = serde_json::to_value(status).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

/// The lead and the contact of each submission.
async fn owners(
    tx: &mut Tx,
    closes: impl Iterator<Item = &Close>,
) -> Result<HashMap<SubmissionId, (LeadId, ContactId)>, StoreError> {
    let keys: Vec<Key> = closes.map(key).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(SubmissionId, LeadId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT s.id, s.lead_id, l.contact_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = r.workspace_id) IS TRUE
             JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id, lead, contact)| (id, (lead, contact))).collect())
}

fn made(close: &Close, lead: LeadId, to: LeadStatus) -> Change {
    let status = Status::of(close.place.state, close.place.end);
    let why = close.place.reason.as_ref().map_or(String::new(), |(_, why)| format!(": {why}"));
    Change {
        workspace: close.workspace,
        lead,
        from: PROCESSED,
        to,
        code: "submission_outcome".into(),
        reason: format!("its submission ended as {}{why}", word(status)),
        by: "the campaign".into(),
        submission: Some(close.submission),
        at: close.at,
    }
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
    campaign_id: Uuid,
    revision: i64,
}

fn key(close: &Close) -> Key {
    Key {
        workspace_id: close.workspace.0,
        id: close.submission.0,
        campaign_id: close.place.campaign.0,
        revision: close.place.revision,
    }
}

/// The lead of each submission.
pub(super) async fn leads_of(
    tx: &mut Tx,
    closes: &[&Close],
) -> Result<HashMap<SubmissionId, LeadId>, StoreError> {
    let found: Vec<(SubmissionId, LeadId)> = tx
        .ex()
        .sql(
            "SELECT s.id, s.lead_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = r.workspace_id) IS TRUE",
        )
        .bind(Rows::of(&closes.iter().map(|close| key(close)).collect::<Vec<_>>()))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

/// The part of a configuration that speaks about leads.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    lead_status: Option<LeadOutcomes>,
}

type Said = HashMap<SubmissionId, LeadStatus>;

/// What the campaign revisions of the closes say; for moves by hand, which have no campaign in hand.
async fn ask(tx: &mut Tx, closes: &[&Close]) -> Result<Said, StoreError> {
    if closes.is_empty() {
        return Ok(Said::new());
    }
    let mut revisions: Vec<Key> = closes.iter().map(|close| key(close)).collect();
    revisions.sort_by_key(|key| (key.campaign_id, key.revision));
    revisions.dedup_by_key(|key| (key.campaign_id, key.revision));
    let found: Vec<(WorkspaceId, CampaignId, i64, Json<Value>)> = tx
        .ex()
        .sql(
            "SELECT v.workspace_id, v.campaign_id, v.revision, v.config
             FROM ROWS($1: workspace_id uuid, campaign_id uuid, revision bigint) r
             JOIN campaign_revision v ON v.workspace_id = r.workspace_id AND v.campaign_id = r.campaign_id
                AND v.revision = r.revision",
        )
        .bind(Rows::of(&revisions))
        .all()
        .await?;
    let outcomes: HashMap<_, LeadOutcomes> = found
        .into_iter()
        .filter_map(|(workspace, campaign, revision, config)| {
            let part = Part::deserialize(&config.0).unwrap_or_default();
            Some(((workspace, campaign, revision), part.lead_status?))
        })
        .collect();
    let said = closes.iter().filter_map(|close| {
        let key = (close.workspace, close.place.campaign, close.place.revision);
        let status = Status::of(close.place.state, close.place.end);
        Some((close.submission, outcomes.get(&key)?.of(status)?))
    });
    Ok(said.collect())
}
