//! Bringing all members of a campaign into line, in steps: each is a transaction, and where it stands is kept with the campaign.
use super::{Campaign, Settled, bring};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SegmentId, WorkspaceId},
    store::{Db, StoreError, Tx, live},
};
use uuid::Uuid;

/// Contacts of one step, at most.
pub const STEP: i64 = 500;

/// How far it has come: through the members of the segments, one segment after the other, then through the campaign's leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Members(SegmentId, ContactId),
    Leads(LeadId),
}

impl Place {
    fn write(self) -> String {
        match self {
            Self::Members(segment, after) => format!("members {} {}", segment.0, after.0),
            Self::Leads(after) => format!("leads {}", after.0),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (kind, mut ids) = (words.next()?, words.map(Uuid::parse_str));
        match kind {
            "members" => {
                Some(Self::Members(SegmentId(ids.next()?.ok()?), ContactId(ids.next()?.ok()?)))
            }
            "leads" => Some(Self::Leads(LeadId(ids.next()?.ok()?))),
            _ => None,
        }
    }
}

/// Active campaigns whose members are to be brought into line, in all workspaces.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, CampaignId)>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id FROM campaign
             WHERE members_due_at <= $1 AND members_due_at IS NOT NULL AND state = 'active'
             ORDER BY members_due_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// What a step did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    pub settled: Settled,
    /// Nothing is left to do, or somebody else does it.
    pub is_last: bool,
}

/// Brings all members of an active campaign into line, whether it is due or not.
pub async fn settle_all(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Settled, StoreError> {
    db.write()
        .sql(
            "UPDATE campaign SET members_due_at = $3, members_from = NULL WHERE workspace_id = $1 AND id = $2 AND state = 'active'",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await?;
    let mut all = Settled::default();
    loop {
        let step = step(db, (workspace, campaign), now).await?;
        all = all.and(step.settled);
        if step.is_last {
            return Ok(all);
        }
    }
}

/// Does the next step. One that is done twice changes nothing; of two at once one is done.
pub async fn step(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Step, StoreError> {
    let mut tx = db.begin().await?;
    let Some((found, from)) = take(&mut tx, (workspace, campaign), now).await? else {
        return Ok(Step { is_last: true, ..Step::default() });
    };
    let place = match from.as_deref().and_then(Place::read) {
        Some(place) => place,
        None => begin(&mut tx, (workspace, campaign), now).await?,
    };
    let (contacts, next) = look(&mut tx, (workspace, campaign), place).await?;
    let settled = bring(&mut tx, (workspace, &[found]), &contacts, now).await?;
    keep(&mut tx, (workspace, campaign), next, now).await?;
    live::reassess(&mut tx, &settled.touched(workspace), now).await?;
    tx.commit().await?;
    Ok(Step { settled, is_last: next.is_none() })
}

#[derive(sqlx::FromRow)]
struct Taken {
    #[sqlx(flatten)]
    campaign: Campaign,
    members_from: Option<String>,
}

/// Locks the campaign if it is due and nobody is at it.
async fn take(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Option<(Campaign, Option<String>)>, StoreError> {
    let found: Option<Taken> = tx
        .ex()
        .sql(
            "SELECT id, auto_qualify, dedup_days, members_from FROM campaign
             WHERE workspace_id = $1 AND id = $2 AND state = 'active' AND members_due_at <= $3
             LIMIT 1{pg:  FOR NO KEY UPDATE SKIP LOCKED}",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .optional()
        .await?;
    Ok(found.map(|taken| (taken.campaign, taken.members_from)))
}

/// The first place; holds that are over by now are forgotten, and those that are not will be met again.
async fn begin(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Place, StoreError> {
    tx.ex()
        .sql(
            "UPDATE campaign SET members_next_at = NULL WHERE workspace_id = $1 AND id = $2 AND members_next_at <= $3",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await?;
    segment_after(tx, (workspace, campaign), SegmentId(Uuid::nil())).await
}

/// The first of the campaign's segments after this one; its leads when there is none.
async fn segment_after(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    segment: SegmentId,
) -> Result<Place, StoreError> {
    let next: Option<(SegmentId,)> = tx
        .ex()
        .sql(
            "SELECT segment_id FROM campaign_segment
             WHERE workspace_id = $1 AND campaign_id = $2 AND segment_id > $3 ORDER BY segment_id LIMIT 1",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(segment)
        .optional()
        .await?;
    Ok(next.map_or(Place::Leads(LeadId(Uuid::nil())), |(segment,)| {
        Place::Members(segment, ContactId(Uuid::nil()))
    }))
}

/// The contacts of the next step, and the place after it; none when it was the last.
async fn look(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    place: Place,
) -> Result<(Vec<ContactId>, Option<Place>), StoreError> {
    match place {
        Place::Members(segment, after) => {
            let contacts = members(tx, (workspace, segment), after).await?;
            let next = match contacts.last() {
                Some(last) if contacts.len() as i64 == STEP => Place::Members(segment, *last),
                _ => segment_after(tx, (workspace, campaign), segment).await?,
            };
            Ok((contacts, Some(next)))
        }
        Place::Leads(after) => {
            let leads = leads(tx, (workspace, campaign), after).await?;
            let more = leads.last().filter(|_| leads.len() as i64 == STEP);
            let next = more.map(|(last, _, _)| Place::Leads(*last));
            let idle = leads.iter().filter(|(_, _, may_leave)| *may_leave);
            Ok((idle.map(|(_, contact, _)| *contact).collect(), next))
        }
    }
}

async fn members(
    tx: &mut Tx,
    (workspace, segment): (WorkspaceId, SegmentId),
    after: ContactId,
) -> Result<Vec<ContactId>, StoreError> {
    let rows: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "SELECT contact_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3
             ORDER BY contact_id LIMIT $4",
        )
        .bind(workspace)
        .bind(segment)
        .bind(after)
        .bind(STEP)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(contact,)| contact).collect())
}

/// Leads, and whether a segment brought them and may take them away.
async fn leads(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    after: LeadId,
) -> Result<Vec<(LeadId, ContactId, bool)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT id, contact_id, source = 'segment' AND status = 'active' FROM lead
             WHERE campaign_id = $2 AND id > $3 AND (workspace_id = $1) IS TRUE ORDER BY id LIMIT $4",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(after)
        .bind(STEP)
        .all()
        .await
}

/// Notes the place; after the last one it is due when somebody may be contacted again.
async fn keep(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    next: Option<Place>,
    now: Time,
) -> Result<(), StoreError> {
    if let Some(place) = next {
        tx.ex()
            .sql("UPDATE campaign SET members_from = $3 WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(campaign)
            .bind(place.write())
            .run()
            .await?;
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE campaign SET members_from = NULL, members_next_at = NULL,
                members_due_at = CASE WHEN members_next_at > $3 THEN members_next_at ELSE NULL END
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for place in
            [Place::Members(SegmentId::new(), ContactId::new()), Place::Leads(LeadId(Uuid::nil()))]
        {
            assert_eq!(Place::read(&place.write()), Some(place));
        }
        for bad in ["", "members", "leads x", "elsewhere 1"] {
            assert_eq!(Place::read(bad), None);
        }
    }
}
