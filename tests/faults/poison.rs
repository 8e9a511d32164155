//! F25: a job that kills every worker that touches it is put aside, and nothing else with it.
use crate::{
    oracle::{self, Submission},
    sender::Sent,
    wait::wait_for,
    world::World,
};
use shared::{clock::Clock, store::sweeps, submission::Stage};
use std::time::Duration;

const POINT: &str = "disqualification.decided";
const SOON: Duration = Duration::from_secs(30);
/// Workers that a poisonous job may kill; see `worker::drive::CRASHES_MAX`.
const DEATHS: u32 = worker::drive::CRASHES_MAX;

/// Keeps a worker alive, as a service manager would, until the job is put aside. Returns how many died.
async fn supervise(world: &World, poison: &Sent) -> u32 {
    let failpoint = format!("{POINT}@poison");
    let mut deaths = 0;
    let mut worker = world.worker_with(&[("LEADRAIL_FAILPOINT", &failpoint)]).await;
    wait_for("the quarantine", SOON * 2, async || {
        if worker.exit_status().is_some() {
            assert!(worker.log().contains(&format!("failpoint {POINT} reached")));
            deaths += 1;
            worker = world.worker_with(&[("LEADRAIL_FAILPOINT", &failpoint)]).await;
        }
        let job: Submission = oracle::of_lead(world, &poison.email).await?;
        (job.run == "failed").then_some(())
    })
    .await;
    worker.sigterm();
    assert!(worker.wait_exit(SOON).await.success());
    deaths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_job_that_kills_its_workers_is_quarantined_seen_and_retried_by_an_operator() {
    let world = World::new().await;
    let _others = (world.api().await, world.scheduler().await);
    let sender = world.sender(false).await;
    let poison = sender.send_called("poison").await;
    let others = 20;
    tokio::join!(sender.clone().load(10, others), async {
        assert_eq!(supervise(&world, &poison).await, DEATHS, "workers died");
    });
    let worker = world.worker().await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    assert_eq!((tally.accepted, tally.failed.len()), (others, 1), "{tally:?}");
    let job = tally.failed[0].clone();
    assert_eq!(job.id, poison.receipt().submission);
    assert!(job.reason.contains("its worker died"), "{job:?}");

    let id = job.id.to_string();
    let (fine, listed) = world.command(&["jobs", "list"]).await;
    assert!(fine && listed.contains(&id) && listed.contains("its worker died"), "{listed}");
    let (fine, said) = world.command(&["jobs", "retry", &id]).await;
    assert!(fine, "{said}");
    wait_for("the sale of what was poison", SOON, async || {
        oracle::of_lead(&world, &poison.email).await.filter(Submission::is_accepted)
    })
    .await;
    oracle::judge(&world, &sender, SOON).await.all_sold(others + 1);
    drop(worker);
}

/// The hard case: the same worker has all of them in hand each time it dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_job_that_kills_its_workers_takes_no_neighbour_into_quarantine() {
    let world = World::new().await;
    let _others = (world.api().await, world.scheduler().await);
    let sender = world.sender(false).await;
    let lane = Stage::Routing.name().to_owned();
    let (reason, paused_by) = ("a crowd gathers".to_owned(), "the test".to_owned());
    let pause = sweeps::PausedLane { lane, reason, paused_by, paused_at: Clock::system().now() };
    sweeps::pause_lane(&world.db, world.workspace().await, &pause).await.unwrap();
    let neighbours = 30;
    sender.clone().load(200, neighbours / 2).await;
    let poison = sender.send_called("poison").await;
    sender.clone().load(200, neighbours / 2).await;
    sweeps::resume_lane(
        &world.db,
        world.workspace().await,
        Stage::Routing.name(),
        Clock::system().now(),
    )
    .await
    .unwrap();
    let deaths = supervise(&world, &poison).await;
    assert!(deaths >= DEATHS, "{deaths} workers died");
    let _worker = world.worker().await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    let failed: Vec<_> = tally.failed.iter().map(|one| one.email.as_str()).collect();
    assert_eq!(failed, [poison.email.as_str()], "only the poison is put aside");
    assert_eq!(tally.accepted, neighbours);
}
