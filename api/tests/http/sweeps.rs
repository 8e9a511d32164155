//! GET /sweeps: what operators see of the schedulers' work.
use crate::support::{noon, world};
use chrono::Duration;
use serde_json::json;
use shared::store::ticks::{self, Ended, Scheduled, Turn};
use uuid::Uuid;

fn scheduled(name: &str, place: i64, cron: Option<&str>) -> Scheduled {
    let about = format!("Does what {name} does.");
    Scheduled {
        name: name.into(),
        place,
        about,
        cron: cron.map(str::to_owned),
        is_default: place == 0,
    }
}

#[tokio::test]
async fn sweeps_are_listed_with_their_schedule_and_how_they_went() {
    let world = world().await;
    let empty = world.get("/api/v1/sweeps").await;
    assert_eq!(empty.json["data"]["items"], json!([]), "no scheduler has started yet");
    let all = [
        scheduled("hourly", 0, Some("0 50 * * * *")),
        scheduled("fresh", 1, Some("0 0 3 * * *")),
        scheduled("retired", 2, None),
    ];
    ticks::announce(&world.db, &all, noon()).await.unwrap();
    let tick = noon() - Duration::minutes(10);
    let turn = Turn { name: "hourly", tick, holder: Uuid::nil(), now: tick };
    for outcome in [Ok(3), Err("the queue cannot be reached".to_owned())] {
        ticks::take_over(&world.db, &turn).await.unwrap();
        let ended = Ended { began_at: tick, ended_at: tick, duration_us: 1_500, outcome };
        ticks::end(&world.db, "hourly", Uuid::nil(), &ended).await.unwrap();
    }
    let answer = world.get("/api/v1/sweeps").await;
    let items = answer.json["data"]["items"].as_array().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&items[0]).unwrap(), @r#"
    {
      "name": "hourly",
      "about": "Does what hourly does.",
      "cron": "0 50 * * * *",
      "isDefault": true,
      "state": "failed",
      "lastTick": "2026-11-21T11:50:00Z",
      "finishedAt": "2026-11-21T11:50:00Z",
      "durationUs": 1500,
      "found": null,
      "nextTick": "2026-11-21T12:50:00Z",
      "isLate": false,
      "runs": 2,
      "failures": 1,
      "countedSince": "2026-11-21T11:50:00Z",
      "longestUs": 1500,
      "lastError": "the queue cannot be reached",
      "lastErrorAt": "2026-11-21T11:50:00Z"
    }
    "#);
    let shown: Vec<_> = items
        .iter()
        .map(|sweep| (&sweep["name"], &sweep["state"], &sweep["cron"], &sweep["isLate"]))
        .collect();
    let (never, yes, no) = (json!("never"), json!(true), json!(false));
    assert_eq!(shown[1], (&json!("fresh"), &never, &json!("0 0 3 * * *"), &yes));
    assert_eq!(shown[2], (&json!("retired"), &never, &json!(null), &no));
    world.clock.forward(Duration::hours(1));
    let later = world.get("/api/v1/sweeps").await;
    assert_eq!(later.json["data"]["items"][0]["isLate"], true, "12:50 was missed");
}
