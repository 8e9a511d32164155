//! A workspace whose files a test brings in by hand, as workers would.
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Time},
    ids::{CampaignId, ContactId, ImportId, WorkspaceId},
    import::{Identifier, ImportConfig, ImportKind, Limits, Mapped, Purpose, Reach, Splitter},
    lead::{Details, Person},
    store::{
        campaigns::{self, Draft},
        imports::{self, Import, Refused, State, Upload, Uploaded, Worked},
        intake::{Arrival, CampaignRef, Intake, Receipt, Who},
    },
    testing::{TestStore, noon},
};

pub struct World {
    pub store: TestStore,
    pub workspace: WorkspaceId,
    pub intake: Intake,
    pub clock: Clock,
}

/// A lead as a test looks at it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Lead {
    pub id: shared::ids::LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub import_id: Option<ImportId>,
    pub status: String,
    pub first_name: String,
    pub email: String,
    pub phone: String,
    pub details: sqlx::types::Json<Details>,
    pub source: String,
    pub updated_at: Time,
}

/// Columns by their names, each with what it means.
pub fn mapping(columns: &[(&str, &str)]) -> Vec<Mapped> {
    let one = |(column, field): &(&str, &str)| Mapped {
        column: (*column).into(),
        field: (*field).into(),
        do_not_overwrite: false,
    };
    columns.iter().map(one).collect()
}

/// `first,last,email,phone,city` of leads that go to `campaign` unless they name another.
pub fn leads(campaign: CampaignId) -> ImportConfig {
    ImportConfig {
        fallback_campaign_id: Some(campaign),
        mapping: mapping(&[
            ("first", "firstName"),
            ("last", "lastName"),
            ("email", "email"),
            ("phone", "phone"),
            ("city", "address.city"),
        ]),
        ..ImportConfig::default()
    }
}

pub const HEADER: &str = "first,last,email,phone,city";

/// A row of the `n`th person.
pub fn row(n: usize) -> String {
    format!("First{n},Last{n},p{n}@example.com,+1415{:07},Turin", 5_550_000 + n)
}

pub fn file(rows: impl IntoIterator<Item = String>) -> String {
    let rows: Vec<String> = rows.into_iter().collect();
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

impl World {
    pub async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("a").await;
        let intake = Intake::start(store.db.clone());
        Self { store, workspace, intake, clock: Clock::by_hand(noon()) }
    }

    pub async fn campaign(&self, code: &str, config: Value) -> CampaignId {
        let dedup_days = config.pointer("/duplicates/windowDays").and_then(Value::as_i64);
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: code.into(),
            dedup_days,
            config,
            at: noon(),
        };
        campaigns::create(&self.store.db, &draft).await.unwrap();
        draft.id
    }

    /// A campaign that takes leads and marks duplicates.
    pub async fn open(&self, code: &str) -> CampaignId {
        self.campaign(code, json!({"duplicates": {"windowDays": 30}})).await
    }

    pub fn key(&self, import: ImportId) -> imports::Key {
        (self.workspace, import)
    }

    /// Uploads a file in parts, as the API does.
    pub async fn upload(&self, config: &ImportConfig, text: &str) -> Result<ImportId, Refused> {
        let db = &self.store.db;
        let now = self.clock.now();
        let upload =
            imports::begin(db, self.workspace, "people.csv", "key ops", now).await.unwrap();
        self.fill(&upload, config, text).await.map(|()| upload.import)
    }

    pub async fn fill(
        &self,
        upload: &Upload,
        config: &ImportConfig,
        text: &str,
    ) -> Result<(), Refused> {
        let (db, now) = (&self.store.db, self.clock.now());
        let mut splitter = Splitter::new(Limits::default());
        let mut parts = splitter.feed(text.as_bytes()).unwrap();
        let finished = splitter.finish().unwrap();
        parts.extend(finished.parts);
        for part in parts {
            let part = imports::Part {
                number: part.number,
                first_row: part.first_row,
                row_count: part.rows,
                text: &part.text,
            };
            imports::add_part(db, upload, &part, now).await.unwrap()?;
        }
        let file = Uploaded {
            header: finished.header,
            delimiter: ',',
            hash: finished.hash,
            bytes: i64::try_from(finished.bytes).unwrap(),
            rows: finished.rows,
            config: config.clone(),
        };
        imports::uploaded(db, upload, &file, now).await.unwrap()
    }

    pub async fn start(&self, import: ImportId) {
        let started = imports::start(&self.store.db, self.key(import), self.clock.now()).await;
        started.unwrap().unwrap();
    }

    pub async fn undo(&self, import: ImportId) -> Import {
        let begun = imports::undo(&self.store.db, self.key(import), self.clock.now()).await;
        begun.unwrap().unwrap();
        self.work().await;
        self.get(import).await
    }

    /// Lets a worker take turns until nothing is due.
    pub async fn work(&self) {
        while self.turn().await {}
    }

    /// A turn with everything that is due; false if nothing is.
    pub async fn turn(&self) -> bool {
        let due = imports::due(&self.store.db, self.clock.now(), 10).await.unwrap();
        for (id, generation) in &due {
            imports::work(&self.store.db, *id, *generation, &self.clock).await.unwrap();
        }
        !due.is_empty()
    }

    /// Brings a file in, to its end.
    pub async fn import(&self, config: &ImportConfig, text: &str) -> Import {
        let import = self.upload(config, text).await.unwrap();
        self.start(import).await;
        self.work().await;
        self.get(import).await
    }

    pub async fn get(&self, import: ImportId) -> Import {
        imports::get(&self.store.db, self.key(import)).await.unwrap().unwrap()
    }

    /// As a worker does whose claim is new; the generation is the one that it was told.
    pub async fn claim(&self, import: ImportId) -> Worked {
        let due = imports::due(&self.store.db, self.clock.now(), 10).await.unwrap();
        let (_, generation) = due.iter().find(|(id, _)| *id == import).copied().expect("it is due");
        imports::work(&self.store.db, import, generation, &self.clock).await.unwrap()
    }

    pub async fn leads(&self) -> Vec<Lead> {
        self.store.db.read()
            .sql(
                "SELECT id, contact_id, campaign_id, import_id, status, first_name, email, phone, details, source, updated_at
                 FROM lead WHERE workspace_id = $1 ORDER BY id",
            )
            .bind(self.workspace).all().await.unwrap()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        self.store.db.read().sql(sql).scalar().await.unwrap()
    }

    pub async fn run(&self, sql: &'static str) {
        self.store.db.write().sql(sql).run().await.unwrap();
    }

    /// As the API takes a lead in.
    pub async fn take(&self, campaign: CampaignId, n: usize) -> Receipt {
        let row = row(n);
        let cells: Vec<&str> = row.split(',').collect();
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(campaign),
            who: Who::New {
                person: Person {
                    first_name: cells[0].into(),
                    last_name: cells[1].into(),
                    email: cells[2].into(),
                    phone: cells[3].into(),
                },
                details: Details::default(),
            },
            is_test: false,
            submit: false,
            source: "api",
            repeat: None,
            at: self.clock.now(),
            redeliver_at: self.clock.now() + TimeDelta::seconds(30),
        };
        self.intake.take(arrival).await.unwrap().unwrap()
    }
}

/// How an import ended, and its counts: created, updated, unchanged, skipped, failed.
pub fn came(import: &Import) -> (State, [i64; 5]) {
    let counts = import.counts;
    let all = [counts.created, counts.updated, counts.unchanged, counts.skipped, counts.failed];
    (import.state, all)
}

pub fn with(
    config: &ImportConfig,
    purpose: Purpose,
    identifier: Identifier,
    reach: Reach,
) -> ImportConfig {
    ImportConfig { purpose, identifier, reach, again: true, ..config.clone() }
}

/// `first,email,phone,company` of contacts.
pub fn contacts() -> ImportConfig {
    ImportConfig {
        kind: ImportKind::Contacts,
        mapping: mapping(&[
            ("first", "firstName"),
            ("email", "email"),
            ("phone", "phone"),
            ("company", "company"),
        ]),
        ..ImportConfig::default()
    }
}
