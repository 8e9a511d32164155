//! Where rows go: to the campaign that they name, or to the fallback.
use super::{Problem, Row, Stop, StoreError, Tx, Work, whole};
use crate::{
    ids::CampaignId,
    store::{Rows, intake::CampaignRef},
};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The campaigns that the rows of a part name.
pub(super) struct Campaigns {
    known: HashMap<CampaignRef, (CampaignId, String)>,
    fallback: Option<CampaignId>,
}

/// Where a row belongs.
pub(super) struct Home {
    /// The campaign that the row names, open or not.
    pub named: Option<CampaignId>,
    /// Where it goes if it is new; or why it cannot.
    pub home: Result<CampaignId, Vec<Problem>>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    workspace_id: Uuid,
    id: Option<Uuid>,
    code: Option<&'a str>,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: CampaignId,
    code: String,
    state: String,
}

impl Campaigns {
    pub async fn read(tx: &mut Tx, work: &Work<'_>, waves: &[Vec<Row>]) -> Result<Self, Stop> {
        let fallback = work.plan.config.fallback_campaign_id;
        let named = waves.iter().flatten().filter_map(|row| row.draft.campaign.clone());
        let wanted: HashSet<CampaignRef> = named.chain(fallback.map(CampaignRef::Id)).collect();
        let known = find(tx, work, &wanted).await?;
        if let Some(id) = fallback {
            match known.get(&CampaignRef::Id(id)) {
                Some((_, state)) if state == "active" => {}
                Some((_, state)) => {
                    let why = format!("the fallback campaign {id} is {state} and takes no leads");
                    return Err(Stop::Hopeless(why));
                }
                None => {
                    let why = format!("there is no such campaign as the fallback {id}");
                    return Err(Stop::Hopeless(why));
                }
            }
        }
        Ok(Self { known, fallback })
    }

    pub fn home(&self, row: &Row) -> Home {
        let named = row.draft.campaign.as_ref().and_then(|named| self.known.get(named));
        let home = match (named, self.fallback) {
            (Some((id, state)), _) if state == "active" => Ok(*id),
            (_, Some(fallback)) => Ok(fallback),
            (Some((id, state)), None) => {
                Err(problem(format!("the campaign {id} is {state} and takes no leads")))
            }
            (None, None) if row.draft.campaign.is_some() => {
                Err(problem("there is no such campaign".into()))
            }
            (None, None) => Err(whole("it names no campaign, and there is no fallback campaign")),
        };
        Home { named: named.map(|(id, _)| *id), home }
    }
}

fn problem(message: String) -> Vec<Problem> {
    vec![Problem { column: None, field: Some("campaignId".into()), message }]
}

async fn find(
    tx: &mut Tx,
    work: &Work<'_>,
    wanted: &HashSet<CampaignRef>,
) -> Result<HashMap<CampaignRef, (CampaignId, String)>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let workspace_id = work.workspace.0;
    let wanted: Vec<Wanted> = wanted
        .iter()
        .map(|named| match named {
            CampaignRef::Id(id) => Wanted { workspace_id, id: Some(id.0), code: None },
            CampaignRef::Code(code) => Wanted { workspace_id, id: None, code: Some(code) },
        })
        .collect();
    let found: Vec<Found> = tx
        .ex()
        .sql(
            "SELECT c.id, c.code, c.state FROM ROWS($1: workspace_id uuid, id uuid, code text) r
             JOIN campaign c ON c.workspace_id = r.workspace_id AND (c.id = r.id OR c.code = r.code)",
        )
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    let mut known = HashMap::new();
    for Found { id, code, state } in found {
        known.insert(CampaignRef::Id(id), (id, state.clone()));
        known.insert(CampaignRef::Code(code), (id, state));
    }
    Ok(known)
}
