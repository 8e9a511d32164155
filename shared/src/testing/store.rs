//! A fresh, migrated database for one test, on either engine.
use super::{TestDatabase, fresh_database};
use crate::{
    ids::WorkspaceId,
    store::{Db, keys, migrate},
};
use chrono::{DateTime, TimeZone, Utc};
use std::path::PathBuf;
use uuid::Uuid;

/// Connections of a test to PostgreSQL.
const CONNECTIONS: u32 = 6;

/// A database of one test; it goes with this value.
pub struct TestStore {
    pub db: Db,
    /// Opens the same database again, from this process or another.
    pub url: String,
    _keep: Keep,
}

enum Keep {
    Postgres { _database: TestDatabase },
    Sqlite(PathBuf),
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Self::Sqlite(folder) = self {
            let _ = std::fs::remove_dir_all(folder); // a leftover in the temporary folder harms nobody
        }
    }
}

impl TestStore {
    pub async fn sqlite() -> Self {
        let name = format!("leadrail-test-{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("the temporary folder can be written");
        let url = format!("sqlite:{}", folder.join("test.db").display());
        let db = Db::open(&url, 1).await.expect("SQLite opens");
        migrate::migrate(&db).await.expect("the migrations run on SQLite");
        Self { db, url, _keep: Keep::Sqlite(folder) }
    }

    pub async fn postgres() -> Self {
        let template = format!("leadrail_{}", migrate::fingerprint());
        let prepare = async |url: String| {
            let db = Db::open(&url, 2).await.expect("the template database opens");
            migrate::migrate(&db).await.expect("the migrations run on PostgreSQL");
            db.close().await;
        };
        let database = fresh_database(&template, prepare).await;
        let url = database.url.clone();
        let db = Db::open(&url, CONNECTIONS).await.expect("the test's database opens");
        Self { db, url, _keep: Keep::Postgres { _database: database } }
    }

    /// A workspace of that name.
    pub async fn workspace(&self, name: &str) -> WorkspaceId {
        keys::workspace(&self.db, name, noon()).await.expect("a workspace can be made").id
    }
}

/// The time at which hand clocks start in tests.
pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a time that exists")
}

/// Makes two tests of each function, one for each engine: `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($store:ident: TestStore) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a test may need nothing from outside")]
            use super::*;

            $(#[$meta])*
            async fn test($store: $crate::testing::TestStore) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test($crate::testing::TestStore::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                test($crate::testing::TestStore::postgres().await).await;
            }
        }
    )*};
}
