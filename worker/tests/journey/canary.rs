//! A canary in every credential: it reaches the buyer and the token server, and is found nowhere else.
use crate::credentials::{Fake, attempts, campaign, delivered, keep, oauth, submission, world};
use serde_json::json;
use shared::{
    on_both_engines,
    store::{Db, campaigns, dialect::Engine, leads, secrets},
};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};

/// What a canary's name has in common with the others.
const CANARY: &str = "zz-canary";

/// A log that is kept to be searched.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every log line of this process, whatever its level.
fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber); // another test of this process may have been first
    log
}

/// The tables that a delivery with credentials writes, as text.
async fn tables(db: &Db) -> String {
    let texts = match db.engine() {
        Engine::Sqlite => return String::new(), // its file is searched as a whole
        Engine::Postgres => [
            "SELECT CAST(t.* AS TEXT) FROM secret t",
            "SELECT CAST(t.* AS TEXT) FROM data_key t",
            "SELECT CAST(t.* AS TEXT) FROM oauth_token t",
            "SELECT CAST(t.* AS TEXT) FROM campaign_revision t",
            "SELECT CAST(t.* AS TEXT) FROM submission t",
            "SELECT CAST(t.* AS TEXT) FROM journey_event t",
            "SELECT CAST(t.* AS TEXT) FROM delivery_attempt t",
        ],
    };
    let mut all = String::new();
    for text in texts {
        let rows: Vec<(String,)> = db.read().sql(text).all().await.unwrap();
        assert!(!rows.is_empty(), "{text}");
        all.extend(rows.into_iter().map(|(row,)| row + "\n"));
    }
    all
}

/// A buyer that shows the request in its answer, as some do, and a token server with canaries of its own.
async fn shown() -> Fake {
    Fake::new(|seen, nth| match (seen.path.as_str(), nth) {
        ("/token", _) => (
            200,
            json!({"access_token": format!("zz-canary-access-{nth}"), "refresh_token": format!("zz-canary-next-{nth}")}),
        ),
        // The first token is refused, so that this way is walked as well.
        (_, 0) => (401, json!({"you sent": seen.header("authorization")})),
        _ => {
            let echo = format!("{} {}", seen.header("authorization"), seen.header("x-key"));
            (200, json!({"result": "rejected", "reason": format!("not with {echo}"), "echo": echo}))
        }
    })
    .await
}

on_both_engines! {
    async fn a_credential_is_found_nowhere_but_where_it_is_sent(store: TestStore) {
        let log = listen();
        let world = world(store).await;
        let fake = shown().await;
        keep(&world, "client", "zz-canary-client-secret").await;
        keep(&world, "first", "zz-canary-refresh-token").await;
        keep(&world, "header", "zz-canary-header-value").await;
        let mut more = oauth(&fake, json!({"grant": "refresh_token", "refreshToken": {"secret": "first"}, "clientAuth": "body"}));
        more["headers"] = json!({"X-Key": {"secret": "header", "prefix": "Token "}});
        let with = campaign(&world, &fake, more).await;
        let lead = delivered(&world, with).await;
        world.settle().await;
        let row = submission(&world, lead).await;
        assert_eq!(attempts(&world, &row).await, ["Failed Some(401)", "Rejected Some(200)"]);
        // It did reach those whom it is for.
        assert_eq!(fake.seen("/buy")[1].header("x-key"), "Token zz-canary-header-value");
        assert_eq!(fake.seen("/buy")[1].header("authorization"), "Bearer zz-canary-access-1");
        assert!(fake.seen("/token")[1].body.contains("refresh_token=zz-canary-next-0"));
        // And nobody else.
        let db = &world.store.db;
        let attempts = leads::attempts(db, world.workspace, row.id).await.unwrap();
        assert!(format!("{attempts:?}").contains("[REDACTED]"), "{attempts:?}");
        let journey = leads::journey(db, world.workspace, row.id).await.unwrap();
        let listed = secrets::list(db, world.workspace).await.unwrap();
        let campaign = campaigns::get(db, world.workspace, with).await.unwrap();
        let compiled = world.ctx.campaigns.get(world.workspace, with, 1).await.unwrap();
        let (keeper, held) = (&world.ctx.tokens, &world.ctx.secrets);
        let all = format!("{attempts:?} {journey:?} {row:?} {listed:?} {campaign:?} {compiled:?} {keeper:?} {held:?}");
        assert!(!all.contains(CANARY), "{all}");
        let tables = tables(db).await;
        assert!(!tables.contains(CANARY), "{tables}");
        if let Some(file) = world.store.url.strip_prefix("sqlite:") {
            for end in ["", "-wal"] {
                let bytes = std::fs::read(format!("{file}{end}")).unwrap();
                assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "{file}{end}");
            }
        }
        let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        assert!(log.len() > 1_000, "the log was kept");
        let line = log.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None::<&str>);
    }
}
