//! Contacts that a campaign's automation puts into other campaigns: each gets a lead there, or the one that is there is left alone.
use super::{
    BY_AUTOMATION, Campaign,
    by_hand::{Added, decide},
    look::{self, Lead},
    write,
};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Rows, StoreError, Tx,
        lead_status::{self, Change},
        live::{Touched, What},
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// A contact that is to become a lead of a campaign.
#[derive(Debug, Clone)]
pub struct Wish {
    pub contact: ContactId,
    pub campaign: CampaignId,
    /// Who says so, and why.
    pub by: String,
    pub reason: String,
}

/// What came of a wish: the lead that was made or is active again, or why there is none.
pub type Came = Result<LeadId, String>;

/// Puts each contact into its campaign; says what came of each wish, in their order, and whose leads changed. The contacts are locked here.
pub async fn add_each(
    tx: &mut Tx,
    workspace: WorkspaceId,
    wishes: &[Wish],
    now: Time,
) -> Result<(Vec<Came>, Vec<Touched>), StoreError> {
    if wishes.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let campaigns = campaigns(tx, workspace, wishes).await?;
    let open: Vec<Campaign> = campaigns
        .values()
        .filter(|found| found.state == "active")
        .map(|found| found.campaign)
        .collect();
    let contacts: Vec<ContactId> = wishes.iter().map(|wish| wish.contact).collect();
    let people = look::lock_people(tx, workspace, &contacts).await?;
    let people: HashMap<ContactId, _> = people.into_iter().map(|one| (one.id, one)).collect();
    let mut leads: HashMap<(CampaignId, ContactId), Vec<Lead>> = HashMap::new();
    for lead in look::leads(tx, (workspace, &open), &contacts).await? {
        leads.entry((lead.campaign_id, lead.contact_id)).or_default().push(lead);
    }
    let mut taken = HashSet::new();
    let plan: Vec<Added> = wishes
        .iter()
        .map(|wish| {
            let key = (wish.campaign, wish.contact);
            if let Some(why) = closed(campaigns.get(&wish.campaign)) {
                return Added::Refused(why);
            }
            let mine = leads.get(&key).map_or(&[][..], Vec::as_slice);
            match decide(people.get(&wish.contact), mine, now) {
                Added::Made(lead) | Added::Revived(lead) if !taken.insert(key) => {
                    Added::There(lead)
                }
                added => added,
            }
        })
        .collect();
    carry_out(tx, (workspace, &open), wishes, plan, now).await
}

/// Why nobody is added to it.
fn closed(campaign: Option<&Found>) -> Option<String> {
    match campaign {
        None => Some("there is no such campaign".to_owned()),
        Some(found) if found.state != "active" => Some(format!("the campaign is {}", found.state)),
        Some(_) => None,
    }
}

#[derive(sqlx::FromRow)]
struct Found {
    #[sqlx(flatten)]
    campaign: Campaign,
    state: String,
}

#[derive(Serialize)]
struct CampaignRow {
    workspace_id: Uuid,
    id: Uuid,
}

async fn campaigns(
    tx: &mut Tx,
    workspace: WorkspaceId,
    wishes: &[Wish],
) -> Result<BTreeMap<CampaignId, Found>, StoreError> {
    let ids: BTreeSet<CampaignId> = wishes.iter().map(|wish| wish.campaign).collect();
    let rows: Vec<CampaignRow> =
        ids.into_iter().map(|id| CampaignRow { workspace_id: workspace.0, id: id.0 }).collect();
    let found: Vec<Found> = tx
        .ex()
        .sql(
            "SELECT c.id, c.auto_qualify, c.dedup_days, c.state FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN campaign c ON c.workspace_id = r.workspace_id AND c.id = r.id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(found.into_iter().map(|found| (found.campaign.id, found)).collect())
}

/// Makes and revives the leads. New ones are told of as such, the others as changes of their status.
async fn carry_out(
    tx: &mut Tx,
    (workspace, campaigns): (WorkspaceId, &[Campaign]),
    wishes: &[Wish],
    plan: Vec<Added>,
    now: Time,
) -> Result<(Vec<Came>, Vec<Touched>), StoreError> {
    let mut made = HashMap::new();
    for campaign in campaigns {
        let mine = wishes.iter().zip(&plan);
        let mine = mine.filter(|(wish, added)| {
            wish.campaign == campaign.id && matches!(added, Added::Made(_))
        });
        let wanted: Vec<_> = mine.map(|(wish, _)| (campaign.id, wish.contact)).collect();
        let leads =
            write::leads(tx, (workspace, &[*campaign]), &wanted, (BY_AUTOMATION, now)).await?;
        made.extend(leads.into_iter().map(|one| ((campaign.id, one.contact), one)));
    }
    let revive: Vec<Change> = wishes
        .iter()
        .zip(&plan)
        .filter_map(|(wish, added)| match added {
            Added::Revived(lead) => Some(revival(workspace, *lead, wish, now)),
            _ => None,
        })
        .collect();
    lead_status::change(tx, &revive).await?;
    let mut touched = Vec::new();
    let came = wishes.iter().zip(plan).map(|(wish, added)| {
        let (lead, happened) = match added {
            Added::Made(_) => {
                let made = made.get(&(wish.campaign, wish.contact));
                let made = made.ok_or("the contact is not there")?;
                let happened = made.happened().into_iter().map(|(_, happened)| happened);
                (made.lead, happened.collect())
            }
            Added::Revived(lead) => (lead, vec![Happened::to_lead(lead, REVIVED)]),
            Added::There(_) => return Err("is a lead there already".to_owned()),
            Added::Refused(why) => return Err(why),
            Added::Unknown => return Err("there is no such contact".to_owned()),
        };
        let one = Touched::new(workspace, wish.contact, What::leads());
        touched.push(Touched { happened, ..one });
        Ok(lead)
    });
    let came = came.collect();
    Ok((came, touched))
}

const REVIVED: Occurrence =
    Occurrence::Status { from: LeadStatus::Deleted, to: LeadStatus::Active };

fn revival(workspace: WorkspaceId, lead: LeadId, wish: &Wish, at: Time) -> Change {
    Change {
        workspace,
        lead,
        from: &[LeadStatus::Deleted],
        to: LeadStatus::Active,
        code: "automation".into(),
        reason: wish.reason.clone(),
        by: wish.by.clone(),
        submission: None,
        at,
    }
}
