//! What reactions would do, counted: how many leads, how often, which points and statuses, with a few of them shown.
use crate::{
    automation::{Firing, Program, outcome::FiringKind},
    clock::Time,
    ids::LeadId,
    lead::LeadStatus,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What an automation would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effects {
    /// Leads that anything would fire for.
    pub leads: u64,
    /// The reactions that are on, in the order in which they are asked; then the workflows; then points that fade.
    pub reactions: Vec<ReactionEffect>,
    /// Leads by the status that they would have in the end, of those whose status would be another.
    #[schema(value_type = Object)]
    pub statuses: BTreeMap<&'static str, u64>,
    /// Leads by their points, before and after.
    pub points_before: Vec<Bar>,
    pub points_after: Vec<Bar>,
}

/// What one reaction would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionEffect {
    pub id: String,
    pub name: String,
    /// `scoring`, `rule`, `workflow` or `decay`.
    pub kind: FiringKind,
    /// Leads that it would fire for.
    pub leads: u64,
    /// How often it would fire, all leads together; of a workflow, how often a lead would move.
    pub times: u64,
    /// How often a lead would enter the workflow; 0 for what is none.
    pub entered: u64,
    /// Points that it would give, all leads together.
    pub points: i64,
    /// How often it would give a lead a status.
    #[schema(value_type = Object)]
    pub statuses: BTreeMap<&'static str, u64>,
    /// How often it would do what, by the action's type.
    #[schema(value_type = Object)]
    pub actions: BTreeMap<String, u64>,
    /// Actions that would be left, because they could not be done any more.
    pub left: u64,
    /// Some of it, each of another lead.
    pub samples: Vec<Sample>,
}

/// A firing that would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub lead_id: LeadId,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    #[schema(value_type = Object)]
    pub cause: Value,
    /// The fields that its condition reads, and their values.
    #[schema(value_type = Object)]
    pub facts: Value,
    pub points_before: i64,
    pub points_after: i64,
    pub status_before: LeadStatus,
    pub status_after: LeadStatus,
    #[schema(value_type = Vec<Object>)]
    pub actions: Vec<Value>,
}

/// How many leads have so many points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bar {
    /// `below 0`, `0`, `1-9`, `10-49`, `50-99`, `100-499`, `500-999`, `1000 and more`.
    pub points: &'static str,
    pub leads: u64,
}

/// The least points of each bar but the first.
const BARS: [(i64, &str); 7] = [
    (0, "0"),
    (1, "1-9"),
    (10, "10-49"),
    (50, "50-99"),
    (100, "100-499"),
    (500, "500-999"),
    (1_000, "1000 and more"),
];

fn bars() -> Vec<Bar> {
    let names = BARS.iter().map(|(_, name)| *name);
    std::iter::once("below 0").chain(names).map(|points| Bar { points, leads: 0 }).collect()
}

fn count_in(bars: &mut [Bar], points: i64) {
    let place = BARS.iter().filter(|(least, _)| points >= *least).count();
    bars[place].leads += 1;
}

/// How a lead was and would be.
pub struct Looked<'a> {
    pub lead: LeadId,
    pub points: (i64, i64),
    pub status: (LeadStatus, LeadStatus),
    pub firings: &'a [Firing],
}

/// Counts, lead by lead.
pub struct Tally {
    samples: usize,
    places: BTreeMap<(FiringKindKey, String), usize>,
    effects: Effects,
}

/// The kinds as they are told apart here.
type FiringKindKey = &'static str;

fn key(kind: FiringKind) -> FiringKindKey {
    match kind {
        FiringKind::Scoring => "scoring",
        FiringKind::Rule => "rule",
        FiringKind::Workflow => "workflow",
        FiringKind::Decay => "decay",
        FiringKind::ByHand => "by_hand",
    }
}

impl Tally {
    /// For what this program may do, with so many samples of each reaction.
    pub fn of(program: &Program, samples: usize) -> Self {
        let effects = Effects {
            leads: 0,
            reactions: Vec::new(),
            statuses: BTreeMap::new(),
            points_before: bars(),
            points_after: bars(),
        };
        let mut tally = Self { samples, places: BTreeMap::new(), effects };
        for one in &program.reactions {
            let kind = if one.is_scoring { FiringKind::Scoring } else { FiringKind::Rule };
            tally.place(kind, &one.id, &one.name);
        }
        for one in &program.workflows {
            tally.place(FiringKind::Workflow, &one.id, &one.name);
        }
        tally
    }

    pub fn done(self) -> Effects {
        self.effects
    }

    fn place(&mut self, kind: FiringKind, id: &str, name: &str) -> usize {
        let reactions = &mut self.effects.reactions;
        *self.places.entry((key(kind), id.to_owned())).or_insert_with(|| {
            reactions.push(ReactionEffect {
                id: id.to_owned(),
                name: name.to_owned(),
                kind,
                leads: 0,
                times: 0,
                entered: 0,
                points: 0,
                statuses: BTreeMap::new(),
                actions: BTreeMap::new(),
                left: 0,
                samples: Vec::new(),
            });
            reactions.len() - 1
        })
    }

    /// Counts a lead.
    pub fn add(&mut self, looked: &Looked<'_>) {
        count_in(&mut self.effects.points_before, looked.points.0);
        count_in(&mut self.effects.points_after, looked.points.1);
        if looked.status.0 != looked.status.1 {
            *self.effects.statuses.entry(looked.status.1.word()).or_default() += 1;
        }
        self.effects.leads += u64::from(!looked.firings.is_empty());
        let mut seen = BTreeSet::new();
        for firing in looked.firings {
            let place = self.place(firing.kind, &firing.rule_id, &firing.rule_name);
            let is_first = seen.insert(place);
            let samples = self.samples;
            let reaction = &mut self.effects.reactions[place];
            reaction.leads += u64::from(is_first);
            reaction.count(firing);
            if is_first && reaction.samples.len() < samples {
                reaction.samples.push(sample(looked.lead, firing));
            }
        }
    }
}

impl ReactionEffect {
    fn count(&mut self, firing: &Firing) {
        self.times += 1;
        self.points += firing.points;
        self.entered += u64::from(firing.cause["type"] == "entered");
        if firing.status_before != firing.status_after {
            *self.statuses.entry(firing.status_after.word()).or_default() += 1;
        }
        for line in &firing.actions {
            if line.get("left").is_some() {
                self.left += 1;
            } else if let Some(kind) = line["type"].as_str() {
                *self.actions.entry(kind.to_owned()).or_default() += 1;
            }
        }
    }
}

fn sample(lead_id: LeadId, firing: &Firing) -> Sample {
    Sample {
        lead_id,
        at: firing.at,
        cause: firing.cause.clone(),
        facts: firing.facts.clone(),
        points_before: firing.points_after - firing.points,
        points_after: firing.points_after,
        status_before: firing.status_before,
        status_after: firing.status_after,
        actions: firing.actions.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_counted_in_one_bar() {
        for (points, name) in [
            (-1, "below 0"),
            (0, "0"),
            (9, "1-9"),
            (10, "10-49"),
            (99, "50-99"),
            (499, "100-499"),
            (999, "500-999"),
            (1_000, "1000 and more"),
        ] {
            let mut bars = bars();
            count_in(&mut bars, points);
            let counted: Vec<&Bar> = bars.iter().filter(|bar| bar.leads == 1).collect();
            assert_eq!(counted.len(), 1);
            assert_eq!(counted[0].points, name, "{points}");
        }
    }
}
