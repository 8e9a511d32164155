//! The floor: how many durable single-row inserts the same PostgreSQL takes from as many connections. Ingest is quoted as a ratio to it.
use crate::trouble::Trouble;
use sqlx::{Connection, PgConnection};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Bytes of a row's text: with key and header about 1 kB.
const TEXT: usize = 950;

/// A table of its own, and the connections that insert into it.
pub struct Floor(Vec<PgConnection>);

impl Floor {
    pub async fn open(database_url: &str, connections: usize) -> Result<Self, Trouble> {
        let mut lines = Vec::new();
        for _ in 0..connections {
            lines.push(PgConnection::connect(database_url).await?);
        }
        if let Some(first) = lines.first_mut() {
            sqlx::query("CREATE TABLE bench_floor (id UUID PRIMARY KEY, body TEXT NOT NULL)")
                .execute(first)
                .await?;
        }
        Ok(Self(lines))
    }

    /// Inserts on all connections for that long, a row a transaction, prepared; returns rows a second.
    pub async fn measure(&mut self, how_long: Duration) -> Result<f64, Trouble> {
        let began = Instant::now();
        let mut writers = JoinSet::new();
        for mut line in self.0.drain(..) {
            writers.spawn(async move {
                let text = "x".repeat(TEXT);
                let mut rows = 0_u32;
                while began.elapsed() < how_long {
                    sqlx::query("INSERT INTO bench_floor (id, body) VALUES ($1, $2)")
                        .bind(Uuid::now_v7())
                        .bind(&text)
                        .execute(&mut line)
                        .await?;
                    rows += 1;
                }
                Ok::<_, sqlx::Error>((line, rows))
            });
        }
        let mut rows = 0;
        while let Some(writer) = writers.join_next().await {
            let (line, more) = writer.map_err(|panic| Trouble::Void(panic.to_string()))??;
            self.0.push(line);
            rows += more;
        }
        Ok(f64::from(rows) / began.elapsed().as_secs_f64())
    }
}
