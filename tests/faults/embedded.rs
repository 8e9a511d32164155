//! `leadrail serve` on SQLite, killed under load and started again on the same folder.
use crate::{oracle, wait::pause, world::World};
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(30);
const LEADS: usize = 480;

/// A data folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("leadrail-embedded-{}", Uuid::now_v7().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // what remains is the system's to clean
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_installation_that_is_killed_under_load_loses_nothing() {
    let folder = Folder::new();
    let world = World::embedded(&folder.0).await;
    let mut serve = world.serve().await;
    let sender = world.sender(true).await;
    let load = tokio::spawn(sender.clone().load(80, LEADS));
    let mut kills = 0;
    while !load.is_finished() {
        pause(Duration::from_millis(1_200)).await;
        serve.kill9();
        kills += 1;
        serve = world.serve().await;
    }
    load.await.unwrap();
    let unanswered = sender.unanswered().len();
    assert!(kills >= 3, "killed {kills} times only");
    assert!(unanswered > 0, "no kill came between a lead and its answer");
    sender.insist(SOON).await;
    oracle::judge(&world, &sender, SOON).await.all_sold(LEADS);
    serve.sigterm();
    assert!(serve.wait_exit(SOON).await.success());
    println!("{kills} kills, {unanswered} of {LEADS} leads were not answered at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_installation_without_work_ends_at_once_when_told_to() {
    let folder = Folder::new();
    let world = World::embedded(&folder.0).await;
    let mut serve = world.serve().await;
    let sender = world.sender(false).await;
    sender.send().await;
    oracle::judge(&world, &sender, SOON).await.all_sold(1);
    serve.sigterm();
    let status = serve.wait_exit(Duration::from_secs(3)).await;
    assert!(status.success(), "{status}");
}
