//! What the system stands on: PostgreSQL and Redis of the environment, or nothing but a folder. A phase gets fresh ground of its own.
use crate::{
    proc, redis,
    trouble::{Doing, Trouble},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{path::PathBuf, sync::Mutex};

/// The servers of a run.
#[derive(Debug, Clone)]
pub struct Servers {
    pub database_url: String,
    pub redis_url: String,
}

/// Where a run works, and what it has to clean up.
pub struct Engines {
    /// None: everything embedded in one process.
    pub servers: Option<Servers>,
    /// Begins the names of everything that the run makes.
    run: String,
    folder: PathBuf,
    databases: Mutex<Vec<String>>,
}

/// An empty place for one installation.
#[derive(Debug)]
pub struct Ground {
    pub servers: Option<Servers>,
    pub namespace: String,
    pub folder: PathBuf,
}

/// The servers' processes, where they are on this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct ServerPids {
    pub postgres: Option<u32>,
    pub redis: Option<u32>,
}

impl Engines {
    pub fn new(servers: Option<Servers>) -> Self {
        let run = format!("leadrail-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(&run);
        Self { servers, run, folder, databases: Mutex::default() }
    }

    /// A new database and namespace, or a new folder.
    pub async fn ground(&self, phase: &str) -> Result<Ground, Trouble> {
        let name = format!("{}-{phase}", self.run);
        let folder = self.folder.join(phase);
        std::fs::create_dir_all(&folder).doing("making a folder")?;
        let servers = match &self.servers {
            None => None,
            Some(servers) => {
                let mut admin = PgConnection::connect(&servers.database_url).await?;
                let create = format!("CREATE DATABASE \"{name}\"");
                sqlx::query(AssertSqlSafe(create)).execute(&mut admin).await?;
                self.databases
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push(name.clone());
                let database_url = with_database(&servers.database_url, &name);
                Some(Servers { database_url, redis_url: servers.redis_url.clone() })
            }
        };
        Ok(Ground { servers, namespace: name, folder })
    }

    /// Which processes the servers are; PostgreSQL's is the parent of a backend.
    pub async fn pids(&self) -> Result<ServerPids, Trouble> {
        let Some(servers) = &self.servers else { return Ok(ServerPids::default()) };
        let mut admin = PgConnection::connect(&servers.database_url).await?;
        let backend: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut admin).await?;
        let backend = u32::try_from(backend).ok();
        Ok(ServerPids {
            postgres: backend.and_then(|backend| proc::parent_of(backend, "postgres")),
            redis: redis::Info::of(&servers.redis_url).await?.pid(),
        })
    }

    /// Removes everything that the run has made. The system must have ended.
    pub async fn clean_up(&self) -> Result<(), Trouble> {
        let _ = std::fs::remove_dir_all(&self.folder); // it may not have been made
        let Some(servers) = &self.servers else { return Ok(()) };
        let made = self.databases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let mut admin = PgConnection::connect(&servers.database_url).await?;
        for name in made {
            let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
            sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await?;
        }
        redis::forget(&servers.redis_url, &self.run).await
    }
}

/// The same server, another database.
fn with_database(url: &str, name: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let path = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let query = url[path..].find('?').map_or(url.len(), |at| path + at);
    format!("{}/{name}{}", &url[..path], &url[query..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_changes() {
        for (url, wanted) in [
            ("postgres://u:p@h:5/a", "postgres://u:p@h:5/b"),
            ("postgres://h", "postgres://h/b"),
            ("postgres://h/a?sslmode=disable", "postgres://h/b?sslmode=disable"),
            ("postgres://h?host=/run", "postgres://h/b?host=/run"),
        ] {
            assert_eq!(with_database(url, "b"), wanted);
        }
    }
}
