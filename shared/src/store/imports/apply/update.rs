//! Leads as they are and as they are to be.
use super::{StoreError, Time, Tx};
use crate::{
    ids::{CampaignId, ContactId, ImportId, LeadId, WorkspaceId},
    import::decide::LeadBody,
    lead::{Details, Person},
    store::{Rows, rows::time},
};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

/// A lead as it is in the database, locked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::store::imports) struct LeadNow {
    pub id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub import_id: Option<ImportId>,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    details: Json<Details>,
}

impl LeadNow {
    pub fn body(&self) -> LeadBody {
        LeadBody {
            person: Person {
                first_name: self.first_name.clone(),
                last_name: self.last_name.clone(),
                email: self.email.clone(),
                phone: self.phone.clone(),
            },
            details: self.details.0.clone(),
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    import_id: Uuid,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: &'a str,
    details: &'a Details,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Writes leads that were locked before. What an import does to a lead that it made itself is part of making it: the lead is not `updated`.
pub(in crate::store::imports) async fn write_leads(
    tx: &mut Tx,
    (workspace, import): (WorkspaceId, ImportId),
    leads: &[(LeadId, LeadBody)],
    now: Time,
) -> Result<(), StoreError> {
    if leads.is_empty() {
        return Ok(());
    }
    let row = |(id, body): &'_ (LeadId, LeadBody)| -> serde_json::Value {
        serde_json::to_value(Row {
            workspace_id: workspace.0,
            id: id.0,
            import_id: import.0,
            first_name: &body.person.first_name,
            last_name: &body.person.last_name,
            email: &body.person.email,
            phone: &body.person.phone,
            details: &body.details,
            at: now,
        })
        .unwrap_or_default()
    };
    tx.ex()
        .sql(
            "UPDATE lead SET first_name = r.first_name, last_name = r.last_name, email = r.email, phone = r.phone,
                details = r.details,
                updated_at = CASE WHEN lead.import_id = r.import_id THEN lead.updated_at ELSE r.at END
             FROM ROWS($1: workspace_id uuid, id uuid, import_id uuid, first_name text, last_name text, email text, phone text,
                details jsonb, at timestamptz) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id",
        )
        .bind(Rows::of(&leads.iter().map(row).collect::<Vec<_>>()))
        .run()
        .await
        .map(drop)
}
