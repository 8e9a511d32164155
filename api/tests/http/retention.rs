//! How long a workspace keeps what: shown with limits, saved as a whole, refused by field, and told to the audit log.
use crate::support::world;
use serde_json::{Value, json};

const URL: &str = "/api/v1/workspace/retention";

fn days(answer: &Value, kind: &str) -> Value {
    let all = answer["data"]["kinds"].as_array().unwrap();
    all.iter().find(|one| one["kind"] == kind).unwrap()["days"].clone()
}

#[tokio::test]
async fn periods_are_saved_as_a_whole_and_refused_by_field() {
    let world = world().await;
    let shown = world.get(URL).await;
    assert_eq!(shown.json["data"]["kinds"].as_array().unwrap().len(), 10);
    assert_eq!(
        shown.json["data"]["kinds"][6],
        json!({
            "kind": "webhooks", "days": null, "defaultDays": 30, "minDays": 1, "maxDays": 30, "doneUntil": null, "left": 0,
            "about": "Messages to webhooks that were delivered or given up, with their attempts: deleted.",
        })
    );
    let put = async |body: Value| world.ask("PUT", URL).json(body).send().await;
    let saved = put(json!({"payloads": 90, "journeys": 365, "activities": null})).await;
    assert_eq!((saved.status, days(&saved.json, "payloads")), (200, json!(90)), "{saved:?}");
    let saved = put(json!({"journeys": 30})).await;
    assert_eq!(
        (days(&saved.json, "payloads"), days(&saved.json, "journeys")),
        (Value::Null, json!(30))
    );
    let refused = put(json!({"audit": 364, "webhooks": 31, "journeys": 0})).await;
    assert_eq!(
        refused.refusal(),
        "422 VALIDATION_ERROR: the request has 3 problems\n  journeys | must be 1 to 3650 days, or null\n  \
         webhooks | must be 1 to 30 days, or null\n  audit | must be 365 to 3650 days, or null"
    );
    let refused = put(json!({"notes": 30})).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(days(&world.get(URL).await.json, "journeys"), json!(30));
    let told: Vec<(String, String)> = world
        .db
        .read()
        .sql("SELECT CAST(before AS TEXT), CAST(after AS TEXT) FROM audit_event WHERE action = 'retention.saved' ORDER BY id")
        .all()
        .await
        .unwrap();
    let told: Vec<Value> = told.iter().map(|one| serde_json::from_str(&one.1).unwrap()).collect();
    assert_eq!(
        told,
        [json!({"payloads": 90, "journeys": 365}), json!({"payloads": null, "journeys": 30})]
    );
}
