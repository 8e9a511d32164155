//! A campaign's automation over HTTP: saved as a whole, refused with every problem and its place, and explained lead by lead.
use crate::{
    activities::contact,
    segments::plan,
    support::{Answer, World, world},
};
use serde_json::{Value, json};
use shared::{ids::CampaignId, store::automation::passes};

pub fn url(campaign: &str) -> String {
    format!("/api/v1/campaigns/{campaign}/automation")
}

/// Points for each look at prices; who has 20 is tagged and qualified.
pub fn pricing() -> Value {
    json!({
        "scoring": {"pointsPerStar": 5, "rules": [
            {"id": "pricing", "name": "Looked at prices", "points": 10, "repeat": "each",
             "on": [{"type": "activity", "activity": "page_visit", "name": "*/pricing"}]},
            {"id": "state", "name": "From California", "points": 3,
             "when": {"field": "contact.state", "operator": "equals", "value": "CA"}}
        ]},
        "rules": [
            {"id": "hot", "name": "Hot", "on": [{"type": "points", "reach": 20}],
             "do": [{"type": "addTag", "tag": "hot"}, {"type": "setStatus", "status": "qualified"}]}
        ]
    })
}

pub async fn put(world: &World, campaign: &str, body: Value) -> Answer {
    world.ask("PUT", &url(campaign)).json(body).send().await
}

/// Saves it, and has all leads looked at.
pub async fn saved(world: &World, campaign: &str, automation: Value) -> Value {
    let answer = put(world, campaign, json!({"automation": automation})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let key = (world.workspace, CampaignId::parse(campaign).unwrap());
    while !passes::step(&world.db, key, world.clock.now()).await.unwrap().is_last {}
    answer.json["data"].clone()
}

pub async fn visit(world: &World, email: &str, page: &str) {
    let url = format!("https://shop.example.com/{page}");
    let activity =
        json!({"email": email, "type": "page_visit", "url": url, "at": world.clock.now()});
    let answer = world.post("/api/v1/activities", json!({"activities": [activity]})).await;
    assert_eq!((answer.status, &answer.json["data"]["recorded"]), (200, &json!(1)), "{answer:?}");
}

/// The only lead of this contact.
pub async fn lead_of(world: &World, contact: &str) -> String {
    let leads = world.get(&format!("/api/v1/contacts/{contact}/leads")).await;
    leads.json["data"]["items"][0]["leadId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_automation_is_saved_as_a_whole_and_by_revision() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let first = put(&world, &campaign, json!({"automation": pricing(), "revision": 0})).await;
    let data = &first.json["data"];
    assert_eq!((first.status, &data["revision"]), (200, &json!(1)), "{first:?}");
    assert_eq!(data["passUnderWay"], true, "all leads are looked at");
    assert_eq!(data["updatedBy"], "key test admin installation");
    let same = put(&world, &campaign, json!({"automation": pricing(), "revision": 1})).await;
    assert_eq!(same.json["data"]["revision"], 1, "what is there already");
    let late = put(&world, &campaign, json!({"automation": {}, "revision": 0})).await;
    insta::assert_snapshot!(late.refusal(), @r"
    409 REVISION_CONFLICT: the automation is at revision 1, not 0
      revision | the automation is at revision 1, not 0
    ");
    let off = put(&world, &campaign, json!({"automation": {"enabled": false}})).await;
    assert_eq!(off.json["data"]["revision"], 2);
    let shown = world.get(&url(&campaign)).await;
    assert_eq!(shown.json, off.json);
    let revisions = world.get(&format!("{}/revisions?limit=1", url(&campaign))).await;
    let page = &revisions.json["data"];
    assert_eq!((&page["items"][0]["revision"], &page["nextCursor"]), (&json!(2), &json!("2")));
    let older = world.get(&format!("{}/revisions?cursor=2", url(&campaign))).await;
    let items = older.json["data"]["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["automation"]["rules"][0]["id"]), (1, &json!("hot")));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let told = async |automation: Value| {
        put(&world, &campaign, json!({"automation": automation})).await.refusal()
    };
    let unknown = told(json!({"rules": [{"id": "a", "name": "A", "do": [], "colour": 1}]})).await;
    assert!(unknown.starts_with("422 VALIDATION_ERROR"), "{unknown}");
    assert!(unknown.contains("automation.rules[0]"), "{unknown}");
    let twice = told(json!({"rules": [
        {"id": "a", "name": "A", "when": {"field": "contact.shoe", "operator": "equals", "value": 1},
         "do": [{"type": "webhook", "url": "http://127.0.0.1/x"}]},
        {"id": "a", "name": "B", "do": [{"type": "addTag", "tag": "x"}]}
    ]}))
    .await;
    for place in
        ["automation.rules[0].when", "automation.rules[0].do[0].url", "automation.rules[1].id"]
    {
        assert!(twice.contains(place), "{place}: {twice}");
    }
    let away = json!({"type": "addToCampaign", "campaign": CampaignId::new()});
    let away = told(
        json!({"rules": [{"id": "a", "name": "A", "on": [{"type": "created"}], "do": [away]}]}),
    )
    .await;
    assert!(away.contains("there is no such campaign in this workspace"), "{away}");
    assert_eq!(world.get(&url(&campaign)).await.json["data"]["revision"], 0);
    let dry = json!({"automation": {"rules": [{"id": "a", "name": "A", "do": []}, {"id": "a", "name": "A", "do": []}]}});
    let dry = world.post(&format!("{}/dry-run", url(&campaign)), dry).await;
    assert_eq!((dry.status, dry.code()), (422, "VALIDATION_ERROR"), "refused as saving would be");
}

#[tokio::test]
async fn conditions_on_properties_depend_on_the_plan() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let property = world.post("/api/v1/properties", json!({"name": "Tier", "kind": "text"})).await;
    let key = property.data("key");
    let rule = json!({"field": format!("property.{key}"), "operator": "equals", "value": "gold"});
    let body = json!({"automation": {"scoring": {"rules": [{"id": "a", "name": "A", "points": 1, "when": rule}]}}});
    plan(&world, "standard").await;
    let refused = put(&world, &campaign, body.clone()).await;
    assert_eq!((refused.status, refused.code()), (403, "PLAN_REQUIRED"), "{refused:?}");
    let dry = world.post(&format!("{}/dry-run", url(&campaign)), body.clone()).await;
    assert_eq!((dry.status, dry.code()), (403, "PLAN_REQUIRED"), "{dry:?}");
    plan(&world, "enterprise").await;
    assert_eq!(put(&world, &campaign, body).await.status, 200);
}

#[tokio::test]
async fn a_lead_is_explained_by_its_firings() {
    let world = world().await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let lead = lead_of(&world, &ada).await;
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    let campaign = shown.data("campaignId");
    saved(&world, &campaign, pricing()).await;
    let points = format!("/api/v1/leads/{lead}/points");
    let given = world.post(&points, json!({"points": 4, "reason": "met at the fair"})).await;
    assert_eq!((given.status, &given.json["data"]["points"]), (200, &json!(4)), "{given:?}");
    visit(&world, "ada@example.com", "pricing").await;
    visit(&world, "ada@example.com", "about").await;
    let explain =
        async || world.get(&format!("/api/v1/leads/{lead}/explain")).await.json["data"].clone();
    let before = explain().await;
    assert_eq!((&before["points"], &before["stars"]), (&json!(14), &json!(2.8)));
    let now = before["now"].as_array().unwrap();
    let said: Vec<_> =
        now.iter().map(|one| (one["ruleId"].as_str().unwrap(), &one["holds"])).collect();
    assert_eq!(said, [("pricing", &json!(true)), ("state", &json!(false)), ("hot", &json!(true))]);
    assert_eq!(now[1]["said"]["leaves"][0]["field"], "contact.state");
    visit(&world, "ada@example.com", "pricing").await;

    let after = explain().await;
    assert_eq!((&after["points"], &after["leadStatus"]), (&json!(24), &json!("qualified")));
    let firings = after["firings"]["items"].as_array().unwrap();
    let sum: i64 = firings.iter().map(|one| one["points"].as_i64().unwrap()).sum();
    assert_eq!((sum, firings.len()), (24, 4), "{firings:?}");
    assert_eq!(after["firingCount"], 4);
    let hot = &firings[0];
    assert_eq!(
        (&hot["ruleId"], &hot["kind"], &hot["revision"]),
        (&json!("hot"), &json!("rule"), &json!(1))
    );
    assert_eq!(
        (&hot["statusBefore"], &hot["statusAfter"]),
        (&json!("active"), &json!("qualified"))
    );
    let done: Vec<_> = hot["actions"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(done, ["addTag", "setStatus"]);
    assert_eq!(firings[1]["cause"]["type"], "activity");
    assert_eq!(after["history"][0]["to"], "qualified");
    let remembered = after["remembered"].as_array().unwrap();
    let pricing = remembered.iter().find(|one| one["ruleId"] == "pricing").unwrap();
    assert_eq!(pricing["times"], 2);
    let refused = world.post(&points, json!({"points": 1, "reason": "x"})).await;
    assert_eq!(refused.code(), "LEAD_CLOSED");
}
