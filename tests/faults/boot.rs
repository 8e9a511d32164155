//! A process that cannot work says what is missing, names the variable, and does not start.
use crate::world::without_engines;
use shared::testing::Process;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// Runs the binary without the tests' engines; returns what it said when it refused.
async fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let settings: Vec<String> =
        environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut line = without_engines(arguments);
    let binary = line.iter().position(|word| word.ends_with("leadrail")).expect("it is named");
    line.splice(binary..binary, settings.iter().map(String::as_str));
    let mut process = Process::spawn("/usr/bin/env", &line, &[]);
    let status = process.wait_exit(SOON).await;
    let log = process.log();
    assert!(!status.success(), "{arguments:?} started with {environment:?}\n{log}");
    log
}

#[tokio::test]
async fn a_single_role_without_engines_names_the_variables_it_needs() {
    for role in ["api", "worker", "scheduler"] {
        let said = refusal(&[role], &[]).await;
        assert!(said.contains("DATABASE_URL") && said.contains("REDIS_URL"), "{role}: {said}");
        let database = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")];
        let said = refusal(&[role], &database).await;
        assert!(said.contains("REDIS_URL") && !said.contains("panicked"), "{role}: {said}");
    }
}

#[tokio::test]
async fn a_bad_value_is_refused_by_its_variable() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://h/d"),
        ("REDIS_URL", "http://h"),
        ("LEADRAIL_ADMIN_KEY", "secret"),
        ("LEADRAIL_PUBLIC_URL", "leads.example.com"),
        ("LEADRAIL_LOG", "worker=loud"),
        ("LEADRAIL_LISTEN", "everywhere"),
        ("LEADRAIL_REDELIVERY_SECONDS", "0"),
        ("LEADRAIL_LEASE_SECONDS", "soon"),
        ("LEADRAIL_DATABASE_CONNECTIONS", "1"),
        ("LEADRAIL_CONCURRENCY", "-1"),
        ("LEADRAIL_DELIVERIES", "0"),
        ("LEADRAIL_SWEEPS", "due=*/2 * * * *"),
        ("LEADRAIL_SWEEPS", "due=off"),
        ("LEADRAIL_LOG_FORMAT", "xml"),
        ("LEADRAIL_ALLOW_PRIVATE_ENDPOINTS", "perhaps"),
    ] {
        let said = refusal(&["serve"], &[(name, value)]).await;
        assert!(said.contains(name), "{name}={value} was refused with: {said}");
        assert!(!said.contains("panicked"), "{name}={value}: {said}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_and_its_password_is_not() {
    let url = "postgres://leadrail:hunter2@127.0.0.1:1/leadrail";
    let engines = [("DATABASE_URL", url), ("REDIS_URL", "redis://127.0.0.1:1")];
    let said = refusal(&["worker"], &engines).await;
    assert!(said.contains("DATABASE_URL"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_while_the_first_lives() {
    let folder = std::env::temp_dir().join(format!("leadrail-{}", uuid::Uuid::now_v7().simple()));
    let data = folder.to_str().expect("a plain path").to_owned();
    let environment = [("LEADRAIL_DATA", data.as_str()), ("LEADRAIL_LISTEN", "127.0.0.1:0")];
    let serve = || {
        let mut line: Vec<String> =
            without_engines(&["serve"]).iter().map(ToString::to_string).collect();
        let binary = line.iter().position(|word| word.ends_with("leadrail")).expect("it is named");
        let settings = environment.iter().map(|(name, value)| format!("{name}={value}"));
        line.splice(binary..binary, settings);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        Process::spawn("/usr/bin/env", &line, &[])
    };
    let mut first = serve();
    first.wait_for_line("the scheduler ticks", SOON).await;
    let said = refusal(&["serve"], &environment).await;
    assert!(said.contains("LEADRAIL_DATA") && said.contains("another process"), "{said}");
    first.kill9();
    let mut next = serve();
    next.wait_for_line("the scheduler ticks", SOON).await;
    next.kill9();
    std::fs::remove_dir_all(folder).expect("the folder was made");
}
