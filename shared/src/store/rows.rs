//! Many rows as one JSON parameter: what `ROWS($1: …)` reads.
use crate::clock::Time;
use chrono::SecondsFormat;
use serde::{Serialize, Serializer};
use sqlx::{
    Database, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgTypeInfo, types::Oid},
};

/// PostgreSQL's number of the type `json`.
const JSON_OID: u32 = 114;

/// Rows for `ROWS($n: …)`: a JSON array of objects, a member for each column.
#[derive(Debug, Clone)]
pub struct Rows(String);

impl Rows {
    pub fn of<T: Serialize>(rows: &[T]) -> Self {
        Self(serde_json::to_string(rows).expect("store rows are plain structs with text keys"))
    }
}

impl Type<Postgres> for Rows {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(JSON_OID))
    }
}

impl Type<Sqlite> for Rows {
    fn type_info() -> sqlx::sqlite::SqliteTypeInfo {
        <String as Type<Sqlite>>::type_info()
    }
}

impl<'q> Encode<'q, Postgres> for Rows {
    fn encode_by_ref(
        &self,
        buffer: &mut <Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

impl<'q> Encode<'q, Sqlite> for Rows {
    fn encode_by_ref(
        &self,
        buffer: &mut <Sqlite as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.clone(), buffer)
    }
}

/// Writes a time exactly as a bound time is stored on SQLite, where times are compared as text.
pub fn time<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

/// [`time`] for a time that may be absent.
pub fn time_or_null<S: Serializer>(value: &Option<Time>, s: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => time(value, s),
        None => s.serialize_none(),
    }
}
