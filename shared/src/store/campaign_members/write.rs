//! Writing the leads of members: stored, not submitted; with what is known of the contact.
use super::Campaign;
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    contact::Contact,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus},
    store::{
        Rows, StoreError, Tx, contacts,
        lead_status::{self, Change, Changed},
        rows::time,
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Holds are looked at to the hour, so that many of them make one look.
const HOLD: chrono::Duration = chrono::Duration::hours(1);

#[derive(Serialize)]
struct LeadRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    contact_id: Uuid,
    campaign_id: Uuid,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: &'a str,
    details: Details,
    source: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// What a lead says about a person who is known.
fn details(contact: &Contact) -> Details {
    let profile = &contact.profile;
    let place = [
        ("street", &profile.street),
        ("city", &profile.city),
        ("state", &profile.state),
        ("zip", &profile.zip),
    ];
    let address: Map<String, Value> = place
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), Value::from(text.as_deref()?))))
        .collect();
    Details {
        address,
        country: profile.country.clone(),
        timezone: profile.timezone.clone(),
        date_of_birth: profile.date_of_birth.clone(),
        ..Details::default()
    }
}

fn text(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

/// A lead that was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub contact: ContactId,
    pub lead: LeadId,
    /// Its campaign qualified it at once.
    qualified: Option<Changed>,
}

impl Made {
    pub fn happened(&self) -> Vec<(ContactId, Happened)> {
        let made = Happened::to_lead(self.lead, Occurrence::Created);
        let all = [made].into_iter().chain(self.qualified.map(|changed| changed.happened()));
        all.map(|happened| (self.contact, happened)).collect()
    }
}

/// Makes a lead of each contact in its campaign, active, or qualified where the campaign says so.
pub(super) async fn leads(
    tx: &mut Tx,
    (workspace, campaigns): (WorkspaceId, &[Campaign]),
    wanted: &[(CampaignId, ContactId)],
    (source, at): (&str, Time),
) -> Result<Vec<Made>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ContactId> = wanted.iter().map(|(_, contact)| *contact).collect();
    let known = contacts::read::get_many(tx.ex(), workspace, &ids).await?;
    let known: HashMap<ContactId, Contact> = known.into_iter().map(|one| (one.id, one)).collect();
    let row = |(campaign, contact): &(CampaignId, ContactId)| {
        let known = known.get(contact)?;
        Some(LeadRow {
            workspace_id: workspace.0,
            id: LeadId::new().0,
            contact_id: contact.0,
            campaign_id: campaign.0,
            first_name: text(&known.profile.first_name),
            last_name: text(&known.profile.last_name),
            email: text(&known.profile.email),
            phone: text(&known.profile.phone),
            details: details(known),
            source,
            at,
        })
    };
    let rows: Vec<LeadRow> = wanted.iter().filter_map(row).collect();
    insert(tx, &rows).await?;
    remember(tx, campaigns, &rows).await?;
    let qualified = qualify(tx, campaigns, &rows).await?;
    let made = rows.iter().map(|row| Made {
        contact: ContactId(row.contact_id),
        lead: LeadId(row.id),
        qualified: qualified.iter().find(|changed| changed.lead.0 == row.id).copied(),
    });
    Ok(made.collect())
}

async fn insert(tx: &mut Tx, rows: &[LeadRow<'_>]) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone,
                details, is_test, is_duplicate, duplicate_of, source, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.contact_id, r.campaign_id, 'active', r.first_name, r.last_name, r.email, r.phone,
                r.details, false, false, NULL, r.source, r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, contact_id uuid, campaign_id uuid, first_name text, last_name text,
                email text, phone text, details jsonb, source text, at timestamptz) r",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct KeyRow<'a> {
    workspace_id: Uuid,
    campaign_id: Uuid,
    kind: &'a str,
    value: &'a str,
    lead_id: Uuid,
    #[serde(serialize_with = "time")]
    seen_at: Time,
}

/// Whoever submits the same person from now on is a duplicate, where the campaign looks for those.
async fn remember(
    tx: &mut Tx,
    campaigns: &[Campaign],
    rows: &[LeadRow<'_>],
) -> Result<(), StoreError> {
    let looks = |id: Uuid| campaigns.iter().any(|c| c.id.0 == id && c.dedup_days.is_some());
    let mut keys: BTreeMap<(Uuid, &str, &str), KeyRow> = BTreeMap::new();
    for row in rows.iter().filter(|row| looks(row.campaign_id)) {
        for (kind, value) in [("email", row.email), ("phone", row.phone)] {
            if !value.is_empty() {
                keys.entry((row.campaign_id, kind, value)).or_insert(KeyRow {
                    workspace_id: row.workspace_id,
                    campaign_id: row.campaign_id,
                    kind,
                    value,
                    lead_id: row.id,
                    seen_at: row.at,
                });
            }
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO dedup_key (workspace_id, campaign_id, kind, value, lead_id, seen_at)
             SELECT r.workspace_id, r.campaign_id, r.kind, r.value, r.lead_id, r.seen_at
             FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid, seen_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, campaign_id, kind, value) DO UPDATE SET
                previous_lead_id = dedup_key.lead_id, previous_seen_at = dedup_key.seen_at,
                lead_id = excluded.lead_id, seen_at = excluded.seen_at",
        )
        .bind(Rows::of(&keys.into_values().collect::<Vec<_>>()))
        .run()
        .await?;
    Ok(())
}

async fn qualify(
    tx: &mut Tx,
    campaigns: &[Campaign],
    rows: &[LeadRow<'_>],
) -> Result<Vec<Changed>, StoreError> {
    let says = |id: Uuid| campaigns.iter().any(|one| one.id.0 == id && one.auto_qualify);
    let born: Vec<Change> = rows
        .iter()
        .filter(|row| says(row.campaign_id))
        .map(|row| {
            lead_status::born_qualified(WorkspaceId(row.workspace_id), LeadId(row.id), row.at)
        })
        .collect();
    let made = lead_status::change(tx, &born).await?;
    debug_assert!(made.iter().all(|one| one.to == LeadStatus::Qualified));
    Ok(made)
}

#[derive(Serialize)]
struct HeldRow {
    id: Uuid,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Has the campaigns looked at again when somebody may be contacted.
pub(super) async fn look_again(
    tx: &mut Tx,
    workspace: WorkspaceId,
    held: &BTreeMap<CampaignId, Time>,
) -> Result<(), StoreError> {
    if held.is_empty() {
        return Ok(());
    }
    let row = |(id, until): (&CampaignId, &Time)| HeldRow { id: id.0, at: to_the_hour(*until) };
    tx.ex()
        .sql(
            "UPDATE campaign SET
                members_due_at = CASE WHEN members_due_at <= r.at THEN members_due_at ELSE r.at END,
                members_next_at = CASE WHEN members_next_at <= r.at THEN members_next_at ELSE r.at END
             FROM ROWS($2: id uuid, at timestamptz) r
             WHERE campaign.workspace_id = $1 AND campaign.id = r.id
               AND (members_due_at IS NULL OR members_due_at > r.at OR members_next_at IS NULL OR members_next_at > r.at)",
        )
        .bind(workspace)
        .bind(Rows::of(&held.iter().map(row).collect::<Vec<_>>()))
        .run()
        .await?;
    Ok(())
}

/// The full hour at or after a time.
fn to_the_hour(at: Time) -> Time {
    use chrono::DurationRound;
    match at.duration_trunc(HOLD) {
        Ok(hour) if hour == at => at,
        Ok(hour) => hour + HOLD,
        Err(_) => at,
    }
}
