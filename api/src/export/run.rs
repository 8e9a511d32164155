//! An export under way: its columns, its lines in the audit log, its pieces one after the other.
use super::source::Source;
use crate::error::{ApiError, Code};
use bytes::Bytes;
use serde_json::{Value, json};
use shared::{
    audit::{Actor, Entry},
    clock::Clock,
    export::{Format, Layout, Unlisted, What, Writer},
    ids::{ExportId, WorkspaceId},
    store::{Db, StoreError, export},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};

/// Rows that are read at once, at most.
const PAGE_ROWS: usize = 500;
/// Rows that are read at first, when nobody knows how long they are.
const PAGE_ROWS_FIRST: usize = 100;
/// Bytes of a piece that pages are cut for.
const PIECE_BYTES: usize = 1024 * 1024;
/// How long the columns of all rows may be looked for.
const COLUMNS_PATIENCE: Duration = Duration::from_secs(20);

/// What is to be handed out, to whom, and how.
pub struct Order {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub source: Source,
    pub shape: Shape,
    /// The filter as the audit log has it: without what says who a person is.
    pub filters: Value,
    /// How long a piece waits for somebody to take it; none: for ever.
    pub idle: Option<Duration>,
}

/// How the rows are written.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    pub format: Format,
    /// The columns that are wanted, with commas between them; none: all.
    pub fields: Option<String>,
    /// Nothing is put before what a spreadsheet would run.
    pub raw: bool,
}

/// A part of an export.
#[derive(Debug)]
pub enum Piece {
    Bytes(Bytes),
    /// Nothing is missing. An export without it is not whole.
    End,
}

/// What has been handed out.
#[derive(Debug, Default)]
struct Sum {
    rows: u64,
    bytes: u64,
}

/// Why an export is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unlisted(#[from] Unlisted),
    #[error("nobody took it any more")]
    Gone,
    #[error("nobody took it for {} s", .0.as_secs())]
    Idle(Duration),
}

/// An export that may begin; that it does is in the audit log.
pub struct Export {
    pub id: ExportId,
    db: Db,
    clock: Clock,
    order: Order,
    writer: Writer,
}

impl Export {
    /// Finds the columns and writes down who exports what.
    pub async fn begin(db: &Db, clock: &Clock, order: Order) -> Result<Self, ApiError> {
        let writer = writer(db, &order).await?;
        let export =
            Self { id: ExportId::new(), db: db.clone(), clock: clock.clone(), order, writer };
        let Order { shape, filters, .. } = &export.order;
        export
            .note(
                actions(&export.order).0,
                json!({
                    "format": shape.format, "raw": shape.raw, "fields": shape.fields, "filters": filters,
                }),
            )
            .await?;
        Ok(export)
    }

    pub fn what(&self) -> What {
        self.order.source.what()
    }

    pub fn format(&self) -> Format {
        self.order.shape.format
    }

    /// Hands out everything, piece by piece, and writes down how it ended. Answers how many rows there were.
    pub async fn run(mut self, pieces: mpsc::Sender<Piece>) -> Result<u64, Broken> {
        let mut sum = Sum::default();
        let outcome = self.pour(&pieces, &mut sum).await;
        let why = outcome.as_ref().err().map(ToString::to_string);
        let ended =
            json!({"rows": sum.rows, "bytes": sum.bytes, "whole": why.is_none(), "why": why});
        if let Err(error) = self.note(actions(&self.order).1, ended).await {
            tracing::warn!(%error, export = %self.id, "the end of an export is not in the audit log");
        }
        if let Err(Broken::Store(error)) = &outcome {
            tracing::warn!(%error, export = %self.id, "an export broke off");
        }
        // Only now: who has the end finds it in the audit log.
        outcome?.send(Piece::End);
        Ok(sum.rows)
    }

    /// Gives all pieces, and answers the place of the end once the last of them has been taken.
    async fn pour<'p>(
        &mut self,
        pieces: &'p mpsc::Sender<Piece>,
        sum: &mut Sum,
    ) -> Result<mpsc::Permit<'p, Piece>, Broken> {
        let mut limit = PAGE_ROWS_FIRST;
        let mut piece = self.writer.head();
        loop {
            if !piece.is_empty() {
                sum.bytes += piece.len() as u64;
                self.place(pieces).await?.send(Piece::Bytes(piece.into()));
            }
            if self.order.source.is_over() {
                return self.place(pieces).await;
            }
            let page = self.order.source.next(&self.db, self.order.workspace, limit).await?;
            piece = self.writer.rows(&page)?;
            sum.rows += page.len() as u64;
            limit = next_limit(page.len(), piece.len());
        }
    }

    /// Waits until the piece before has been taken: whoever reads slowly is read for slowly.
    async fn place<'p>(
        &self,
        pieces: &'p mpsc::Sender<Piece>,
    ) -> Result<mpsc::Permit<'p, Piece>, Broken> {
        let place = match self.order.idle {
            Some(idle) => timeout(idle, pieces.reserve()).await.map_err(|_| Broken::Idle(idle))?,
            None => pieces.reserve().await,
        };
        place.map_err(|_| Broken::Gone)
    }

    async fn note(&self, action: &'static str, what: Value) -> Result<(), StoreError> {
        let entry = Entry::new(action, "export", self.id).to(what);
        let (workspace, now) = (self.order.workspace, self.clock.now());
        export::note(&self.db, workspace, &self.order.actor, entry, now).await
    }
}

/// What the audit log calls the beginning and the end.
fn actions(order: &Order) -> (&'static str, &'static str) {
    match order.source {
        Source::Leads { .. } => ("leads.exported", "leads.export_ended"),
        Source::Contacts { .. } => ("contacts.exported", "contacts.export_ended"),
        Source::Submissions { .. } => ("submissions.exported", "submissions.export_ended"),
        Source::Members { .. } => ("segment.exported", "segment.export_ended"),
    }
}

/// How many rows are read next, so that pieces stay small when rows are long.
fn next_limit(rows: usize, bytes: usize) -> usize {
    let fit = PIECE_BYTES.saturating_mul(rows.max(1)) / bytes.max(1);
    fit.clamp(1, PAGE_ROWS)
}

async fn writer(db: &Db, order: &Order) -> Result<Writer, ApiError> {
    let Shape { format, fields, raw } = &order.shape;
    let what = order.source.what();
    let chosen = match fields {
        Some(fields) => {
            let names = fields.split(',').map(str::trim);
            let wrong = |problems: Vec<String>| {
                let detail = |why| crate::error::Detail::new("fields", why);
                ApiError::invalid(problems.into_iter().map(detail).collect())
            };
            Some(Layout::chosen(what, names).map_err(wrong)?)
        }
        None => None,
    };
    Ok(match (format, chosen) {
        (Format::Ndjson, layout) => Writer::Ndjson { layout },
        (Format::Csv, Some(layout)) => Writer::Csv { layout, raw: *raw },
        (Format::Csv, None) => {
            let names = timeout(COLUMNS_PATIENCE, order.source.names(db, order.workspace)).await;
            let names = names.map_err(|_| {
                let why = "there are too many rows to look for their columns in time: choose columns with fields, narrow the filter, or take ndjson";
                ApiError::new(Code::Unavailable, why)
            })?;
            let layout = Layout::of(what, &names?);
            let layout = layout.map_err(|many| ApiError::invalid_at("fields", many.to_string()))?;
            Writer::Csv { layout, raw: *raw }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_long_as_pieces_may_be() {
        assert_eq!(next_limit(100, 50_000), PAGE_ROWS);
        assert_eq!(next_limit(100, 10 * PIECE_BYTES), 10);
        assert_eq!(next_limit(1, 9 * PIECE_BYTES), 1);
        assert_eq!(next_limit(0, 0), PAGE_ROWS);
    }
}
