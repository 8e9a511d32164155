//! What sources say of visit, consent and documents, over HTTP: found, proven and changed.
use crate::support::{lead, world};
use serde_json::json;

#[tokio::test]
async fn leads_are_found_by_what_their_sources_said() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let mut ids = Vec::new();
    for (nth, source) in ["google", "bing", "google"].into_iter().enumerate() {
        let mut body = lead("SOL");
        body["email"] = json!(format!("p{nth}@example.com"));
        body["phone"] = json!(format!("415555010{nth}"));
        body["attribution"] = json!({"params": {"utm_source": source}});
        body["compliance"] = json!({"tcpaConsent": nth == 0});
        ids.push(world.post("/api/v1/leads", body).await.data("leadId"));
    }
    let found = async |query: &str| {
        let answer = world.get(&format!("/api/v1/leads?{query}")).await;
        let items =
            answer.json["data"]["items"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        items.iter().map(|one| one["leadId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let google = "where=attribution.params.utm_source:google";
    assert_eq!(found(google).await, [ids[2].clone(), ids[0].clone()]);
    assert_eq!(
        found(&format!("{google}&where=compliance.tcpaConsent:true")).await,
        [ids[0].clone()]
    );
    let first = world.get(&format!("/api/v1/leads?{google}&limit=1")).await;
    let next = first.json["data"]["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(found(&format!("{google}&limit=1&cursor={next}")).await, [ids[0].clone()]);
    assert_eq!(world.get("/api/v1/leads?where=lead.email:x").await.status, 422);
    assert_eq!(world.get(&format!("/api/v1/leads?{}", [google; 6].join("&"))).await.status, 422);
}

#[tokio::test]
async fn documents_and_evidence_are_kept_with_the_lead() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let mut body = lead("SOL");
    body["compliance"] = json!({"tcpaConsent": true, "trustedFormCertUrl": "https://evil.test/x"});
    let id = world.post("/api/v1/leads", body).await.data("leadId");
    let proofs = world.get(&format!("/api/v1/leads/{id}/evidence")).await;
    let items = &proofs.json["data"]["items"];
    assert_eq!((&items[0]["kind"], &items[1]["kind"]), (&json!("trustedform"), &json!("tcpa")));
    assert_eq!(items[0]["reference"], "https://evil.test/x");
    assert!(items[0]["malformed"].is_string(), "{proofs:?}");
    let bad = json!({"kind": "trustedform", "reference": "https://evil.test/x"});
    assert_eq!(world.post(&format!("/api/v1/leads/{id}/evidence"), bad).await.status, 422);
    let token = json!({"kind": "jornaya", "reference": "0FE1A2B3-C4D5-E6F7-0809-0A0B0C0D0E0F"});
    assert_eq!(world.post(&format!("/api/v1/leads/{id}/evidence"), token).await.status, 201);

    let file = json!({"leadId": id, "fileKey": "retainer", "fileName": "R.pdf", "fileType": "pdf",
        "documentUrl": "https://files.example.com/r.pdf", "provider": "docuseal"});
    let first = world.post("/api/v1/files", file.clone()).await;
    assert_eq!((first.status, first.data("status").as_str()), (201, "pending"));
    let mut signed = file;
    signed["status"] = json!("signed");
    signed.as_object_mut().unwrap().remove("provider");
    let now = world.post("/api/v1/files", signed).await;
    assert_eq!(
        (now.status, now.data("status").as_str(), now.data("provider").as_str()),
        (200, "signed", "docuseal")
    );
    let list = world.get(&format!("/api/v1/files/{id}")).await;
    assert_eq!(
        (&list.json["data"]["count"], &list.json["data"]["files"][0]),
        (&json!(1), &now.json["data"])
    );
    assert_eq!(
        world.get(&format!("/api/v1/files/{id}/retainer")).await.json["data"],
        now.json["data"]
    );
    assert_eq!(world.get(&format!("/api/v1/files/{id}/other")).await.status, 404);
    let found = world.get("/api/v1/leads?where=file.retainer:signed").await;
    assert_eq!(found.json["data"]["items"][0]["leadId"], json!(id));
}
