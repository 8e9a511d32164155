//! Leads read as they were at their beginning and walked through the stages, on both engines; nothing is written.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    campaign::{Campaign, compiled::Name},
    dry_run::{Surroundings, dry_run},
    ids::{CampaignId, LeadId, SubmissionId, WorkspaceId},
    lead::{Answer, Details, Person},
    on_both_engines,
    stages::s1_routing::Standings,
    store::{
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Who},
        load::Loaded,
        recent,
    },
    submission::{Kind, Stage},
    testing::noon,
    value_set::Sets,
};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

fn config() -> Value {
    json!({
        "hardStops": [{"name": "no", "rule": {"field": "questionnaire.q", "operator": "equals", "value": "stop"}}],
        "firstAction": {"kind": "human_review", "deadlineMinutes": 5},
        "disqualification": [{"name": "renters", "rule": {"field": "questionnaire.q", "operator": "equals", "value": "rent"}}],
        "computedKeys": [{"key": "twice", "type": "text", "expression": "questionnaire.q ~ questionnaire.q"}],
        "requiredFields": ["questionnaire.q"],
        "acceptedValues": [{"field": "questionnaire.q", "values": ["Own", "Stop"]}],
        "endpoints": [{"id": "main", "name": "Buyer", "url": "https://buyer.example/", "response": {"rules": []},
            "payload": {"nodes": [
                {"kind": "field", "key": "q", "source": "questionnaire.q"},
                {"kind": "field", "key": "twice", "source": "computed.twice"},
            ]}}],
    })
}

fn compiled(id: CampaignId, config: Value) -> Arc<Campaign> {
    let name = Name { id, code: "AAA".into(), name: "a campaign".into(), revision: 1 };
    Arc::new(Campaign::compile(name, config).unwrap())
}

async fn campaign(db: &shared::store::Db, workspace: WorkspaceId, code: &str) -> CampaignId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: config(),
        at: noon(),
    };
    campaigns::create(db, &draft).await.unwrap();
    draft.id
}

fn arrival(workspace: WorkspaceId, campaign: CampaignId, n: usize, answer: Value) -> Arrival {
    let questionnaire = vec![Answer { key: "q".into(), question: "q".into(), answer }];
    let person = Person {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: format!("{n}@example.com"),
        phone: format!("+1415555010{n}"),
    };
    Arrival {
        workspace,
        campaign: CampaignRef::Id(campaign),
        who: Who::New { person, details: Details { questionnaire, ..Details::default() } },
        is_test: false,
        submit: n > 0,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon() + Duration::seconds(30),
    }
}

/// The stage that decides, its word, and what the lead comes to.
fn outcome(lead: &Loaded, campaign: &Arc<Campaign>) -> String {
    let (others, standings, sets) = (HashMap::new(), Standings::new(), Sets::new());
    let (others, standings, sets) = (&others, &standings, &sets);
    let outcome = dry_run(lead, Surroundings { campaign, others, standings, sets, now: noon() });
    let (stage, verdict) = outcome.last().unwrap();
    let body = outcome.planned.first().map_or(String::new(), |planned| planned.body.clone());
    format!(
        "{stage} {} {} {} {body}",
        verdict.code,
        outcome.word(),
        outcome.waits_for.unwrap_or("-")
    )
}

on_both_engines! {
    async fn stored_leads_meet_the_stages_again_and_stay_as_they_are(store: TestStore) {
        let (db, workspace) = (&store.db, store.workspace("one").await);
        let here = campaign(db, workspace, "AAA").await;
        let elsewhere = campaign(db, workspace, "BBB").await;
        let intake = Intake::start(db.clone());
        let answers = [json!("own"), json!("STOP"), json!("rent"), json!(""), json!("castle")];
        let mut leads = Vec::new();
        for (n, answer) in answers.into_iter().enumerate() {
            let receipt = intake.take(arrival(workspace, here, n, answer)).await.unwrap().unwrap();
            leads.push(receipt.lead_id);
        }
        intake.take(arrival(workspace, elsewhere, 9, json!("own"))).await.unwrap().unwrap();
        let all = recent::of_campaign(db, workspace, here, LeadId(Uuid::max()), 10).await.unwrap();
        let ids: Vec<LeadId> = all.iter().map(|lead| lead.lead_id).collect();
        assert_eq!(ids, leads.iter().rev().copied().collect::<Vec<_>>(), "newest first, this campaign's only");
        let page = recent::of_campaign(db, workspace, here, ids[1], 2).await.unwrap();
        assert_eq!(page.iter().map(|lead| lead.lead_id).collect::<Vec<_>>(), ids[2..4]);
        let stranger = store.workspace("two").await;
        assert!(recent::of_campaign(db, stranger, here, LeadId(Uuid::max()), 10).await.unwrap().is_empty());
        assert!(recent::lead(db, stranger, leads[0]).await.unwrap().is_none());

        let campaign = compiled(here, config());
        let outcomes: Vec<String> = all.iter().rev().map(|lead| outcome(lead, &campaign)).collect();
        assert_eq!(
            outcomes,
            [
                r#"payload built sent human_review {"q":"Own","twice":"ownown"}"#,
                "first_action hard_stop disqualified - ",
                "disqualification rule_matched disqualified human_review ",
                "required_fields missing_fields missing_data human_review ",
                "field_qualification value_refused disqualified human_review ",
            ]
        );
        let stored = recent::lead(db, workspace, leads[0]).await.unwrap().unwrap();
        assert_eq!((stored.kind, stored.stage, stored.number), (Kind::Standard, Stage::Routing, 1));
        assert_eq!(stored.id, SubmissionId(leads[0].0), "a lead that was only stored has no submission");
        let again = recent::lead(db, workspace, leads[1]).await.unwrap().unwrap();
        assert_eq!((again.run.as_str(), again.generation), ("ready", 1));
        let nowhere = compiled(here, json!({}));
        assert_eq!(outcome(&stored, &nowhere), "payload no_endpoint error - ");
    }

    async fn answers_of_an_action_are_used_and_what_stages_found_is_not(store: TestStore) {
        let (db, workspace) = (&store.db, store.workspace("one").await);
        let here = campaign(db, workspace, "AAA").await;
        let taken = Intake::start(db.clone()).take(arrival(workspace, here, 1, json!("rent"))).await;
        let mut lead = recent::lead(db, workspace, taken.unwrap().unwrap().lead_id).await.unwrap().unwrap();
        lead.carry.0.answers.insert("questionnaire.q".into(), json!("OWN"));
        lead.carry.0.computed.insert("twice".into(), json!("old"));
        lead.carry.0.canonical.insert("questionnaire.q".into(), json!("old"));
        let said = outcome(&lead, &compiled(here, config()));
        assert_eq!(said, r#"payload built sent human_review {"q":"Own","twice":"OWNOWN"}"#);
    }

    async fn campaigns_are_found_by_id_and_code_and_several_at_once(store: TestStore) {
        let (db, workspace) = (&store.db, store.workspace("one").await);
        let a = campaign(db, workspace, "AAA").await;
        let b = campaign(db, workspace, "BBB").await;
        for named in [CampaignRef::Id(a), CampaignRef::Code("AAA".into())] {
            assert_eq!(campaigns::find(db, workspace, &named).await.unwrap().unwrap().id, a);
            let stranger = store.workspace("two").await;
            assert!(campaigns::find(db, stranger, &named).await.unwrap().is_none());
        }
        let mut some = campaigns::some(db, workspace, &[b, a, CampaignId::new()]).await.unwrap();
        some.sort_by_key(|row| row.id);
        assert_eq!(some.iter().map(|row| row.id).collect::<Vec<_>>(), [a, b]);
        assert!(campaigns::find(db, workspace, &CampaignRef::Code("CCC".into())).await.unwrap().is_none());
    }
}
