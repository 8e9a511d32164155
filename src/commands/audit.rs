//! `leadrail audit`: who did what, straight from the database.
use crate::{settings::Settings, system::open_database};
use chrono::{DateTime, Utc};
use clap::Args;
use shared::store::{
    audit::{self, AuditRow, Filter},
    keys,
};
use std::io::{self, Write};

type Failure = Box<dyn std::error::Error>;

/// Lines printed, at most.
const LIST_MAX: i64 = 10_000;
/// Lines that are read at once.
const PAGE: i64 = 500;

#[derive(Debug, Args)]
pub struct Options {
    /// What it was done to: an id as the API shows it.
    #[arg(long)]
    object: Option<String>,
    /// An action, campaign.saved; or all of a kind, with a dot at its end: campaign.
    #[arg(long)]
    action: Option<String>,
    /// `key NAME` or `command NAME`, whole.
    #[arg(long)]
    actor: Option<String>,
    /// At this time or later, RFC 3339.
    #[arg(long)]
    since: Option<DateTime<Utc>>,
    /// Before this time.
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    #[arg(long, default_value_t = 50)]
    limit: i64,
    /// The workspace's name.
    #[arg(long, default_value = "default")]
    workspace: String,
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    let db = open_database(settings).await?;
    let workspace = keys::find_workspace(&db, &options.workspace).await?;
    let workspace =
        workspace.ok_or_else(|| format!("there is no workspace {}", options.workspace))?.id;
    let filter = Filter {
        action: options.action,
        object: options.object,
        key: None,
        actor: options.actor,
        from: options.since,
        until: options.until,
    };
    let (mut left, mut before) = (options.limit.clamp(1, LIST_MAX), None);
    while left > 0 {
        let rows = audit::list(&db, workspace, &filter, before, left.min(PAGE)).await?;
        if !print(&rows)? || rows.len() < left.min(PAGE) as usize {
            break;
        }
        left -= rows.len() as i64;
        before = rows.last().map(|row| (row.at, row.id));
    }
    db.close().await;
    Ok(())
}

/// Prints lines; false when nobody reads them any more.
fn print(rows: &[AuditRow]) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    for row in rows {
        match writeln!(out, "{}", shown(row)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            done => done?,
        }
    }
    Ok(true)
}

fn shown(row: &AuditRow) -> String {
    let at = row.at.format("%Y-%m-%dT%H:%M:%SZ");
    let (action, kind, id) = (&row.action, &row.object_kind, &row.object_id);
    let mut text = format!("{at}  {:<24}  {action:<28}  {kind} {id}", row.actor);
    for (word, side) in [("before", &row.before), ("after", &row.after)] {
        if let Some(side) = side {
            text.push_str(&format!("\n    {word} {}", side.0));
        }
    }
    text
}
