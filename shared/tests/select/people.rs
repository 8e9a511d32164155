//! Made-up people: the same ones for the same seed.
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use shared::{
    clock::Time,
    contact::{
        Contact, ContactStatus, Profile,
        doc::{self, Day, Related},
        fold,
    },
    ids::{CampaignId, ContactId, SegmentId, WorkspaceId},
    lead::LeadStatus,
    rules::{Kind, Properties},
};
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The segment that is deleted, by its place.
pub const DELETED_SEGMENT: usize = 3;

pub struct Person {
    pub contact: Contact,
    pub related: Related,
    /// Rows that count for nothing.
    pub deleted_segments: Vec<SegmentId>,
    pub deleted_leads: Vec<(CampaignId, LeadStatus)>,
}

/// A generator of numbers that only look random (splitmix64).
pub struct Dice(pub u64);

/// A test's own seed; another one for each `PROPTEST_RNG_SEED`, so that a hunt for rare failures reaches these tests too.
pub fn seed(own: u64) -> u64 {
    own ^ (asked("PROPTEST_RNG_SEED").unwrap_or_default() << 8)
}

/// How many cases a test tries: `PROPTEST_CASES`, or as many as it does in every run.
pub fn cases(usual: usize) -> usize {
    asked("PROPTEST_CASES").map_or(usual, |cases| usize::try_from(cases).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the variables by which one hunts for rare failures")]
fn asked(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {value}")))
}

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

pub fn a_now(dice: &mut Dice) -> Time {
    let text: &str = dice.pick::<&str>(NOWS);
    time(text)
}

pub fn time(text: &str) -> Time {
    text.parse().unwrap()
}

pub fn created() -> Time {
    time("2026-01-01T00:00:00Z")
}

pub fn segments() -> Vec<SegmentId> {
    (1..=4).map(|n| SegmentId(Uuid::from_u128(n))).collect()
}

pub fn campaigns() -> Vec<CampaignId> {
    (11..=13).map(|n| CampaignId(Uuid::from_u128(n))).collect()
}

/// The workspace's properties.
pub fn properties() -> Properties {
    let kinds = [
        ("tier", Kind::Text),
        ("level", Kind::Text),
        ("score", Kind::Number),
        ("rank", Kind::Number),
        ("since", Kind::Date),
        ("until", Kind::Date),
        ("seen", Kind::DateTime),
        ("heard", Kind::DateTime),
        ("vip", Kind::Boolean),
        ("known", Kind::Boolean),
        ("langs", Kind::List),
    ];
    Properties(
        kinds.into_iter().map(|(key, kind)| (key.to_owned(), kind)).collect::<BTreeMap<_, _>>(),
    )
}

/// Texts at which engines and programs like to differ.
pub const TEXTS: &[&str] = &[
    "Ada",
    "ada",
    "ADA LOVELACE",
    "Lovelace, Ada",
    "ada.lovelace",
    "İstanbul",
    "istanbul",
    "i̇stanbul",
    "straße",
    "STRASSE",
    "STRAẞE",
    "Σίσυφος",
    "ΣΊΣΥΦΟΣ",
    "ς",
    "σ",
    "ǅungla",
    "ǆungla",
    "O'Brien",
    "50%",
    "a_b",
    "A\\B",
    "New York",
    "new-york",
    "york new",
    "Smith 9",
    "5",
    "5.0",
    "05",
    "-1.5",
    "true",
    "2026-03-08",
    "é",
    "e\u{301}",
    "日本語 テスト",
    "\u{212a}elvin",
    "a  b",
    "😀 face",
    "line\nbreak",
    "\"quoted\"",
    "{a,b}",
    "null",
    "[]",
    "*",
    "?",
    "US",
    "us",
    "active",
    "Ａwide",
    "ﬁne",
    "x",
    "1e5",
    "ada 50% new",
    "\u{1e9e}",
];

pub const ZONES: &[Tz] = &[
    Tz::UTC,
    Tz::America__New_York,
    Tz::Asia__Kolkata,
    Tz::Pacific__Apia,
    Tz::America__Havana,
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::Australia__Lord_Howe,
];

/// Moments about which zones do something: midnights, clocks that change, a day that was skipped.
pub const NOWS: &[&str] = &[
    "2026-03-08T06:59:59.999999Z",
    "2026-03-08T07:30:00Z",
    "2026-03-09T04:00:00Z",
    "2026-11-01T05:30:00Z",
    "2011-12-30T10:00:00Z",
    "2011-12-31T09:59:59.999999Z",
    "2006-10-29T02:31:30Z",
    "2006-10-29T03:00:00Z",
    "2018-11-04T03:00:00Z",
    "2024-02-29T12:00:00Z",
    "2026-02-28T23:59:59.5Z",
    "2026-11-21T12:00:00.123456Z",
    "2026-12-31T23:59:59.999999Z",
    "2027-01-01T00:00:00Z",
];

/// A moment that is one of those, or a little or a round time away from one.
pub fn a_moment(dice: &mut Dice) -> Time {
    let at = a_now(dice);
    let by = match dice.roll(8) {
        0 | 1 => TimeDelta::zero(),
        2 => TimeDelta::microseconds(1),
        3 => TimeDelta::hours(1 + dice.roll(30) as i64),
        4 => TimeDelta::days(1 + dice.roll(9) as i64),
        5 => TimeDelta::days(28 + dice.roll(5) as i64),
        6 => TimeDelta::minutes(1 + dice.roll(90) as i64),
        _ => TimeDelta::days(365 * (1 + dice.roll(3) as i64)),
    };
    if dice.chance(50) { at + by } else { at - by }
}

pub fn a_day(dice: &mut Dice) -> NaiveDate {
    match dice.roll(12) {
        0 => NaiveDate::from_ymd_opt(1992, 2, 29),
        1 => NaiveDate::from_ymd_opt(1, 1, 1),
        2 => NaiveDate::from_ymd_opt(9999, 12, 31),
        3 => NaiveDate::from_ymd_opt(2008, 2, 28 + dice.roll(2) as u32),
        _ => None,
    }
    .unwrap_or_else(|| {
        let day = a_moment(dice).with_timezone(dice.pick(ZONES)).date_naive();
        let years = *dice.pick(&[0, 0, 0, 12, 18 * 12, 18 * 12, 40 * 12]);
        day - chrono::Months::new(years)
    })
}

pub fn a_number(dice: &mut Dice) -> Value {
    let numbers = [
        json!(0),
        json!(-1.5),
        json!(5),
        json!(5.0),
        json!(0.1),
        json!(1e15),
        json!(3),
        json!(9_007_199_254_740_993_i64),
        json!(18),
    ];
    dice.pick(&numbers).clone()
}

fn a_text(dice: &mut Dice) -> Option<String> {
    dice.chance(75).then(|| (*dice.pick(TEXTS)).to_owned())
}

fn a_list(dice: &mut Dice) -> Vec<String> {
    let mut list: Vec<String> = (0..dice.roll(4)).map(|_| (*dice.pick(TEXTS)).to_owned()).collect();
    list.sort();
    list.dedup();
    list
}

fn a_property(dice: &mut Dice, kind: Kind) -> Value {
    match kind {
        Kind::Number => a_number(dice),
        Kind::Date => json!(a_day(dice)),
        Kind::DateTime => json!(doc::moment(a_moment(dice))),
        Kind::Boolean => json!(dice.chance(50)),
        Kind::List => match a_list(dice) {
            list if list.is_empty() => json!(["one"]),
            list => json!(list),
        },
        _ => json!(dice.pick(TEXTS)),
    }
}

fn a_profile(dice: &mut Dice, number: usize) -> Profile {
    let mut values = Map::new();
    for (key, kind) in properties().0 {
        if dice.chance(70) {
            values.insert(key, a_property(dice, kind));
        }
    }
    let whole = |dice: &mut Dice| {
        dice.chance(70).then(|| *dice.pick(&[0_i64, 5, 18, 9_007_199_254_740_993]))
    };
    Profile {
        first_name: a_text(dice),
        last_name: a_text(dice),
        // Kept lower case, and each once.
        email: dice
            .chance(80)
            .then(|| fold::fold(&format!("{}{number}@example.com", dice.pick(TEXTS)))),
        phone: dice.chance(60).then(|| format!("+1415555{number:04}")),
        salutation: a_text(dice),
        title: a_text(dice),
        company: a_text(dice),
        website: a_text(dice),
        industry: a_text(dice),
        number_of_employees: whole(dice),
        annual_revenue: whole(dice),
        gender: a_text(dice),
        date_of_birth: dice.chance(80).then(|| a_day(dice).to_string()),
        street: a_text(dice),
        city: a_text(dice),
        state: a_text(dice),
        zip: a_text(dice),
        country: dice.chance(60).then(|| (*dice.pick(&["US", "DE", "IN"])).to_owned()),
        timezone: dice.chance(60).then(|| dice.pick(ZONES).name().to_owned()),
        source: a_text(dice),
        properties: Json(values),
        tags: Json(a_list(dice)),
        opt_out_email: dice.chance(50),
        opt_out_sms: dice.chance(50),
        opt_out_phone: dice.chance(10),
        opt_out_push: dice.chance(90),
        do_not_contact_until: dice.chance(60).then(|| a_moment(dice)),
    }
}

pub const EVENTS: &[&str] = &["page_visit", "email_opened", "my.own-kind"];
pub const EVENT_NAMES: &[&str] = &["", "/pricing", "/Pricing", "O'x"];

fn events(dice: &mut Dice, related: &mut Related) {
    let (one, other) = (a_moment(dice), a_moment(dice));
    related.first_seen_at = Some(one.min(other));
    related.last_activity_at = Some(one.max(other));
    for kind in EVENTS {
        if dice.chance(40) {
            continue;
        }
        let mut days: BTreeMap<(String, String), i64> = BTreeMap::new();
        for _ in 0..1 + dice.roll(4) {
            let day = a_moment(dice).date_naive().to_string();
            let name = (*dice.pick(EVENT_NAMES)).to_owned();
            *days.entry((name, day)).or_default() += 1 + dice.roll(3) as i64;
        }
        let count: i64 = days.values().sum();
        related
            .events
            .insert((*kind).to_owned(), json!({"count": count, "lastAt": doc::moment(one)}));
        let day = |((name, day), times)| Day { kind: (*kind).to_owned(), name, day, times };
        related.days.extend(days.into_iter().map(day));
    }
}

/// So many people.
pub fn people(seed: u64, many: usize) -> Vec<Person> {
    let mut dice = Dice(seed);
    (0..many).map(|number| person(&mut dice, number)).collect()
}

fn person(dice: &mut Dice, number: usize) -> Person {
    use ContactStatus::{Active, Bounced, Deleted, Inactive, Spam};
    use LeadStatus::{Duplicate, Qualified, Rejected};
    let profile = a_profile(dice, number);
    let notes = [*dice.pick(TEXTS), *dice.pick(TEXTS)];
    let words = if dice.chance(15) { String::new() } else { fold::words(&profile, notes) };
    let contact = Contact {
        workspace_id: WorkspaceId(Uuid::nil()),
        id: ContactId(Uuid::from_u128((7 << 80) + number as u128 + 1)),
        status: *dice.pick(&[Active, Active, Inactive, Bounced, Spam, Deleted]),
        words,
        profile,
        revision: 1,
        merged_into: None,
        erased_at: None,
        created_at: a_moment(dice),
        updated_at: a_moment(dice),
    };
    let mut related = Related::default();
    if dice.chance(70) {
        events(dice, &mut related);
    }
    let mut one =
        Person { contact, related, deleted_segments: Vec::new(), deleted_leads: Vec::new() };
    for (at, segment) in segments().into_iter().enumerate() {
        match dice.chance(30) {
            true if at == DELETED_SEGMENT => one.deleted_segments.push(segment),
            true => one.related.segments.push(segment),
            false => {}
        }
    }
    for campaign in campaigns() {
        let status =
            *dice.pick(&[LeadStatus::Active, Qualified, Rejected, Duplicate, LeadStatus::Deleted]);
        match dice.chance(40) {
            true if status == LeadStatus::Deleted => one.deleted_leads.push((campaign, status)),
            true => one.related.leads.push((campaign, status)),
            false => {}
        }
    }
    one
}
