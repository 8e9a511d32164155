//! Which settings contradict each other, and how the refusals begin.
use super::*;
use clap::{CommandFactory, FromArgMatches, Parser};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

fn settings(line: &[&str]) -> Settings {
    let line = std::iter::once("leadrail").chain(line.iter().copied());
    // The variables of whoever runs the tests are not what is tested.
    let command = Line::command().mut_args(|argument| argument.env(None::<&str>));
    Line::from_arg_matches(&command.get_matches_from(line)).unwrap().settings
}

#[test]
fn contradictions_are_named() {
    const PG: &str = "--database-url=postgres://h/d";
    const REDIS: &str = "--redis-url=redis://h";
    for (line, wanted) in [
        (vec![PG, REDIS], Ok(())),
        (vec![], Ok(())),
        (vec!["--database-url=mysql://h"], Err("DATABASE_URL must")),
        (vec![PG, "--redis-url=http://h"], Err("REDIS_URL must")),
        (vec![REDIS], Err("REDIS_URL is set but")),
        (vec!["--public-url=https://a/"], Err("LEADRAIL_PUBLIC_URL")),
        (vec!["--admin-key=secret"], Err("LEADRAIL_ADMIN_KEY")),
        (vec!["--secret-keys=k1:c2hvcnQ="], Err("LEADRAIL_SECRET_KEYS: entry 1")),
        (vec!["--secret-keys-file=/no/such"], Err("the key ring file /no/such is not there")),
        (vec!["--secret-keys=k1:x", "--secret-keys-file=/no"], Err("set LEADRAIL_SECRET_KEYS or")),
        (vec!["--sweeps=due=*/2 * * * * *;forget_visits=off"], Ok(())),
        (vec!["--sweeps=due=*/2 * * * *"], Err("LEADRAIL_SWEEPS: due: the expression")),
        (vec!["--llm-base-url=http://localhost:11434/v1", "--llm-model=m"], Ok(())),
        (vec!["--llm-base-url=localhost:11434"], Err("LEADRAIL_LLM_BASE_URL")),
        (vec!["--llm-model=m"], Err("LEADRAIL_LLM_MODEL is set but")),
        (vec!["--llm-api-key=k"], Err("LEADRAIL_LLM_API_KEY is set but")),
        (
            vec!["--llm-base-url=https://a/v1", "--llm-api-key=a b"],
            Err("LEADRAIL_LLM_API_KEY is no"),
        ),
    ] {
        let checked = settings(&line).check().map_err(|error| error.to_string());
        match wanted {
            Ok(()) => assert_eq!(checked, Ok(()), "{line:?}"),
            Err(begin) => assert!(checked.unwrap_err().starts_with(begin), "{line:?}"),
        }
    }
}

#[test]
fn a_single_role_needs_postgres_and_redis() {
    let error = settings(&[]).check_shared("worker").unwrap_err().to_string();
    assert!(error.contains("`leadrail worker`") && error.contains("REDIS_URL"), "{error}");
    let error = settings(&["--database-url=postgres://h/d"]).check_shared("api").unwrap_err();
    assert_eq!(error, Contradiction::Embedded { role: "api", missing: "REDIS_URL" });
}

#[test]
fn without_a_database_url_the_data_folder_is_used() {
    assert_eq!(settings(&["--data=/x"]).database(), "sqlite:/x/leadrail.db");
}
