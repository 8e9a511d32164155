//! Writing new leads, their submissions and the first line of each journey.
use super::{DuplicateAction, Entry, Rows, StoreError, Time, Tx, Who, time};
use crate::{
    lead::{Details, LeadStatus},
    store::lead_status::{self, Change, Changed},
    submission::Carry,
};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
struct LeadRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    contact_id: Uuid,
    campaign_id: Uuid,
    status: LeadStatus,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: &'a str,
    details: &'a Details,
    is_test: bool,
    is_duplicate: bool,
    duplicate_of: Option<Uuid>,
    source: &'a str,
    import_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// The status that a new lead begins with.
fn status(entry: &Entry<'_>) -> LeadStatus {
    let only_flagged = entry.dedup.is_some_and(|dedup| dedup.action == DuplicateAction::Flag);
    if entry.duplicate_of.is_some() && !only_flagged {
        LeadStatus::Duplicate
    } else {
        LeadStatus::Active
    }
}

fn lead_row<'a>(entry: &Entry<'a>) -> Option<LeadRow<'a>> {
    let Who::New { person, details } = &entry.arrival.who else { return None };
    Some(LeadRow {
        workspace_id: entry.arrival.workspace.0,
        id: entry.lead.0,
        contact_id: entry.contact.expect("every new lead has its contact by now").0,
        campaign_id: entry.campaign.0,
        status: status(entry),
        first_name: &person.first_name,
        last_name: &person.last_name,
        email: &person.email,
        phone: &person.phone,
        details,
        is_test: entry.arrival.is_test,
        is_duplicate: entry.duplicate_of.is_some(),
        duplicate_of: entry.duplicate_of.map(|id| id.0),
        source: entry.arrival.source,
        import_id: entry.import.map(|id| id.0),
        at: entry.arrival.at,
    })
}

pub(super) async fn leads(tx: &mut Tx, entries: &[(usize, Entry<'_>)]) -> Result<(), StoreError> {
    let rows: Vec<LeadRow> = entries.iter().filter_map(|(_, entry)| lead_row(entry)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone,
                details, is_test, is_duplicate, duplicate_of, source, import_id, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.contact_id, r.campaign_id, r.status, r.first_name, r.last_name, r.email, r.phone,
                r.details, r.is_test, r.is_duplicate, r.duplicate_of, r.source, r.import_id, r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, contact_id uuid, campaign_id uuid, status text, first_name text,
                last_name text, email text, phone text, details jsonb, is_test boolean, is_duplicate boolean,
                duplicate_of uuid, source text, import_id uuid, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}

/// New leads that are decided about at once: those of contacts that are not worked with are rejected; those of campaigns that qualify
/// them at once are qualified, but for duplicates: the first of them is. Says which were decided about.
pub(super) async fn decided(
    tx: &mut Tx,
    entries: &[(usize, Entry<'_>)],
) -> Result<Vec<Changed>, StoreError> {
    let decided = entries.iter().filter_map(|(_, entry)| {
        let (workspace, at) = (entry.arrival.workspace, entry.arrival.at);
        if entry.is_closed() {
            Some(lead_status::born_rejected(workspace, entry.lead, entry.contact_status, at))
        } else if entry.is_new() && entry.auto_qualify && status(entry) == LeadStatus::Active {
            Some(lead_status::born_qualified(workspace, entry.lead, at))
        } else {
            None
        }
    });
    let decided: Vec<Change> = decided.collect();
    lead_status::change(tx, &decided).await
}

/// A submission of the standard kind that begins with routing, at generation 1, and what its journey begins with.
#[derive(Debug, Serialize)]
pub(in crate::store) struct SubmissionRow {
    pub workspace_id: Uuid,
    pub id: Uuid,
    pub lead_id: Uuid,
    pub number: i64,
    pub campaign_id: Uuid,
    pub revision: i64,
    pub reason: String,
    pub carry: Carry,
    #[serde(serialize_with = "time")]
    pub at: Time,
    #[serde(serialize_with = "time")]
    pub due_at: Time,
}

fn submission_row(entry: &Entry<'_>) -> SubmissionRow {
    let again = if entry.number > 1 { "submitted again" } else { "taken in" };
    let like = entry.duplicate_of.map_or(String::new(), |id| format!("; a duplicate of {id}"));
    SubmissionRow {
        workspace_id: entry.arrival.workspace.0,
        id: entry.submission.0,
        lead_id: entry.lead.0,
        number: entry.number,
        campaign_id: entry.campaign.0,
        revision: entry.revision,
        reason: format!("{again} by {}{like}", entry.arrival.source),
        carry: Carry::default(),
        at: entry.arrival.at,
        due_at: entry.arrival.redeliver_at,
    }
}

pub(super) async fn submissions(
    tx: &mut Tx,
    entries: &[(usize, Entry<'_>)],
) -> Result<(), StoreError> {
    let submitted = entries.iter().filter(|(_, entry)| entry.submits());
    let rows: Vec<SubmissionRow> = submitted.map(|(_, entry)| submission_row(entry)).collect();
    open(tx, &rows).await
}

/// The submissions and the events that made them so, in two statements from the same rows.
pub(in crate::store) async fn open(tx: &mut Tx, rows: &[SubmissionRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = Rows::of(rows);
    tx.ex()
        .sql(
            "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, run, stage,
                generation, attempt, due_at, status, carry, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.lead_id, r.number, 'standard', r.campaign_id, r.revision, 'ready', 'routing',
                1, 0, r.due_at, 'pending', r.carry, r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, lead_id uuid, number bigint, campaign_id uuid, revision bigint,
                carry jsonb, at timestamptz, due_at timestamptz) r",
        )
        .bind(rows.clone())
        .run()
        .await?;
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             SELECT r.workspace_id, r.id, 1, 'accepted', 'accepted', 'accepted', r.reason, 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, reason text, at timestamptz) r",
        )
        .bind(rows)
        .run()
        .await?;
    Ok(())
}
