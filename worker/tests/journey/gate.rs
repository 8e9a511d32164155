//! The gate: whatever the engine does, a lead that is qualified, rejected or deleted stays so and goes nowhere, unless a person says so.
use crate::{
    campaign::{idempotent, plain, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, ContactId, LeadId, SegmentId},
    lead::{Details, LeadStatus},
    on_both_engines,
    store::{
        campaign_members as members, campaigns,
        intake::{Arrival, CampaignRef, Declined, Intake, Receipt, Who},
        jobs::{self, Bulk, JobFilter},
        lead_bulk::{self, Wish},
        leads,
    },
};
use std::collections::BTreeSet;

/// Moves of the engine in a row.
const MOVES: usize = 40;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A world in which leads stand wherever a lead can stand.
struct Stage {
    world: World,
    intake: Intake,
    segment: SegmentId,
    campaigns: Vec<CampaignId>,
    leads: Vec<LeadId>,
    contacts: Vec<ContactId>,
}

async fn stage(store: shared::testing::TestStore) -> Stage {
    let world =
        World::new(
            store,
            Run::Plain,
            |path, _| {
                if path == "/down" { (500, json!({})) } else { yes() }
            },
        )
        .await;
    let says = json!({"leadStatus": {"qualifyOn": ["accepted"], "rejectOn": ["rejected"]}});
    let configs: [Value; 5] = [
        plain(&world.sink, "/buy"),
        with(
            plain(&world.sink, "/buy"),
            json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 60}}),
        ),
        with(
            plain(&world.sink, "/buy"),
            json!({"caps": [{"period": "daily", "leads": 1, "whenFull": {"action": "queue"}}]}),
        ),
        idempotent(plain(&world.sink, "/down")),
        json!({}),
    ];
    let mut campaigns = Vec::new();
    for (n, config) in configs.into_iter().enumerate() {
        campaigns.push(world.campaign(&format!("AA{n}"), with(config, says.clone())).await);
    }
    // Somebody takes the one place of the third campaign.
    world.submit(campaigns[2], json!({})).await;
    world.settle().await;
    let mut leads = Vec::new();
    for n in 0..3 {
        for campaign in &campaigns {
            leads.push(world.submit(*campaign, json!({})).await.lead_id);
        }
        // Of the last round nobody has looked at any yet.
        if n < 2 {
            world.settle().await;
        }
    }
    let intake = Intake::start(world.store.db.clone());
    let segment = fed(&world, campaigns[0]).await;
    Stage { world, intake, segment, campaigns, leads, contacts: Vec::new() }
}

/// A segment that feeds the campaign.
async fn fed(world: &World, campaign: CampaignId) -> SegmentId {
    let id = SegmentId::new();
    world.store.db.write()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                created_at, updated_at) VALUES ($1, $2, 'one', '', 'static', 'ready', true, 1, 0, $3, $3)",
        )
        .bind(world.workspace).bind(id).bind(world.clock.now()).run().await.unwrap();
    let place = (world.workspace, campaign);
    members::assign(&world.store.db, place, &BTreeSet::from([id]), world.clock.now())
        .await
        .unwrap()
        .unwrap();
    id
}

impl Stage {
    /// Contacts whom the segment brings into the first campaign.
    async fn bring(&mut self, count: usize) {
        let world = &self.world;
        for n in 0..count {
            let id = ContactId::new();
            world
                .store
                .db
                .write()
                .sql(
                    "INSERT INTO contact (workspace_id, id, email, status, created_at, updated_at)
                     VALUES ($1, $2, $3, 'active', $4, $4)",
                )
                .bind(world.workspace)
                .bind(id)
                .bind(format!("b{n}@example.com"))
                .bind(world.clock.now())
                .run()
                .await
                .unwrap();
            self.place(id, true).await;
            self.contacts.push(id);
        }
        let place = (self.world.workspace, self.campaigns[0]);
        members::settle_all(&self.world.store.db, place, self.world.clock.now()).await.unwrap();
        let found =
            members::of_contacts(&self.world.store.db, place, &self.contacts).await.unwrap();
        assert_eq!(found.len(), count);
        self.leads.extend(found.into_iter().map(|(_, lead)| lead));
    }

    /// Into the segment, or out of it.
    async fn place(&self, contact: ContactId, is_in: bool) {
        let sql = if is_in {
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id = $3 AND added_at <= $4"
        };
        let world = &self.world;
        world
            .store
            .db
            .write()
            .sql(sql)
            .bind(world.workspace)
            .bind(self.segment)
            .bind(contact)
            .bind(world.clock.now())
            .run()
            .await
            .unwrap();
    }

    /// A person says what becomes of leads.
    async fn say(&self, leads: &[LeadId], to: LeadStatus) {
        let at = self.world.clock.now();
        let wish = Wish { to, campaign: None, reason: "seen", by: "key ops", at };
        let leads = leads.iter().copied().collect();
        lead_bulk::set(&self.world.store.db, self.world.workspace, &leads, wish).await.unwrap();
    }

    async fn submit_again(&self, lead: LeadId) -> Result<Receipt, Declined> {
        let now = self.world.clock.now();
        let row =
            leads::get(&self.world.store.db, self.world.workspace, lead).await.unwrap().unwrap();
        let arrival = Arrival {
            workspace: self.world.workspace,
            campaign: CampaignRef::Id(row.campaign_id),
            who: Who::Known { lead, details: Details::default() },
            is_test: false,
            submit: true,
            source: "api",
            repeat: None,
            at: now,
            redeliver_at: now + Duration::seconds(30),
        };
        self.intake.take(arrival).await.unwrap()
    }

    /// Something that the engine does by itself, or that somebody does who does not speak of the lead's status.
    async fn move_on(&self, dice: &mut Dice) {
        let world = &self.world;
        let (db, workspace) = (&world.store.db, world.workspace);
        match dice.throw(8) {
            0 => world.settle().await,
            1 => {
                world.clock.forward(Duration::days(1));
                world.drain().await;
            }
            2 => {
                world.clock.forward(Duration::minutes(31));
                world.settle().await;
            }
            3 => {
                let contact = self.contacts[dice.throw(self.contacts.len() as u64) as usize];
                self.place(contact, dice.throw(2) == 0).await;
                let mut tx = db.begin().await.unwrap();
                members::settle(&mut tx, workspace, &[contact], world.clock.now()).await.unwrap();
                tx.commit().await.unwrap();
            }
            4 => {
                members::settle_all(db, (workspace, self.campaigns[0]), world.clock.now())
                    .await
                    .unwrap();
            }
            5 => {
                let lead = self.leads[dice.throw(self.leads.len() as u64) as usize];
                let taken = self.submit_again(lead).await;
                assert!(matches!(taken, Err(Declined::ClosedLead(_))), "{taken:?}");
            }
            6 => {
                let campaign = self.campaigns[dice.throw(5) as usize];
                for state in ["paused", "active"] {
                    campaigns::set_state(db, workspace, campaign, state, world.clock.now())
                        .await
                        .unwrap();
                }
            }
            _ => {
                let by = ("ops", world.clock.now());
                jobs::move_failed(db, workspace, &JobFilter::default(), Bulk::Retry, by)
                    .await
                    .unwrap();
            }
        }
    }

    async fn standing(&self) -> Vec<LeadStatus> {
        let mut found = Vec::new();
        for lead in &self.leads {
            let row = leads::get(&self.world.store.db, self.world.workspace, *lead).await.unwrap();
            found.push(row.unwrap().lead_status);
        }
        found
    }
}

on_both_engines! {
    async fn a_lead_that_is_closed_stays_so_and_goes_nowhere_unless_a_person_says_so(store: TestStore) {
        let mut stage = stage(store).await;
        stage.bring(6).await;
        let closed = [LeadStatus::Qualified, LeadStatus::Rejected, LeadStatus::Deleted];
        for (n, lead) in stage.leads.iter().enumerate() {
            stage.say(&[*lead], closed[n % 3]).await;
        }
        let (before, sent) = (stage.standing().await, stage.world.sent().len());
        for seed in [0x5eed_1ead, 0xca11_ab1e] {
            let mut dice = Dice(seed);
            for n in 0..MOVES {
                stage.move_on(&mut dice).await;
                assert_eq!(stage.standing().await, before, "move {n} of {seed:x}");
                assert_eq!(stage.world.sent().len(), sent, "move {n} of {seed:x}");
            }
        }
        stage.world.settle().await;
        for lead in &stage.leads {
            let open = stage.world.submissions(*lead).await.into_iter().filter(|s| s.run == "ready" || s.run == "parked");
            assert_eq!(open.count(), 0, "nothing is left open");
        }
        // A person says so.
        let lead = stage.leads[0];
        stage.say(&[lead], LeadStatus::Active).await;
        stage.submit_again(lead).await.unwrap();
        stage.world.settle().await;
        assert_eq!(stage.world.sent().len(), sent + 1);
        assert_eq!(stage.standing().await[0], LeadStatus::Qualified, "its campaign says what an accepted lead is");
    }
}
