//! What a resume token may do, and what it is told: the contract of `docs/parking.md`, point by point.
use crate::support::{Answer, World, lead, world};
use serde_json::{Value, json};
use shared::{
    ids::SubmissionId,
    moves::{self, Decision},
    store::parking,
    submission::Stage,
};
use std::sync::Arc;
use tokio::sync::Barrier;

/// How many copies of a callback come at once.
const COPIES: usize = 100;

/// A parked submission: the lead, the submission, and a token.
async fn parked(world: &World) -> (String, String, String) {
    world.campaign("SOL", json!({})).await;
    let answer = world.post("/api/v1/leads/submit", lead("SOL")).await;
    let id = answer.data("submissionId");
    let token = world.park(&id).await;
    (answer.data("leadId"), id, token)
}

async fn resume(world: &World, token: &str, body: Value) -> Answer {
    let path = format!("/api/v1/resume/{token}");
    world.ask_without_key("POST", &path).json(body).send().await
}

/// Ends the submission.
async fn finish(world: &World, id: &str) {
    let body = json!({"status": "failed", "reason": "over"});
    let answer = world.ask("PATCH", &format!("/api/v1/submissions/{id}")).json(body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Ends the wait as its deadline does.
async fn let_it_expire(world: &World, id: &str) {
    let (api, id) = (world.api(), SubmissionId::parse(id).unwrap());
    let loaded = api.loader.load(id).await.unwrap().unwrap();
    let park = parking::open(&world.db, world.workspace, id).await.unwrap().unwrap();
    let decision = Decision::default();
    let mut close =
        moves::resume(&loaded, &park, &decision, "deadline", world.clock.now()).unwrap();
    let end = close.unpark.as_mut().unwrap();
    (end.by, end.decider) = ("deadline", None);
    assert!(api.closer.close(close).await.unwrap());
}

#[tokio::test]
async fn of_a_hundred_copies_at_once_one_has_an_effect_and_all_are_told_yes() {
    let world = world().await;
    let (_, id, token) = parked(&world).await;
    let path = format!("/api/v1/resume/{token}");
    let barrier = Arc::new(Barrier::new(COPIES));
    let copies = (0..COPIES).map(|nth| {
        let body = json!({"answers": {"custom.copy": nth}});
        let (ask, barrier) = (world.ask_without_key("POST", &path).json(body), barrier.clone());
        tokio::spawn(async move {
            barrier.wait().await;
            (nth, ask.send().await)
        })
    });
    let mut won = Vec::new();
    for copy in copies.collect::<Vec<_>>() {
        let (nth, answer) = copy.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        if answer.json["data"]["repeated"] == false {
            won.push(nth);
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(world.pushed(Stage::Disqualification).await, 1);
    let story = world.get(&format!("/api/v1/submissions/{id}")).await;
    let data = &story.json["data"];
    assert_eq!(data["submission"]["carry"]["answers"]["custom.copy"], won[0], "the winner's body");
    let journey = data["journey"].as_array().unwrap();
    assert_eq!(journey.iter().filter(|line| line["verdict"] == "resumed").count(), 1);
}

#[tokio::test]
async fn a_repeat_changes_nothing_whatever_it_says_and_however_late_it_comes() {
    let world = world().await;
    let (_, id, token) = parked(&world).await;
    let answers = json!({"answers": {"questionnaire.roof": "tile"}});
    assert_eq!(resume(&world, &token, answers).await.json["data"]["repeated"], false);
    let other = json!({"outcome": "reject", "answers": {"questionnaire.roof": "straw"}});
    let again = resume(&world, &token, other.clone()).await;
    assert_eq!(again.json["data"]["repeated"], true);
    assert_eq!(again.data("outcome"), "continue");
    finish(&world, &id).await;
    let late = resume(&world, &token, other).await;
    assert_eq!((late.status, late.json["data"]["repeated"].clone()), (200, json!(true)));
    let story = world.get(&format!("/api/v1/submissions/{id}")).await;
    let answers = &story.json["data"]["submission"]["carry"]["answers"];
    assert_eq!(answers["questionnaire.roof"], "tile", "the first answer stands");
}

#[tokio::test]
async fn every_token_of_a_wait_ends_it_and_the_others_are_repeats() {
    let world = world().await;
    let (_, id, first) = parked(&world).await;
    let submission = SubmissionId::parse(&id).unwrap();
    let park = parking::open(&world.db, world.workspace, submission).await.unwrap().unwrap();
    let second = shared::key::token();
    parking::add_token(&world.db, &park, &shared::key::hash(&second)).await.unwrap();
    assert_eq!(resume(&world, &second, json!({})).await.json["data"]["repeated"], false);
    assert_eq!(resume(&world, &first, json!({})).await.json["data"]["repeated"], true);
}

#[tokio::test]
async fn after_a_persons_decision_a_token_is_told_who_decided_what_and_when() {
    let world = world().await;
    let (_, id, token) = parked(&world).await;
    let body = json!({"outcome": "disqualify", "reason": "no roof"});
    world.post(&format!("/api/v1/submissions/{id}/resume"), body).await;
    insta::assert_snapshot!(resume(&world, &token, json!({})).await.refusal(), @r#"
    409 CONFLICT: the wait ended at 2026-11-21T12:00:00Z with disqualify, by key test admin installation
      resolution | disqualify
      by | key test admin installation
      at | 2026-11-21T12:00:00Z
    "#);
    assert_eq!(world.pushed(Stage::Disqualification).await, 0);
}

#[tokio::test]
async fn after_the_deadline_a_token_comes_too_late() {
    let world = world().await;
    let (_, id, token) = parked(&world).await;
    let_it_expire(&world, &id).await;
    insta::assert_snapshot!(resume(&world, &token, json!({})).await.refusal(), @r#"
    409 CONFLICT: the wait ended at 2026-11-21T12:00:00Z with continue, by deadline
      resolution | continue
      by | deadline
      at | 2026-11-21T12:00:00Z
    "#);
}

#[tokio::test]
async fn after_the_lead_was_withdrawn_a_token_wakes_nothing() {
    let world = world().await;
    let (lead, _, token) = parked(&world).await;
    let body = json!({"leadStatus": "rejected", "reason": "a joke"});
    let answer = world.ask("PATCH", &format!("/api/v1/leads/{lead}")).json(body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    insta::assert_snapshot!(resume(&world, &token, json!({})).await.refusal(), @r#"
    409 CONFLICT: the wait ended at 2026-11-21T12:00:00Z with withdrawn, by key test admin installation
      resolution | withdrawn
      by | key test admin installation
      at | 2026-11-21T12:00:00Z
    "#);
}

#[tokio::test]
async fn a_token_that_nobody_was_given_is_unknown_and_one_says_nothing_of_anything_else() {
    let world = world().await;
    let (lead, id, token) = parked(&world).await;
    for wrong in [shared::key::token(), id.clone(), token[1..].to_owned()] {
        let refusal = resume(&world, &wrong, json!({})).await.refusal();
        assert_eq!(refusal, "404 NOT_FOUND: there is no such resume token");
    }
    // Another workspace's key beside it neither helps nor hinders: the token is the whole authority, and only for its own submission.
    let path = format!("/api/v1/resume/{token}");
    let answer = world.ask_as(&world.stranger, "POST", &path).json(json!({})).send().await;
    assert_eq!((answer.status, answer.data("submissionId")), (200, id));
    let mut members: Vec<&String> = answer.json["data"].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["outcome", "repeated", "stage", "submissionId"]);
    assert!(!answer.json.to_string().contains(&lead), "not even its lead");
}

#[tokio::test]
async fn a_finished_submission_is_not_resumed_by_a_person() {
    let world = world().await;
    let (_, id, token) = parked(&world).await;
    resume(&world, &token, json!({})).await;
    finish(&world, &id).await;
    let refused = world.post(&format!("/api/v1/submissions/{id}/resume"), json!({})).await;
    insta::assert_snapshot!(refused.refusal(), @"409 CONFLICT: the submission is finished and does not wait for anybody");
}
