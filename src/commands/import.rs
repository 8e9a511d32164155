//! `leadrail import`: a file of leads or contacts is brought in, straight on the database. A worker may lend a hand; neither does a part
//! that the other has done.
use crate::{settings::Settings, system::open_database};
use clap::Args;
use shared::{
    audit::Actor,
    clock::Clock,
    ids::{ImportId, SegmentId},
    import::{
        Identifier, ImportConfig, ImportKind, Known, Limits, Mapped, Plan, Purpose, Reach,
        mapping::suggest, report::Report,
    },
    store::{
        Db,
        imports::{
            self, Import, Key, State, by_hand,
            receive::Receiver,
            rehearse::{self, ROWS},
        },
        intake::CampaignRef,
        keys, properties,
    },
};
use std::{
    fs::File,
    io::{self, Read, Write},
    time::Duration,
};

type Failure = Box<dyn std::error::Error>;

/// Bytes of the file that are read at once.
const SLICE: usize = 256 << 10;
/// How often it is looked again while a worker has the import.
const LOOK: Duration = Duration::from_secs(1);
/// Rows that were not taken which are read at once.
const AT_ONCE: i64 = 1_000;

#[derive(Debug, Args)]
pub struct Options {
    /// The file; `-` reads what comes in.
    #[arg(required_unless_present_any = ["resume", "undo"])]
    file: Option<String>,
    /// The campaign, by its code or id, that takes rows which name none.
    #[arg(long)]
    campaign: Option<String>,
    /// leads or contacts.
    #[arg(long, default_value = "leads")]
    kind: String,
    /// add_and_update, add_new, update_existing or add_all.
    #[arg(long, default_value = "add_and_update")]
    purpose: String,
    /// By what rows are recognised: email, phone, lead_id or contact_id.
    #[arg(long, default_value = "email")]
    identifier: String,
    /// Where leads are looked for: campaign or workspace.
    #[arg(long, default_value = "campaign")]
    reach: String,
    /// What a column means, instead of what its name suggests: 'Column=field', or 'Column=' to leave it out. May be repeated.
    #[arg(long)]
    map: Vec<String>,
    /// A field whose values stay when they are there already. May be repeated.
    #[arg(long)]
    keep: Vec<String>,
    /// A static segment to which the contacts are added, seg_…
    #[arg(long)]
    segment: Option<String>,
    /// The country of phone numbers that begin with no +.
    #[arg(long)]
    country: Option<String>,
    /// The same file may be brought in again.
    #[arg(long)]
    again: bool,
    /// Only try the first 1,000 rows out.
    #[arg(long)]
    check: bool,
    /// Go on with an import that was broken off, imp_…
    #[arg(long, conflicts_with_all = ["file", "undo"])]
    resume: Option<String>,
    /// Take an import back, imp_…
    #[arg(long, conflicts_with = "file")]
    undo: Option<String>,
    /// The workspace's name.
    #[arg(long, default_value = "default")]
    workspace: String,
}

/// What the steps need.
struct Desk {
    db: Db,
    workspace: shared::ids::WorkspaceId,
    clock: Clock,
    actor: Actor,
}

/// One line for whoever looks on; that nobody does is no error.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}"); // nobody looks on
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Failure> {
    let db = open_database(settings).await?;
    let workspace = keys::find_workspace(&db, &options.workspace).await?;
    let workspace =
        workspace.ok_or_else(|| format!("there is no workspace {}", options.workspace))?.id;
    let desk = Desk { db, workspace, clock: Clock::system(), actor: Actor::command("import") };
    let done = desk.run(options).await;
    desk.db.close().await;
    done
}

fn word<T: serde::de::DeserializeOwned>(option: &str, given: &str) -> Result<T, Failure> {
    let value = serde_json::Value::String(given.to_owned());
    serde_json::from_value(value).map_err(|error| format!("--{option}: {error}").into())
}

impl Desk {
    fn key(&self, import: ImportId) -> Key {
        (self.workspace, import)
    }

    async fn run(&self, options: Options) -> Result<(), Failure> {
        if let Some(id) = &options.undo {
            let key = self.key(ImportId::parse(id)?);
            by_hand::undo(&self.db, key, &self.actor, self.clock.now()).await??;
            return self.drive(key, None).await;
        }
        if let Some(id) = &options.resume {
            let key = self.key(ImportId::parse(id)?);
            let import = self.read(key).await?;
            if matches!(import.state, State::Ready | State::Failed) {
                by_hand::start(&self.db, key, &self.actor, self.clock.now()).await??;
            }
            let errors = format!("{}.errors.csv", import.file_name);
            return self.drive(key, Some(&errors)).await;
        }
        let file = options.file.clone().unwrap_or_else(|| "-".into());
        let config = self.config(&options).await?;
        let key = self.take(&file, &config).await?;
        let set_up = self.set_up(key, &options).await;
        if set_up.is_err() || options.check {
            let checked = match set_up {
                Ok(()) => self.check(key).await,
                failed => failed,
            };
            imports::abandon(&self.db, key).await??;
            return checked;
        }
        by_hand::start(&self.db, key, &self.actor, self.clock.now()).await??;
        say(&format!("should this be broken off: leadrail import --resume {}", key.1));
        let name = if file == "-" { "import" } else { &file };
        self.drive(key, Some(&format!("{name}.errors.csv"))).await
    }

    async fn read(&self, key: Key) -> Result<Import, Failure> {
        let import = imports::get(&self.db, key).await?;
        Ok(import.ok_or_else(|| format!("this workspace has no import {}", key.1))?)
    }

    async fn config(&self, options: &Options) -> Result<ImportConfig, Failure> {
        let campaign = match &options.campaign {
            None => None,
            Some(named) => {
                let named_as = CampaignRef::read(named)?;
                let found =
                    shared::store::campaigns::find(&self.db, self.workspace, &named_as).await?;
                Some(found.ok_or_else(|| format!("there is no campaign {named}"))?.id)
            }
        };
        Ok(ImportConfig {
            kind: word::<ImportKind>("kind", &options.kind)?,
            purpose: word::<Purpose>("purpose", &options.purpose)?,
            identifier: word::<Identifier>("identifier", &options.identifier)?,
            reach: word::<Reach>("reach", &options.reach)?,
            fallback_campaign_id: campaign,
            segment_id: options.segment.as_deref().map(SegmentId::parse).transpose()?,
            mapping: Vec::new(),
            country: options.country.clone(),
            again: options.again,
        })
    }

    /// Takes the file in. One that is not taken leaves nothing.
    async fn take(&self, file: &str, config: &ImportConfig) -> Result<Key, Failure> {
        let mut source: Box<dyn Read + Send> =
            if file == "-" { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
        let (db, now) = (&self.db, self.clock.now());
        let upload = by_hand::create(db, (self.workspace, file), config, &self.actor, now).await?;
        let mut receiver = Receiver::new(upload, Limits::default());
        let mut slice = vec![0; SLICE];
        let taken: Result<i64, Failure> = async {
            loop {
                let read = tokio::task::block_in_place(|| source.read(&mut slice))?;
                if read == 0 {
                    break;
                }
                receiver.feed(db, &slice[..read], self.clock.now()).await?;
            }
            Ok(receiver.finish(db, config.clone(), self.clock.now()).await?.rows)
        }
        .await;
        match taken {
            Ok(rows) => {
                say(&format!("{file}: {rows} rows, import {}", upload.import));
                Ok(upload.key())
            }
            Err(error) => {
                imports::abandon(db, upload.key()).await??;
                Err(error)
            }
        }
    }

    /// Says what the columns mean, and refuses what cannot be.
    async fn set_up(&self, key: Key, options: &Options) -> Result<(), Failure> {
        let import = self.read(key).await?;
        let (header, mut config) = (import.header.0, import.config.0);
        let kinds = properties::all(self.db.read(), self.workspace).await?;
        config.mapping = suggest(&header, config.kind, &kinds).mapping;
        for one in &options.map {
            let (column, field) =
                one.rsplit_once('=').ok_or_else(|| format!("--map {one}: needs 'Column=field'"))?;
            config.mapping.retain(|mapped| mapped.column != column && mapped.field != field);
            if !field.is_empty() {
                let (column, field) = (column.to_owned(), field.to_owned());
                config.mapping.push(Mapped { column, field, do_not_overwrite: false });
            }
        }
        for field in &options.keep {
            let mapped = config.mapping.iter_mut().find(|mapped| mapped.field == *field);
            let mapped = mapped.ok_or_else(|| format!("--keep {field}: no column means that"))?;
            mapped.do_not_overwrite = true;
        }
        for column in &header {
            let mapped = config.mapping.iter().find(|mapped| mapped.column == *column);
            let meaning = mapped.map_or("(left out)", |mapped| mapped.field.as_str());
            say(&format!("  {column} → {meaning}"));
        }
        let known = Known { properties: &kinds, now: self.clock.now(), by: "" };
        if let Err(problems) = Plan::new(&config, &header, &known) {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(said.join("; ").into());
        }
        imports::configure(&self.db, key, &config, self.clock.now()).await??;
        Ok(())
    }

    async fn check(&self, key: Key) -> Result<(), Failure> {
        let tried = rehearse::rehearse(&self.db, key, ROWS, self.clock.now()).await??;
        for row in &tried.errors {
            let said: Vec<&str> = row.problems.0.iter().map(|one| one.message.as_str()).collect();
            say(&format!("  row {}: {}", row.row_number, said.join("; ")));
        }
        if let Some(problem) = tried.problem {
            return Err(problem.into());
        }
        let counts = tried.counts;
        let _ = writeln!(
            io::stdout(),
            "of the first {} rows: created {}, updated {}, unchanged {}, skipped {}, not taken {}",
            counts.rows(),
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.skipped,
            counts.failed
        ); // nobody looks on
        Ok(())
    }

    /// Works on the import until it has ended, whoever does the work.
    async fn drive(&self, key: Key, errors: Option<&str>) -> Result<(), Failure> {
        let mut look = tokio::time::interval(LOOK);
        loop {
            let import = self.read(key).await?;
            if !matches!(import.state, State::Running | State::Undoing) {
                return self.end(key, &import, errors).await;
            }
            let (done, of) = (import.counts.rows(), import.row_count);
            say(&format!(
                "{}: {done} of {of} rows, {} taken back",
                import.state.word(),
                import.undone
            ));
            let due = imports::due(&self.db, self.clock.now(), AT_ONCE).await?;
            match due.iter().find(|(id, _)| *id == key.1) {
                Some((id, generation)) => {
                    imports::work(&self.db, *id, *generation, &self.clock).await?;
                }
                None => {
                    look.tick().await;
                }
            }
        }
    }

    async fn end(&self, key: Key, import: &Import, errors: Option<&str>) -> Result<(), Failure> {
        let counts = import.counts;
        if let Some(path) = errors.filter(|_| counts.failed > 0) {
            self.write_errors(key, &import.header.0, path).await?;
            say(&format!("the rows that were not taken are in {path}"));
        }
        let _ = writeln!(
            io::stdout(),
            "{} {}: created {}, updated {}, unchanged {}, skipped {}, not taken {}; taken back {}, left {}",
            key.1,
            import.state.word(),
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.skipped,
            counts.failed,
            import.undone,
            import.kept
        ); // nobody looks on
        match &import.problem {
            Some(problem) if import.state == State::Failed => Err(problem.clone().into()),
            _ => Ok(()),
        }
    }

    async fn write_errors(&self, key: Key, header: &[String], path: &str) -> Result<(), Failure> {
        let report = Report::new(header);
        let mut file = io::BufWriter::new(File::create(path)?);
        file.write_all(report.header().as_bytes())?;
        let mut after = 0;
        loop {
            let rows = imports::errors(&self.db, key, after, AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            after = last.row_number;
            for row in &rows {
                let line = report.row(row.row_number, &row.problems.0, &row.record);
                file.write_all(line.as_bytes())?;
            }
        }
        Ok(file.flush()?)
    }
}
