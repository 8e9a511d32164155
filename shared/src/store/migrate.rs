//! Brings the database to this program's schema. One DDL text for both engines.
use super::{
    Db, StoreError, contact_fold,
    db::Pools,
    dialect::{self, Engine},
};
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use std::borrow::Cow;

/// Every migration, in order. A released one never changes.
const MIGRATIONS: &[(&str, &str)] = &[
    ("workspace", include_str!("../../../migrations/0001_workspace.sql")),
    ("campaign", include_str!("../../../migrations/0002_campaign.sql")),
    ("lead", include_str!("../../../migrations/0003_lead.sql")),
    ("submission", include_str!("../../../migrations/0004_submission.sql")),
    ("parking", include_str!("../../../migrations/0005_parking.sql")),
    ("delivery", include_str!("../../../migrations/0006_delivery.sql")),
    ("operations", include_str!("../../../migrations/0007_operations.sql")),
    ("caps", include_str!("../../../migrations/0008_caps.sql")),
    ("value_sets", include_str!("../../../migrations/0009_value_sets.sql")),
    ("secrets", include_str!("../../../migrations/0010_secrets.sql")),
    ("endpoints", include_str!("../../../migrations/0011_endpoints.sql")),
    ("llm", include_str!("../../../migrations/0012_llm.sql")),
    ("lead_history", include_str!("../../../migrations/0013_lead_history.sql")),
    ("outreach", include_str!("../../../migrations/0014_outreach.sql")),
    ("reviews", include_str!("../../../migrations/0015_reviews.sql")),
    ("contact", include_str!("../../../migrations/0016_contact.sql")),
    ("segment", include_str!("../../../migrations/0017_segment.sql")),
    ("activity", include_str!("../../../migrations/0018_activity.sql")),
    ("person", include_str!("../../../migrations/0019_person.sql")),
    ("tracking", include_str!("../../../migrations/0020_tracking.sql")),
    ("campaign_members", include_str!("../../../migrations/0021_campaign_members.sql")),
    ("automation", include_str!("../../../migrations/0022_automation.sql")),
    ("sweep_errors", include_str!("../../../migrations/0023_sweep_errors.sql")),
    ("import", include_str!("../../../migrations/0024_import.sql")),
    ("webhook", include_str!("../../../migrations/0025_webhook.sql")),
    ("evidence", include_str!("../../../migrations/0026_evidence.sql")),
    ("audit", include_str!("../../../migrations/0027_audit.sql")),
    ("retention", include_str!("../../../migrations/0028_retention.sql")),
];

/// PostgreSQL column types and what SQLite's STRICT tables call them.
const LITE_TYPES: &[(&str, &str)] = &[
    (" UUID", " BLOB"),
    (" TIMESTAMPTZ", " TEXT"),
    (" JSONB", " TEXT"),
    (" BOOLEAN", " INTEGER"),
    (" BIGINT", " INTEGER"),
];

/// Runs what has not run yet; safe to call from several processes at once. Returns the schema's version.
pub async fn migrate(db: &Db) -> Result<i64, StoreError> {
    match &db.pools {
        Pools::Postgres(pool) => migrator(plain).run(pool).await?,
        Pools::Sqlite { writer, .. } => migrator(strict).run(writer).await?,
    }
    contact_fold::fold_all(db).await?;
    Ok(latest())
}

/// The version this program needs.
pub fn latest() -> i64 {
    MIGRATIONS.len() as i64
}

/// Eight characters that change with any migration.
pub fn fingerprint() -> String {
    let all: String = MIGRATIONS.iter().map(|(_, text)| *text).collect();
    crate::key::hash(all)[..8].to_owned()
}

/// The version the database has; 0 before the first migration.
pub async fn applied(db: &Db) -> Result<i64, StoreError> {
    let version =
        db.read().sql("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").scalar().await;
    match version {
        Ok(version) => Ok(version),
        Err(StoreError::Database(sqlx::Error::Database(_))) => Ok(0), // no such table yet
        Err(error) => Err(error),
    }
}

fn migrator(written: fn(&str) -> String) -> Migrator {
    let migrations = MIGRATIONS.iter().zip(1..).map(|((name, text), version)| {
        Migration::new(
            version,
            Cow::Borrowed(*name),
            MigrationType::Simple,
            AssertSqlSafe(written(text)).into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A newer program has been here: an older one goes on beside it while a release is rolled out.
    migrator.set_ignore_missing(true);
    migrator
}

/// The text for PostgreSQL.
fn plain(text: &str) -> String {
    if text.contains("{pg: ") {
        dialect::fragments(text, Engine::Postgres)
    } else {
        text.to_owned()
    }
}

/// The text with SQLite's types, every table STRICT.
fn strict(text: &str) -> String {
    let text = match text.contains("{pg: ") {
        true => dialect::fragments(text, Engine::Sqlite),
        false => text.to_owned(),
    };
    LITE_TYPES
        .iter()
        .fold(text.replace("\n);\n", "\n) STRICT;\n"), |text, (pg, lite)| text.replace(pg, lite))
}
