//! The lines of a contact's history: status, consent, tags, fields, merges. Added with the change, never changed.
use crate::{
    audit::Entry,
    clock::Time,
    ids::{ContactChangeId, ContactId, WorkspaceId},
    store::{Rows, StoreError, Tx, audit, rows::time},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What a line is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ChangeKind {
    Created,
    Fields,
    Status,
    Consent,
    Tags,
    Merged,
    Erased,
    /// What is held about the person was handed out.
    Exported,
    SegmentAdded,
    SegmentRemoved,
}

/// A line to add.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub kind: ChangeKind,
    /// By field `{"from": …, "to": …}`; or what the kind needs.
    pub detail: Map<String, Value>,
    pub reason: &'a str,
    pub by: &'a str,
    pub at: Time,
}

#[derive(Serialize)]
struct LineRow<'a> {
    workspace_id: Uuid,
    contact_id: Uuid,
    id: Uuid,
    kind: ChangeKind,
    detail: &'a Map<String, Value>,
    reason: &'a str,
    changed_by: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Adds lines, in their order.
pub async fn add(tx: &mut Tx, lines: &[Line<'_>]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let rows: Vec<LineRow> = lines
        .iter()
        .map(|line| LineRow {
            workspace_id: line.workspace.0,
            contact_id: line.contact.0,
            id: ContactChangeId::new().0,
            kind: line.kind,
            detail: &line.detail,
            reason: line.reason,
            changed_by: line.by,
            at: line.at,
        })
        .collect();
    tx.ex()
        .sql(
            "INSERT INTO contact_change (workspace_id, contact_id, id, kind, detail, reason, changed_by, at)
             SELECT r.workspace_id, r.contact_id, r.id, r.kind, r.detail, r.reason, r.changed_by, r.at
             FROM ROWS($1: workspace_id uuid, contact_id uuid, id uuid, kind text, detail jsonb, reason text, changed_by text,
                at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    told(tx, lines).await
}

/// The lines of the audit log, if somebody did it: what of a contact changed, and not to what.
async fn told(tx: &mut Tx, lines: &[Line<'_>]) -> Result<(), StoreError> {
    audit::tell_all(tx, lines.iter().map(|line| (line.workspace, entry(line), line.at))).await
}

fn entry(line: &Line<'_>) -> Entry {
    let action = match line.kind {
        ChangeKind::Created => "contact.created",
        ChangeKind::Fields => "contact.fields_changed",
        ChangeKind::Status => "contact.status_changed",
        ChangeKind::Consent => "contact.consent_changed",
        ChangeKind::Tags => "contact.tags_changed",
        ChangeKind::Merged => "contact.merged",
        ChangeKind::Erased => "contact.erased",
        ChangeKind::Exported => "contact.exported",
        ChangeKind::SegmentAdded | ChangeKind::SegmentRemoved => "contact.segments_changed",
    };
    let entry = Entry::new(action, "contact", line.contact);
    match line.detail.get("status").filter(|_| line.kind == ChangeKind::Status) {
        Some(status) => entry.status(word(&status["from"]), word(&status["to"])),
        None => entry.to(json!({ "fields": line.detail.keys().collect::<Vec<_>>() })),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
