//! Dry runs over HTTP: they change nothing, and say what saving does then.
use crate::{
    activities::contact,
    automation::{lead_of, pricing, put, saved, url, visit},
    support::{World, world},
};
use chrono::Duration;
use serde_json::{Value, json};

/// Three contacts with a lead each; their emails, and the campaign.
async fn three(world: &World) -> (Vec<String>, String) {
    let mut emails = Vec::new();
    let mut campaign = String::new();
    for n in 0..3 {
        let email = format!("a{n}@example.com");
        let id = contact(world, &email, &format!("415555010{n}")).await;
        let lead = lead_of(world, &id).await;
        campaign = world.get(&format!("/api/v1/leads/{lead}")).await.data("campaignId");
        let state = if n == 0 { "NV" } else { "CA" };
        let ask = world.ask("PATCH", &format!("/api/v1/contacts/{id}"));
        let changed = ask.json(json!({"state": state})).send().await;
        assert_eq!(changed.status, 200, "{changed:?}");
        emails.push(email);
    }
    (emails, campaign)
}

/// How many rows there are of all that an automation writes.
async fn rows(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for text in [
        "SELECT COUNT(*) FROM automation WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM automation_revision WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM lead_automation WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM firing WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM workflow_position WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM automation_job WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM automation_pending WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM lead_status_change WHERE workspace_id = $1",
        "SELECT COUNT(*) FROM notice WHERE workspace_id = $1",
    ] {
        counts.push(world.db.read().sql(text).bind(world.workspace).scalar().await.unwrap());
    }
    counts
}

async fn dry(world: &World, campaign: &str, body: Value) -> Value {
    let answer = world.post(&format!("{}/dry-run", url(campaign)), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"].clone()
}

fn of<'v>(effects: &'v Value, id: &str) -> &'v Value {
    let all = effects["reactions"].as_array().unwrap();
    all.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id} in {effects}"))
}

#[tokio::test]
async fn a_dry_run_says_what_saving_does_and_changes_nothing() {
    let world = world().await;
    let (_, campaign) = three(&world).await;
    world.clock.forward(Duration::days(40));
    let mut automation = pricing();
    automation["rules"].as_array_mut().unwrap().push(json!({
        "id": "silent", "name": "Silent", "on": [{"type": "inactivity", "for": {"amount": 30, "unit": "days"}}],
        "do": [{"type": "addPoints", "points": -1}, {"type": "notify", "message": "call them"}]
    }));
    automation["workflows"] = json!([{
        "id": "care", "name": "Care", "existingLeads": true,
        "steps": [{"id": "wait", "wait": {"amount": 2, "unit": "days"}}]
    }]);
    let before = rows(&world).await;
    let body = json!({"automation": automation, "samples": 1, "replayDays": 0});
    let told = dry(&world, &campaign, body).await;
    assert_eq!(rows(&world).await, before, "nothing is written");
    assert_eq!(
        (&told["leads"], &told["stopped"], &told["replay"]),
        (&json!(3), &json!(null), &json!(null))
    );
    let effects = &told["saved"];
    assert_eq!(effects["leads"], 3);
    let state = of(effects, "state");
    assert_eq!((&state["leads"], &state["points"]), (&json!(2), &json!(6)));
    assert_eq!(state["samples"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&state["samples"][0]["pointsBefore"], &state["samples"][0]["pointsAfter"]),
        (&json!(-1), &json!(2))
    );
    assert_eq!(
        (&of(effects, "silent")["leads"], &of(effects, "silent")["actions"]["notify"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        (&of(effects, "pricing")["leads"], &of(effects, "care")["entered"]),
        (&json!(0), &json!(3))
    );
    let bar = |bars: &Value, name: &str| {
        let bars = bars.as_array().unwrap();
        bars.iter().find(|bar| bar["points"] == name).unwrap()["leads"].clone()
    };
    assert_eq!(
        (bar(&effects["pointsBefore"], "0"), bar(&effects["pointsAfter"], "1-9")),
        (json!(3), json!(2))
    );
    assert_eq!(bar(&effects["pointsAfter"], "below 0"), 1);

    saved(&world, &campaign, automation).await;
    for (id, want) in [("state", 2_i64), ("silent", 3), ("pricing", 0), ("care", 3)] {
        let text =
            "SELECT COUNT(DISTINCT lead_id) FROM firing WHERE workspace_id = $1 AND rule_id = $2";
        let query = world.db.read().sql(text).bind(world.workspace).bind(id);
        let leads: i64 = query.scalar().await.unwrap();
        assert_eq!(leads, want, "{id}: what saving did is what was told");
    }
    let positions = world.get(&format!("{}/positions", url(&campaign))).await;
    let waiting = &positions.json["data"]["items"][0];
    assert_eq!((&waiting["workflowId"], &waiting["leads"]), (&json!("care"), &json!(3)));
    let again = dry(&world, &campaign, json!({"replayDays": 0})).await;
    assert_eq!(again["saved"]["leads"], 0, "the saved one has nothing more to do: {again}");
}

#[tokio::test]
async fn what_happened_is_lived_through_again() {
    let world = world().await;
    let (emails, campaign) = three(&world).await;
    for _ in 0..3 {
        world.clock.forward(Duration::hours(1));
        visit(&world, &emails[1], "pricing").await;
    }
    visit(&world, &emails[0], "pricing").await;
    world.clock.forward(Duration::days(1));
    let mut automation = pricing();
    automation["scoring"]["rules"].as_array_mut().unwrap().push(json!({
        "id": "second", "name": "Second visit", "points": 1,
        "on": [{"type": "activity", "activity": "page_visit"}],
        "when": {"field": "event.page_visit", "operator": "eventCount", "value": {"atLeast": 2}}
    }));
    let before = rows(&world).await;
    let told = dry(&world, &campaign, json!({"automation": automation, "replayDays": 7})).await;
    assert_eq!(rows(&world).await, before, "nothing is written");
    assert_eq!(told["saved"]["statuses"], json!({}), "saving gives nobody the points of the past");
    let replay = &told["replay"];
    assert_eq!((&replay["activities"], &replay["leadsCut"]), (&json!(4), &json!(0)));
    // 3 for the state, 10 and 10 (and 1): qualified then, and no more is asked.
    let pricing = of(replay, "pricing");
    assert_eq!(
        (&pricing["leads"], &pricing["times"], &pricing["points"]),
        (&json!(2), &json!(3), &json!(30))
    );
    let second = of(replay, "second");
    assert_eq!(
        (&second["leads"], &second["times"]),
        (&json!(1), &json!(1)),
        "counts are those of then: {second}"
    );
    let hot = of(replay, "hot");
    assert_eq!(
        (&hot["leads"], &hot["statuses"], &hot["actions"]["addTag"]),
        (&json!(1), &json!({"qualified": 1}), &json!(1))
    );
    assert_eq!(hot["samples"][0]["cause"]["type"], "points");
    assert_eq!(replay["statuses"], json!({"qualified": 1}));
    let one = dry(&world, &campaign, json!({"automation": automation, "leadsMax": 1})).await;
    assert_eq!((&one["leads"], &one["stopped"]), (&json!(1), &json!("leads_max")));
}

#[tokio::test]
async fn what_a_dry_run_may_ask_has_limits() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let at = format!("{}/dry-run", url(&campaign));
    let wide = json!({"automation": {}, "replayDays": 366, "samples": 51, "leadsMax": 0});
    insta::assert_snapshot!(world.post(&at, wide).await.refusal(), @r"
    422 VALIDATION_ERROR: the request has 3 problems
      replayDays | is 366; 0 to 365 are allowed
      samples | is 51; 0 to 50 are allowed
      leadsMax | is 0; 1 to 100000 are allowed
    ");
    let none = world.post(&at, json!({})).await;
    insta::assert_snapshot!(none.refusal(), @"409 CONFLICT: the campaign has no automation; give one");
    assert_eq!(put(&world, &campaign, json!({"automation": {}})).await.status, 200);
    let told = dry(&world, &campaign, json!({})).await;
    assert_eq!((&told["leads"], &told["saved"]["reactions"]), (&json!(0), &json!([])));
}
