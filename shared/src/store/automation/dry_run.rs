//! Dry runs: what a document would do with a campaign's leads, were it saved now, and would have done in the days before. Nothing is
//! written, and no transaction is held for longer than a page of leads takes to read.
use super::gather::{self, Heard};
use crate::{
    automation::{LeadState, Occurrence, engine::Subject},
    clock::Time,
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{Db, StoreError, Tx, automation::programs::Draft},
};
use serde::Serialize;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use utoipa::ToSchema;
use uuid::Uuid;

mod read;
mod replay;
mod tally;

use read::Lived;
use replay::{Past, follow, replay};
use tally::{Looked, Tally};

pub use tally::{Bar, Effects, ReactionEffect, Sample};

/// Contacts whose activities are in memory together.
const TOGETHER: usize = 10;
/// Activities of a contact that are lived through again, at most: the newest.
pub const ACTIVITIES_MAX: i64 = 1_000;

/// What is wanted of a dry run.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    pub now: Time,
    /// From when on the past is lived through again; none: it is not.
    pub from: Option<Time>,
    /// Samples of each reaction.
    pub samples: usize,
    /// Leads that are looked at, at most.
    pub leads_max: u64,
    /// After this time it answers with what it has.
    pub patience: Duration,
}

/// Why not all leads were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// As many were looked at as were asked for.
    LeadsMax,
    /// It took too long.
    Time,
}

/// What a document would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// Leads that were looked at, the newest first. Those that are no longer processed are not.
    pub leads: u64,
    /// Null: all of them.
    pub stopped: Option<Stopped>,
    /// What saving it would do at once.
    pub saved: Effects,
    /// What it would have done, had it been there; null when that was not asked.
    pub replay: Option<Replayed>,
}

/// What a document would have done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Time,
    /// Activities that were lived through again.
    pub activities: u64,
    /// Leads whose contacts did more than 1,000 things since then: the newest 1,000 count.
    pub leads_cut: u64,
    #[serde(flatten)]
    pub effects: Effects,
}

/// A run that is under way.
struct Run<'a> {
    wish: Wish,
    draft: &'a Draft,
    begun: Instant,
    leads: u64,
    saved: Tally,
    past: Tally,
    activities: u64,
    leads_cut: u64,
}

/// Looks at the campaign's leads.
pub async fn run(db: &Db, draft: &Draft, wish: Wish) -> Result<DryRun, StoreError> {
    let mut run = Run {
        wish,
        draft,
        begun: Instant::now(),
        leads: 0,
        saved: Tally::of(&draft.now, wish.samples),
        past: Tally::of(&draft.past, wish.samples),
        activities: 0,
        leads_cut: 0,
    };
    let stopped = run.all(db).await?;
    let (activities, leads_cut) = (run.activities, run.leads_cut);
    let past = run.past.done();
    let replay = wish.from.map(|from| Replayed { from, activities, leads_cut, effects: past });
    Ok(DryRun { leads: run.leads, stopped, saved: run.saved.done(), replay })
}

impl Run<'_> {
    async fn all(&mut self, db: &Db) -> Result<Option<Stopped>, StoreError> {
        let mut before = LeadId(Uuid::max());
        loop {
            let mut tx = db.begin_wide_read().await?;
            let page = read::page(&mut tx, &self.wish, before).await?;
            let Some(last) = page.last() else { return Ok(None) };
            before = last.id;
            let mut states: Vec<LeadState> =
                page.into_iter().filter_map(|row| read::open(self.wish.workspace, row)).collect();
            let room = usize::try_from(self.wish.leads_max - self.leads).unwrap_or(usize::MAX);
            let is_full = states.len() > room;
            states.truncate(room);
            // As they are read.
            for states in states.chunks_mut(TOGETHER) {
                states.sort_by_key(|state| state.lead);
                if self.begun.elapsed() >= self.wish.patience {
                    return Ok(Some(Stopped::Time));
                }
                self.look(&mut tx, states).await?;
            }
            if is_full {
                return Ok(Some(Stopped::LeadsMax));
            }
        }
    }

    /// A few leads: what saving would do, and what happened to them lived through again.
    async fn look(&mut self, tx: &mut Tx, states: &[LeadState]) -> Result<(), StoreError> {
        let (workspace, now) = (self.wish.workspace, self.wish.now);
        let heard = |program| {
            move |state: &LeadState| Heard {
                state: state.clone(),
                program,
                occurrences: vec![Occurrence::Saved],
            }
        };
        let draft = self.draft;
        let leads: Vec<Heard> = states.iter().map(heard(&draft.now)).collect();
        let mut ready = gather::ready(tx, workspace, (leads, &draft.sets), now).await?;
        let dids = match self.wish.from {
            Some(from) => {
                let contacts = states.iter().map(|state| state.contact).collect();
                read::lived(tx, workspace, &contacts, (from, now)).await?
            }
            None => HashMap::new(),
        };
        for one in &mut ready {
            let was = one.state.clone();
            let mut subject = one.subject.clone();
            let told = (vec![Occurrence::Saved], now);
            let firings = follow(&draft.now, &mut one.state, &mut one.subject, told);
            self.leads += 1;
            self.saved.add(&Looked {
                lead: was.lead,
                points: (was.points, one.state.points),
                status: (was.status, one.state.status),
                firings: &firings,
            });
            if let Some(from) = self.wish.from {
                self.live_again(&was, &mut subject, (from, dids.get(&was.contact)));
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    fn live_again(
        &mut self,
        lead: &LeadState,
        subject: &mut Subject<'_>,
        (from, past): (Time, Option<&Lived>),
    ) {
        let none = Lived::default();
        let lived = past.unwrap_or(&none);
        let past = Past { from, activities: &lived.dids, heard_before: lived.heard_before };
        let (state, firings) = replay(&self.draft.past, lead, subject, (&past, self.wish.now));
        self.activities += lived.dids.len() as u64;
        self.leads_cut += u64::from(lived.is_cut);
        self.past.add(&Looked {
            lead: lead.lead,
            points: (0, state.points),
            status: (LeadStatus::Active, state.status),
            firings: &firings,
        });
    }
}
