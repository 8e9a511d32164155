//! Random rules and a random history: whatever happened, members are those whom building from scratch would find.
use super::world::{World, leaf, rule};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{ContactId, SegmentId},
    store::live::What,
    testing::TestStore,
};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

fn any_leaf(dice: &mut Dice, segments: &[SegmentId]) -> Value {
    let unit = dice.pick(&["minutes", "hours", "days"]);
    let window = json!({"amount": 1 + dice.roll(3), "unit": unit});
    match dice.roll(if segments.is_empty() { 6 } else { 8 }) {
        0 => leaf(
            "contact.state",
            dice.pick(&["equals", "notEquals"]),
            json!(dice.pick(&["CA", "TX"])),
        ),
        1 => leaf("contact.city", dice.pick(&["isEmpty", "isNotEmpty"]), Value::Null),
        2 => {
            leaf("contact.lastActivityAt", dice.pick(&["inLast", "notInLast", "olderThan"]), window)
        }
        3 => leaf("contact.createdAt", dice.pick(&["inLast", "olderThan"]), window),
        4 => leaf("contact.dateOfBirth", "anniversary", json!("today")),
        5 => leaf("contact.status", "equals", json!(dice.pick(&["active", "inactive"]))),
        _ => leaf(
            "contact.segments",
            dice.pick(&["memberOf", "notMemberOf"]),
            json!(dice.pick(segments)),
        ),
    }
}

fn any_rule(dice: &mut Dice, segments: &[SegmentId]) -> Value {
    let leaves: Vec<Value> = (0..1 + dice.roll(3)).map(|_| any_leaf(dice, segments)).collect();
    let mut rule = rule(&leaves);
    rule["combinator"] = json!(dice.pick(&["and", "or"]));
    rule["not"] = json!(dice.roll(4) == 0);
    rule
}

async fn happen(
    world: &World,
    dice: &mut Dice,
    contacts: &mut Vec<ContactId>,
    segments: &[SegmentId],
) {
    let contact = dice.pick(contacts);
    match dice.roll(9) {
        0 | 1 => world.set(contact, "state", dice.pick(&["ca", "tx"]), &["contact.state"]).await,
        2 => world.set(contact, "city", dice.pick(&["", "rome"]), &["contact.city"]).await,
        3 => {
            let day = dice.pick(&["1990-11-21", "1990-11-22", "1980-11-23"]);
            world.set(contact, "date_of_birth", day, &["contact.dateOfBirth"]).await;
        }
        4 => {
            let status = dice.pick(&["active", "active", "inactive", "deleted"]);
            world.set(contact, "status", status, &["contact.status"]).await;
        }
        5 | 6 => {
            let ago = Duration::minutes(dice.roll(3_000) as i64);
            world.active(contact, world.clock.now() - ago).await;
        }
        7 => {
            contacts.push(world.contact(&format!("n{}", contacts.len())).await);
            world.touch(contact, What::fields(["contact.words"]), world.clock.now()).await;
        }
        _ => {
            world.later(dice.pick(&[1, 60, 1_800, 3_601, 50_000]));
            if dice.roll(3) == 0 {
                world.again(dice.pick(segments)).await;
            }
        }
    }
}

pub async fn run(store: &TestStore, seed: u64, rounds: usize) {
    let mut dice = Dice(0x1234_5678_9abc_def1 ^ (seed << 40));
    let world = World::named(store, &format!("w{seed}")).await;
    let mut contacts = Vec::new();
    for n in 0..6 {
        contacts.push(world.contact(&format!("c{n}")).await);
    }
    let mut segments = Vec::new();
    for n in 0..10 {
        let rule = any_rule(&mut dice, &segments);
        let zone = dice.pick(&[None, Some("America/New_York")]);
        segments.push(world.segment_in(&format!("s{n}"), &rule, zone).await);
    }
    for round in 0..rounds {
        for _ in 0..12 {
            happen(&world, &mut dice, &mut contacts, &segments).await;
        }
        if round % 3 == 1 {
            // The rule asks about none that comes after it.
            let at = dice.roll(segments.len());
            let rule = any_rule(&mut dice, &segments[..at]);
            world.edit(segments[at], &rule).await;
        }
        // What has no index is looked for once a minute.
        world.sweep().await;
        world.build_all().await;
        world.later(61);
        world.sweep().await;
        world.build_all().await;
        world.all_is_right().await;
    }
}
