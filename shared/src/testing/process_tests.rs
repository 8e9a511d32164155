//! Tests of child processes: shells that say, wait, refuse and die.

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Process {
    Process::spawn("/bin/sh", &["-c", script], &[("GREETING", "hello")])
}

fn exists(process: u32) -> bool {
    kill(Pid::from_raw(process.try_into().unwrap()), None).is_ok()
}

#[tokio::test]
async fn a_line_is_found_in_output_and_in_errors_and_the_environment_arrives() {
    let mut process = shell("echo $GREETING port=1234; echo 'bad news' >&2; sleep 60");
    assert_eq!(process.wait_for_line("port=", LIMIT).await, "hello port=1234");
    assert_eq!(process.wait_for_line("bad", LIMIT).await, "bad news");
}

#[tokio::test]
async fn half_a_line_is_not_a_line() {
    let mut process = shell("printf 'port=12'; sleep 0.3; echo 34; sleep 60");
    assert_eq!(process.wait_for_line("port=", LIMIT).await, "port=1234");
}

#[tokio::test]
#[should_panic(expected = "ended without `never`")]
async fn a_process_that_ends_without_the_line_fails_the_wait_at_once() {
    shell("echo last words").wait_for_line("never", Duration::from_secs(3600)).await;
}

#[tokio::test]
#[should_panic(expected = "last words")]
async fn a_wait_that_is_over_shows_the_log() {
    shell("echo last words; sleep 60").wait_for_line("never", Duration::from_millis(500)).await;
}

#[tokio::test]
async fn each_way_to_end_is_seen_in_the_status() {
    let mut killed = shell("sleep 60");
    killed.kill9();
    killed.kill9();
    assert_eq!(killed.wait_exit(LIMIT).await.signal(), Some(9));

    let mut asked = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    asked.wait_for_line("ready", LIMIT).await;
    assert_eq!(asked.exit_status(), None);
    asked.sigterm();
    assert_eq!(asked.wait_exit(LIMIT).await.code(), Some(7));
    asked.sigterm();
}

#[tokio::test]
async fn a_frozen_process_says_nothing_until_it_may_go_on() {
    let mut process = shell("while :; do echo tick; sleep 0.02; done");
    process.wait_for_line("tick", LIMIT).await;
    process.sigstop();
    // One write may be under way when the signal is sent.
    let settled = wait::until(LIMIT, async || {
        let before = process.log().len();
        let moved = wait::until(Duration::from_millis(200), async || {
            (process.log().len() > before).then_some(())
        });
        moved.await.is_none().then_some(before)
    });
    let frozen_at = settled.await.expect("it froze");
    process.sigcont();
    let moved = wait::until(LIMIT, async || (process.log().len() > frozen_at).then_some(()));
    assert!(moved.await.is_some());
}

#[tokio::test]
async fn dropping_ends_even_a_frozen_process_and_removes_its_folder() {
    let mut process = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    process.wait_for_line("ready", LIMIT).await;
    process.sigstop();
    let (id, log) = (process.id(), process.log.clone());
    drop(process);
    assert!(!exists(id));
    assert!(!log.exists() && !log.parent().unwrap().exists());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let start = || drop(Process::spawn("/no/such/program", &[], &[]));
    let panic = catch_unwind(AssertUnwindSafe(start)).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("/no/such/program"));
}

/// The outer test starts this one in a process of its own and kills that process.
#[tokio::test]
#[ignore = "started by the test below"]
async fn holds_a_process_for_ever() {
    let process = shell("exec sleep 1000");
    println!("\nholding={} in={}", process.id(), process.log.display());
    wait::until(Duration::from_secs(1000), async || None::<()>).await;
}

#[tokio::test]
async fn a_killed_test_takes_its_processes_and_folders_along() {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--nocapture", "holds_a_process_for_ever"];
    let mut test = Process::spawn(this, &arguments, &[]);
    let line = test.wait_for_line("holding=", LIMIT).await;
    let (id, log) = line.trim_start_matches("holding=").split_once(" in=").unwrap();
    let (id, log) = (id.parse::<u32>().unwrap(), Path::new(log));
    assert!(exists(id) && log.exists());

    test.kill9();

    let gone = wait::until(LIMIT, async || (!exists(id) && !log.exists()).then_some(()));
    assert!(gone.await.is_some(), "process {id} and {} outlived their test", log.display());
}
