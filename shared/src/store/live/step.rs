//! A step of a build: the members among the next contacts, by id, are made those who belong.
use super::{
    Engine, Rows, StoreError, Tx, answers,
    definitions::{Definition, Definitions},
};
use crate::{
    clock::Time,
    ids::ContactId,
    store::{
        automation::pending,
        contacts::related::Needs,
        db::Query,
        select::{self, Compiled, Moment},
    },
};
use serde::Serialize;
use uuid::Uuid;

/// What a step is about.
pub struct Step<'a> {
    pub definitions: &'a Definitions,
    pub definition: &'a Definition,
    /// As of when the segment is built.
    pub as_of: Time,
    /// The last contact of the step before.
    pub after: Uuid,
    /// Contacts to look at.
    pub size: i64,
    /// Whether campaigns react to who comes and goes: it is noted for them.
    pub is_watched: bool,
}

/// What a step has done.
#[derive(Debug, Clone, Copy, Default, sqlx::FromRow)]
pub struct Stepped {
    /// The last contact that was looked at; none: there are no more.
    pub edge: Option<Uuid>,
    pub fitting: i64,
    pub added: i64,
    pub removed: i64,
}

impl Step<'_> {
    /// Works within a widened transaction that has passed the gate alone.
    pub async fn run(&self, tx: &mut Tx) -> Result<Stepped, StoreError> {
        let engine = tx.ex().engine();
        let moment =
            Moment { now: self.as_of, zone: self.definition.zone, sets: &self.definitions.sets };
        let compiled = |first| select::compile(&self.definition.rule, engine, &moment, first);
        match (compiled(1).is_exact, engine) {
            (true, Engine::Postgres) => {
                let edge = self.edge(tx).await?;
                match self.is_peopled(tx, edge).await? {
                    true => self.at_once(tx, &compiled(6)).await,
                    false => self.only_add(tx, edge, &compiled(6)).await,
                }
            }
            (true, Engine::Sqlite) => self.in_two(tx, &compiled(5)).await,
            (false, _) => self.by_answers(tx, &compiled(4)).await,
        }
    }

    /// One statement, which reads each contact once. `NOT IN` is looked up in a hash whatever the planner thinks of the size of either
    /// side; nothing here is NULL.
    async fn at_once(&self, tx: &mut Tx, compiled: &Compiled) -> Result<Stepped, StoreError> {
        let text = format!(
            "WITH part AS MATERIALIZED (
                SELECT c.id, ({status} AND ({condition})) AS fits FROM contact c{join}
                WHERE c.workspace_id = $1 AND c.id > $3 ORDER BY c.id LIMIT $5),
             last AS MATERIALIZED (
                SELECT CASE WHEN (SELECT COUNT(*) FROM part) = $5 THEN (SELECT p.id FROM part p ORDER BY p.id DESC LIMIT 1) END AS id),
             gone AS (
                DELETE FROM segment_member m WHERE m.workspace_id = $1 AND m.segment_id = $2 AND m.contact_id > $3
                    AND m.contact_id <= COALESCE((SELECT id FROM last), '{max}')
                    AND m.contact_id NOT IN (SELECT p.id FROM part p WHERE p.fits)
                RETURNING m.contact_id),
             come AS (
                INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
                SELECT $1, $2, p.id, $4 FROM part p
                WHERE p.fits AND p.id NOT IN (
                    SELECT m.contact_id FROM segment_member m WHERE m.workspace_id = $1 AND m.segment_id = $2 AND m.contact_id > $3
                        AND m.contact_id <= COALESCE((SELECT id FROM last), '{max}'))
                ORDER BY p.id
                RETURNING contact_id){told}
             SELECT (SELECT id FROM last) AS edge, (SELECT COUNT(*) FROM part p WHERE p.fits) AS fitting,
                (SELECT COUNT(*) FROM come) AS added, (SELECT COUNT(*) FROM gone) AS removed",
            status = answers::status_condition(self.definition),
            condition = compiled.sql,
            join = compiled.join(),
            max = Uuid::max(),
            told = if self.is_watched { told(compiled.binds.len() + 6) } else { String::new() },
        );
        let query = tx
            .ex()
            .made(text)
            .bind(self.definitions.workspace)
            .bind(self.definition.id)
            .bind(self.after)
            .bind(self.as_of)
            .bind(self.size);
        let mut query = compiled.bind(query);
        if self.is_watched {
            let written = |entered| pending::written(&pending::moved(self.definition.id, entered));
            query = query.bind(written(true)?).bind(written(false)?);
        }
        query.one().await
    }

    /// Notes for campaigns who came and who left.
    async fn note(
        &self,
        tx: &mut Tx,
        (come, gone): (&[(ContactId,)], &[(ContactId,)]),
    ) -> Result<(), StoreError> {
        if !self.is_watched {
            return Ok(());
        }
        let of = |entered| {
            move |(contact,): &(ContactId,)| (*contact, pending::moved(self.definition.id, entered))
        };
        let moved: Vec<_> = come.iter().map(of(true)).chain(gone.iter().map(of(false))).collect();
        pending::note(tx, self.definitions.workspace, &moved, self.as_of).await
    }

    /// Whether anybody in the range is a member.
    async fn is_peopled(&self, tx: &mut Tx, edge: Option<Uuid>) -> Result<bool, StoreError> {
        tx.ex()
            .sql(
                "SELECT EXISTS (SELECT 1 FROM segment_member
                    WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3 AND contact_id <= $4)",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition.id)
            .bind(self.after)
            .bind(edge.unwrap_or(Uuid::max()))
            .scalar()
            .await
    }

    /// Where nobody is a member, those who belong are added, and nothing else is to be done: a first build.
    async fn only_add(
        &self,
        tx: &mut Tx,
        edge: Option<Uuid>,
        compiled: &Compiled,
    ) -> Result<Stepped, StoreError> {
        let text = format!(
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
             SELECT c.workspace_id, $2, c.id, $5 FROM contact c{join}
             WHERE c.workspace_id = $1 AND c.id > $3 AND c.id <= $4 AND {status} AND ({condition}) ORDER BY c.id{returning}",
            join = compiled.join(),
            status = answers::status_condition(self.definition),
            condition = compiled.sql,
            returning = if self.is_watched { " RETURNING contact_id" } else { "" },
        );
        let query = self.bound_to(tx.ex().made(text), edge.unwrap_or(Uuid::max()));
        let query = compiled.bind(query.bind(self.as_of));
        if !self.is_watched {
            let added = query.run().await?.cast_signed();
            return Ok(Stepped { edge, fitting: added, added, removed: 0 });
        }
        let come: Vec<(ContactId,)> = query.all().await?;
        self.note(tx, (&come, &[])).await?;
        let added = come.len() as i64;
        Ok(Stepped { edge, fitting: added, added, removed: 0 })
    }

    /// The last contact to look at, if there are more than that.
    async fn edge(&self, tx: &mut Tx) -> Result<Option<Uuid>, StoreError> {
        let last: Option<(Uuid,)> = tx
            .ex()
            .sql(
                "SELECT id FROM contact WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3",
            )
            .bind(self.definitions.workspace)
            .bind(self.after)
            .bind(self.size - 1)
            .optional()
            .await?;
        Ok(last.map(|(id,)| id))
    }

    /// Two statements, for an engine that cannot write in the middle of reading.
    async fn in_two(&self, tx: &mut Tx, compiled: &Compiled) -> Result<Stepped, StoreError> {
        let edge = self.edge(tx).await?;
        let belong = format!(
            "SELECT c.id FROM contact c{join}
             WHERE c.workspace_id = $1 AND c.id > $3 AND c.id <= $4 AND {status} AND ({condition})",
            join = compiled.join(),
            status = answers::status_condition(self.definition),
            condition = compiled.sql,
        );
        let remove = format!(
            "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3 AND contact_id <= $4
                AND contact_id NOT IN ({belong}) RETURNING contact_id"
        );
        let added_at = compiled.binds.len() + 5;
        let add = format!(
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
             SELECT $1, $2, b.id, ${added_at} FROM ({belong}) b WHERE true ON CONFLICT DO NOTHING RETURNING contact_id"
        );
        let until = edge.unwrap_or(Uuid::max());
        let gone = self.bound(tx.ex().made(remove), until, compiled).all().await?;
        let come = self.bound(tx.ex().made(add), until, compiled).bind(self.as_of).all().await?;
        self.note(tx, (&come, &gone)).await?;
        self.done(tx, edge, (come.len(), gone.len())).await
    }

    fn bound<'c>(&self, query: Query<'c>, until: Uuid, compiled: &Compiled) -> Query<'c> {
        compiled.bind(self.bound_to(query, until))
    }

    fn bound_to<'c>(&self, query: Query<'c>, until: Uuid) -> Query<'c> {
        let query = query.bind(self.definitions.workspace).bind(self.definition.id);
        query.bind(self.after).bind(until)
    }

    /// Finds who may belong, and asks the rule about each.
    async fn by_answers(&self, tx: &mut Tx, compiled: &Compiled) -> Result<Stepped, StoreError> {
        let edge = self.edge(tx).await?;
        let text = format!(
            "SELECT c.id FROM contact c{join}
             WHERE c.workspace_id = $1 AND c.id > $2 AND c.id <= $3 AND {status} AND ({condition}) ORDER BY c.id",
            join = compiled.join(),
            status = answers::status_condition(self.definition),
            condition = compiled.sql,
        );
        let query = tx
            .ex()
            .made(text)
            .bind(self.definitions.workspace)
            .bind(self.after)
            .bind(edge.unwrap_or(Uuid::max()));
        let found: Vec<(ContactId,)> = compiled.bind(query).all().await?;
        let found: Vec<ContactId> = found.into_iter().map(|(id,)| id).collect();
        let needs = Needs::of([&self.definition.rule]);
        let mut people = answers::people(tx, self.definitions.workspace, &found, &needs).await?;
        let mut belongs = |id: &ContactId| {
            let person = people.get_mut(id)?;
            let sets = &self.definitions.sets;
            person.belongs(self.definition, sets, self.as_of).then_some(Id { id: id.0 })
        };
        let fitting: Vec<Id> = found.iter().filter_map(&mut belongs).collect();
        let written = self.write(tx, edge, Rows::of(&fitting)).await?;
        self.done(tx, edge, written).await
    }

    /// Makes these the members of the range.
    async fn write(
        &self,
        tx: &mut Tx,
        edge: Option<Uuid>,
        fitting: Rows,
    ) -> Result<(usize, usize), StoreError> {
        let gone: Vec<(ContactId,)> = tx
            .ex()
            .sql(
                "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3 AND contact_id <= $4
                    AND contact_id NOT IN (SELECT r.id FROM ROWS($5: id uuid) r)
                 RETURNING contact_id",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition.id)
            .bind(self.after)
            .bind(edge.unwrap_or(Uuid::max()))
            .bind(fitting.clone())
            .all()
            .await?;
        let come: Vec<(ContactId,)> = tx
            .ex()
            .sql(
                "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
                 SELECT $1, $2, r.id, $3 FROM ROWS($4: id uuid) r WHERE true ON CONFLICT DO NOTHING
                 RETURNING contact_id",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition.id)
            .bind(self.as_of)
            .bind(fitting)
            .all()
            .await?;
        self.note(tx, (&come, &gone)).await?;
        Ok((come.len(), gone.len()))
    }

    async fn done(
        &self,
        tx: &mut Tx,
        edge: Option<Uuid>,
        (added, removed): (usize, usize),
    ) -> Result<Stepped, StoreError> {
        let fitting: i64 = tx
            .ex()
            .sql(
                "SELECT COUNT(*) FROM segment_member
                 WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3 AND contact_id <= $4",
            )
            .bind(self.definitions.workspace)
            .bind(self.definition.id)
            .bind(self.after)
            .bind(edge.unwrap_or(Uuid::max()))
            .scalar()
            .await?;
        Ok(Stepped { edge, fitting, added: added as i64, removed: removed as i64 })
    }
}

/// The part of [`Step::at_once`] that notes for campaigns who came and who left; two parameters.
fn told(first: usize) -> String {
    format!(
        ",
             told AS (
                INSERT INTO automation_pending (workspace_id, id, contact_id, happened, at)
                SELECT $1, gen_random_uuid(), t.contact_id, t.happened, $4
                FROM (SELECT o.contact_id, CAST(${first} AS jsonb) AS happened FROM come o
                    UNION ALL SELECT o.contact_id, CAST(${second} AS jsonb) FROM gone o) t
                WHERE {may_react}
                RETURNING 1)",
        second = first + 1,
        may_react = pending::MAY_REACT,
    )
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}
