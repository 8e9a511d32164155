//! Campaigns that react to what happens to their leads: read, asked, and written down in the transaction in which it happens.
use super::{
    StoreError, Tx,
    live::{Definitions, Touched},
    notices::{self, Notice},
};
use crate::{
    automation::{Happened, LeadState, Outcome},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub mod by_hand;
pub mod catch_up;
pub mod dry_run;
pub mod due;
pub mod effects;
pub mod explain;
mod gather;
pub mod jobs;
mod parts;
pub mod passes;
pub mod pending;
pub mod programs;
mod record;

/// Contacts whose leads are looked at together, at most: what is held in memory is bounded by it.
const TOGETHER: usize = 500;

/// What has fired in this transaction, by lead: each reaction does so once at most.
pub type Chain = HashMap<LeadId, BTreeSet<String>>;

/// What was decided of a lead, and how it is afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub state: LeadState,
    pub outcome: Outcome,
}

/// By contact, what happened to it, in order.
type News = BTreeMap<ContactId, Vec<Happened>>;

/// Lets campaigns react; says what that changed, for segments and campaigns to be asked about again. The contacts are locked.
pub async fn react(
    tx: &mut Tx,
    definitions: &Definitions,
    happened: Vec<(ContactId, Happened)>,
    (chain, now): (&mut Chain, Time),
) -> Result<Vec<Touched>, StoreError> {
    let mut touched = Vec::new();
    if definitions.programs.is_empty() {
        return Ok(touched);
    }
    let news = by_contact(happened);
    let contacts: Vec<ContactId> = news.keys().copied().collect();
    for contacts in contacts.chunks(TOGETHER) {
        let heard = gather::leads(tx, definitions, (&news, contacts)).await?;
        if heard.is_empty() {
            continue;
        }
        let (mut decided, before) = gather::decide(tx, definitions, heard, (chain, now)).await?;
        touched.extend(effects::apply(tx, definitions, &mut decided, now).await?);
        record::record(tx, definitions, (&mut decided, &before), now).await?;
    }
    Ok(touched)
}

fn by_contact(happened: Vec<(ContactId, Happened)>) -> News {
    let mut news = News::new();
    for (contact, happened) in happened {
        news.entry(contact).or_default().push(happened);
    }
    news
}

/// Says that reactions set off reactions without an end in sight; what was left is not reacted to. Once a campaign and day.
pub async fn too_long(
    tx: &mut Tx,
    definitions: &Definitions,
    left: Vec<(ContactId, Happened)>,
    now: Time,
) -> Result<(), StoreError> {
    let news = by_contact(left);
    let contacts: Vec<ContactId> = news.keys().copied().take(TOGETHER).collect();
    let mut campaigns: BTreeMap<CampaignId, LeadId> = BTreeMap::new();
    for heard in gather::leads(tx, definitions, (&news, &contacts)).await? {
        campaigns.entry(heard.state.campaign).or_insert(heard.state.lead);
    }
    let workspace = definitions.workspace;
    for (campaign, lead) in &campaigns {
        tracing::warn!(%workspace, %campaign, %lead, "reactions set each other off; the rest was left");
    }
    let notices: Vec<Notice> =
        campaigns.into_iter().map(|found| loop_notice(workspace, found, now)).collect();
    notices::raise(tx, &notices).await
}

fn loop_notice(
    workspace: WorkspaceId,
    (campaign, lead): (CampaignId, LeadId),
    now: Time,
) -> Notice {
    Notice {
        workspace,
        campaign: Some(campaign),
        kind: notices::Kind::AutomationLoop,
        subject: format!("automation_loop:{campaign}:{}", now.date_naive()),
        message: format!(
            "The campaign's automation sets itself off, alone or with another campaign's, again and again. It was stopped; the lead \
             {lead} is the first that it was stopped at."
        ),
        details: Some(json!({"leadId": lead})),
        at: now,
    }
}
