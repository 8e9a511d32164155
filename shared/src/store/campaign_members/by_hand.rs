//! Contacts that people put into a campaign: each gets a lead, or the one that is there is named.
use super::{
    BY_HAND, Campaign,
    look::{self, Lead, Person},
    plan::bar,
    write::{self, Made},
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, StoreError, Tx,
        again::again,
        audit,
        lead_status::{self, Change},
        live::{self, Touched, What},
    },
};
use serde_json::json;
use std::collections::HashMap;

/// Who adds them, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub who: &'a str,
    pub at: Time,
}

/// What became of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// They are a lead now.
    Made(LeadId),
    /// Their lead had been deleted and is active again.
    Revived(LeadId),
    /// They have this lead already.
    There(LeadId),
    /// They may not become a lead.
    Refused(String),
    /// There is no such contact.
    Unknown,
}

/// A contact, and what became of them.
pub type Member = (ContactId, Added);

/// Why nobody was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdded {
    NoSuchCampaign,
    /// It is paused or archived.
    Closed(String),
}

/// Puts the contacts into the campaign, all in one transaction. Doing it again adds nobody.
pub async fn add(
    db: &Db,
    place: (WorkspaceId, CampaignId),
    contacts: &[ContactId],
    by: By<'_>,
) -> Result<Result<Vec<Member>, NotAdded>, StoreError> {
    let mut tries = 0;
    loop {
        match once(db, place, contacts, by).await {
            Err(error) if again(&error, &mut tries) => {}
            done => return done,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Found {
    #[sqlx(flatten)]
    campaign: Campaign,
    state: String,
}

async fn once(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    contacts: &[ContactId],
    by: By<'_>,
) -> Result<Result<Vec<Member>, NotAdded>, StoreError> {
    let mut tx = db.begin().await?;
    let found: Option<Found> = tx
        .ex()
        .sql("SELECT id, auto_qualify, dedup_days, state FROM campaign WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(campaign)
        .optional()
        .await?;
    let found = match found {
        None => return Ok(Err(NotAdded::NoSuchCampaign)),
        Some(found) if found.state != "active" => return Ok(Err(NotAdded::Closed(found.state))),
        Some(found) => found.campaign,
    };
    let people = look::lock_people(&mut tx, workspace, contacts).await?;
    let leads = look::leads(&mut tx, (workspace, &[found]), contacts).await?;
    let mut became: Vec<Member> = Vec::new();
    for contact in contacts {
        if became.iter().any(|(known, _)| known == contact) {
            continue;
        }
        let person = people.iter().find(|person| person.id == *contact);
        became.push((*contact, decide(person, &leads, by.at)));
    }
    let touched = carry_out(&mut tx, (workspace, found), &mut became, by).await?;
    live::reassess(&mut tx, &touched, by.at).await?;
    audit::tell(&mut tx, workspace, &told(campaign, &became), by.at).await?;
    tx.commit().await?;
    Ok(Ok(became))
}

/// The lines of the audit log: how many became leads, and each lead.
fn told(campaign: CampaignId, became: &[Member]) -> Vec<Entry> {
    let count = |is: fn(&Added) -> bool| became.iter().filter(|(_, added)| is(added)).count();
    let made = count(|added| matches!(added, Added::Made(_)));
    let revived = count(|added| matches!(added, Added::Revived(_)));
    if made + revived == 0 {
        return Vec::new();
    }
    let counts = json!({ "added": made, "revived": revived });
    let all = Entry::new("campaign.members_added", "campaign", campaign).to(counts);
    let leads = became.iter().filter_map(|(_, added)| match added {
        Added::Made(lead) => {
            Some(Entry::new("lead.added", "lead", lead).to(json!({ "campaignId": campaign })))
        }
        _ => None, // one that is revived has a line of its status
    });
    std::iter::once(all).chain(leads).collect()
}

/// What is to become of a contact; the lead of one that is to be made is not known yet.
pub(super) fn decide(person: Option<&Person>, leads: &[Lead], now: Time) -> Added {
    let Some(person) = person else { return Added::Unknown };
    let mine = leads.iter().filter(|lead| lead.contact_id == person.id);
    let newest = mine.max_by_key(|lead| (lead.status != LeadStatus::Deleted, lead.id));
    match (newest, bar(person, now)) {
        (Some(lead), _) if lead.status != LeadStatus::Deleted => Added::There(lead.id),
        (_, Some(bar)) => Added::Refused(bar.why()),
        (Some(lead), None) => Added::Revived(lead.id),
        (None, None) => Added::Made(LeadId(uuid::Uuid::nil())),
    }
}

/// Makes and revives the leads; says whose leads changed.
async fn carry_out(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, Campaign),
    became: &mut [Member],
    by: By<'_>,
) -> Result<Vec<Touched>, StoreError> {
    let make = became.iter().filter(|(_, added)| matches!(added, Added::Made(_)));
    let make: Vec<_> = make.map(|(contact, _)| (campaign.id, *contact)).collect();
    let made = write::leads(tx, (workspace, &[campaign]), &make, (BY_HAND, by.at)).await?;
    let made: HashMap<ContactId, Made> = made.into_iter().map(|one| (one.contact, one)).collect();
    let mut revived = Vec::new();
    let mut touched = Vec::new();
    let told = |contact: &ContactId| Touched::new(workspace, *contact, What::leads());
    for (contact, added) in became.iter_mut() {
        match added {
            Added::Made(lead) => {
                let Some(made) = made.get(contact) else { continue };
                *lead = made.lead;
                let happened = made.happened().into_iter().map(|(_, happened)| happened).collect();
                touched.push(Touched { happened, ..told(contact) });
            }
            Added::Revived(lead) => revived.push(revival(workspace, *lead, by)),
            _ => {}
        }
    }
    let revived = lead_status::change(tx, &revived).await?;
    touched.extend(lead_status::touched(&revived));
    Ok(touched)
}

fn revival(workspace: WorkspaceId, lead: LeadId, by: By<'_>) -> Change {
    Change {
        workspace,
        lead,
        from: &[LeadStatus::Deleted],
        to: LeadStatus::Active,
        code: "operator".into(),
        reason: "added to the campaign again".to_owned(),
        by: by.who.to_owned(),
        submission: None,
        at: by.at,
    }
}

/// The leads of these contacts in a campaign, test leads aside.
pub async fn of_contacts(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, LeadId)>, StoreError> {
    let mut tx = db.begin().await?;
    let campaign = Campaign { id: campaign, auto_qualify: false, dedup_days: None };
    let leads = look::leads(&mut tx, (workspace, &[campaign]), contacts).await?;
    tx.rollback().await?;
    Ok(leads.into_iter().map(|lead| (lead.contact_id, lead.id)).collect())
}
