//! Contacts that match a rule: a page of them, how many, and their ids.
//!
//! The database finds them where it can. Where it finds too many, they are read in steps, in the order of their ids, and the rule is
//! asked about each; steps of one search see the same moment.
use super::related::{self, Needs};
use crate::{
    clock::Time,
    contact::{Contact, doc},
    ids::{ContactId, WorkspaceId},
    rules::{Facts, Rule},
    store::{
        Db, StoreError, Tx,
        db::Query,
        select::{self, Compiled, Moment},
        value_sets,
    },
    value_set::Sets,
};
use chrono_tz::Tz;
use std::cmp::Reverse;
use uuid::Uuid;

/// Contacts that are read at once when the rule is asked in memory: at first, and at most.
const STEP_MIN: usize = 200;
const STEP_MAX: usize = 2_000;
/// So many are too many to be sorted at once.
const FEW: usize = 1_000;
/// The parameters of a statement before those of the rule: workspace, first id, last id, limit.
const OWN_PARAMETERS: usize = 4;

/// Who is looked for, and as of when.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub workspace: WorkspaceId,
    /// None: everybody.
    pub rule: Option<&'a Rule>,
    pub now: Time,
    pub zone: Tz,
    pub among: Among,
}

/// Contacts of which statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    All,
    /// All that are not deleted.
    Kept,
    Active,
}

impl Among {
    /// Those that may be in a dynamic segment whose rule asks about the status, or does not.
    pub fn of_segment(reads_status: bool) -> Self {
        if reads_status { Self::Kept } else { Self::Active }
    }

    /// The condition on `c` that says so.
    pub fn sql(self) -> &'static str {
        match self {
            Self::All => "TRUE",
            Self::Kept => "c.status <> 'deleted'",
            Self::Active => "c.status = 'active'",
        }
    }
}

/// In which order contacts are read.
#[derive(Clone, Copy)]
enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY c.id DESC",
            Self::OldestFirst => " ORDER BY c.id ASC",
        }
    }
}

/// The newest `limit` contacts that match and are older than `before`, newest first.
pub async fn page(
    db: &Db,
    search: &Search<'_>,
    before: Option<ContactId>,
    limit: usize,
) -> Result<Vec<Contact>, StoreError> {
    let (mut run, mut tx) = Run::begin(db, search, Order::NewestFirst, before).await?;
    let mut found = run.few(&mut tx, limit).await?;
    while found.len() < limit && !run.is_over {
        found.extend(run.step(&mut tx, limit - found.len()).await?);
    }
    Ok(found)
}

/// How many match, and whether that is all of them: counting stops at `most`.
pub async fn count(db: &Db, search: &Search<'_>, most: u64) -> Result<(u64, bool), StoreError> {
    let (mut run, mut tx) = Run::begin(db, search, Order::OldestFirst, None).await?;
    // One more shows that there are more.
    let limit = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
    let mut found = 0;
    if run.rule.is_exact {
        let sql = format!("SELECT count(*) FROM ({}) t", run.sql("1 AS one", ""));
        let counted: i64 = run.bind(tx.ex().made(sql), limit).scalar().await?;
        found = counted as u64;
    }
    while found <= most && !run.rule.is_exact && !run.is_over {
        found += run.step(&mut tx, limit).await?.len() as u64;
    }
    Ok((found.min(most), found <= most))
}

/// The ids of the first `limit` contacts that match and are newer than `after`, oldest first.
pub async fn ids(
    db: &Db,
    search: &Search<'_>,
    after: Option<ContactId>,
    limit: usize,
) -> Result<Vec<ContactId>, StoreError> {
    let (mut run, mut tx) = Run::begin(db, search, Order::OldestFirst, after).await?;
    if run.rule.is_exact {
        let sql = run.sql("c.id", run.order.sql());
        let found: Vec<(ContactId,)> = run.bind(tx.ex().made(sql), limit).all().await?;
        return Ok(found.into_iter().map(|(id,)| id).collect());
    }
    let mut found = Vec::new();
    while found.len() < limit && !run.is_over {
        let matching = run.step(&mut tx, limit - found.len()).await?;
        found.extend(matching.into_iter().map(|contact| contact.id));
    }
    Ok(found)
}

/// The next contacts that match, oldest first, after `after` and up to `last`: at most `limit` of them, or none although there are more.
/// Says where to go on, if there may be more.
pub async fn walk(
    db: &Db,
    search: &Search<'_>,
    (after, last): (ContactId, ContactId),
    limit: usize,
) -> Result<(Vec<Contact>, Option<ContactId>), StoreError> {
    let (mut run, mut tx) = Run::begin(db, search, Order::OldestFirst, Some(after)).await?;
    run.end = Uuid::from_u128(last.0.as_u128().saturating_add(1));
    run.step = limit;
    let found = run.step(&mut tx, limit).await?;
    tx.rollback().await?;
    Ok((found, run.cursor.filter(|_| !run.is_over)))
}

/// The newest contact of a workspace.
pub async fn newest(db: &Db, workspace: WorkspaceId) -> Result<Option<ContactId>, StoreError> {
    let found: Option<(ContactId,)> = db
        .read()
        .sql("SELECT id FROM contact WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1")
        .bind(workspace)
        .optional()
        .await?;
    Ok(found.map(|(id,)| id))
}

/// A search under way.
struct Run<'a> {
    search: &'a Search<'a>,
    sets: Sets,
    rule: Compiled,
    needs: Needs,
    order: Order,
    /// Where it has come to.
    cursor: Option<ContactId>,
    /// Where it ends when the oldest come first: before this.
    end: Uuid,
    step: usize,
    is_over: bool,
}

impl<'a> Run<'a> {
    async fn begin(
        db: &Db,
        search: &'a Search<'a>,
        order: Order,
        cursor: Option<ContactId>,
    ) -> Result<(Self, Tx), StoreError> {
        let named = search.rule.map(Rule::sets).unwrap_or_default();
        let names: Vec<String> = named.into_iter().map(|(_, name)| name.to_owned()).collect();
        let sets = value_sets::sets(db, search.workspace, &names).await?;
        let mut tx = db.begin_wide_read().await?;
        let moment = Moment { now: search.now, zone: search.zone, sets: &sets };
        let engine = tx.ex().engine();
        let rule = match search.rule {
            Some(rule) => select::compile(rule, engine, &moment, OWN_PARAMETERS + 1),
            None => Compiled::everybody(),
        };
        let needs = match rule.is_exact {
            true => Needs::default(),
            false => Needs::of(search.rule),
        };
        let (end, step) = (Uuid::max(), STEP_MIN);
        Ok((Self { search, sets, rule, needs, order, cursor, end, step, is_over: false }, tx))
    }

    /// The statement that finds `columns` of contacts.
    fn sql(&self, columns: &str, order: &str) -> String {
        let Compiled { sql: condition, .. } = &self.rule;
        let among = self.search.among.sql();
        format!(
            "SELECT {columns} FROM contact c{} WHERE c.workspace_id = $1 AND c.id > $2 AND c.id < $3 AND {among} AND {condition}{order} LIMIT $4",
            self.rule.join()
        )
    }

    fn bind<'c>(&self, query: Query<'c>, limit: usize) -> Query<'c> {
        let cursor = self.cursor.map(|id| id.0);
        let (after, before) = match self.order {
            Order::NewestFirst => (Uuid::nil(), cursor.unwrap_or(Uuid::max())),
            Order::OldestFirst => (cursor.unwrap_or(Uuid::nil()), self.end),
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rule.bind(query.bind(self.search.workspace).bind(after).bind(before).bind(limit))
    }

    /// Everybody, if they are few; then it is over. Asked for in no order, they are found by whatever index leads to them; in the order of
    /// their ids, a plan may walk over all contacts for a handful.
    async fn few(&mut self, tx: &mut Tx, limit: usize) -> Result<Vec<Contact>, StoreError> {
        if !self.rule.is_exact || self.search.rule.is_none() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT id FROM ({}) few ORDER BY id DESC", self.sql("c.id", ""));
        let found: Vec<(ContactId,)> = self.bind(tx.ex().made(sql), FEW).all().await?;
        if found.len() == FEW {
            return Ok(Vec::new());
        }
        self.is_over = true;
        let ids: Vec<ContactId> = found.into_iter().take(limit).map(|(id,)| id).collect();
        let mut contacts = super::read::get_many(tx.ex(), self.search.workspace, &ids).await?;
        contacts.sort_unstable_by_key(|contact| Reverse(contact.id));
        Ok(contacts)
    }

    /// The next contacts that match, at most so many. None found does not mean that there are no more.
    async fn step(&mut self, tx: &mut Tx, wanted: usize) -> Result<Vec<Contact>, StoreError> {
        let read = if self.rule.is_exact { wanted } else { self.step };
        let sql = self.sql(super::read::COLUMNS, self.order.sql());
        let contacts: Vec<Contact> = self.bind(tx.ex().made(sql), read).all().await?;
        self.is_over = contacts.len() < read;
        self.cursor = contacts.last().map(|contact| contact.id).or(self.cursor);
        self.step = (self.step * 2).min(STEP_MAX);
        let mut found = match self.search.rule {
            Some(rule) if !self.rule.is_exact => self.matching(tx, rule, contacts).await?,
            _ => contacts,
        };
        found.truncate(wanted);
        Ok(found)
    }

    /// Those about whom the rule holds.
    async fn matching(
        &self,
        tx: &mut Tx,
        rule: &Rule,
        contacts: Vec<Contact>,
    ) -> Result<Vec<Contact>, StoreError> {
        let ids: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
        let mut related = related::load(tx, self.search.workspace, &ids, &self.needs).await?;
        let Search { now, zone: tz, .. } = *self.search;
        let holds = |contact: &Contact| {
            let related = related.remove(&contact.id).unwrap_or_default();
            let doc = doc::of(contact, &related, now, tz);
            rule.matches(&Facts { doc: &doc, now, tz, value_sets: &self.sets })
        };
        Ok(contacts.into_iter().filter(holds).collect())
    }
}
