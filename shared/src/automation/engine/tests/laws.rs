//! What holds whatever happens: when one looks makes no difference, nor how news are bundled.
use super::world::*;
use crate::{
    automation::{
        LeadState, Occurrence,
        config::{Action, Repeat, Trigger, WaitUntil},
        distance::DistanceUnit::{Days, Hours, Weeks},
        program::{Otherwise, Reaction, StepKind, Workflow},
    },
    clock::Time,
    lead::LeadStatus,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reactions of which a program has some. The last two change the status.
fn reactions() -> Vec<Reaction> {
    let points = |reach, fall_below| Trigger::Points { reach, fall_below };
    let silent = |amount, unit| Trigger::Inactivity { r#for: distance(amount, unit) };
    let date = |days, time: Option<&str>, yearly| Trigger::Date {
        field: "property.renewal".into(),
        days,
        time: time.map(str::to_owned),
        yearly,
    };
    let window = |field: &str, operator: &str, amount: i64, unit: &str| {
        rule(
            &json!({"field": field, "operator": operator, "value": {"amount": amount, "unit": unit}}),
        )
    };
    let today = rule(&json!({"field": "property.renewal", "operator": "isToday"}));
    let grown = rule(&json!({"field": "contact.age", "operator": "greaterOrEqual", "value": 40}));
    let does = |one: Reaction, action| Reaction { actions: vec![action], ..one };
    let start_w = Action::StartWorkflow { workflow: "w".into() };
    let duplicate = Action::SetStatus { status: LeadStatus::Duplicate };
    let reject = Action::SetStatus { status: LeadStatus::Rejected };
    let mut once = scoring("once", visit("/a*"), None, 5);
    once.repeat = Repeat::Once;
    vec![
        scoring("visit", visit("*"), None, 3),
        once,
        scoring("ca", Trigger::Matches, Some(in_ca()), 7),
        scoring("left", Trigger::Changed { fields: vec!["contact.state".into()] }, None, -4),
        scoring("silent", silent(3, Days), None, -6),
        scoring("silent in ca", silent(1, Weeks), Some(in_ca()), 2),
        scoring("before", date(-1, Some("02:30"), false), None, 1),
        scoring("yearly", date(0, None, true), Some(in_ca()), 8),
        scoring("up", points(Some(10), None), None, 2),
        scoring("down", points(None, Some(5)), None, 1),
        reaction("today", Trigger::Matches, Some(today)),
        reaction("grown", Trigger::Matches, Some(grown)),
        reaction(
            "old",
            Trigger::Matches,
            Some(window("contact.createdAt", "olderThan", 5, "days")),
        ),
        scoring(
            "heard",
            Trigger::Matches,
            Some(window("contact.lastActivityAt", "inLast", 30, "hours")),
            1,
        ),
        does(reaction("starts", points(Some(20), None), None), start_w),
        does(reaction("dup", visit("/b"), None), duplicate),
        does(reaction("rejects", points(None, Some(-20)), None), reject),
    ]
}

/// Workflows of which a program has some.
fn workflows() -> Vec<Workflow> {
    let give = |points| StepKind::Do(vec![Action::AddPoints { points }]);
    let stop = StepKind::Do(vec![Action::StopWorkflow { workflow: "w".into() }]);
    let days: Vec<String> = ["mon", "wed", "sun"].map(str::to_owned).into();
    let morning = StepKind::WaitUntil(WaitUntil { time: "02:30".into(), days });
    let circle = vec![
        ("a", give(1)),
        ("b", StepKind::Wait(distance(1, Days))),
        ("c", StepKind::If { rule: in_ca(), otherwise: Otherwise::GoTo(1) }),
        ("d", give(4)),
    ];
    let visits = vec![
        ("a", morning),
        ("b", give(2)),
        ("c", StepKind::Wait(distance(5, Hours))),
        ("d", stop),
    ];
    vec![workflow("w", Trigger::Created, circle), workflow("v", visit("/a*"), visits)]
}

/// What a lead lives through: what happens, and so many hours after the last.
type Story = Vec<(u8, i64)>;

fn stories() -> impl Strategy<Value = Story> {
    prop::collection::vec((0_u8..12, prop_oneof![0_i64..4, 0_i64..80, 0_i64..600]), 1..14)
}

fn world(mask: u32, decays: bool, zone: Tz) -> World {
    let mut world = World::new();
    let chosen = |place: usize| mask & (1 << place) != 0;
    let all = reactions().into_iter().enumerate();
    world.program.reactions = all.filter(|(place, _)| chosen(*place)).map(|(_, one)| one).collect();
    let all = workflows().into_iter().enumerate();
    world.program.workflows =
        all.filter(|(place, _)| chosen(20 + place)).map(|(_, one)| one).collect();
    if decays {
        world = world.with_decay(distance(4, Days), 20);
    }
    (world.zone, world.program.zone) = (zone, zone);
    world.doc["contact"]["dateOfBirth"] = json!("1986-03-11");
    world.tell(start(), &[Occurrence::Created, Occurrence::Everything]);
    world
}

fn lives(world: &mut World, what: u8, now: Time) {
    let pages = ["/a", "/ab", "/b", "/c"];
    match what {
        0..=3 => drop(world.visit(now, pages[usize::from(what)])),
        4 => drop(world.moves_to(now, "CA")),
        5 => drop(world.moves_to(now, "NY")),
        6 | 7 => {
            let days = if what == 6 { 5 } else { -3 };
            let day = (now + TimeDelta::days(days)).date_naive();
            world.doc["property"]["renewal"] = json!(day.to_string());
            world.tell(now, &[fields(["property.renewal"])]);
        }
        8 => drop(world.give(now, 9)),
        9 => drop(world.give(now, -15)),
        10 => drop(world.tell(now, &[Occurrence::Saved])),
        _ => {
            let closed = !world.state.status.is_processed();
            let to = if closed { LeadStatus::Active } else { LeadStatus::Rejected };
            if closed {
                world.state.due_at = None;
            }
            world.becomes(now, to);
        }
    }
}

/// What is compared: the log without ids that differ from run to run, and what is kept.
fn told(world: &World) -> (Vec<Value>, LeadState) {
    let log = world.firings.iter().map(|firing| {
        let mut cause = firing.cause.clone();
        if let Some(map) = cause.as_object_mut() {
            map.remove("activityId");
        }
        json!([
            firing.number,
            firing.rule_id,
            cause,
            firing.facts,
            firing.points,
            firing.points_after,
            firing.status_before,
            firing.status_after,
            firing.actions,
            firing.at
        ])
    });
    let mut state = world.state.clone();
    // Early looks leave exact dues, and each world has ids of its own.
    state.due_at = None;
    state.fired.clear();
    (log.collect(), state)
}

/// How the clock looks at a lead.
#[derive(Clone, Copy, Debug)]
enum Looks {
    /// When it is due.
    InTime,
    /// Every so many minutes, and when it is due.
    Often(i64),
    /// Not before something happens.
    Late,
}

fn run(mut world: World, story: &Story, looks: Looks) -> World {
    let mut now = start();
    for (what, hours) in story.iter().copied().chain([(255, 24 * 40)]) {
        let next = now + TimeDelta::hours(hours);
        match looks {
            Looks::Late => {
                world.looks(next);
            }
            Looks::InTime => {
                world.live_until(next);
            }
            Looks::Often(minutes) => {
                while now < next {
                    now = next.min(now + TimeDelta::minutes(minutes));
                    world.live_until(now);
                    world.looks(now);
                }
            }
        }
        now = next;
        if what != 255 {
            lives(&mut world, what, now);
        }
    }
    world
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![Tz::UTC, Tz::America__New_York, Tz::Australia__Lord_Howe])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Looking too often, or too late, gives the same firings at the same times, and the same lead.
    #[test]
    fn when_one_looks_makes_no_difference(
        mask in 0_u32..1 << 22, decays: bool, zone in zones(), story in stories(), minutes in 45_i64..3_000,
    ) {
        let world = world(mask, decays, zone);
        let in_time = told(&run(world.clone(), &story, Looks::InTime));
        let often = told(&run(world.clone(), &story, Looks::Often(minutes)));
        prop_assert_eq!(&in_time, &often);
        let late = told(&run(world, &story, Looks::Late));
        prop_assert_eq!(&in_time, &late);
    }

    /// What happened at once may be told at once or bit by bit.
    #[test]
    fn how_news_are_bundled_makes_no_difference(
        mask in 0_u32..1 << 15, more in 0_u32..4, decays: bool, story in stories(),
        news in prop::collection::vec(0_u8..8, 1..8), cut in 0_usize..8,
    ) {
        let mut one = run(world(mask | more << 20, decays, Tz::UTC), &story, Looks::InTime);
        let now = start() + TimeDelta::hours(story.iter().map(|(_, hours)| hours).sum::<i64>() + 24 * 40);
        if news.contains(&0) {
            one.last_activity_at = Some(now);
        }
        let news: Vec<Occurrence> = news.into_iter().map(|what| match what {
            0 => visited("/a", now),
            1 => visited("/c", now),
            2 => fields(["contact.state"]),
            3 => Occurrence::Everything,
            4 => Occurrence::Saved,
            5 => Occurrence::Clock,
            6 => Occurrence::Points { points: 12, reason: "a".into(), by: "b".into() },
            _ => Occurrence::Points { points: -9, reason: "a".into(), by: "b".into() },
        }).collect();
        one.doc["contact"]["state"] = json!("CA");
        let mut parts = one.clone();
        one.tell(now, &news);
        parts.state.fired.clear();
        let (first, rest) = news.split_at(cut.min(news.len()));
        parts.link(now, first);
        // As the engine does: what happened is a chain of its own, a change of fields belongs to what came before.
        let mut all = parts.state.fired.clone();
        for what in rest {
            let goes_on = matches!(what, Occurrence::Fields { .. } | Occurrence::Everything);
            parts.state.fired = all.iter().filter(|id| goes_on || id.is_empty()).cloned().collect();
            parts.link(now, std::slice::from_ref(what));
            all.append(&mut parts.state.fired);
        }
        prop_assert_eq!(told(&one), told(&parts));
    }
}
