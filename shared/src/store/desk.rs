//! A lead on the desk: locked with all its submissions, decided on, and changed in one transaction. What people do to leads goes this way.
use super::{
    Db, StoreError, Tx, audit,
    campaigns::Standing,
    close::{self, Close, Event as Line, Outcome},
    intake::{CampaignRef, RepeatKey},
    lead_status::{self, Change},
    live::{self, Touched, What},
    load::Loaded,
    parking::Park,
};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    contact::ContactStatus,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, LeadStatus},
    submission::{Carry, End, Kind, Stage, State, Status},
    webhook::{About, Facts, Told, event},
};
use serde_json::Value;
use sqlx::types::Json;

mod audited;
mod read;
pub(super) mod repeat;
mod write;

/// How often the whole transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// What somebody wants to do something to.
#[derive(Debug, Clone)]
pub struct Ask {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    /// The campaign that they name, if any.
    pub campaign: Option<CampaignRef>,
    /// Makes the request safe to repeat.
    pub repeat: Option<RepeatKey>,
    pub at: Time,
}

/// A lead as it is, under its lock: nothing of it changes until the transaction ends.
#[derive(Debug, Clone)]
pub struct Desk {
    pub lead: Lead,
    /// First to last.
    pub submissions: Vec<Sheet>,
    /// The campaign that was named.
    pub named: Option<Standing>,
    /// The campaigns of the lead and of its submissions.
    pub campaigns: Vec<Standing>,
}

/// The lead itself.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Lead {
    pub workspace_id: WorkspaceId,
    pub id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub status: LeadStatus,
    pub contact_status: ContactStatus,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub details: Json<Details>,
}

/// One of its submissions, with what its buyers were asked and what it waited for.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub loaded: Loaded,
    pub state: State,
    /// What came of the delivery attempts, first to last; none: it is under way, or its worker died.
    pub attempts: Vec<Option<Outcome>>,
    /// Its waits, oldest first.
    pub parks: Vec<Park>,
}

impl Sheet {
    /// An answer of a buyer is awaited.
    pub fn is_in_flight(&self) -> bool {
        self.attempts.contains(&None)
    }

    /// A buyer may have the lead, and no later answer says whether it has.
    pub fn is_unsure(&self) -> bool {
        let said = |outcome: &Option<Outcome>| {
            matches!(outcome, Some(Outcome::Accepted | Outcome::Rejected | Outcome::Duplicate))
        };
        let since = self.attempts.iter().rposition(said).map_or(0, |at| at + 1);
        self.attempts[since..]
            .iter()
            .any(|outcome| matches!(outcome, None | Some(Outcome::Unknown | Outcome::Unclassified)))
    }

    /// Its buyer has the lead.
    pub fn is_sold(&self) -> bool {
        self.state == State::Finished && self.loaded.outcome.is_some_and(End::is_sold)
    }
}

impl Desk {
    pub fn sheet(&self, id: SubmissionId) -> Option<&Sheet> {
        self.submissions.iter().find(|sheet| sheet.loaded.id == id)
    }

    pub fn campaign(&self, id: CampaignId) -> Option<&Standing> {
        self.campaigns.iter().find(|standing| standing.id == id)
    }
}

/// What is to become of the lead, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub closes: Vec<Close>,
    pub mark: Option<Mark>,
    /// The buyer's own id of the lead, as a person noted it.
    pub buyer_lead_id: Option<(SubmissionId, String)>,
    pub change: Option<Change>,
    pub rewrite: Option<Rewrite>,
    pub open: Option<NewSubmission>,
    /// What the caller is told; kept for repeats of the request.
    pub answer: Value,
}

/// A status that a person sets where the pipeline does not move: another word to show, or another end of what has ended.
#[derive(Debug, Clone)]
pub struct Mark {
    pub submission: SubmissionId,
    /// The generation that must still be there.
    pub expected: i64,
    pub status: Status,
    /// Some replaces the end.
    pub end: Option<End>,
    pub line: Line,
}

/// The lead's data as it is to be.
#[derive(Debug, Clone)]
pub struct Rewrite {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub details: Details,
}

/// A submission that a person opens.
#[derive(Debug, Clone)]
pub struct NewSubmission {
    pub id: SubmissionId,
    pub kind: Kind,
    pub campaign: CampaignId,
    pub revision: i64,
    /// Where it begins.
    pub stage: Stage,
    pub carry: Carry,
    pub reason: String,
    /// When its first job is pushed again if nobody has taken it.
    pub due_at: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Done<R> {
    /// It is on disk; these stage jobs are open now.
    Did {
        answer: Value,
        jobs: Vec<(Stage, SubmissionId, i64)>,
    },
    /// The same request was answered so before.
    Repeated(Value),
    /// The key was used before with another body.
    KeyReused,
    NoSuchLead,
    NoSuchCampaign,
    /// Nothing was written.
    Refused(R),
}

/// Locks the lead, lets `decide` look at it, and does what it says.
pub async fn at<R>(
    db: &Db,
    ask: &Ask,
    decide: impl Fn(&Desk) -> Result<Plan, R>,
) -> Result<Done<R>, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, ask, &decide).await {
            // A unique index was faster than our look: look again.
            Err(error) if (error.is_conflict() || error.is_taken()) && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once<R>(
    db: &Db,
    ask: &Ask,
    decide: &impl Fn(&Desk) -> Result<Plan, R>,
) -> Result<Done<R>, StoreError> {
    let mut tx = db.begin().await?;
    let done = within(&mut tx, ask, decide).await?;
    // What is refused leaves nothing, its key neither: mended, it may be sent again.
    if matches!(done, Done::Did { .. }) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(done)
}

async fn within<R>(
    tx: &mut Tx,
    ask: &Ask,
    decide: &impl Fn(&Desk) -> Result<Plan, R>,
) -> Result<Done<R>, StoreError> {
    match repeat::take(tx, ask).await? {
        repeat::Key::Ours => {}
        repeat::Key::Answered(answer) => return Ok(Done::Repeated(answer)),
        repeat::Key::OtherBody => return Ok(Done::KeyReused),
    }
    let Some(lead) = read::lock_lead(tx, ask).await? else { return Ok(Done::NoSuchLead) };
    let desk = read::desk(tx, ask, lead).await?;
    if ask.campaign.is_some() && desk.named.is_none() {
        return Ok(Done::NoSuchCampaign);
    }
    let plan = match decide(&desk) {
        Ok(plan) => plan,
        Err(refused) => return Ok(Done::Refused(refused)),
    };
    let jobs = carry_out(tx, ask, &desk.lead, &plan).await?;
    audit::tell(tx, ask.workspace, &audited::plan(&desk, &plan), ask.at).await?;
    tx.tell(corrected(&desk, &plan, ask.at));
    repeat::keep(tx, ask, &plan.answer).await?;
    Ok(Done::Did { answer: plan.answer, jobs })
}

/// Writes the plan; says which stage jobs are open afterwards.
async fn carry_out(
    tx: &mut Tx,
    ask: &Ask,
    lead: &Lead,
    plan: &Plan,
) -> Result<Vec<(Stage, SubmissionId, i64)>, StoreError> {
    let mut jobs = Vec::new();
    if !plan.closes.is_empty() {
        let moved = close::record_in(tx, &plan.closes).await?;
        for close in &plan.closes {
            write::must_be(moved.contains(&close.submission), close.submission)?;
            if let State::InStage(stage) = close.place.state {
                jobs.push((stage, close.submission, close.place.generation));
            }
        }
    }
    if let Some(mark) = &plan.mark {
        jobs.extend(write::mark(tx, ask, mark).await?);
    }
    if let Some((submission, id)) = &plan.buyer_lead_id {
        write::buyer_lead_id(tx, ask, (*submission, id)).await?;
    }
    let mut changed = Vec::new();
    if let Some(change) = &plan.change {
        changed = lead_status::change(tx, std::slice::from_ref(change)).await?;
    }
    if let Some(rewrite) = &plan.rewrite {
        write::lead(tx, ask, rewrite).await?;
    }
    if let Some(open) = &plan.open {
        write::submission(tx, ask, open).await?;
        jobs.push((open.stage, open.id, 1));
    }
    let mut touched = vec![told(lead, plan)];
    touched.extend(lead_status::touched(&changed));
    touched.retain(|one| !one.happened.is_empty());
    live::reassess(tx, &touched, ask.at).await?;
    Ok(jobs)
}

/// What others may want to be told of an end that a person corrects.
fn corrected(desk: &Desk, plan: &Plan, at: Time) -> Vec<Told> {
    let Some(mark) = &plan.mark else { return Vec::new() };
    let (Some(end), Some(sheet)) = (mark.end, desk.sheet(mark.submission)) else {
        return Vec::new();
    };
    let loaded = &sheet.loaded;
    let facts = Facts {
        status: mark.status.word().into(),
        outcome: Some(end),
        reason_code: Some(mark.line.reason_code.clone()),
        buyer_lead_id: plan.buyer_lead_id.as_ref().map(|(_, id)| id.clone()),
        corrected: true,
        ..Facts::default()
    };
    let about = About::Submission(mark.submission, loaded.campaign_id);
    let workspace = desk.lead.workspace_id;
    let events = event::of_correction(loaded.outcome, end).into_iter();
    events.map(|event| Told { workspace, event, about, facts: facts.clone(), at }).collect()
}

/// What campaigns react to of the plan, beside its closes and the lead's status.
fn told(lead: &Lead, plan: &Plan) -> Touched {
    let mut told = Touched::new(lead.workspace_id, lead.contact_id, What::nothing());
    if plan.rewrite.is_some() {
        told = told.and(Happened::to_lead(lead.id, Occurrence::Everything));
    }
    if let Some(mark) = plan.mark.as_ref().filter(|mark| mark.end.is_some()) {
        let outcome = close::word(mark.status);
        let ended = Occurrence::Outcome { submission: mark.submission, outcome };
        told = told.and(Happened::to_lead(lead.id, ended));
    }
    told
}
