//! Reactions of all kinds, a random history, and then everything looked at once more: nothing is left to do.
use super::{
    dice::Dice,
    world::{Line, World},
};
use serde_json::{Value, json};
use shared::{
    automation::{Happened, Occurrence},
    ids::{CampaignId, ContactId, SegmentId},
    lead::LeadStatus,
    store::{
        contacts::tags::{self, Tagging},
        lead_bulk::{self, Wish},
        live::{self, Touched, What},
    },
    testing::TestStore,
};
use std::collections::{BTreeMap, BTreeSet};

/// A world and what there is in it.
struct Stage {
    world: World,
    dice: Dice,
    campaigns: [CampaignId; 2],
    segment: SegmentId,
    contacts: Vec<ContactId>,
}

fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

fn visits(at_least: usize) -> Value {
    leaf("event.page_visit", "eventCount", json!({"atLeast": at_least}))
}

impl Stage {
    fn trigger(&mut self) -> Value {
        let segment = self.segment;
        match self.dice.roll(10) {
            0 => json!({"type": "activity", "activity": "page_visit", "name": "/p*"}),
            1 => json!({"type": "activity", "activity": "email_opened"}),
            2 => json!({"type": "points", "reach": 5 * (1 + self.dice.roll(6))}),
            3 => json!({"type": "points", "fallBelow": self.dice.roll(10)}),
            4 => json!({"type": "segmentEntered", "segment": segment}),
            5 => json!({"type": "segmentLeft", "segment": segment}),
            6 => json!({"type": "created"}),
            7 => json!({"type": "changed", "fields": ["contact.state", "contact.tags"]}),
            8 => {
                json!({"type": "inactivity", "for": {"amount": 1 + self.dice.roll(50), "unit": "hours"}})
            }
            _ => json!({"type": "status", "to": ["qualified"]}),
        }
    }

    fn condition(&mut self) -> Value {
        let hours = json!({"amount": 1 + self.dice.roll(60), "unit": "hours"});
        match self.dice.roll(8) {
            0 => visits(1 + self.dice.roll(4)),
            1 => leaf("contact.state", "equals", json!("CA")),
            2 => leaf("lead.points", "greaterThan", json!(self.dice.roll(30))),
            3 => leaf("contact.lastActivityAt", "olderThan", hours),
            4 => leaf("lead.createdAt", "olderThan", hours),
            5 => leaf("contact.tags", "containsAny", json!(["hot"])),
            6 => leaf("property.score", "lessThan", json!(50)),
            _ => leaf("contact.segments", "memberOf", json!([self.segment])),
        }
    }

    fn action(&mut self, other: CampaignId) -> Value {
        match self.dice.roll(10) {
            0..=2 => json!({"type": "addPoints", "points": self.dice.pick(&[-6, -2, 1, 3, 7, 12])}),
            3 | 4 => json!({"type": "addTag", "tag": self.dice.pick(&["hot", "cold"])}),
            5 => json!({"type": "removeTag", "tag": self.dice.pick(&["hot", "cold"])}),
            6 => json!({"type": "addToSegment", "segment": self.segment}),
            7 => json!({"type": "removeFromSegment", "segment": self.segment}),
            8 => json!({"type": "addToCampaign", "campaign": other}),
            _ if self.dice.roll(4) == 0 => {
                json!({"type": "setStatus", "status": self.dice.pick(&["qualified", "rejected"])})
            }
            _ => json!({"type": "notify", "message": "look"}),
        }
    }

    fn config(&mut self, other: CampaignId) -> Value {
        let mut scoring = Vec::new();
        for n in 0..4 {
            let mut rule = json!({"id": format!("s{n}"), "name": "s", "on": [self.trigger()],
                "points": self.dice.pick(&[-3, -1, 1, 2, 5, 9, 14]), "repeat": self.dice.pick(&["once", "each"])});
            if self.dice.roll(2) == 0 {
                rule["when"] = self.condition();
            }
            scoring.push(rule);
        }
        let mut rules = Vec::new();
        for n in 0..6 {
            let actions: Vec<Value> =
                (0..1 + self.dice.roll(2)).map(|_| self.action(other)).collect();
            let mut rule = json!({"id": format!("r{n}"), "name": "r", "do": actions, "repeat": self.dice.pick(&["once", "each"])});
            if self.dice.roll(2) == 0 {
                rule["on"] = json!([{"type": "matches"}]);
                rule["when"] = self.condition();
            } else {
                rule["on"] = json!([self.trigger()]);
            }
            rules.push(rule);
        }
        let steps = json!([
            {"id": "a", "wait": {"amount": 3, "unit": "hours"}},
            {"id": "b", "if": self.condition(), "else": "d"},
            {"id": "c", "do": [{"type": "addPoints", "points": 2}]},
            {"id": "d", "wait": {"amount": 1, "unit": "days"}},
            {"id": "e", "do": [self.action(other)]},
        ]);
        let decay = json!({"every": {"amount": 2, "unit": "days"}, "percent": 10});
        json!({
            "scoring": {"rules": scoring, "decay": if self.dice.roll(2) == 0 { decay } else { Value::Null }},
            "rules": rules,
            "workflows": [{"id": "w", "name": "w", "on": [{"type": "created"}], "steps": steps}],
        })
    }

    async fn save(&mut self, at: usize) {
        let config = self.config(self.campaigns[1 - at]);
        let mut config = config;
        if config["scoring"]["decay"].is_null() {
            config["scoring"].as_object_mut().unwrap().remove("decay");
        }
        self.world.put(self.campaigns[at], &config).await;
    }

    async fn happen(&mut self) {
        let contact = self.dice.pick(&self.contacts);
        match self.dice.roll(14) {
            0..=4 => {
                let kind = self.dice.pick(&["page_visit", "page_visit", "email_opened", "call"]);
                let name = self.dice.pick(&["/pricing", "/about"]);
                let batch: Vec<_> = (0..1 + self.dice.roll(3))
                    .map(|_| self.world.activity(contact, kind, name))
                    .collect();
                self.world.record(batch).await;
            }
            5 | 6 => self.change_state(contact).await,
            7 => self.tag(contact).await,
            8 => {
                let at = self.dice.roll(2);
                self.world.lead(self.campaigns[at], contact).await;
            }
            9 => self.decide().await,
            10 if self.dice.roll(3) == 0 => {
                let at = self.dice.roll(2);
                self.save(at).await;
            }
            _ => self.world.later([1, 30, 61, 600, 3_000][self.dice.roll(5)]),
        }
    }

    async fn change_state(&mut self, contact: ContactId) {
        let (state, now) = (self.dice.pick(&["CA", "TX"]), self.world.clock.now());
        let mut tx = self.world.db.begin().await.unwrap();
        tx.ex()
            .sql("UPDATE contact SET state = $3 WHERE workspace_id = $1 AND id = $2")
            .bind(self.world.workspace)
            .bind(contact)
            .bind(state.to_owned())
            .run()
            .await
            .unwrap();
        let touched = Touched::new(self.world.workspace, contact, What::fields(["contact.state"]));
        live::reassess(&mut tx, &[touched], now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn tag(&mut self, contact: ContactId) {
        let tag = vec![self.dice.pick(&["hot", "cold"]).to_owned()];
        let (add, remove) = if self.dice.roll(2) == 0 { (tag, vec![]) } else { (vec![], tag) };
        let (workspace, by) = (self.world.workspace, "a test".to_owned());
        let tagging = Tagging { workspace, contacts: vec![contact], add, remove, by };
        tags::tag(&self.world.db, &tagging, self.world.clock.now()).await.unwrap();
    }

    /// Somebody decides on a lead.
    async fn decide(&mut self) {
        let leads = self.world.leads().await;
        let Some((lead, ..)) = leads.get(self.dice.roll(leads.len().max(1))) else { return };
        let to = self.dice.pick(&[LeadStatus::Active, LeadStatus::Active, LeadStatus::Qualified]);
        let at = self.world.clock.now();
        let wish = Wish { to, campaign: None, reason: "a test", by: "a test", at };
        let leads = BTreeSet::from([*lead]);
        lead_bulk::set(&self.world.db, self.world.workspace, &leads, wish).await.unwrap();
    }

    /// Looks at every lead from the beginning: nothing may come of it.
    async fn look_again(&self, place: &str) {
        let before = self.books(place).await;
        let now = self.world.clock.now();
        for (lead, _, contact, _) in self.world.leads().await {
            for what in [Occurrence::Clock, Occurrence::Saved] {
                let mut tx = self.world.db.begin().await.unwrap();
                let told = Touched::new(self.world.workspace, contact, What::nothing());
                let told = told.and(Happened::to_lead(lead, what));
                live::reassess(&mut tx, &[told], now).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        let after = self.books(place).await;
        assert_eq!(before, after, "{place}: a full pass had something to do");
    }

    /// Points and log of every lead, after they were found to be in order.
    async fn books(&self, place: &str) -> BTreeMap<String, (LeadStatus, i64, Vec<Line>)> {
        let rows = self.world.rows().await;
        let mut books = BTreeMap::new();
        for (lead, _, _, status) in self.world.leads().await {
            let log = self.world.log(lead).await;
            let row = rows.iter().find(|row| row.lead_id == lead);
            let (points, number) = row.map_or((0, 0), |row| (row.points, row.number));
            let due = row.and_then(|row| row.due_at);
            assert!(
                due.is_none_or(|at| at > self.world.clock.now()),
                "{place}: {lead} is due still"
            );
            assert_eq!(log.iter().map(|line| line.points).sum::<i64>(), points, "{place}: {lead}");
            let numbers: Vec<i64> = log.iter().map(|line| line.number).collect();
            assert_eq!(numbers, (1..=number).collect::<Vec<i64>>(), "{place}: {lead}");
            let mut sum = 0;
            for line in &log {
                sum += line.points;
                assert_eq!(line.points_after, sum, "{place}: {lead}");
                let of_closed =
                    ["qualified", "rejected", "deleted"].contains(&line.status_before.as_str());
                let about_status = line.cause.0["type"] == "status";
                assert!(!of_closed || about_status, "{place}: {lead} was closed: {line:?}");
            }
            books.insert(lead.to_string(), (status, points, log));
        }
        books
    }
}

pub async fn run(store: &TestStore, seed: u64, steps: usize) {
    let world = World::new(store, &format!("random{seed}")).await;
    world.property("score", "number").await;
    let campaigns = [world.campaign("ONE").await, world.campaign("TWO").await];
    let segment = world.static_segment("some").await;
    let mut stage =
        Stage { world, dice: Dice::new(seed), campaigns, segment, contacts: Vec::new() };
    stage.save(0).await;
    stage.save(1).await;
    for n in 0..5 {
        let contact = stage.world.contact(&format!("c{n}@example.com")).await;
        stage.contacts.push(contact);
        stage.world.lead(stage.campaigns[n % 2], contact).await;
    }
    for step in 0..steps {
        stage.happen().await;
        if stage.dice.roll(3) == 0 {
            stage.world.sweep().await;
            if stage.dice.roll(2) == 0 {
                stage.look_again(&format!("seed {seed}, step {step}")).await;
            }
        }
    }
}
