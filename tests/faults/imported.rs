//! Workers die while a file is brought in, at about 30 %, 60 % and 99 % of it: each row comes in once, none is missing, all are counted.
use crate::{desk, embedded::Folder, moving::LONG, wait::wait_for, world::World};
use shared::{
    clock::Clock,
    ids::{CampaignId, ImportId, WorkspaceId},
    import::{ImportConfig, Limits, Mapped, Splitter},
    store::imports::{self, State, Uploaded},
    testing::Process,
};

const ROWS: i64 = 12_000;
/// One row in so many says nothing that is an email.
const BROKEN: i64 = 1_000;
/// How far the file is when a worker is killed.
const KILLS: [i64; 2] = [30, 60];
/// The last part is all written but not committed.
const AT_THE_END: &str = "import.before_commit@11";
const FAILPOINT: &str = "LEADRAIL_FAILPOINT";

fn file() -> String {
    let mut text = "first,last,email,phone\n".to_owned();
    for n in 1..=ROWS {
        let at = if n % BROKEN == 0 { "#" } else { "@" };
        text += &format!("First{n},Last{n},p{n}{at}example.com,+1415{:07}\n", 5_000_000 + n);
    }
    text
}

fn config(campaign: CampaignId) -> ImportConfig {
    let fields =
        [("first", "firstName"), ("last", "lastName"), ("email", "email"), ("phone", "phone")];
    let mapped = |(column, field): (&str, &str)| Mapped {
        column: column.into(),
        field: field.into(),
        do_not_overwrite: false,
    };
    ImportConfig {
        fallback_campaign_id: Some(campaign),
        mapping: fields.into_iter().map(mapped).collect(),
        ..ImportConfig::default()
    }
}

/// Uploads the file and starts it.
async fn begin(world: &World, campaign: CampaignId) -> imports::Key {
    let text = "SELECT workspace_id FROM campaign WHERE id = $1";
    let workspace: WorkspaceId =
        world.ask(async |db| db.read().sql(text).bind(campaign).scalar().await).await;
    let (db, now) = (&world.db, Clock::system().now());
    let upload = imports::begin(db, workspace, "people.csv", "a test", now).await.unwrap();
    let mut splitter = Splitter::new(Limits::default());
    let mut parts = splitter.feed(file().as_bytes()).unwrap();
    let finished = splitter.finish().unwrap();
    parts.extend(finished.parts);
    assert_eq!(parts.len(), 12, "the failpoint names the last one");
    for part in &parts {
        let (number, first_row) = (part.number, part.first_row);
        let part = imports::Part { number, first_row, row_count: part.rows, text: &part.text };
        imports::add_part(db, &upload, &part, now).await.unwrap().unwrap();
    }
    let file = Uploaded {
        header: finished.header,
        delimiter: ',',
        hash: finished.hash,
        bytes: i64::try_from(finished.bytes).unwrap(),
        rows: finished.rows,
        config: config(campaign),
    };
    imports::uploaded(db, &upload, &file, now).await.unwrap().unwrap();
    imports::start(db, upload.key(), now).await.unwrap().unwrap();
    upload.key()
}

/// Rows that were looked at; what is counted is what is there, at any moment.
async fn rows(world: &World, key: imports::Key) -> i64 {
    let text = "SELECT i.created, i.failed, (SELECT count(*) FROM lead), (SELECT count(*) FROM import_error)
        FROM import i WHERE i.workspace_id = $1 AND i.id = $2";
    let (created, failed, leads, errors): (i64, i64, i64, i64) =
        world.ask(async |db| db.read().sql(text).bind(key.0).bind(key.1).one().await).await;
    assert_eq!((created, failed), (leads, errors));
    created + failed
}

/// As if the claim of whoever was killed had run out.
async fn due_now(world: &World, import: ImportId) {
    let text = "UPDATE import SET due_at = started_at WHERE id = $1 AND due_at IS NOT NULL";
    let due = world.ask(async |db| db.write().sql(text).bind(import).run().await).await;
    assert_eq!(due, 1, "it was at work");
}

/// Whoever works is started by `start`, and killed again and again.
async fn survives(
    mut world: World,
    campaign: CampaignId,
    first: Process,
    start: impl AsyncFn(&World) -> Process,
) {
    let mut worker = first;
    let key = begin(&world, campaign).await;
    for percent in KILLS {
        wait_for("its share of the file", LONG, async || {
            (rows(&world, key).await * 100 >= percent * ROWS).then_some(())
        })
        .await;
        worker.kill9();
        let at = rows(&world, key).await;
        assert!(at < ROWS, "it was killed too late");
        println!("killed at {} %", at * 100 / ROWS);
        due_now(&world, key.1).await;
        if percent == KILLS[1] {
            world.set(FAILPOINT, AT_THE_END);
        }
        worker = start(&world).await;
    }
    worker.wait_exit(LONG).await;
    assert!(worker.log().contains("failpoint import.before_commit reached"));
    assert_eq!(rows(&world, key).await, ROWS - 1_000, "nothing of the last part is in");
    world.set(FAILPOINT, "");
    due_now(&world, key.1).await;
    let _worker = start(&world).await;
    let done = wait_for("the end of the import", LONG, async || {
        let import = world.ask(async |db| imports::get(db, key).await).await.unwrap();
        (import.state != State::Running).then_some(import)
    })
    .await;
    let broken = ROWS / BROKEN;
    assert_eq!(done.state, State::Done, "{done:?}");
    assert_eq!(
        (done.counts.created, done.counts.failed, done.counts.rows()),
        (ROWS - broken, broken, ROWS)
    );
    assert_eq!(rows(&world, key).await, ROWS);
    let count = async |text: &'static str| -> i64 {
        world.ask(async |db| db.read().sql(text).scalar().await).await
    };
    assert_eq!(
        count("SELECT count(DISTINCT email) FROM lead").await,
        ROWS - broken,
        "nobody is there twice"
    );
    assert_eq!(count("SELECT count(*) FROM lead WHERE is_duplicate").await, 0);
    assert_eq!(count("SELECT count(*) FROM contact").await, ROWS - broken);
    assert_eq!(count("SELECT count(*) FROM submission").await, 0, "they are stored only");
}

async fn campaign(world: &World) -> CampaignId {
    let campaign =
        world.desk.campaign("first", desk::config(&world.sink, "first", false, &[])).await;
    CampaignId::parse(campaign.id.as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_in_once_though_its_worker_is_killed_again_and_again() {
    let world = World::new().await;
    let (_api, _scheduler) = (world.api().await, world.scheduler().await);
    let campaign = campaign(&world).await;
    let worker = world.worker().await;
    survives(world, campaign, worker, async |world| world.worker().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_in_once_though_an_embedded_installation_is_killed_again_and_again() {
    let folder = Folder::new();
    let world = World::embedded(&folder.0).await;
    let serve = world.serve().await;
    let campaign = campaign(&world).await;
    survives(world, campaign, serve, async |world| world.serve().await).await;
}
