//! The campaign's automation: twenty reactions of all sorts.
use super::Site;
use crate::{
    moment::wait,
    report::{Report, milliseconds},
    trouble::{Doing, Trouble},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(50);
/// How long the pass over the leads that are there may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Points by what is done: each activity that the bench sends meets exactly one of these.
const PAGES: [(&str, i64); 6] =
    [("/pricing", 5), ("/demo", 4), ("/docs/*", 1), ("/blog/*", 1), ("/contact", 3), ("/about", 2)];

/// What the bench sends: type, name, and the points that it is worth.
pub fn activity(n: u64) -> (&'static str, String, i64) {
    match n % 10 {
        0 => ("email_opened", "welcome".to_owned(), 1),
        1 => ("email_clicked", "offer".to_owned(), 2),
        2 => ("page_visit", "/pricing".to_owned(), 5),
        3 => ("page_visit", "/demo".to_owned(), 4),
        4 | 5 => ("page_visit", format!("/docs/{}", n % 50), 1),
        6 | 7 => ("page_visit", format!("/blog/{}", n % 500), 1),
        8 => ("page_visit", "/contact".to_owned(), 3),
        _ => ("page_visit", "/about".to_owned(), 2),
    }
}

fn document() -> Value {
    let mut scoring: Vec<Value> = PAGES
        .iter()
        .enumerate()
        .map(|(n, (page, points))| {
            json!({"id": format!("page-{n}"), "name": page, "points": points, "repeat": "each",
                "on": [{"type": "activity", "activity": "page_visit", "name": page}]})
        })
        .collect();
    for (kind, points) in
        [("email_opened", 1), ("email_clicked", 2), ("form_submitted", 20), ("call", 10)]
    {
        scoring.push(json!({"id": kind, "name": kind, "points": points, "repeat": "each",
            "on": [{"type": "activity", "activity": kind}],
            "when": {"field": "contact.country", "operator": "equals", "value": "US"}}));
    }
    let tag = |tag: &str| json!([{"type": "addTag", "tag": tag}]);
    let visits = |count: i64| json!({"field": "event.page_visit", "operator": "eventCount", "value": {"atLeast": count}});
    let rule = |id: &str, on: Value, when: Value, what: Value| {
        let mut rule = json!({"id": id, "name": id, "on": on, "do": what});
        if !when.is_null() {
            rule["when"] = when;
        }
        rule
    };
    let matches = json!([{"type": "matches"}]);
    let clicked =
        json!({"field": "event.email_clicked", "operator": "eventCount", "value": {"atLeast": 5}});
    let rival =
        json!({"field": "contact.email", "operator": "contains", "value": "@rival.example"});
    let idle = json!([{"type": "inactivity", "for": {"amount": 30, "unit": "days"}}]);
    let born = json!([{"type": "date", "field": "contact.dateOfBirth", "yearly": true}]);
    let rules = vec![
        rule("hot", json!([{"type": "points", "reach": 1_000}]), Value::Null, tag("hot")),
        rule(
            "won",
            json!([{"type": "points", "reach": 100_000}]),
            Value::Null,
            json!([{"type": "setStatus", "status": "qualified"}]),
        ),
        rule("visitor", matches.clone(), visits(500), tag("visitor")),
        rule("reader", matches.clone(), visits(1_000), tag("reader")),
        rule("clicker", matches.clone(), clicked, tag("clicker")),
        rule("rival", matches, rival, json!([{"type": "setStatus", "status": "rejected"}])),
        rule("idle", idle, Value::Null, json!([{"type": "setStatus", "status": "rejected"}])),
        rule("birthday", born, Value::Null, tag("birthday")),
        rule(
            "moved",
            json!([{"type": "changed", "fields": ["contact.state"]}]),
            Value::Null,
            tag("moved"),
        ),
        rule("sold", json!([{"type": "outcome", "is": []}]), Value::Null, tag("sold")),
    ];
    json!({"automation": {"scoring": {"rules": scoring}, "rules": rules}})
}

/// Saves it, and waits until it has looked at the leads that are there.
pub async fn save(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let path = format!("/api/v1/campaigns/{}/automation", site.campaign_id);
    let began = Instant::now();
    site.system.door.ask("PUT", &path, &document().to_string()).await?;
    loop {
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM automation WHERE pass_due_at IS NOT NULL")
                .fetch_one(&mut site.database)
                .await?;
        if open == 0 {
            break;
        }
        if began.elapsed() > PATIENCE {
            return Err("it took too long").doing("the pass over the leads that are there");
        }
        wait(LOOK).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    report.say("pass_ms", milliseconds(began.elapsed()), "ms");
    report.say("pass_per_s", site.leads as f64 / seconds, "leads/s");
    Ok(())
}
