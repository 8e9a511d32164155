//! Taking leads in: contact found or created, lead, submission and first journey event in one transaction, many calls at once.
use super::{
    Db, Rows, StoreError, Tx,
    batch::{Batcher, Shape},
    lead_status::Changed,
    live::{self, Touched, What},
    rows::time,
};
use crate::{
    automation::{Happened, Occurrence},
    campaign::{self, config::DuplicateAction},
    clock::Time,
    contact::ContactStatus,
    failpoint::failpoint,
    ids::{CampaignId, ContactId, ImportId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, Person},
};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

mod contact;
mod dedup;
mod evidence;
mod refuse;
mod repeat;
mod resubmit;
pub(super) mod write;

/// Leads that share a transaction, at most.
const MOST: usize = 128;

/// A request to take in a lead.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub workspace: WorkspaceId,
    /// The campaign's id or its code.
    pub campaign: CampaignRef,
    /// A new person's data, or the lead to submit again.
    pub who: Who,
    pub is_test: bool,
    /// Whether the lead goes through the pipeline, or is only stored.
    pub submit: bool,
    pub source: &'static str,
    /// Makes the request safe to repeat.
    pub repeat: Option<RepeatKey>,
    pub at: Time,
    /// When the first job is pushed again if nobody has taken it.
    pub redeliver_at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CampaignRef {
    Id(CampaignId),
    Code(String),
}

impl CampaignRef {
    /// Reads a campaign's id or code; the error says what would be right.
    pub fn read(given: &str) -> Result<Self, String> {
        if let Ok(id) = CampaignId::parse(given) {
            return Ok(Self::Id(id));
        }
        if campaign::is_code(given) {
            return Ok(Self::Code(given.to_owned()));
        }
        let shown: String = given.chars().take(40).collect();
        Err(format!(
            "`{shown}` is neither a campaign id (cmp_…) nor a code of 2 to 5 capital letters or digits"
        ))
    }
}

#[derive(Debug, Clone)]
pub enum Who {
    New {
        person: Person,
        details: Details,
    },
    /// Stored data is used; what is given here is merged into it first.
    Known {
        lead: LeadId,
        details: Details,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatKey {
    pub route: &'static str,
    pub key: String,
    /// SHA-256 of the body, hexadecimal.
    pub body_hash: String,
}

/// What the caller is told. Kept with the idempotency key, so its form must stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub lead_id: LeadId,
    pub submission_id: Option<SubmissionId>,
    pub is_duplicate: bool,
    /// The answer is a repeated one.
    #[serde(skip)]
    pub repeated: bool,
}

/// Why a lead was not taken in. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    #[error("there is no such campaign")]
    UnknownCampaign,
    #[error("the campaign is {0} and takes no leads")]
    ClosedCampaign(String),
    #[error("there is no such lead")]
    UnknownLead,
    #[error("the lead is {0} and is not processed")]
    ClosedLead(String),
    #[error("the Idempotency-Key was used before with another body")]
    KeyReused,
    /// `what` is email or phone.
    #[error("the campaign has a lead with this {what} already: {lead}")]
    Duplicate { what: &'static str, lead: LeadId },
}

pub type Taken = Result<Receipt, Declined>;

/// Takes leads in, many at once.
#[derive(Debug, Clone)]
pub struct Intake(Batcher<Arrival, Taken>);

impl Intake {
    pub fn start(db: Db) -> Self {
        // One at a time: what arrives meanwhile makes the next batch larger, and a row in a large batch costs a fraction.
        let shape = Shape { name: "intake", most: MOST, at_once: 1 };
        Self(Batcher::start(shape, move |arrivals: Arc<[Arrival]>| take_in(db.clone(), arrivals)))
    }

    /// Answers after the lead is committed.
    pub async fn take(&self, arrival: Arrival) -> Result<Taken, StoreError> {
        self.0.call(arrival).await
    }
}

/// One arrival on its way through the transaction.
struct Entry<'a> {
    arrival: &'a Arrival,
    /// The file that it came in, if it did.
    import: Option<ImportId>,
    campaign: CampaignId,
    revision: i64,
    dedup: Option<Window>,
    /// The campaign qualifies new leads at once.
    auto_qualify: bool,
    contact: Option<ContactId>,
    is_new_contact: bool,
    /// Of the contact of a new lead, when it was there before.
    contact_status: ContactStatus,
    lead: LeadId,
    submission: SubmissionId,
    number: i64,
    duplicate_of: Option<LeadId>,
}

/// How far a campaign looks back for duplicates, and what it does with them.
#[derive(Debug, Clone, Copy)]
struct Window {
    window: Duration,
    action: DuplicateAction,
}

impl Entry<'_> {
    fn is_new(&self) -> bool {
        matches!(self.arrival.who, Who::New { .. })
    }

    /// Whether it is a new lead of a contact that is not worked with: it is kept, and rejected at once.
    fn is_closed(&self) -> bool {
        self.is_new() && self.contact_status != ContactStatus::Active
    }

    /// Whether it goes through the pipeline. A campaign that qualifies its new leads at once has nothing left to do with them.
    fn submits(&self) -> bool {
        self.arrival.submit && !self.is_closed() && !(self.auto_qualify && self.is_new())
    }

    fn receipt(&self) -> Receipt {
        Receipt {
            lead_id: self.lead,
            submission_id: self.submits().then_some(self.submission),
            is_duplicate: self.duplicate_of.is_some(),
            repeated: false,
        }
    }
}

async fn take_in(db: Db, arrivals: Arc<[Arrival]>) -> Result<Vec<Taken>, StoreError> {
    let mut tx = db.begin().await?;
    let (answers, touched) = take(&mut tx, &arrivals, None).await?;
    live::reassess(&mut tx, &touched, arrivals[0].at).await?;
    tx.commit().await?;
    Ok(answers)
}

/// Takes leads in within a transaction, many at once, as those of a file if `import` names one; answers each. The caller tells
/// [`live::reassess`] of the contacts, last in the transaction.
pub(super) async fn take(
    tx: &mut Tx,
    arrivals: &[Arrival],
    import: Option<ImportId>,
) -> Result<(Vec<Taken>, Vec<Touched>), StoreError> {
    let mut answers: Vec<Option<Taken>> = vec![None; arrivals.len()];
    let repeats = repeat::answer_repeats(tx, arrivals, &mut answers).await?;
    let campaigns = campaigns(tx, arrivals).await?;
    let mut entries = Vec::with_capacity(arrivals.len());
    for (at, arrival) in arrivals.iter().enumerate() {
        if answers[at].is_some() || !repeats.works(at, arrival) {
            continue;
        }
        match entry(arrival, &campaigns) {
            Ok(entry) => entries.push((at, Entry { import, ..entry })),
            Err(declined) => answers[at] = Some(Err(declined)),
        }
    }
    resubmit::find_known_leads(tx, &mut entries, &mut answers).await?;
    refuse::refuse_duplicates(tx, &mut entries, &mut answers).await?;
    contact::find_or_create(tx, &mut entries).await?;
    dedup::mark_duplicates(tx, &mut entries).await?;
    write::leads(tx, &entries).await?;
    let decided = write::decided(tx, &entries).await?;
    write::submissions(tx, &entries).await?;
    evidence::keep(tx, &entries).await?;
    for (at, entry) in &entries {
        answers[*at] = Some(Ok(entry.receipt()));
    }
    repeat::keep_answers(tx, arrivals, &repeats, &mut answers).await?;
    for (_, entry) in &entries {
        if let Who::New { person, .. } = &entry.arrival.who {
            failpoint("ingest.before_commit", &person.email);
        }
    }
    let touched = touched(&entries, &decided);
    let answers = answers.into_iter().map(|answer| answer.expect("every arrival is answered"));
    Ok((answers.collect(), touched))
}

/// The contacts that are new, or have one more lead, or whose lead says more than before.
fn touched(entries: &[(usize, Entry<'_>)], decided: &[Changed]) -> Vec<Touched> {
    let decided: HashMap<LeadId, &Changed> = decided.iter().map(|one| (one.lead, one)).collect();
    let touched = entries.iter().filter_map(|(_, entry)| {
        let told = |what| Some(Touched::new(entry.arrival.workspace, entry.contact?, what));
        let tell = |what| Happened::to_lead(entry.lead, what);
        match &entry.arrival.who {
            Who::New { .. } => {
                let what = if entry.is_new_contact { What::Everything } else { What::leads() };
                let mut told = told(what)?.and(tell(Occurrence::Created));
                told.happened.extend(decided.get(&entry.lead).map(|changed| changed.happened()));
                Some(told)
            }
            Who::Known { details, .. } if *details == Details::default() => None,
            Who::Known { .. } => Some(told(What::nothing())?.and(tell(Occurrence::Everything))),
        }
    });
    touched.collect()
}

#[derive(sqlx::FromRow)]
struct CampaignRow {
    workspace_id: WorkspaceId,
    id: CampaignId,
    code: String,
    state: String,
    revision: i64,
    dedup_days: Option<i64>,
    dedup_action: DuplicateAction,
    auto_qualify: bool,
}

type Campaigns = HashMap<(WorkspaceId, CampaignRef), Arc<CampaignRow>>;

#[derive(Serialize, PartialEq, Eq, Hash)]
struct CampaignKey<'a> {
    workspace_id: Uuid,
    id: Option<Uuid>,
    code: Option<&'a str>,
}

async fn campaigns(tx: &mut Tx, arrivals: &[Arrival]) -> Result<Campaigns, StoreError> {
    let wanted: std::collections::HashSet<CampaignKey> = arrivals
        .iter()
        .map(|arrival| match &arrival.campaign {
            CampaignRef::Id(id) => {
                CampaignKey { workspace_id: arrival.workspace.0, id: Some(id.0), code: None }
            }
            CampaignRef::Code(code) => {
                CampaignKey { workspace_id: arrival.workspace.0, id: None, code: Some(code) }
            }
        })
        .collect();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let found: Vec<CampaignRow> = tx
        .ex()
        .sql(
            "SELECT c.workspace_id, c.id, c.code, c.state, c.revision, c.dedup_days, c.dedup_action, c.auto_qualify
             FROM ROWS($1: workspace_id uuid, id uuid, code text) r
             JOIN campaign c ON c.workspace_id = r.workspace_id AND (c.id = r.id OR c.code = r.code)",
        )
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    let mut campaigns = Campaigns::new();
    for row in found.into_iter().map(Arc::new) {
        campaigns.insert((row.workspace_id, CampaignRef::Id(row.id)), row.clone());
        campaigns.insert((row.workspace_id, CampaignRef::Code(row.code.clone())), row);
    }
    Ok(campaigns)
}

fn entry<'a>(arrival: &'a Arrival, campaigns: &Campaigns) -> Result<Entry<'a>, Declined> {
    let campaign = campaigns
        .get(&(arrival.workspace, arrival.campaign.clone()))
        .ok_or(Declined::UnknownCampaign)?;
    if campaign.state != "active" {
        return Err(Declined::ClosedCampaign(campaign.state.clone()));
    }
    Ok(Entry {
        arrival,
        import: None,
        campaign: campaign.id,
        revision: campaign.revision,
        dedup: campaign
            .dedup_days
            .map(|days| Window { window: Duration::days(days), action: campaign.dedup_action }),
        auto_qualify: campaign.auto_qualify,
        contact: None,
        is_new_contact: false,
        contact_status: ContactStatus::Active,
        lead: LeadId::new(),
        submission: SubmissionId::new(),
        number: 1,
        duplicate_of: None,
    })
}
