//! Are the members of a segment those who belong? Reckoned from scratch.
use super::{
    StoreError, Tx, answers,
    definitions::{self, Definition, Definitions},
};
use crate::{
    clock::Time,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::{
        Db,
        contacts::related::Needs,
        select::{self, Compiled, Moment},
    },
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Contacts that are named of those missing and of those too many.
pub const SAMPLE: usize = 10;
/// Contacts that are asked about together.
const PAGE: i64 = 1_000;

/// How the members of a segment compare with those who belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Who belongs and is no member.
    pub missing: Apart,
    /// Who is a member and does not belong.
    pub extra: Apart,
}

/// How many there are, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apart {
    pub count: u64,
    pub sample: Vec<ContactId>,
}

impl Apart {
    fn note(&mut self, contact: ContactId) {
        self.count += 1;
        if self.sample.len() < SAMPLE {
            self.sample.push(contact);
        }
    }
}

impl Checked {
    pub fn is_right(&self) -> bool {
        self.missing.count == 0 && self.extra.count == 0
    }
}

/// Checks one segment as of `now`; none if it is not kept right: static, switched off, broken, frozen or not there. Where a rule speaks of
/// now, a member whom the clock has just changed and no sweep has seen counts as a difference.
pub async fn check(
    db: &Db,
    workspace: WorkspaceId,
    id: SegmentId,
    now: Time,
) -> Result<Option<Checked>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    let definitions = definitions::of(&mut tx, workspace).await?;
    let checked = match definitions.of(id) {
        Some(one) => Some(check_one(&mut tx, &definitions, one, now).await?),
        None => None,
    };
    tx.rollback().await?;
    Ok(checked)
}

/// Checks all segments that are kept right.
pub async fn check_all(
    db: &Db,
    workspace: WorkspaceId,
    now: Time,
) -> Result<Vec<(SegmentId, Checked)>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    let definitions = definitions::of(&mut tx, workspace).await?;
    let mut all = Vec::new();
    for one in &definitions.dynamic {
        all.push((one.id, check_one(&mut tx, &definitions, one, now).await?));
    }
    tx.rollback().await?;
    Ok(all)
}

async fn check_one(
    tx: &mut Tx,
    definitions: &Definitions,
    one: &Definition,
    now: Time,
) -> Result<Checked, StoreError> {
    let engine = tx.ex().engine();
    let moment = Moment { now, zone: one.zone, sets: &definitions.sets };
    let compiled = select::compile(&one.rule, engine, &moment, 3);
    if compiled.is_exact {
        by_condition(tx, definitions, (one, &compiled)).await
    } else {
        by_answers(tx, definitions, one, now).await
    }
}

#[derive(sqlx::FromRow)]
struct Found {
    id: ContactId,
    times: i64,
}

async fn by_condition(
    tx: &mut Tx,
    definitions: &Definitions,
    (one, compiled): (&Definition, &Compiled),
) -> Result<Checked, StoreError> {
    let (join, status) = (compiled.join(), answers::status_condition(one));
    let condition = &compiled.sql;
    let missing = format!(
        "SELECT c.id, COUNT(*) OVER () AS times FROM contact c{join}
         WHERE c.workspace_id = $1 AND {status} AND ({condition}) AND NOT EXISTS (
            SELECT 1 FROM segment_member m WHERE m.workspace_id = $1 AND m.segment_id = $2 AND m.contact_id = c.id)
         ORDER BY c.id LIMIT {SAMPLE}"
    );
    let extra = format!(
        "SELECT m.contact_id AS id, COUNT(*) OVER () AS times FROM segment_member m
         WHERE m.workspace_id = $1 AND m.segment_id = $2 AND NOT EXISTS (
            SELECT 1 FROM contact c{join}
            WHERE c.workspace_id = $1 AND c.id = m.contact_id AND {status} AND ({condition}))
         ORDER BY m.contact_id LIMIT {SAMPLE}"
    );
    let mut both = Vec::new();
    for text in [missing, extra] {
        let query = tx.ex().made(text).bind(definitions.workspace).bind(one.id);
        let found: Vec<Found> = compiled.bind(query).all().await?;
        both.push(Apart {
            count: found.first().map_or(0, |first| first.times.cast_unsigned()),
            sample: found.into_iter().map(|found| found.id).collect(),
        });
    }
    let extra = both.pop().unwrap_or_default();
    Ok(Checked { missing: both.pop().unwrap_or_default(), extra })
}

/// Asks about every contact, a page at a time.
async fn by_answers(
    tx: &mut Tx,
    definitions: &Definitions,
    one: &Definition,
    now: Time,
) -> Result<Checked, StoreError> {
    let needs = Needs::of([&one.rule]);
    let mut checked = Checked::default();
    let mut after = Uuid::nil();
    loop {
        let ids = page(tx, definitions.workspace, after).await?;
        let last = if ids.len() as i64 == PAGE { ids.last().map(|id| id.0) } else { None };
        let members = members(tx, definitions, one, (after, last.unwrap_or(Uuid::max()))).await?;
        let mut people = answers::people(tx, definitions.workspace, &ids, &needs).await?;
        let mut belonging = BTreeSet::new();
        for id in ids {
            let Some(person) = people.get_mut(&id) else { continue };
            if person.belongs(one, &definitions.sets, now) {
                belonging.insert(id);
            }
        }
        belonging.difference(&members).for_each(|id| checked.missing.note(*id));
        members.difference(&belonging).for_each(|id| checked.extra.note(*id));
        match last {
            Some(last) => after = last,
            None => return Ok(checked),
        }
    }
}

async fn page(
    tx: &mut Tx,
    workspace: WorkspaceId,
    after: Uuid,
) -> Result<Vec<ContactId>, StoreError> {
    let ids: Vec<(ContactId,)> = tx
        .ex()
        .sql("SELECT id FROM contact WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3")
        .bind(workspace)
        .bind(after)
        .bind(PAGE)
        .all()
        .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

async fn members(
    tx: &mut Tx,
    definitions: &Definitions,
    one: &Definition,
    (after, until): (Uuid, Uuid),
) -> Result<BTreeSet<ContactId>, StoreError> {
    let ids: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "SELECT contact_id FROM segment_member
             WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3 AND contact_id <= $4",
        )
        .bind(definitions.workspace)
        .bind(one.id)
        .bind(after)
        .bind(until)
        .all()
        .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}
