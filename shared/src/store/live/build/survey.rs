//! Whether a build has anything to do: who belongs is compared with who is there, in one look that keeps nobody waiting.
use super::Build;
use crate::store::{
    Db, StoreError,
    dialect::Engine,
    live::{answers, gate},
    select::{self, Compiled, Moment},
};
use std::time::Duration;

/// How long the look may take; then the build goes on by steps.
const LOOK_TIMEOUT: Duration = Duration::from_secs(120);

/// Who belongs, and whether it is they who are members.
#[derive(sqlx::FromRow)]
struct Found {
    fitting: i64,
    is_right: bool,
}

impl Build {
    /// How many members there are, if they are those who belong; none if steps have to find out. Asked of segments that were built
    /// before, where the database can use all its cores for it.
    ///
    /// Whoever changes a contact after the look began answers by this definition: those who know an older one have passed the gate before.
    pub(super) async fn is_right(&self, db: &Db) -> Result<Option<i64>, StoreError> {
        if db.engine() == Engine::Sqlite || !self.was_built {
            return Ok(None);
        }
        let moment =
            Moment { now: self.as_of, zone: self.definition().zone, sets: &self.definitions.sets };
        let compiled = select::compile(&self.definition().rule, Engine::Postgres, &moment, 3);
        if !compiled.is_exact {
            return Ok(None);
        }
        let mut tx = db.begin().await?;
        gate::alone(&mut tx, self.definitions.workspace).await?;
        tx.commit().await?;
        let mut tx = db.begin().await?;
        tx.widen(LOOK_TIMEOUT).await?;
        let query = tx.ex().made(self.look(&compiled));
        let query = query.bind(self.definitions.workspace).bind(self.definition().id);
        let found: Found = compiled.bind(query).one().await?;
        tx.commit().await?;
        Ok(found.is_right.then_some(found.fitting))
    }

    /// Two sets of ids are the same if they are as many, and 64 bits made of all of them, in whatever order, are the same.
    fn look(&self, compiled: &Compiled) -> String {
        let marks =
            |id: &str| format!("COUNT(*) AS n, bit_xor(uuid_hash_extended({id}, 1)) AS mark");
        format!(
            "SELECT f.n AS fitting, (f.n = m.n AND f.mark IS NOT DISTINCT FROM m.mark) AS is_right
             FROM (SELECT {belong} FROM contact c{join} WHERE c.workspace_id = $1 AND {status} AND ({condition})) f
             CROSS JOIN (SELECT {are} FROM segment_member s WHERE s.workspace_id = $1 AND s.segment_id = $2) m",
            belong = marks("c.id"),
            are = marks("s.contact_id"),
            join = compiled.join(),
            status = answers::status_condition(self.definition()),
            condition = compiled.sql,
        )
    }
}
