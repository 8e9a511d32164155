//! Writing messages in the transaction in which their events happen. A workspace without webhooks costs nothing where its definitions
//! are read anyway, and one short statement a transaction where they are not.
use super::MessageState;
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WebhookId, WebhookMessageId, WorkspaceId},
    store::{
        Rows, StoreError, Tx,
        live::{Definitions, definitions},
        rows::time,
    },
    webhook::{About, Event, Facts, Told},
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Writes the messages of what happened in a workspace whose definitions are at hand.
pub(in crate::store) async fn those_of(
    tx: &mut Tx,
    definitions: &Definitions,
) -> Result<(), StoreError> {
    if tx.told.is_empty() {
        return Ok(());
    }
    let (own, others) = std::mem::take(&mut tx.told)
        .into_iter()
        .partition::<Vec<Told>, _>(|told| told.workspace == definitions.workspace);
    tx.told = others;
    write(tx, definitions, own).await
}

/// Writes the messages of all that has happened and is not written yet: what a transaction does last.
pub(in crate::store) async fn rest(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.told.is_empty() {
        return Ok(());
    }
    let workspaces: BTreeSet<WorkspaceId> = tx.told.iter().map(|told| told.workspace).collect();
    let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
    for definitions in definitions::current(tx, &workspaces).await? {
        those_of(tx, &definitions).await?;
    }
    Ok(())
}

async fn write(
    tx: &mut Tx,
    definitions: &Definitions,
    mut told: Vec<Told>,
) -> Result<(), StoreError> {
    told.retain(|one| definitions.addresses.want(one.event));
    if told.is_empty() {
        return Ok(());
    }
    let mut found = Vec::with_capacity(told.len());
    found.extend(of_submissions(tx, definitions.workspace, &told).await?);
    found.extend(of_leads(tx, definitions.workspace, &told).await?);
    found.extend(of_contacts(tx, definitions.workspace, &told).await?);
    found.sort_unstable_by_key(|one| one.n);
    let rows: Vec<MessageRow> = found
        .iter()
        .flat_map(|whose| {
            let told = &told[whose.n as usize];
            let hear = definitions.addresses.of(told.event, whose.campaign_id);
            hear.map(move |webhook| row(webhook, told, whose))
        })
        .collect();
    insert(tx, &rows).await
}

/// Whom the nth of what happened concerns. Nothing is told of people who were erased.
#[derive(sqlx::FromRow)]
struct Whose {
    n: i64,
    campaign_id: Option<CampaignId>,
    contact_id: ContactId,
    lead_id: Option<LeadId>,
    submission_id: Option<SubmissionId>,
}

#[derive(Serialize)]
struct Asked {
    workspace_id: Uuid,
    n: i64,
    id: Uuid,
}

/// Those that are about something of a kind.
fn asked(
    workspace: WorkspaceId,
    told: &[Told],
    id: impl Fn(About) -> Option<Uuid>,
) -> Option<Rows> {
    let all = told
        .iter()
        .zip(0..)
        .filter_map(|(one, n)| Some(Asked { workspace_id: workspace.0, n, id: id(one.about)? }));
    let all: Vec<Asked> = all.collect();
    (!all.is_empty()).then(|| Rows::of(&all))
}

async fn of_submissions(
    tx: &mut Tx,
    workspace: WorkspaceId,
    told: &[Told],
) -> Result<Vec<Whose>, StoreError> {
    let about = |about| match about {
        About::Submission(id, _) => Some(id.0),
        _ => None,
    };
    let Some(rows) = asked(workspace, told, about) else { return Ok(Vec::new()) };
    let mut found: Vec<Whose> = tx
        .ex()
        .sql(
            "SELECT r.n, s.campaign_id, l.contact_id, s.lead_id, s.id AS submission_id
             FROM ROWS($1: workspace_id uuid, n bigint, id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = r.workspace_id) IS TRUE
             JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE c.erased_at IS NULL",
        )
        .bind(rows)
        .all()
        .await?;
    for whose in &mut found {
        // What it was of when that happened; another one since is another event.
        if let About::Submission(_, campaign) = told[whose.n as usize].about {
            whose.campaign_id = Some(campaign);
        }
    }
    Ok(found)
}

async fn of_leads(
    tx: &mut Tx,
    workspace: WorkspaceId,
    told: &[Told],
) -> Result<Vec<Whose>, StoreError> {
    let about = |about| match about {
        About::Lead(id) => Some(id.0),
        _ => None,
    };
    let Some(rows) = asked(workspace, told, about) else { return Ok(Vec::new()) };
    tx.ex()
        .sql(
            "SELECT r.n, l.campaign_id, l.contact_id, l.id AS lead_id, {pg: CAST(NULL AS uuid)}{lite: NULL} AS submission_id
             FROM ROWS($1: workspace_id uuid, n bigint, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE c.erased_at IS NULL",
        )
        .bind(rows)
        .all()
        .await
}

async fn of_contacts(
    tx: &mut Tx,
    workspace: WorkspaceId,
    told: &[Told],
) -> Result<Vec<Whose>, StoreError> {
    let about = |about| match about {
        About::Contact(id) => Some(id.0),
        _ => None,
    };
    let Some(rows) = asked(workspace, told, about) else { return Ok(Vec::new()) };
    tx.ex()
        .sql(
            "SELECT r.n, {pg: CAST(NULL AS uuid)}{lite: NULL} AS campaign_id, c.id AS contact_id,
                {pg: CAST(NULL AS uuid)}{lite: NULL} AS lead_id, {pg: CAST(NULL AS uuid)}{lite: NULL} AS submission_id
             FROM ROWS($1: workspace_id uuid, n bigint, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id
             WHERE c.erased_at IS NULL",
        )
        .bind(rows)
        .all()
        .await
}

#[derive(Serialize)]
struct MessageRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    webhook_id: Uuid,
    event: Event,
    campaign_id: Option<Uuid>,
    contact_id: Uuid,
    lead_id: Option<Uuid>,
    submission_id: Option<Uuid>,
    facts: &'a Facts,
    state: MessageState,
    #[serde(serialize_with = "time")]
    at: Time,
}

fn row<'a>(webhook: WebhookId, told: &'a Told, whose: &Whose) -> MessageRow<'a> {
    MessageRow {
        workspace_id: told.workspace.0,
        id: WebhookMessageId::new().0,
        webhook_id: webhook.0,
        event: told.event,
        campaign_id: whose.campaign_id.map(|id| id.0),
        contact_id: whose.contact_id.0,
        lead_id: whose.lead_id.map(|id| id.0),
        submission_id: whose.submission_id.map(|id| id.0),
        facts: &told.facts,
        state: MessageState::Waiting,
        at: told.at,
    }
}

async fn insert(tx: &mut Tx, rows: &[MessageRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO webhook_message (workspace_id, id, webhook_id, event, campaign_id, contact_id, lead_id, submission_id,
                facts, state, attempt, tries, due_at, at, asked_at)
             SELECT r.workspace_id, r.id, r.webhook_id, r.event, r.campaign_id, r.contact_id, r.lead_id, r.submission_id,
                r.facts, r.state, 0, 0, r.at, r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, webhook_id uuid, event text, campaign_id uuid, contact_id uuid, lead_id uuid,
                submission_id uuid, facts jsonb, state text, at timestamptz) r",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}
