//! Points that people give. A campaign that reacts logs them itself, and whatever follows; for all others they are logged here.
use crate::{
    audit::Entry,
    automation::{Happened, Memory, Occurrence, POINTS_MAX, doc::stars, outcome::FiringKind},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, StoreError, Tx,
        again::again,
        audit,
        desk::{
            Ask,
            repeat::{self, Key},
        },
        intake::RepeatKey,
        live::{self, Touched, What, gate},
    },
};
use serde_json::{Value, json};
use sqlx::types::Json;

/// Points for a lead.
#[derive(Debug, Clone)]
pub struct Gift {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    /// Not 0, from -[`POINTS_MAX`] to [`POINTS_MAX`].
    pub points: i64,
    pub reason: String,
    /// Who gives them.
    pub by: String,
    /// Makes the request safe to repeat.
    pub repeat: Option<RepeatKey>,
    pub at: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// `{"leadId", "added", "points", "stars", "leadStatus", "firing"}`: what was really added, and how the lead stands after all that
    /// followed.
    Done(Value),
    /// The same request was answered so before.
    Repeated(Value),
    /// The key was used before with another body.
    KeyReused,
    NoSuchLead,
    /// Nothing was written: the lead is no longer processed.
    Closed(LeadStatus),
}

/// Gives them, and lets the campaign react.
pub async fn give(db: &Db, gift: &Gift) -> Result<Given, StoreError> {
    let mut tries = 0;
    loop {
        match once(db, gift).await {
            Err(error) if again(&error, &mut tries) => {}
            done => return done,
        }
    }
}

async fn once(db: &Db, gift: &Gift) -> Result<Given, StoreError> {
    let mut tx = db.begin().await?;
    let given = within(&mut tx, gift).await?;
    // What is refused leaves nothing, its key neither: mended, it may be sent again.
    match given {
        Given::Done(_) => tx.commit().await?,
        _ => tx.rollback().await?,
    }
    Ok(given)
}

async fn within(tx: &mut Tx, gift: &Gift) -> Result<Given, StoreError> {
    let ask = Ask {
        workspace: gift.workspace,
        lead: gift.lead,
        campaign: None,
        repeat: gift.repeat.clone(),
        at: gift.at,
    };
    match repeat::take(tx, &ask).await? {
        Key::Ours => {}
        Key::Answered(answer) => return Ok(Given::Repeated(answer)),
        Key::OtherBody => return Ok(Given::KeyReused),
    }
    let Some(lead) = locked(tx, gift).await? else { return Ok(Given::NoSuchLead) };
    if !lead.status.is_processed() {
        return Ok(Given::Closed(lead.status));
    }
    let last = lead.number.unwrap_or(0);
    let what = Occurrence::Points {
        points: gift.points,
        reason: gift.reason.clone(),
        by: gift.by.clone(),
    };
    let touched = Touched::new(gift.workspace, lead.contact_id, What::fields([]))
        .and(Happened::to_lead(gift.lead, what));
    live::reassess(tx, &[touched], gift.at).await?;
    let logged = match logged(tx, gift, last).await? {
        Some(logged) => logged,
        None => log(tx, gift, &lead).await?,
    };
    let answer = answer(tx, gift, logged).await?;
    repeat::keep(tx, &ask, &answer).await?;
    let entry = Entry::new("lead.points_given", "lead", gift.lead)
        .to(json!({ "added": answer["added"], "points": answer["points"] }));
    audit::tell(tx, gift.workspace, &[entry], gift.at).await?;
    Ok(Given::Done(answer))
}

/// The lead before the points.
#[derive(Debug, sqlx::FromRow)]
struct Lead {
    contact_id: ContactId,
    campaign_id: CampaignId,
    status: LeadStatus,
    /// None: it has no points and no firings.
    points: Option<i64>,
    number: Option<i64>,
}

/// Locks the contact, by which all wait who change a lead's points, and reads the lead as it is then.
async fn locked(tx: &mut Tx, gift: &Gift) -> Result<Option<Lead>, StoreError> {
    let mut held: Option<ContactId> = None;
    loop {
        let Some(lead) = read(tx, gift).await? else { return Ok(None) };
        // Another contact than a moment ago: the two were merged meanwhile.
        if held == Some(lead.contact_id) {
            return Ok(Some(lead));
        }
        let key = (gift.workspace, lead.contact_id);
        gate::lock_contacts(tx, std::iter::once(key)).await?;
        held = Some(lead.contact_id);
    }
}

async fn read(tx: &mut Tx, gift: &Gift) -> Result<Option<Lead>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.contact_id, l.campaign_id, l.status, p.points, p.number FROM lead l
             LEFT JOIN lead_automation p ON p.workspace_id = l.workspace_id AND p.lead_id = l.id
             WHERE l.workspace_id = $1 AND l.id = $2",
        )
        .bind(gift.workspace)
        .bind(gift.lead)
        .optional()
        .await
}

/// The line of the log: its number, and what was really added.
type Logged = (i64, i64);

/// What the campaign has logged of it; none: it does not react.
async fn logged(tx: &mut Tx, gift: &Gift, last: i64) -> Result<Option<Logged>, StoreError> {
    tx.ex()
        .sql(
            "SELECT number, points FROM firing WHERE workspace_id = $1 AND lead_id = $2 AND number > $3 AND kind = 'by_hand'
             ORDER BY number LIMIT 1",
        )
        .bind(gift.workspace)
        .bind(gift.lead)
        .bind(last)
        .optional()
        .await
}

/// Logs them where no campaign does. The contact is locked.
async fn log(tx: &mut Tx, gift: &Gift, lead: &Lead) -> Result<Logged, StoreError> {
    let before = lead.points.unwrap_or(0);
    let after = before.saturating_add(gift.points).clamp(-POINTS_MAX, POINTS_MAX);
    let number = lead.number.unwrap_or(0) + 1;
    tx.ex()
        .sql(
            "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, due_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)
             ON CONFLICT (workspace_id, lead_id) DO UPDATE
             SET points = excluded.points, number = excluded.number, updated_at = excluded.updated_at",
        )
        .bind(gift.workspace)
        .bind(gift.lead)
        .bind(lead.campaign_id)
        .bind(after)
        .bind(number)
        .bind(Json(Memory::default()))
        .bind(gift.at)
        .run()
        .await?;
    // As the engine logs it.
    let cause = json!({"type": "byHand", "reason": gift.reason, "by": gift.by});
    let mut line = json!({
        "type": "addPoints", "points": after - before, "before": before, "after": after,
    });
    if after == before {
        line["left"] = json!("at the limit of points");
    }
    tx.ex()
        .sql(
            "INSERT INTO firing (workspace_id, lead_id, number, campaign_id, revision, kind, rule_id, rule_name, cause, facts,
                points, points_after, status_before, status_after, actions, at)
             VALUES ($1, $2, $3, $4, 0, $5, '', '', $6, $7, $8, $9, $10, $10, $11, $12)",
        )
        .bind(gift.workspace)
        .bind(gift.lead)
        .bind(number)
        .bind(lead.campaign_id)
        .bind(FiringKind::ByHand)
        .bind(Json(cause))
        .bind(Json(json!({})))
        .bind(after - before)
        .bind(after)
        .bind(lead.status)
        .bind(Json(json!([line])))
        .bind(gift.at)
        .run()
        .await?;
    Ok((number, after - before))
}

async fn answer(tx: &mut Tx, gift: &Gift, (firing, added): Logged) -> Result<Value, StoreError> {
    let (points, status, per_star): (i64, LeadStatus, i64) = tx
        .ex()
        .sql(
            "SELECT p.points, l.status, COALESCE(CAST(a.config->'scoring'->>'pointsPerStar' AS bigint), 10)
             FROM lead l JOIN lead_automation p ON p.workspace_id = l.workspace_id AND p.lead_id = l.id
             LEFT JOIN automation a ON a.workspace_id = l.workspace_id AND a.campaign_id = l.campaign_id
             WHERE l.workspace_id = $1 AND l.id = $2",
        )
        .bind(gift.workspace)
        .bind(gift.lead)
        .one()
        .await?;
    Ok(json!({
        "leadId": gift.lead, "added": added, "points": points, "stars": stars(points, per_star),
        "leadStatus": status, "firing": firing,
    }))
}
