//! `leadrail export`: lists as files, straight from the database, by the code of the API.
use crate::{settings::Settings, system::open_database};
use api::{
    error::ApiError,
    export::{
        ask::Asker,
        run::{Broken, Export, Order, Piece},
    },
    params,
};
use clap::{Args, ValueEnum};
use shared::{
    audit::Actor,
    clock::Clock,
    ids::SegmentId,
    store::{Db, keys},
};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::PathBuf,
};
use tokio::sync::mpsc;
use url::form_urlencoded;

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Args)]
pub struct Options {
    #[arg(value_enum)]
    list: List,
    /// The segment's id, seg_…
    segment: Option<String>,
    #[arg(long, value_parser = ["csv", "ndjson"], default_value = "csv")]
    format: String,
    /// Which rows: the query parameters of the API, such as status=accepted; may be given several times.
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    filters: Vec<String>,
    /// The columns that are wanted, separated by commas; all unless given.
    #[arg(long)]
    fields: Option<String>,
    /// Put nothing before what a spreadsheet would run.
    #[arg(long)]
    raw: bool,
    /// The file, which is there when it is whole; standard output unless given.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The workspace's name.
    #[arg(long, default_value = "default")]
    workspace: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum List {
    Leads,
    Contacts,
    Submissions,
    /// The members of a segment.
    Segment,
}

impl Options {
    /// What the API would be asked.
    fn query(&self) -> Result<String, Failure> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("format", &self.format);
        if self.raw {
            query.append_pair("raw", "true");
        }
        if let Some(fields) = &self.fields {
            query.append_pair("fields", fields);
        }
        for filter in &self.filters {
            let pair = filter.split_once('=');
            let (name, value) =
                pair.ok_or_else(|| format!("--filter {filter}: write NAME=VALUE"))?;
            query.append_pair(name, value);
        }
        Ok(query.finish())
    }

    async fn order(&self, db: &Db, asker: Asker) -> Result<Order, Failure> {
        let query = self.query()?;
        let order = match (self.list, &self.segment) {
            (List::Leads, None) => asker.leads(db, params::read_query(&query).map_err(said)?).await,
            (List::Contacts, None) => {
                asker.contacts(db, params::read_query(&query).map_err(said)?).await
            }
            (List::Submissions, None) => {
                asker.submissions(db, params::read_query(&query).map_err(said)?).await
            }
            (List::Segment, Some(id)) => {
                asker
                    .members(db, SegmentId::parse(id)?, params::read_query(&query).map_err(said)?)
                    .await
            }
            (List::Segment, None) => return Err("which segment? give its id, seg_…".into()),
            (_, Some(more)) => return Err(format!("`{more}` is one word too many").into()),
        };
        Ok(order.map_err(said)?)
    }
}

/// A refusal with every problem, as a person reads it.
fn said(refusal: ApiError) -> String {
    // The message tells of a single problem.
    let several = refusal.details.iter().filter(|_| refusal.details.len() > 1);
    let details = several.map(|one| format!("\n  {} {}", one.path, one.message));
    format!("{}{}", refusal.message, details.collect::<String>())
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    let db = open_database(settings).await?;
    let clock = Clock::system();
    let workspace = keys::find_workspace(&db, &options.workspace).await?;
    let workspace =
        workspace.ok_or_else(|| format!("there is no workspace {}", options.workspace))?.id;
    let asker = Asker { workspace, actor: Actor::command("export"), at: clock.now() };
    let order = options.order(&db, asker).await?;
    let export = Export::begin(&db, &clock, order).await.map_err(said)?;
    let mut target = Target::open(options.out.as_ref())?;
    let (sender, mut pieces) = mpsc::channel(1);
    let poured = tokio::spawn(export.run(sender));
    let mut written = Ok(());
    while let Some(Piece::Bytes(bytes)) = pieces.recv().await {
        written = target.write(&bytes);
        if written.is_err() {
            break;
        }
    }
    drop(pieces);
    let poured = poured.await?;
    db.close().await;
    match (written, poured) {
        // Whoever reads has seen enough.
        (Err(error), _) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        (Err(error), _) => Err(error.into()),
        (Ok(()), Err(Broken::Gone)) => Err("the export broke off".into()),
        (Ok(()), Err(broken)) => Err(broken.into()),
        (Ok(()), Ok(rows)) => {
            target.finish()?;
            eprintln!("{rows} rows");
            Ok(())
        }
    }
}

/// Where the pieces go.
enum Target {
    Out(io::Stdout),
    /// A file beside the one that is wanted, which takes its place once it is whole.
    File {
        file: File,
        part: PathBuf,
        wanted: PathBuf,
    },
}

impl Target {
    fn open(wanted: Option<&PathBuf>) -> io::Result<Self> {
        let Some(wanted) = wanted else { return Ok(Self::Out(io::stdout())) };
        let mut part = wanted.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        Ok(Self::File { file: File::create(&part)?, part, wanted: wanted.clone() })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Out(out) => {
                out.write_all(bytes)?;
                out.flush()
            }
            Self::File { file, .. } => file.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Out(_) => Ok(()),
            Self::File { file, part, wanted } => {
                file.sync_all()?;
                fs::rename(part, wanted)
            }
        }
    }
}
