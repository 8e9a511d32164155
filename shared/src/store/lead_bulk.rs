//! Statuses of many leads at once: all in one transaction, each with its own answer.
use super::{
    Db, Rows, StoreError,
    again::again,
    lead_status::{self, Change},
    live,
};
use crate::{
    clock::Time,
    contact::ContactStatus,
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::LeadStatus,
    moves::set::LEAD_STATUSES,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// What somebody wants to become of leads, and why.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub to: LeadStatus,
    /// Only leads of this campaign, if one is named; others are unknown.
    pub campaign: Option<CampaignId>,
    pub reason: &'a str,
    pub by: &'a str,
    pub at: Time,
}

/// What became of a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    Changed {
        from: LeadStatus,
    },
    /// It has that status already.
    Unchanged,
    Refused(String),
    /// There is no such lead.
    Unknown,
}

#[derive(Serialize)]
struct IdRow {
    id: Uuid,
}

#[derive(Debug, Clone, sqlx::FromRow)]
struct Standing {
    id: LeadId,
    campaign_id: CampaignId,
    status: LeadStatus,
    contact_status: ContactStatus,
}

/// Gives the leads that status. What waits for those that are no longer processed ends at once. Doing it again changes nothing.
pub async fn set(
    db: &Db,
    workspace: WorkspaceId,
    leads: &BTreeSet<LeadId>,
    wish: Wish<'_>,
) -> Result<BTreeMap<LeadId, Became>, StoreError> {
    let mut tries = 0;
    loop {
        match once(db, workspace, leads, wish).await {
            Err(error) if again(&error, &mut tries) => {}
            done => return done,
        }
    }
}

async fn once(
    db: &Db,
    workspace: WorkspaceId,
    leads: &BTreeSet<LeadId>,
    wish: Wish<'_>,
) -> Result<BTreeMap<LeadId, Became>, StoreError> {
    let mut tx = db.begin().await?;
    let wanted: Vec<IdRow> = leads.iter().map(|lead| IdRow { id: lead.0 }).collect();
    let standing: Vec<Standing> = tx
        .ex()
        .sql(
            "SELECT l.id, l.campaign_id, l.status, c.status AS contact_status FROM ROWS($2: id uuid) r
             JOIN lead l ON l.workspace_id = $1 AND l.id = r.id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id{pg:  FOR NO KEY UPDATE OF c, l}",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    let standing: HashMap<LeadId, Standing> =
        standing.into_iter().map(|one| (one.id, one)).collect();
    let became: BTreeMap<LeadId, Became> =
        leads.iter().map(|lead| (*lead, decide(standing.get(lead), wish))).collect();
    let moved = became.iter().filter(|(_, became)| matches!(became, Became::Changed { .. }));
    let moved: Vec<LeadId> = moved.map(|(lead, _)| *lead).collect();
    let changes: Vec<Change> = moved.iter().map(|lead| change(workspace, *lead, wish)).collect();
    let changed = lead_status::change(&mut tx, &changes).await?;
    lead_status::wake_stopped(&mut tx, &changed, wish.at).await?;
    let touched = lead_status::touched(&changed);
    live::reassess(&mut tx, &touched, wish.at).await?;
    tx.commit().await?;
    Ok(became)
}

/// A person may give a lead any status; but nobody works with a lead whose contact cannot be worked with.
fn decide(standing: Option<&Standing>, wish: Wish<'_>) -> Became {
    let Some(lead) = standing else { return Became::Unknown };
    if wish.campaign.is_some_and(|campaign| campaign != lead.campaign_id) {
        return Became::Unknown;
    }
    if lead.status == wish.to {
        return Became::Unchanged;
    }
    if wish.to.is_processed() && lead.contact_status != ContactStatus::Active {
        return Became::Refused(format!("its contact is {}", lead.contact_status.word()));
    }
    Became::Changed { from: lead.status }
}

fn change(workspace: WorkspaceId, lead: LeadId, wish: Wish<'_>) -> Change {
    Change {
        workspace,
        lead,
        from: LEAD_STATUSES,
        to: wish.to,
        code: "operator".into(),
        reason: wish.reason.to_owned(),
        by: wish.by.to_owned(),
        submission: None,
        at: wish.at,
    }
}
