//! Files of contacts and of leads, brought in by `leadrail import`, beside a plain COPY of the very same rows into tables with the same
//! indexes, on the same PostgreSQL.
use crate::{
    engines::Engines,
    moment::wait,
    proc,
    report::Report,
    run::Options,
    system::System,
    trouble::{Doing, Trouble},
};
use clap::Args;
use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// Bytes that COPY is given at once.
const SLICE: usize = 1 << 20;
const LOOK: Duration = Duration::from_millis(50);

/// How large the files are.
#[derive(Debug, Clone, Args)]
pub struct Imports {
    /// With --only import: rows of each file, 20 columns each.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=2_000_000))]
    rows: u64,
    /// One row of so many has an email that is none; 0: all are good.
    #[arg(long, default_value_t = 0)]
    broken: u64,
}

impl Imports {
    /// For the record.
    pub fn settings(&self) -> Value {
        json!({"rows": self.rows, "broken": self.broken})
    }
}

/// What an import took.
struct Took {
    upload: Duration,
    work: Duration,
    peak_mb: f64,
}

pub async fn measure(
    options: &Options,
    engines: &Engines,
    report: &mut Report,
) -> Result<(), Trouble> {
    let ground = engines.ground("import").await?;
    let Some(servers) = &ground.servers else {
        return Err("is measured on PostgreSQL").doing("--only import");
    };
    // It brings the database to its schema and makes workspace and campaign; the imports work by themselves.
    let system = System::start(&options.binary, &ground, &["api"]).await?;
    let made = json!({"name": "Imports", "code": "IMP", "config": {}});
    system.door.ask("POST", "/api/v1/campaigns", &made.to_string()).await?;
    system.stop().await;
    let mut database = PgConnection::connect(&servers.database_url).await?;
    for (kind, tables) in [("contacts", &["contact"][..]), ("leads", &["contact", "lead"][..])] {
        let file = ground.folder.join(format!("{kind}.csv"));
        let bytes = write(&file, kind, &options.imports)?;
        report.say(format!("import_{kind}_file_mb"), bytes as f64 / 1e6, "MB");
        let before: i64 = count(&mut database, kind).await?;
        let took = import(options, &servers.database_url, (&file, kind)).await?;
        let new = count(&mut database, kind).await? - before;
        let broken = options.imports.rows.checked_div(options.imports.broken).unwrap_or(0);
        if new != (options.imports.rows - broken) as i64 {
            return Err(Trouble::Void(format!(
                "{new} new {kind} of {} rows",
                options.imports.rows
            )));
        }
        let mut floor = Duration::ZERO;
        for table in tables {
            floor += copy(&mut database, &ground.folder.join("rows"), (table, kind)).await?;
        }
        let rate = |took: Duration| options.imports.rows as f64 / took.as_secs_f64();
        report.say(format!("import_{kind}_upload_per_s"), rate(took.upload), "rows/s");
        report.say(format!("import_{kind}_per_s"), rate(took.work), "rows/s");
        report.say(format!("import_{kind}_copy_per_s"), rate(floor), "rows/s");
        report.say(
            format!("import_{kind}_of_copy"),
            floor.as_secs_f64() / took.work.as_secs_f64(),
            "",
        );
        let whole = took.upload + took.work;
        report.say(
            format!("import_{kind}_with_upload_of_copy"),
            floor.as_secs_f64() / whole.as_secs_f64(),
            "",
        );
        report.say(format!("import_{kind}_rss_peak_mb"), took.peak_mb, "MB");
    }
    Ok(())
}

async fn count(database: &mut PgConnection, kind: &str) -> Result<i64, Trouble> {
    let all =
        if kind == "leads" { "SELECT COUNT(*) FROM lead" } else { "SELECT COUNT(*) FROM contact" };
    Ok(sqlx::query_scalar(all).fetch_one(database).await?)
}

/// Writes a file of 20 columns; says how many bytes it has.
fn write(path: &Path, kind: &str, imports: &Imports) -> Result<u64, Trouble> {
    let doing = || format!("writing {}", path.display());
    let mut file = BufWriter::new(File::create(path).doing(doing())?);
    let header = "First Name,Last Name,E-Mail,Phone,City,State,Zip,Country,Date of Birth,Notes";
    let more: Vec<String> = (1..=10).map(|n| format!("questionnaire.q{n}")).collect();
    let mut bytes = 0;
    let mut line = |text: String| -> Result<(), Trouble> {
        bytes += text.len() as u64;
        file.write_all(text.as_bytes()).doing(doing())
    };
    line(format!("{header},{}\n", more.join(",")))?;
    for n in 0..imports.rows {
        let is_broken = imports.broken > 0 && n % imports.broken == imports.broken - 1;
        let at = if is_broken { " at " } else { "@" };
        let phone = format!("+1{}{:07}", if kind == "leads" { 312 } else { 415 }, 2_000_000 + n);
        let answers: Vec<String> =
            (1..=10).map(|q| format!("\"answer {q}, {}\"", n % (7 * q))).collect();
        line(format!(
            "Ada{},Lovelace{},{kind}{n}{at}example{}.com,{phone},Springfield {},CA,{:05},US,19{:02}-0{}-1{},wants {} panels,{}\n",
            n % 300,
            n % 700,
            n % 500,
            n % 300,
            10_000 + n % 80_000,
            40 + n % 50,
            1 + n % 9,
            n % 9,
            n % 13,
            answers.join(",")
        ))?;
    }
    file.flush().doing(doing())?;
    Ok(bytes)
}

/// Runs the import as an operator would, and watches its memory.
async fn import(
    options: &Options,
    database_url: &str,
    (file, kind): (&Path, &str),
) -> Result<Took, Trouble> {
    let mut command = Command::new(&options.binary);
    command.arg("import").arg(file).args(["--kind", kind]);
    command.env("DATABASE_URL", database_url).env_remove("REDIS_URL");
    if kind == "leads" {
        command.args(["--campaign", "IMP"]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().doing("leadrail import")?;
    let pid = child.id().unwrap_or_default();
    let output = child.stderr.take().ok_or("it has no output").doing("leadrail import")?;
    let heard = tokio::spawn(async move {
        let (mut lines, mut uploaded, mut last) =
            (BufReader::new(output).lines(), None, String::new());
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(" rows, import imp_") {
                uploaded = Some(began.elapsed());
            }
            last = line;
        }
        (uploaded, last)
    });
    let mut peak_mb: f64 = 0.0;
    let status = loop {
        if let Some((_, peak)) = proc::memory_mb(pid) {
            peak_mb = peak_mb.max(peak);
        }
        if let Some(status) = child.try_wait().doing("leadrail import")? {
            break status;
        }
        wait(LOOK).await;
    };
    let whole = began.elapsed();
    let (uploaded, last) = heard.await.doing("leadrail import")?;
    let Some(upload) = uploaded.filter(|_| status.success()) else {
        return Err(last).doing("leadrail import");
    };
    Ok(Took { upload, work: whole - upload, peak_mb })
}

/// Copies a table's rows of this import into an empty table with the same indexes; says how long that took.
async fn copy(
    database: &mut PgConnection,
    path: &Path,
    (table, kind): (&str, &str),
) -> Result<Duration, Trouble> {
    let out = format!(
        "COPY (SELECT t.* FROM {table} t WHERE t.import_id =
            (SELECT id FROM import WHERE config->>'kind' = '{kind}' ORDER BY id DESC LIMIT 1)) TO STDOUT"
    );
    let doing = || format!("keeping rows in {}", path.display());
    let mut file = BufWriter::new(File::create(path).doing(doing())?);
    let mut rows = database.copy_out_raw(&out).await?;
    while let Some(some) = rows.next().await {
        file.write_all(&some?).doing(doing())?;
    }
    drop(rows);
    file.flush().doing(doing())?;
    let floor = format!("floor_{table}");
    let made = format!(
        "DROP TABLE IF EXISTS {floor}; CREATE TABLE {floor} (LIKE {table} INCLUDING ALL); CHECKPOINT"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(made)).execute(&mut *database).await?;
    let mut file = File::open(path).doing(doing())?;
    let mut slice = vec![0; SLICE];
    let began = Instant::now();
    let mut into = database.copy_in_raw(&format!("COPY {floor} FROM STDIN")).await?;
    loop {
        let read = file.read(&mut slice).doing(doing())?;
        if read == 0 {
            break;
        }
        into.send(&slice[..read]).await?;
    }
    into.finish().await?;
    Ok(began.elapsed())
}
