//! The same history happens to the program and is told plainly; both must agree.
use super::{dice::Dice, plain, world::World};
use shared::{ids::LeadId, testing::TestStore};

/// When the scheduler comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sweeps {
    EachStep,
    Rarely,
}

const PAGES: [&str; 5] = ["/pricing", "/pricing/plans", "/about", "/blog", "/docs"];

fn what(dice: &mut Dice) -> (&'static str, &'static str) {
    match dice.roll(12) {
        0..=5 => ("page_visit", dice.pick(&PAGES)),
        6 | 7 => ("email_opened", "welcome"),
        8 | 9 => ("email_clicked", "offer"),
        10 => ("call", ""),
        _ if dice.roll(6) == 0 => ("page_visit", "/buy"),
        _ => ("page_visit", "/"),
    }
}

/// How many minutes pass.
fn pause(dice: &mut Dice) -> i64 {
    match dice.roll(8) {
        0 => 0,
        1..=3 => 1 + dice.roll(300) as i64,
        4 | 5 => 24 * 60,
        6 => 30 * 60 + dice.roll(600) as i64,
        _ => 70 * 60 + dice.roll(600) as i64,
    }
}

pub async fn run(store: &TestStore, seed: u64, sweeps: Sweeps) {
    let mut dice = Dice::new(seed);
    let world = World::new(store, &format!("told{seed}")).await;
    let campaign = world.campaign("ONE").await;
    world.put(campaign, &plain::config()).await;
    world.sweep().await;
    let mut contacts = Vec::new();
    let mut leads: Vec<(LeadId, plain::Lead)> = Vec::new();
    for n in 0..5 {
        let contact = world.contact(&format!("c{n}@example.com")).await;
        contacts.push(contact);
        leads.push((world.lead(campaign, contact).await, plain::Lead::new(world.clock.now())));
        world.later(dice.roll(90) as i64);
    }
    for step in 0..60 {
        world.later(pause(&mut dice));
        let now = world.clock.now();
        let mut batch = Vec::new();
        // At times several things come in one batch, some of them of the same contact.
        for _ in 0..[1, 1, 1, 2, 5][dice.roll(5)] {
            let at = dice.roll(contacts.len());
            let (kind, name) = what(&mut dice);
            batch.push(world.activity(contacts[at], kind, name));
            leads[at].1.does(kind, name, now);
        }
        world.record(batch).await;
        if sweeps == Sweeps::EachStep || dice.roll(15) == 0 {
            world.sweep().await;
        }
        if sweeps == Sweeps::EachStep || step % 20 == 19 {
            world.sweep().await;
            compare(&world, &mut leads, seed, step).await;
        }
    }
    world.later(10 * 24 * 60);
    world.sweep().await;
    compare(&world, &mut leads, seed, 99).await;
    assert!(leads.iter().all(|(_, told)| told.status != "active"), "ten days are enough for all");
}

async fn compare(world: &World, leads: &mut [(LeadId, plain::Lead)], seed: u64, step: usize) {
    let rows = world.rows().await;
    let statuses = world.leads().await;
    for (lead, told) in leads {
        told.until(world.clock.now());
        let log = world.log(*lead).await;
        let fired: Vec<&str> = log.iter().map(|line| line.rule_id.as_str()).collect();
        let row = rows.iter().find(|row| row.lead_id == *lead);
        let place = format!("seed {seed}, step {step}, {} {row:?} {told:?}", world.clock.now());
        assert_eq!(fired, told.fired, "{place}");
        let points = row.map_or(0, |row| row.points);
        assert_eq!(points, told.points, "{place}");
        assert_eq!(log.iter().map(|line| line.points).sum::<i64>(), points, "{place}");
        let status = statuses.iter().find(|(id, ..)| id == lead).map(|(.., status)| status.word());
        assert_eq!(status, Some(told.status), "{place}");
    }
}
