//! Many at once: no point is lost or given twice, and nobody is told of a deadlock.
use crate::world::World;
use serde_json::json;
use shared::{lead::LeadStatus, on_both_engines, store::activities::Activities};
use std::sync::Arc;

const WRITERS: usize = 64;
const TIMES: usize = 5;

on_both_engines! {
    async fn sixty_four_who_score_one_lead_lose_no_point(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("A", json!({"scoring": {"rules": [{"id": "call", "name": "Call", "points": 3,
            "repeat": "each", "on": [{"type": "activity", "activity": "call"}]}]},
            "rules": [{"id": "tag", "name": "Tag", "on": [{"type": "points", "reach": 300}], "do": [{"type": "addTag", "tag": "x"}]}]}))
            .await;
        let (ada, lead) = world.somebody(campaign, "ada@example.com").await;
        // As many processes as there are.
        let doors: Vec<Activities> = (0..4).map(|_| Activities::start(world.db.clone())).collect();
        let mut tasks = Vec::new();
        for n in 0..WRITERS {
            let (door, call) = (doors[n % doors.len()].clone(), world.activity(ada, "call", ""));
            tasks.push(tokio::spawn(async move {
                for _ in 0..TIMES {
                    door.record(vec![call.clone()]).await.unwrap().remove(0).unwrap().unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let log = world.log(lead).await;
        assert_eq!(log.iter().filter(|line| line.rule_id == "tag").count(), 1, "crossed once");
        assert_eq!((world.points(lead).await, log.len()), (3 * (WRITERS * TIMES) as i64, WRITERS * TIMES + 1));
    }

    async fn sixty_four_at_few_leads_in_several_ways_get_along(store: TestStore) {
        let world = Arc::new(World::new(store).await);
        let other = world.campaign("B", json!({})).await;
        let campaign = world.campaign("A", json!({"scoring": {"rules": [
            {"id": "call", "name": "Call", "points": 1, "repeat": "each", "on": [{"type": "activity", "activity": "call"}]},
            {"id": "open", "name": "Open", "points": 10, "repeat": "each", "on": [{"type": "status", "to": ["active"]}]}]},
            "rules": [{"id": "close", "name": "Close", "repeat": "each", "on": [{"type": "activity", "activity": "bye"}],
                "do": [{"type": "addTag", "tag": "bye"}, {"type": "addToCampaign", "campaign": other},
                    {"type": "setStatus", "status": "qualified"}]}]})).await;
        let mut people = Vec::new();
        for n in 0..4 {
            people.push(world.somebody(campaign, &format!("p{n}@example.com")).await);
        }
        let doors: Vec<Activities> = (0..4).map(|_| Activities::start(world.db.clone())).collect();
        let mut tasks = Vec::new();
        for n in 0..WRITERS {
            let (world, door, people) = (world.clone(), doors[n % doors.len()].clone(), people.clone());
            tasks.push(tokio::spawn(async move {
                for time in 0..TIMES {
                    let (contact, lead) = people[(n + time) % people.len()];
                    if n % 8 == 0 {
                        world.set_status(lead, LeadStatus::Active).await;
                        continue;
                    }
                    // Two people of one batch, in either order.
                    let (next, _) = people[(n + time + 1) % people.len()];
                    let kind = if n % 8 == 1 { "bye" } else { "call" };
                    let both = vec![world.activity(contact, kind, ""), world.activity(next, "call", "")];
                    for answer in door.record(both).await.unwrap() {
                        answer.unwrap().unwrap();
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        for (_, lead) in people {
            // It checks that the log adds up.
            assert!(!world.log(lead).await.is_empty());
        }
    }
}
