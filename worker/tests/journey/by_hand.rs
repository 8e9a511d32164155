//! What people do to leads by hand: sent again, delivered over a wait, approved, given a status. Never sold twice.
use crate::{
    campaign::{plain, rule, with},
    world::{Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, LeadId, SubmissionId},
    key,
    lead::{Answer, LeadStatus},
    moves::{
        self, Decision, Refused,
        approve::{Approval, approve},
        resend::{self, Sender},
        set::{self, Wish},
    },
    on_both_engines,
    queue::Job,
    store::{
        close::AttemptStart,
        desk::{self, Ask, Desk, Done, Plan, Rewrite},
        intake::CampaignRef,
        lead_status, leads, parking,
    },
    submission::{Kind, Stage, Status},
};

fn ask(world: &World, lead: LeadId, campaign: Option<CampaignId>) -> Ask {
    let campaign = campaign.map(CampaignRef::Id);
    Ask { workspace: world.workspace, lead, campaign, repeat: None, at: world.clock.now() }
}

async fn by_hand(
    world: &World,
    ask: &Ask,
    decide: impl Fn(&Desk) -> Result<Plan, Refused>,
) -> Result<Value, Refused> {
    match desk::at(&world.store.db, ask, decide).await.unwrap() {
        Done::Did { answer, .. } => Ok(answer),
        Done::Refused(refused) => Err(refused),
        other => panic!("{other:?}"),
    }
}

fn sender(ask: &Ask) -> Sender<'static> {
    Sender { by: "key desk", now: ask.at, redeliver_at: ask.at + Duration::seconds(30) }
}

async fn repost(
    world: &World,
    lead: LeadId,
    campaign: Option<CampaignId>,
) -> Result<Value, Refused> {
    let ask = ask(world, lead, campaign);
    by_hand(world, &ask, |desk| resend::repost(desk, None, sender(&ask))).await
}

async fn set(
    world: &World,
    lead: LeadId,
    id: SubmissionId,
    status: Status,
) -> Result<Value, Refused> {
    let ask = ask(world, lead, None);
    let wish =
        Wish { status, reason: "said the buyer", by: "key desk", buyer_lead_id: Some("B-9") };
    by_hand(world, &ask, |desk| set::set(desk, id, wish, ask.at)).await
}

fn review() -> Value {
    json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 60}})
}

on_both_engines! {
    async fn a_simple_repost_begins_with_the_payload_and_ends_with_one_sale(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, nth| if nth == 0 { no() } else { yes() }).await;
        let config = with(plain(&world.sink, "/buy"), json!({
            "disqualification": [{"name": "renters", "rule": rule("questionnaire.owner", "equals", json!("no"))}],
        }));
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Rejected);
        let answer = repost(&world, lead, None).await.unwrap();
        assert_eq!(answer["requiresQualification"], json!(false));
        assert!(repost(&world, lead, None).await.is_err(), "one is open");
        world.settle().await;
        let rows = world.submissions(lead).await;
        assert_eq!((rows[1].kind, rows[1].number, rows[1].status), (Kind::Repost, 2, Status::Accepted));
        assert_eq!(answer["newSubmissionId"], json!(rows[1].id));
        let lines = world.journey(rows[1].id).await;
        assert_eq!(lines[..2], ["accepted accepted repost", "payload passed built"]);
        assert_eq!(world.calls(), ["POST /buy 200 key 1", "POST /buy 200 key 2"]);
        let refused = repost(&world, lead, None).await.unwrap_err().to_string();
        assert!(refused.contains("is sold"), "{refused}");
        assert_eq!(leads::reposted_to(&world.store.db, world.workspace, lead).await.unwrap(), [campaign]);
    }

    async fn a_modified_repost_is_qualified_in_full_with_the_changed_lead(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let elsewhere = world.campaign("BBB", plain(&world.sink, "/other")).await;
        let config = with(plain(&world.sink, "/buy"), json!({
            "disqualification": [{"name": "renters", "rule": rule("questionnaire.owner", "equals", json!("no"))}],
            "autoRouting": true,
            "routing": [{"name": "all", "to": elsewhere, "rule": rule("questionnaire.owner", "equals", json!("yes"))}],
        }));
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({"owner": "no"})).await.lead_id;
        world.settle().await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Disqualified);
        assert!(repost(&world, lead, None).await.unwrap_err().to_string().contains("disqualified"));
        let ask = ask(&world, lead, Some(campaign));
        let answer = by_hand(&world, &ask, |desk| {
            let mut details = desk.lead.details.0.clone();
            details.questionnaire = vec![Answer { key: "owner".into(), question: "owner".into(), answer: json!("yes") }];
            let rewrite = Rewrite {
                first_name: "Ada".into(), last_name: "King".into(),
                email: desk.lead.email.clone(), phone: desk.lead.phone.clone(), details,
            };
            resend::repost(desk, Some(rewrite), sender(&ask))
        }).await.unwrap();
        assert_eq!(answer["requiresQualification"], json!(true));
        world.settle().await;
        let rows = world.submissions(lead).await;
        assert_eq!((rows[1].status, rows[1].campaign_id), (Status::Accepted, campaign), "routing is not asked");
        assert_eq!(world.journey(rows[1].id).await[1], "routing passed by_hand");
        assert_eq!(world.bodies()[0]["lead"]["lastName"], json!("King"));
    }

    async fn of_fifty_reposts_at_once_one_is_opened(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, nth| if nth == 0 { no() } else { yes() }).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let tasks: Vec<_> = (0..50).map(|_| {
            let (db, ask) = (world.store.db.clone(), ask(&world, lead, None));
            tokio::spawn(async move {
                desk::at(&db, &ask, |desk| resend::repost(desk, None, sender(&ask))).await.unwrap()
            })
        }).collect();
        let mut opened = 0;
        for task in tasks {
            opened += usize::from(matches!(task.await.unwrap(), Done::Did { .. }));
        }
        assert_eq!(opened, 1);
        world.settle().await;
        assert_eq!(world.submissions(lead).await.len(), 2);
        assert_eq!(world.calls().len(), 2);
    }

    async fn a_manual_delivery_takes_the_place_of_a_wait_and_a_late_callback_changes_nothing(store: TestStore) {
        let world = World::new(store, Run::Twice, |path, _| if path == "/hook" { (200, json!({})) } else { yes() }).await;
        let action = json!({"firstAction": {"kind": "webhook", "url": format!("{}/hook", world.sink), "deadlineMinutes": 60, "onDeadline": "continue"}});
        let waits = world.campaign("AAA", with(plain(&world.sink, "/first"), action.clone())).await;
        let target = world.campaign("BBB", with(plain(&world.sink, "/second"), action)).await;
        let lead = world.submit(waits, json!({})).await.lead_id;
        world.settle().await;
        let parked = world.submissions(lead).await.remove(0);
        assert_eq!(parked.run, "parked");
        let token = world.bodies()[0]["resumeUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let before = world.ctx.loader.load(parked.id).await.unwrap().unwrap();
        let park = parking::by_token(&world.store.db, &key::hash(&token)).await.unwrap().unwrap();
        let ask = ask(&world, lead, Some(target));
        by_hand(&world, &ask, |desk| resend::deliver(desk, sender(&ask))).await.unwrap();
        // The callback was read before the delivery and is written after it.
        let late = moves::resume(&before, &park, &Decision::default(), "token", world.clock.now()).unwrap();
        assert!(!world.ctx.closer.close(late).await.unwrap());
        let park = parking::by_token(&world.store.db, &key::hash(&token)).await.unwrap().unwrap();
        assert_eq!((park.resolution.as_deref(), park.decided_by.as_deref()), (Some("withdrawn"), Some("key desk")));
        world.settle().await;
        world.clock.forward(Duration::hours(2));
        world.settle().await;
        let rows = world.submissions(lead).await;
        assert_eq!((rows[0].run.as_str(), rows[0].status), ("finished", Status::Rejected));
        assert_eq!((rows[1].kind, rows[1].status, rows[1].campaign_id), (Kind::ManualDelivery, Status::Accepted, target));
        assert_eq!(world.journey(rows[1].id).await[2], "first_action passed by_hand");
        let posts: Vec<String> = world.calls().into_iter().filter(|call| !call.contains("/hook")).collect();
        assert_eq!(posts, ["POST /second 200 key 2"]);
    }

    async fn an_approval_and_a_rejection_at_once_have_one_effect(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let fallback = world.campaign("BBB", plain(&world.sink, "/fallback")).await;
        let list = json!({"fallback": {"campaigns": [fallback]}});
        let campaign = world.campaign("AAA", with(with(plain(&world.sink, "/buy"), review()), list)).await;
        for round in 0..6 {
            let lead = world.submit(campaign, json!({})).await.lead_id;
            world.settle().await;
            let before = world.calls().len();
            let words = [Approval::Approved, Approval::Rejected, Approval::Approved, Approval::Rejected];
            let tasks: Vec<_> = words.into_iter().map(|word| {
                let (db, ask) = (world.store.db.clone(), ask(&world, lead, None));
                tokio::spawn(async move {
                    desk::at(&db, &ask, |desk| approve(desk, word, (None, "key desk"), ask.at)).await.unwrap()
                })
            }).collect();
            let mut refused = 0;
            for task in tasks {
                refused += usize::from(matches!(task.await.unwrap(), Done::Refused(_)));
            }
            assert_eq!(refused, 2, "round {round}: the two that said the other word");
            world.settle().await;
            let rows = world.submissions(lead).await;
            let lead = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
            let sold = rows[0].status == Status::Accepted;
            assert_eq!(world.calls().len() - before, usize::from(sold));
            let expected = if sold { (Status::Accepted, LeadStatus::Active) } else { (Status::Rejected, LeadStatus::Rejected) };
            assert_eq!((rows[0].status, lead.lead_status, rows.len()), (expected.0, expected.1, 1), "no fallback");
        }
    }

    async fn a_status_that_is_set_fences_off_the_worker_that_has_the_job(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let receipt = world.submit(campaign, json!({})).await;
        let (lead, id) = (receipt.lead_id, receipt.submission_id.unwrap());
        // The worker has loaded the job; a person sets a word; the worker goes on.
        set(&world, lead, id, Status::Contacted).await.unwrap();
        assert_eq!(world.submissions(lead).await[0].status, Status::Contacted);
        world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
        assert_eq!(world.submissions(lead).await[0].generation, 2, "the old job does nothing");
        world.settle().await;
        let row = world.submissions(lead).await.remove(0);
        assert_eq!((row.status, row.buyer_lead_id.as_deref()), (Status::Accepted, Some("B-9")), "the next move shows its own word");
        // The buyer returns it, and after that it may be sent again.
        set(&world, lead, id, Status::Rejected).await.unwrap();
        let row = world.submissions(lead).await.remove(0);
        assert_eq!((row.status, row.run.as_str(), row.finished_at), (Status::Rejected, "finished", row.finished_at));
        repost(&world, lead, None).await.unwrap();
        assert!(set(&world, lead, id, Status::Accepted).await.is_err(), "another submission is open");
        world.settle().await;
        assert!(set(&world, lead, id, Status::Accepted).await.is_err(), "another submission is sold");
        assert_eq!(world.calls().len(), 2);
    }

    async fn nothing_is_set_and_nothing_sent_again_while_a_delivery_is_under_way(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let receipt = world.submit(campaign, json!({})).await;
        let (lead, id) = (receipt.lead_id, receipt.submission_id.unwrap());
        world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
        let row = world.submissions(lead).await.remove(0);
        assert_eq!((row.stage, row.run.as_str()), (Stage::Delivery, "ready"));
        let planned = row.carry.payload.clone().unwrap();
        let start = AttemptStart {
            workspace: world.workspace, submission: id, generation: row.generation, endpoint: planned.endpoint,
            idempotency_key: planned.idempotency_key, needs: None, over_open: false, at: world.clock.now(),
        };
        world.ctx.starter.begin(start).await.unwrap();
        for status in [Status::Accepted, Status::Failed, Status::Contacted] {
            assert!(set(&world, lead, id, status).await.unwrap_err().to_string().contains("under way"));
        }
        assert!(repost(&world, lead, None).await.is_err());
        world.settle().await;
        let row = world.submissions(lead).await.remove(0);
        assert_eq!(row.run, "held", "the worker that began it is gone");
        set(&world, lead, id, Status::Accepted).await.unwrap();
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
        assert!(world.calls().is_empty());
    }

    async fn a_lead_that_is_rejected_by_hand_ends_its_wait_at_once(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), review())).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let ask = ask(&world, lead, None);
        by_hand(&world, &ask, |desk| set::lead_status(desk, LeadStatus::Deleted, ("spam", "key desk"), ask.at)).await.unwrap();
        let row = world.submissions(lead).await.remove(0);
        assert_eq!((row.run.as_str(), row.status), ("finished", Status::Rejected));
        assert!(parking::open(&world.store.db, world.workspace, row.id).await.unwrap().is_none());
        let history = lead_status::history(&world.store.db, world.workspace, lead).await.unwrap();
        let line = &history[0];
        assert_eq!((line.to_status, line.reason.as_str(), line.changed_by.as_str()), (LeadStatus::Deleted, "spam", "key desk"));
        assert_eq!(repost(&world, lead, None).await.unwrap_err(), Refused::ClosedLead(LeadStatus::Deleted));
    }
}
