//! Rows that are leads: those who are known are found and updated, the others are taken in as any lead is.
use super::{
    Applied, Row, Stop, StoreError, Tx, Work,
    before::{self, Before, Kind},
    campaigns::{Campaigns, Home},
    update::{LeadNow, write_leads},
    whole,
};
use crate::{
    automation::{Happened, Occurrence},
    ids::{CampaignId, LeadId},
    import::{
        Identifier, Purpose, Reach,
        decide::{self, Act, LeadBody},
    },
    store::{
        Rows,
        intake::{self, Arrival, CampaignRef, Who},
        live::{Touched, What},
    },
};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// How leads of files came in.
const SOURCE: &str = "import";

/// Takes the rows, wave by wave.
pub(super) async fn take(
    tx: &mut Tx,
    work: &Work<'_>,
    waves: Vec<Vec<Row>>,
    applied: &mut Applied,
) -> Result<(), Stop> {
    let campaigns = Campaigns::read(tx, work, &waves).await?;
    for rows in waves {
        let mut known = find(tx, work, &rows).await?;
        let mut wave = Wave::default();
        for row in rows {
            let home = campaigns.home(&row);
            let known = known.remove(&row.draft.row).unwrap_or_default();
            wave.decide(work, row, (home, known), applied);
        }
        wave.write(tx, work, applied).await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Wanted<'a> {
    workspace_id: Uuid,
    row: i64,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    id: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct Found {
    row: i64,
    #[sqlx(flatten)]
    lead: LeadNow,
}

/// The columns of a [`Found`].
macro_rules! found_columns {
    () => {
        "SELECT r.row, l.id, l.contact_id, l.campaign_id, l.import_id, l.first_name, l.last_name, l.email, l.phone, l.details "
    };
}

/// By row, the leads that it may mean, locked with their contacts: of everybody who is found by it, in all campaigns. Deleted ones are not
/// there for anybody.
async fn find(
    tx: &mut Tx,
    work: &Work<'_>,
    rows: &[Row],
) -> Result<HashMap<i64, Vec<LeadNow>>, StoreError> {
    let identifier = work.plan.config.identifier;
    if work.plan.config.purpose == Purpose::AddAll {
        return Ok(HashMap::new());
    }
    let wanted = |row: &'_ Row| Wanted {
        workspace_id: work.workspace.0,
        row: row.draft.row,
        email: None,
        phone: None,
        id: row.draft.lead_id.map(|id| id.0),
    };
    let wanted: Vec<Wanted> = rows
        .iter()
        .map(|row| Wanted {
            email: row.draft.email.as_deref(),
            phone: row.draft.phone.as_deref(),
            ..wanted(row)
        })
        .collect();
    let wanted = Rows::of(&wanted);
    let found: Vec<Found> = match identifier {
        Identifier::Email => by_email(tx, wanted).await?,
        Identifier::Phone => by_phone(tx, wanted).await?,
        Identifier::LeadId | Identifier::ContactId => by_id(tx, wanted).await?,
    };
    let mut by_row: HashMap<i64, Vec<LeadNow>> = HashMap::new();
    for Found { row, lead } in found {
        by_row.entry(row).or_default().push(lead);
    }
    Ok(by_row)
}

async fn by_email(tx: &mut Tx, wanted: Rows) -> Result<Vec<Found>, StoreError> {
    tx.ex()
        .sql(concat!(
            found_columns!(),
            "FROM ROWS($1: workspace_id uuid, row bigint, email text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             JOIN lead l ON l.contact_id = c.id AND (l.workspace_id = c.workspace_id) IS TRUE
             WHERE l.status <> 'deleted'{pg:  FOR NO KEY UPDATE OF c, l}"
        ))
        .bind(wanted)
        .all()
        .await
}

async fn by_phone(tx: &mut Tx, wanted: Rows) -> Result<Vec<Found>, StoreError> {
    tx.ex()
        .sql(concat!(
            found_columns!(),
            "FROM ROWS($1: workspace_id uuid, row bigint, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone
             JOIN lead l ON l.contact_id = c.id AND (l.workspace_id = c.workspace_id) IS TRUE
             WHERE l.status <> 'deleted'{pg:  FOR NO KEY UPDATE OF c, l}"
        ))
        .bind(wanted)
        .all()
        .await
}

async fn by_id(tx: &mut Tx, wanted: Rows) -> Result<Vec<Found>, StoreError> {
    tx.ex()
        .sql(concat!(
            found_columns!(),
            "FROM ROWS($1: workspace_id uuid, row bigint, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE l.status <> 'deleted'{pg:  FOR NO KEY UPDATE OF c, l}"
        ))
        .bind(wanted)
        .all()
        .await
}

/// The lead that a row means: the newest within its reach; of the campaign that it names before one of where it would go.
fn meant(work: &Work<'_>, home: &Home, mut known: Vec<LeadNow>) -> Option<LeadNow> {
    known.sort_by_key(|lead| lead.id);
    let config = &work.plan.config;
    if config.reach == Reach::Workspace || config.identifier == Identifier::LeadId {
        return known.pop();
    }
    let within = |campaign: CampaignId| known.iter().rev().find(|one| one.campaign_id == campaign);
    let named = home.named.and_then(within);
    named.or_else(|| within(*home.home.as_ref().ok()?)).cloned()
}

/// What becomes of the rows of a wave.
#[derive(Default)]
struct Wave {
    arrivals: Vec<Arrival>,
    /// The rows of the arrivals.
    rows: Vec<Row>,
    updates: Vec<(LeadId, LeadBody)>,
    before: Vec<Before>,
}

impl Wave {
    fn decide(
        &mut self,
        work: &Work<'_>,
        row: Row,
        (home, known): (Home, Vec<LeadNow>),
        applied: &mut Applied,
    ) {
        let lead = meant(work, &home, known);
        let body = lead.as_ref().map(LeadNow::body);
        match (decide::lead(work.plan, &row.draft, body.as_ref()), lead) {
            (Act::Refuse(problems), _) => applied.refuse(&row, problems),
            (Act::Skip(_), _) => applied.counts.skipped += 1,
            (Act::Unchanged, lead) => {
                applied.counts.unchanged += 1;
                applied.contacts.extend(lead.map(|lead| lead.contact_id));
            }
            (Act::Update { to, fields }, Some(lead)) => {
                applied.counts.updated += 1;
                applied.contacts.insert(lead.contact_id);
                applied.touched.push(updated(work, &lead));
                if lead.import_id != Some(work.import) {
                    let (kind, object, contact) = (Kind::Lead, lead.id.0, lead.contact_id);
                    self.before.push(Before { kind, object, contact, fields });
                }
                self.updates.push((lead.id, to));
            }
            (Act::Create(body) | Act::Update { to: body, .. }, _) => match home.home {
                Ok(campaign) => self.create(work, row, (campaign, body), applied),
                Err(problems) => applied.refuse(&row, problems),
            },
        }
    }

    fn create(
        &mut self,
        work: &Work<'_>,
        row: Row,
        (campaign, LeadBody { person, details }): (CampaignId, LeadBody),
        applied: &mut Applied,
    ) {
        if person.email.is_empty() && person.phone.is_empty() {
            return applied.refuse(&row, whole("a new lead needs an email or a phone"));
        }
        self.arrivals.push(Arrival {
            workspace: work.workspace,
            campaign: CampaignRef::Id(campaign),
            who: Who::New { person, details },
            is_test: row.draft.is_test,
            submit: false,
            source: SOURCE,
            repeat: None,
            at: work.now,
            redeliver_at: work.now,
        });
        self.rows.push(row);
    }

    async fn write(
        self,
        tx: &mut Tx,
        work: &Work<'_>,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        let key = (work.workspace, work.import);
        write_leads(tx, key, &self.updates, work.now).await?;
        before::keep(tx, key, self.before).await?;
        if self.arrivals.is_empty() {
            return Ok(());
        }
        let (taken, touched) = intake::take(tx, &self.arrivals, Some(work.import)).await?;
        for (row, taken) in self.rows.iter().zip(taken) {
            match taken {
                Ok(_) => applied.counts.created += 1,
                Err(declined) => applied.refuse(row, whole(declined.to_string())),
            }
        }
        applied.contacts.extend(touched.iter().map(|one| one.contact));
        applied.touched.extend(touched);
        Ok(())
    }
}

fn updated(work: &Work<'_>, lead: &LeadNow) -> Touched {
    let touched = Touched::new(work.workspace, lead.contact_id, What::nothing());
    touched.and(Happened::to_lead(lead.id, Occurrence::Everything))
}
