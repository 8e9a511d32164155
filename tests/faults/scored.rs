//! Many write about one contact at once, to two APIs: not a point is lost, and not one is given twice.
use crate::{
    moving::{self, Visit, insist, times},
    world::World,
};
use serde_json::json;
use tokio::task::JoinSet;

const WRITERS: usize = 64;
/// Visits that each sends, one a request.
const EACH: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_about_one_contact_leave_a_log_that_adds_up() {
    let world = World::new().await;
    let first = world.api().await;
    let one = world.desk.staying();
    let second = world.api().await;
    let automation = json!({
        "scoring": {"rules": [
            {"id": "visit", "name": "Visited a page", "points": 3, "repeat": "each",
             "on": [{"type": "activity", "activity": "page_visit"}]},
        ]},
        "rules": [
            {"id": "hundred", "name": "Many points", "on": [{"type": "points", "reach": 100}],
             "do": [{"type": "addPoints", "points": 7}]},
        ],
    });
    let campaign = moving::campaign(&world, automation).await;
    let lead = moving::leads(&world, &campaign, 1).await.remove(0);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let desks = [one.clone(), world.desk.clone()];
        let lead = lead.clone();
        writers.spawn(async move {
            for number in 0..EACH {
                let visit = [Visit::new(&lead, "/")];
                let own = &desks[(writer + number) % 2];
                insist(own, &visit).await;
                if (writer + number) % 3 == 0 {
                    insist(&desks[writer % 2], &visit).await;
                }
            }
        });
    }
    // Each of these is sent to both at once.
    for _ in 0..WRITERS {
        let visit = [Visit::new(&lead, "/twice")];
        for desk in [one.clone(), world.desk.clone()] {
            let visit = visit.clone();
            writers.spawn(async move {
                insist(&desk, &visit).await;
            });
        }
    }
    writers.join_all().await;
    let visits = WRITERS * EACH + WRITERS;
    let log = moving::lawful_log(&world, std::slice::from_ref(&lead)).await;
    assert_eq!(times(&log, &lead, "visit"), visits);
    assert_eq!(times(&log, &lead, "hundred"), 1);
    let last = log[&lead.id].last().unwrap();
    assert_eq!((last.number, last.points_after), (visits as i64 + 1, 3 * visits as i64 + 7));
    drop((first, second));
}
