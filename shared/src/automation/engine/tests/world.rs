//! A lead, a program, and a store that keeps what the engine says.
use crate::{
    automation::{
        Effect, LeadState, Occurrence, Outcome, Program, Want,
        config::{Action, Decay, Repeat, Trigger},
        distance::{Distance, DistanceUnit},
        engine::{Subject, decide},
        outcome::Firing,
        program::{Listens, Reaction, Step, StepKind, Workflow},
    },
    clock::Time,
    contact::doc::moment,
    ids::{ActivityId, CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    rules::{About, Kind, Properties, Rule},
    value_set::Sets,
};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

pub fn at(text: &str) -> Time {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// When all worlds begin.
pub fn start() -> Time {
    at("2026-03-02T12:00:00Z")
}

pub fn rule(leaf: &Value) -> Rule {
    let kinds = [("renewal", Kind::Date), ("call", Kind::DateTime)];
    let properties = Properties(kinds.map(|(key, kind)| (key.to_owned(), kind)).into());
    let rule = json!({"combinator": "and", "rules": [leaf]});
    Rule::parse_about(&rule, About::Automation(&properties)).unwrap()
}

/// The state is CA.
pub fn in_ca() -> Rule {
    rule(&json!({"field": "contact.state", "operator": "equals", "value": "CA"}))
}

pub fn distance(amount: i64, unit: DistanceUnit) -> Distance {
    Distance { amount, unit }
}

pub fn reaction(id: &str, trigger: Trigger, when: Option<Rule>) -> Reaction {
    Reaction {
        is_scoring: false,
        id: id.into(),
        name: id.to_uppercase(),
        triggers: vec![trigger],
        clocks: when.as_ref().map(Rule::clocks).unwrap_or_default(),
        reads: when.as_ref().map(Rule::reads).unwrap_or_default(),
        when,
        actions: vec![Action::AddTag { tag: id.into() }],
        repeat: Repeat::Each,
        existing_leads: true,
        since: start(),
    }
}

pub fn scoring(id: &str, trigger: Trigger, when: Option<Rule>, points: i64) -> Reaction {
    let actions = vec![Action::AddPoints { points }];
    Reaction { is_scoring: true, actions, ..reaction(id, trigger, when) }
}

pub fn workflow(id: &str, trigger: Trigger, steps: Vec<(&str, StepKind)>) -> Workflow {
    let steps = steps.into_iter().map(|(id, kind)| Step { id: id.into(), kind }).collect();
    Workflow {
        id: id.into(),
        name: id.to_uppercase(),
        triggers: vec![trigger],
        when: None,
        clocks: Default::default(),
        reads: Default::default(),
        repeat: Repeat::Each,
        existing_leads: false,
        since: start(),
        steps,
    }
}

pub fn visit(name: &str) -> Trigger {
    Trigger::Activity { activity: "page_visit".into(), name: Some(name.into()) }
}

pub fn visited(name: &str, at: Time) -> Occurrence {
    Occurrence::Activity {
        id: ActivityId::new(),
        kind: "page_visit".into(),
        name: name.into(),
        data: Map::new(),
        at,
    }
}

pub fn fields<const N: usize>(fields: [&str; N]) -> Occurrence {
    Occurrence::Fields { fields: fields.map(str::to_owned).into() }
}

#[derive(Clone)]
pub struct World {
    pub program: Program,
    pub state: LeadState,
    pub doc: Value,
    pub last_activity_at: Option<Time>,
    pub zone: Tz,
    sets: Sets,
    pub firings: Vec<Firing>,
    pub effects: Vec<Effect>,
}

impl World {
    pub fn new() -> Self {
        let campaign = CampaignId::new();
        Self {
            program: Program {
                campaign,
                revision: 1,
                zone: Tz::UTC,
                points_per_star: 10,
                decay: None,
                reactions: vec![],
                workflows: vec![],
                listens: Listens::default(),
            },
            state: LeadState::new(
                (WorkspaceId::new(), LeadId::new()),
                (ContactId::new(), campaign),
                (LeadStatus::Active, start()),
            ),
            doc: json!({"contact": {"state": "NY", "createdAt": "2026-03-02T12:00:00Z"}, "property": {}, "event": {}}),
            last_activity_at: None,
            zone: Tz::UTC,
            sets: Sets::default(),
            firings: vec![],
            effects: vec![],
        }
    }

    pub fn with(mut self, reaction: Reaction) -> Self {
        self.program.reactions.push(reaction);
        self
    }

    pub fn with_workflow(mut self, workflow: Workflow) -> Self {
        self.program.workflows.push(workflow);
        self
    }

    pub fn with_decay(mut self, every: Distance, percent: i64) -> Self {
        self.program.decay = Some(Decay { every, percent });
        self
    }

    /// A link of a chain: what has fired in the transaction is not forgotten.
    pub fn link(&mut self, now: Time, occurrences: &[Occurrence]) -> Outcome {
        let before = self.state.clone();
        let mut subject = Subject {
            doc: self.doc.clone(),
            last_activity_at: self.last_activity_at,
            zone: self.zone,
            sets: &self.sets,
        };
        let outcome = decide(&self.program, &mut self.state, &mut subject, occurrences, now);
        assert!(
            outcome.due_at.is_none_or(|due| due > now),
            "{:?} is not after {now}",
            outcome.due_at
        );
        assert_eq!(self.state.due_at, before.due_at, "the due time is the store's");
        let points: i64 = outcome.firings.iter().map(|firing| firing.points).sum();
        assert_eq!(self.state.points, before.points + points, "the log sums to the points");
        let numbers: Vec<i64> = outcome.firings.iter().map(|firing| firing.number).collect();
        assert_eq!(numbers, (before.number + 1..=self.state.number).collect::<Vec<_>>());
        let kept = |state: &LeadState| {
            (state.points, state.number, state.memory.clone(), state.positions.clone())
        };
        assert!(outcome.changed || kept(&self.state) == kept(&before), "a change is told");
        if !before.status.is_processed() {
            assert_eq!((self.state.status, self.state.points), (before.status, before.points));
            assert_eq!((outcome.due_at, self.state.positions.len()), (None, 0), "it is closed");
        }
        for effect in &outcome.effects {
            let firing = outcome.firings.iter().find(|one| one.number == effect.firing);
            let line = &firing.unwrap().actions[effect.action as usize];
            assert!(line.get("left").is_none(), "{line}");
        }
        // As the store keeps it: an exact time when the stored one has passed, an earlier one else.
        self.state.due_at = match self.state.due_at.filter(|stored| *stored > now) {
            Some(stored) => Some(outcome.due_at.map_or(stored, |due| due.min(stored))),
            None => outcome.due_at,
        };
        self.firings.extend(outcome.firings.clone());
        self.effects.extend(outcome.effects.clone());
        outcome
    }

    /// A transaction.
    pub fn tell(&mut self, now: Time, occurrences: &[Occurrence]) -> Outcome {
        self.state.fired.clear();
        self.link(now, occurrences)
    }

    /// Something was done, as the store tells it.
    pub fn visit(&mut self, now: Time, name: &str) -> Outcome {
        self.last_activity_at = Some(now);
        self.doc["contact"]["lastActivityAt"] = json!(moment(now));
        self.tell(
            now,
            &[visited(name, now), fields(["contact.lastActivityAt", "event.page_visit"])],
        )
    }

    /// The contact's state is another one.
    pub fn moves_to(&mut self, now: Time, state: &str) -> Outcome {
        self.doc["contact"]["state"] = json!(state);
        self.tell(now, &[fields(["contact.state"])])
    }

    pub fn looks(&mut self, now: Time) -> Outcome {
        self.tell(now, &[Occurrence::Clock])
    }

    /// Somebody sets the lead's status.
    pub fn becomes(&mut self, now: Time, to: LeadStatus) -> Outcome {
        let from = std::mem::replace(&mut self.state.status, to);
        self.tell(now, &[Occurrence::Status { from, to }])
    }

    pub fn give(&mut self, now: Time, points: i64) -> Outcome {
        let (reason, by) = ("well done".to_owned(), "Ada".to_owned());
        self.tell(now, &[Occurrence::Points { points, reason, by }])
    }

    /// Looks when it is due, up to a time; says how often it looked.
    pub fn live_until(&mut self, end: Time) -> usize {
        let mut looks = 0;
        while let Some(due) = self.state.due_at.filter(|due| *due <= end) {
            self.looks(due);
            assert!(self.state.due_at.is_none_or(|next| next > due));
            looks += 1;
            assert!(looks < 100_000, "it goes round and round");
        }
        looks
    }

    /// The ids of what has fired, in order.
    pub fn fired(&self) -> Vec<&str> {
        self.firings.iter().map(|firing| firing.rule_id.as_str()).collect()
    }

    /// What has fired, and when.
    pub fn log(&self) -> Vec<(String, String)> {
        let log = self.firings.iter();
        log.map(|one| (one.rule_id.clone(), one.at.format("%m-%d %H:%M").to_string())).collect()
    }

    pub fn wants(&self) -> Vec<&Want> {
        self.effects.iter().map(|effect| &effect.want).collect()
    }
}

/// A log as it is expected.
pub fn log<const N: usize>(log: [(&str, &str); N]) -> Vec<(String, String)> {
    log.map(|(id, at)| (id.to_owned(), at.to_owned())).into()
}
