//! Tests of fresh databases: one template however many race, one database a test, none left.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use super::*;

/// A template name that no other run has used.
fn new_template() -> String {
    let id = Uuid::now_v7().simple().to_string();
    format!("own_{}", &id[..30])
}

async fn prepare(url: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    execute(&mut connection, "create table lead (id int primary key)").await;
    execute(&mut connection, "insert into lead select generate_series(1, 3)").await;
    connection.close().await.unwrap();
}

async fn admin() -> PgConnection {
    PgConnection::connect(&postgres_url()).await.unwrap()
}

async fn forget(template_name: &str) {
    let template = template_database(template_name);
    execute(&mut admin().await, &format!("drop database {template} with (force)")).await;
}

#[tokio::test]
async fn racing_tests_prepare_once_and_do_not_see_each_other() {
    let template = new_template();
    let prepared = AtomicUsize::new(0);
    let one = async || {
        let database = fresh_database(&template, async |url| {
            prepared.fetch_add(1, Ordering::SeqCst);
            prepare(url).await;
        });
        let database = database.await;
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        execute(&mut connection, "insert into lead values (4)").await;
        let count: i64 = sqlx::query_scalar("select count(*) from lead")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        (database, count)
    };
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    assert_eq!([a.1, b.1, c.1, d.1], [4; 4]);
    assert_eq!(prepared.load(Ordering::SeqCst), 1);
    drop((a, b, c, d));
    forget(&template).await;
}

#[tokio::test]
async fn a_dropped_database_is_gone_even_when_someone_is_connected() {
    let template = new_template();
    let database = fresh_database(&template, prepare).await;
    let _open = PgConnection::connect(&database.url).await.unwrap();
    let name = database.name.clone();
    assert!(exists(&mut admin().await, &name).await);
    drop(database);
    assert!(!exists(&mut admin().await, &name).await);
    forget(&template).await;
}

#[tokio::test]
async fn a_template_that_was_left_half_made_is_made_again() {
    let template = new_template();
    let unfinished = format!("{}_new", template_database(&template));
    execute(&mut admin().await, &format!("create database {unfinished}")).await;
    prepare(with_database(&postgres_url(), &unfinished)).await;
    drop(fresh_database(&template, prepare).await);
    forget(&template).await;
}

#[tokio::test]
async fn a_template_in_use_is_waited_for() {
    let template = new_template();
    drop(fresh_database(&template, prepare).await);
    let url = with_database(&postgres_url(), &template_database(&template));
    let mut holder = PgConnection::connect(&url).await.unwrap();
    // PostgreSQL itself waits five seconds before it refuses; the holder stays longer.
    let hold = async {
        execute(&mut holder, "select pg_sleep(6)").await;
        holder.close().await.unwrap();
    };
    let (database, ()) = tokio::join!(fresh_database(&template, prepare), hold);
    drop(database);
    forget(&template).await;
}

#[tokio::test]
async fn the_sweep_drops_old_test_databases_and_nothing_else() {
    let seconds: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint")
        .fetch_one(&mut admin().await)
        .await
        .unwrap();
    let born = |age: i64| {
        let time = uuid::Timestamp::from_unix(uuid::NoContext, (seconds - age) as u64, 0);
        format!("{TEST_PREFIX}{}", Uuid::new_v7(time).simple())
    };
    let (old, young, foreign) = (born(3_700), born(3_000), format!("own_{}", &born(9)[14..]));
    let mut connection = admin().await;
    for name in [&old, &young, &foreign] {
        execute(&mut connection, &format!("create database {name}")).await;
    }
    // Another test's sweep may hold the lock, and then does the work as well.
    let swept = wait::until(Duration::from_secs(10), async || {
        sweep(&mut connection).await;
        (!exists(&mut connection, &old).await).then_some(())
    });
    assert!(swept.await.is_some());
    for name in [&young, &foreign] {
        assert!(exists(&mut connection, name).await, "{name}");
        execute(&mut connection, &format!("drop database {name}")).await;
    }
}

#[tokio::test]
async fn a_database_is_copied_quickly() {
    const ROUNDS: u32 = 20;
    let template = new_template();
    drop(fresh_database(&template, prepare).await);
    let mut fastest = Duration::MAX;
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        drop(fresh_database(&template, prepare).await);
        fastest = fastest.min(begin.elapsed());
    }
    println!("a database costs {:?}, at best {fastest:?}", begin.elapsed() / ROUNDS);
    // About 20 ms in memory and 50 to 240 ms on a disk. The limit catches only what is no copy.
    assert!(fastest < Duration::from_millis(800), "{fastest:?}");
    forget(&template).await;
}

#[test]
fn only_the_database_of_a_url_changes() {
    for (url, expected) in [
        ("postgres://u:p@h:1/db", "postgres://u:p@h:1/new"),
        ("postgres://u@h/db?sslmode=disable", "postgres://u@h/new?sslmode=disable"),
        ("postgresql://h", "postgresql://h/new"),
        ("postgres:///db?host=/run/pg", "postgres:///new?host=/run/pg"),
    ] {
        assert_eq!(with_database(url, "new"), expected, "{url}");
    }
}

#[test]
fn a_test_database_is_stale_after_an_hour() {
    let born = 1_700_000_000;
    let time = uuid::Timestamp::from_unix(uuid::NoContext, born, 0);
    let name = format!("{TEST_PREFIX}{}", Uuid::new_v7(time).simple());
    let born = i64::try_from(born).unwrap();
    assert!(!is_stale(&name, born + 3_600), "on the second");
    assert!(is_stale(&name, born + 3_601), "one second later");
    assert!(!is_stale("leadrail_test_mine", born + 9_999), "no id");
    assert!(!is_stale("production", born + 9_999), "not a test database");
}

#[test]
fn a_template_name_is_plain_and_short() {
    assert_eq!(template_database("store_0a1b"), "leadrail_template_store_0a1b");
    let long = "a".repeat(41);
    for name in ["", "Store", "a-b", "a; drop database x", &long] {
        assert!(std::panic::catch_unwind(|| template_database(name)).is_err(), "{name}");
    }
}
