//! Notices: who may read them, and how.
use crate::support::{World, add_key, noon, world};
use serde_json::json;
use shared::{
    ids::CampaignId,
    store::notices::{self, Kind, Notice},
};

async fn raise(world: &World, campaign: Option<CampaignId>, kind: Kind, subject: &str) {
    let mut tx = world.db.begin().await.unwrap();
    let notice = Notice {
        workspace: world.workspace,
        campaign,
        kind,
        subject: subject.into(),
        message: format!("about {subject}"),
        details: Some(json!({"n": 1})),
        at: noon(),
    };
    notices::raise(&mut tx, &[notice]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn notices_are_read_page_by_page_and_by_kind_and_campaign() {
    let world = world().await;
    let campaign = CampaignId::new();
    raise(&world, Some(campaign), Kind::BreakerOpened, "one").await;
    raise(&world, None, Kind::CapHit, "two").await;
    raise(&world, Some(campaign), Kind::BreakerOpened, "one").await;
    let page = world.get("/api/v1/notices?limit=1").await;
    assert_eq!(page.json["data"]["items"][0]["message"], "about two");
    let cursor = page.json["data"]["nextCursor"].as_str().unwrap().to_owned();
    let next = world.get(&format!("/api/v1/notices?limit=1&cursor={cursor}")).await;
    insta::assert_snapshot!(next.plain(), @r#"
    200 {
      "data": {
        "hasMore": false,
        "items": [
          {
            "at": "2026-11-21T12:00:00Z",
            "campaignId": "cmp_…",
            "details": {
              "n": 1
            },
            "kind": "breaker_opened",
            "lastAt": "2026-11-21T12:00:00Z",
            "message": "about one",
            "noticeId": "note_…",
            "times": 2
          }
        ],
        "nextCursor": null
      },
      "success": true
    }
    "#);
    for query in ["kind=breaker_opened".to_owned(), format!("campaignId={campaign}")] {
        let found = world.get(&format!("/api/v1/notices?{query}")).await;
        let items = found.json["data"]["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), 1, "{query}");
        assert_eq!(items[0]["times"], 2, "{query}");
    }
}

#[tokio::test]
async fn another_workspace_sees_none_and_a_key_needs_its_scope() {
    let world = world().await;
    raise(&world, None, Kind::CapHit, "one").await;
    let theirs = world.ask_as(&world.stranger, "GET", "/api/v1/notices").send().await;
    assert_eq!(theirs.json["data"]["items"], json!([]));
    let reader = add_key(&world.db, world.workspace, &["campaigns:read"], None).await;
    let refused = world.ask_as(&reader, "GET", "/api/v1/notices").send().await;
    assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
    let ops = add_key(&world.db, world.workspace, &["ops"], None).await;
    assert_eq!(world.ask_as(&ops, "GET", "/api/v1/notices").send().await.status, 200);
}

#[tokio::test]
async fn a_wrong_parameter_is_refused_by_name() {
    let world = world().await;
    for query in ["kind=nonsense", "campaignId=cmp_1", "cursor=x", "limit=0", "what=1"] {
        let answer = world.get(&format!("/api/v1/notices?{query}")).await;
        assert_eq!((answer.status, answer.code()), (422, "VALIDATION_ERROR"), "{query}");
        let name = query.split('=').next().unwrap();
        assert!(answer.refusal().contains(name), "{query}: {}", answer.refusal());
    }
}
