//! Previews of segments: whom one would hold.
use crate::{
    segments::{URL, contact, enterprise, made, names},
    support::{noon, world},
};
use serde_json::json;
use shared::{clock::Clock, store::live::build};

#[tokio::test]
async fn a_preview_counts_and_shows_and_writes_nothing() {
    let world = world().await;
    for _ in 0..10 {
        contact(&world, "reno", "active").await;
    }
    let newest = contact(&world, "reno", "active").await;
    contact(&world, "sparks", "active").await;
    let answer = world.post(&format!("{URL}/preview"), json!({"search": "city:Reno"})).await;
    let data = &answer.json["data"];
    assert_eq!((&data["count"], &data["isExact"]), (&json!(11), &json!(true)), "{answer:?}");
    assert_eq!(data["contacts"].as_array().unwrap().len(), 10);
    assert_eq!(data["contacts"][0]["contactId"], json!(newest));
    assert!(names(&world.get(URL).await).is_empty());
}

#[tokio::test]
async fn a_preview_counts_whom_a_dynamic_segment_holds() {
    let world = enterprise().await;
    for status in ["active", "active", "inactive", "bounced", "spam", "deleted"] {
        contact(&world, "reno", status).await;
    }
    let clock = Clock::by_hand(noon());
    for (search, holds) in [("city:reno", 2), ("-status:spam", 4), ("status:deleted", 0)] {
        let preview = world.post(&format!("{URL}/preview"), json!({"search": search})).await;
        let draft = json!({"name": search, "kind": "dynamic", "search": search});
        let id = made(&world, draft).await;
        let segment = serde_json::from_value(json!(id)).unwrap();
        build::run(&world.db, segment, &clock).await.unwrap().unwrap();
        let built = world.get(&format!("{URL}/{id}")).await;
        let counts = (&preview.json["data"]["count"], &built.json["data"]["memberCount"]);
        assert_eq!(counts, (&json!(holds), &json!(holds)), "{search}");
    }
}
