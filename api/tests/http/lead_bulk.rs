//! The same word on many leads over HTTP: each has its answer, twice is once, and what waits ends.
use crate::support::{World, world};
use chrono::Duration;
use serde_json::{Value, json};
use shared::ids::LeadId;

const PATH: &str = "/api/v1/leads/status";

/// Three submitted leads: their ids and their submissions'.
async fn three(world: &World) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for n in 0..3 {
        let submission =
            world.submitted("SOL", &format!("a{n}@example.com"), &format!("415555010{n}")).await;
        let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
        let lead = story.json["data"]["submission"]["leadId"].as_str().unwrap().to_owned();
        found.push((lead, submission));
    }
    found
}

fn counts(answer: &Value) -> Value {
    let data = &answer["data"];
    json!([data["changed"], data["unchanged"], data["refused"], data["unknown"]])
}

#[tokio::test]
async fn many_leads_are_qualified_rejected_removed_and_reactivated() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let leads = three(&world).await;
    let ids: Vec<&str> = leads.iter().map(|(lead, _)| lead.as_str()).collect();
    let nobody = LeadId::new().to_string();
    let say = async |ids: &[&str], action: &str| {
        let body = json!({"leadIds": ids, "action": action, "reason": " in the report "});
        let answer = world.post(PATH, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    };
    let first = say(&[ids[0], ids[1], ids[0], &nobody], "qualify").await;
    assert_eq!(counts(&first), json!([2, 0, 0, 1]));
    assert_eq!(first["data"]["leadStatus"], "qualified");
    assert_eq!(counts(&say(&ids, "qualify").await), json!([1, 2, 0, 0]), "twice is once");
    assert_eq!(counts(&say(&ids, "reject").await), json!([3, 0, 0, 0]));
    assert_eq!(counts(&say(&ids[..1], "reactivate").await), json!([1, 0, 0, 0]));
    let removed = say(&ids, "remove").await;
    assert_eq!(removed["data"]["leadStatus"], "deleted", "and not rejected");
    let line = |from: &str, id: &str| json!({"leadId": id, "result": "changed", "from": from, "why": null});
    let items = removed["data"]["items"].as_array().unwrap();
    assert!(items.contains(&line("active", ids[0])) && items.contains(&line("rejected", ids[1])));
    let history = world.get(&format!("/api/v1/leads/{}/history", ids[0])).await;
    let items = history.json["data"]["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|l| l["to"].as_str().unwrap()).collect();
    assert_eq!(told, ["qualified", "rejected", "active", "deleted"]);
    assert!(
        items
            .iter()
            .all(|l| l["reason"] == "in the report" && l["by"] == "key test admin installation")
    );
    // The same by the campaign, and not of another one.
    say(&ids, "reactivate").await;
    let other = world.campaign("OTHER", json!({})).await;
    let take = async |campaign: &str, body: Value| {
        let answer = world.post(&format!("/api/v1/campaigns/{campaign}/leads/remove"), body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        counts(&answer.json)
    };
    assert_eq!(take(&other, json!({"leadIds": ids, "reason": "x"})).await, json!([0, 0, 0, 3]));
    assert_eq!(
        take(&campaign, json!({"leadIds": [ids[0]], "reason": "x"})).await,
        json!([1, 0, 0, 0])
    );
    let lead = world.get(&format!("/api/v1/leads/{}", ids[1])).await;
    let contact = lead.json["data"]["contactId"].clone();
    let by_contact = json!({"contactIds": [contact], "reason": "x"});
    assert_eq!(take(&campaign, by_contact.clone()).await, json!([1, 0, 0, 0]));
    assert_eq!(take(&campaign, by_contact.clone()).await, json!([0, 1, 0, 0]));
    assert_eq!(take(&other, by_contact).await, json!([0, 0, 0, 0]));
}

#[tokio::test]
async fn what_waits_for_a_lead_that_is_stopped_is_due_at_once() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let leads = three(&world).await;
    world.park(&leads[0].1).await;
    world.park(&leads[1].1).await;
    let before = world.due_at(&leads[1].1).await;
    world.clock.forward(Duration::seconds(10));
    let body = json!({"leadIds": [leads[0].0], "action": "remove", "reason": "spam"});
    assert_eq!(world.post(PATH, body).await.status, 200);
    assert_eq!(world.due_at(&leads[0].1).await, Some(world.clock.now()));
    assert_eq!(world.due_at(&leads[1].1).await, before, "the others wait on");
}

#[tokio::test]
async fn nobody_works_with_the_leads_of_a_contact_who_is_gone() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let (lead, _) = three(&world).await.remove(0);
    let reject = json!({"leadIds": [lead], "action": "reject", "reason": "x"});
    world.post(PATH, reject).await;
    let id: LeadId = serde_json::from_value(json!(lead)).unwrap();
    world
        .db
        .write()
        .sql(
            "UPDATE contact SET status = 'deleted' WHERE workspace_id = $1 AND id = (
                SELECT l.contact_id FROM lead l WHERE l.workspace_id = $1 AND l.id = $2)",
        )
        .bind(world.workspace)
        .bind(id)
        .run()
        .await
        .unwrap();
    let back = json!({"leadIds": [lead], "action": "reactivate", "reason": "x"});
    let answer = world.post(PATH, back).await;
    assert_eq!(counts(&answer.json), json!([0, 0, 1, 0]));
    assert_eq!(answer.json["data"]["items"][0]["why"], "its contact is deleted");
    let alone = json!({"leadStatus": "active", "reason": "x"});
    let alone = world.ask("PATCH", &format!("/api/v1/leads/{lead}")).json(alone).send().await;
    insta::assert_snapshot!(alone.refusal(), @"409 CONFLICT: the lead's contact is deleted: nobody works with it");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let id = LeadId::new().to_string();
    let many = vec![id.clone(); 1_001];
    let mut lines = Vec::new();
    for body in [
        json!({"leadIds": [], "action": "qualify", "reason": "x"}),
        json!({"leadIds": many, "action": "qualify", "reason": "x"}),
        json!({"leadIds": [id], "action": "qualify", "reason": "  "}),
        json!({"leadIds": [id], "action": "duplicate", "reason": "x"}),
        json!({"leadIds": ["contact_01jd5p0m9we1n8x8m3t1h6y7aq"], "action": "qualify", "reason": "x"}),
        json!({"leadIds": [id], "action": "qualify"}),
    ] {
        lines.push(world.post(PATH, body).await.refusal());
    }
    let remove = format!("/api/v1/campaigns/{campaign}/leads/remove");
    lines.push(world.post(&remove, json!({"reason": "x"})).await.refusal());
    let lines = lines.join("\n");
    for said in [
        "leadIds has 0 entries; 1 to 1000 are needed",
        "leadIds has 1001 entries; 1 to 1000 are needed",
        "reason has 0 characters; 1 to 500 are needed",
        "action `duplicate` is not known",
        "leadIds[0] ",
        "needs either `contactIds` or `leadIds`",
    ] {
        assert!(lines.contains(said), "{said}\n{lines}");
    }
    let theirs = world.ask_as(&world.stranger, "POST", PATH);
    let answer =
        theirs.json(json!({"leadIds": [id], "action": "remove", "reason": "x"})).send().await;
    assert_eq!(counts(&answer.json), json!([0, 0, 0, 1]));
}
