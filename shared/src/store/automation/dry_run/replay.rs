//! What an automation would have done with a lead, had it been there: the pure engine, fed with what happened. Nothing is written, and
//! nothing is done to others.
use crate::{
    automation::{
        Firing, LeadState, Occurrence, Program, Want,
        engine::{self, Subject},
    },
    clock::Time,
    contact::doc::moment,
    ids::ActivityId,
    lead::LeadStatus,
    store::live::LINKS_MAX,
};
use serde_json::{Map, Value, json};
use sqlx::types::Json;

/// Something that the contact did.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Did {
    pub id: ActivityId,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub name: String,
    pub data: Json<Map<String, Value>>,
    pub at: Time,
}

/// Lets the lead's campaign react, and react to the status that it gives the lead, as if it were all in one transaction.
pub fn follow(
    program: &Program,
    state: &mut LeadState,
    subject: &mut Subject<'_>,
    (mut occurrences, now): (Vec<Occurrence>, Time),
) -> Vec<Firing> {
    let mut firings = Vec::new();
    state.fired.clear();
    for _ in 0..LINKS_MAX {
        occurrences.retain(|what| program.hears(what));
        if occurrences.is_empty() {
            break;
        }
        let mut from = state.status;
        let outcome = engine::decide(program, state, subject, &occurrences, now);
        state.due_at = outcome.due_at;
        firings.extend(outcome.firings);
        occurrences = Vec::new();
        for effect in outcome.effects {
            if let Want::Status { to } = effect.want {
                occurrences.push(Occurrence::Status { from, to });
                from = to;
            }
        }
    }
    firings
}

/// What happened to a lead, to be lived through again.
pub struct Past<'a> {
    /// From when on.
    pub from: Time,
    /// What its contact did since, first to last.
    pub activities: &'a [Did],
    /// The last thing that the contact did before.
    pub heard_before: Option<Time>,
}

/// Lives through it again, from no points and nothing remembered, as an active lead. Counts and days of activities are as they were then;
/// everything else that is known of the contact and the lead is as it is now. Answers how the lead would be.
pub fn replay(
    program: &Program,
    lead: &LeadState,
    subject: &mut Subject<'_>,
    (past, now): (&Past<'_>, Time),
) -> (LeadState, Vec<Firing>) {
    let mut state = LeadState::new(
        (lead.workspace, lead.lead),
        (lead.contact, lead.campaign),
        (LeadStatus::Active, lead.created_at),
    );
    rewind(&mut subject.doc, past);
    subject.last_activity_at = past.heard_before;
    let is_new = lead.created_at >= past.from;
    let (begin, first) = match is_new {
        true => (lead.created_at, Occurrence::Created),
        false => (past.from, Occurrence::Saved),
    };
    let mut firings = Vec::new();
    let (before, after): (Vec<&Did>, Vec<&Did>) =
        past.activities.iter().partition(|did| did.at < begin);
    for did in before {
        live(subject, did);
    }
    firings.extend(follow(program, &mut state, subject, (vec![first], begin)));
    for did in after {
        if !state.status.is_processed() {
            break;
        }
        // Who takes activities in lets the clock go first.
        if state.due_at.is_some_and(|due| due <= did.at) {
            let clock = (vec![Occurrence::Clock], did.at);
            firings.extend(follow(program, &mut state, subject, clock));
        }
        live(subject, did);
        firings.extend(follow(program, &mut state, subject, (said(did), did.at)));
    }
    if state.status.is_processed() {
        firings.extend(follow(program, &mut state, subject, (vec![Occurrence::Clock], now)));
    }
    (state, firings)
}

/// An activity as campaigns hear of it: itself, then the fields that changed by it.
fn said(did: &Did) -> Vec<Occurrence> {
    let activity = Occurrence::Activity {
        id: did.id,
        kind: did.kind.clone(),
        name: did.name.clone(),
        data: did.data.0.clone(),
        at: did.at,
    };
    let event = format!("event.{}", did.kind);
    let fields = [event.as_str(), "contact.firstSeenAt", "contact.lastActivityAt"];
    let fields = fields.into_iter().map(str::to_owned).collect();
    vec![activity, Occurrence::Fields { fields }]
}

/// Takes what the contact did since out of the document's counts.
fn rewind(doc: &mut Value, past: &Past<'_>) {
    for did in past.activities {
        count(doc, did, -1);
    }
    let heard = past.heard_before.map(moment);
    doc["contact"]["lastActivityAt"] = json!(heard);
    if heard.is_none() {
        doc["contact"]["firstSeenAt"] = Value::Null;
    }
}

/// Puts what the contact did into the document.
fn live(subject: &mut Subject<'_>, did: &Did) {
    count(&mut subject.doc, did, 1);
    let at = json!(moment(did.at));
    subject.doc["event"][&did.kind]["lastAt"] = at.clone();
    let contact = &mut subject.doc["contact"];
    if contact["firstSeenAt"].is_null() {
        contact["firstSeenAt"] = at.clone();
    }
    contact["lastActivityAt"] = at;
    subject.last_activity_at = subject.last_activity_at.max(Some(did.at));
}

fn count(doc: &mut Value, did: &Did, by: i64) {
    let event = &mut doc["event"][&did.kind];
    let times = event["count"].as_i64().unwrap_or(0) + by;
    event["count"] = json!(times.max(0));
    let day = did.at.date_naive().to_string();
    let Some(days) = event["days"].as_array_mut() else {
        // Where no condition asks about days there are none; else there are, from the first on.
        return;
    };
    let is_it = |one: &&mut Value| one["name"] == did.name.as_str() && one["day"] == day.as_str();
    match days.iter_mut().find(is_it) {
        Some(one) => one["times"] = json!((one["times"].as_i64().unwrap_or(0) + by).max(0)),
        None if by > 0 => days.push(json!({"name": did.name, "day": day, "times": by})),
        None => {}
    }
}
