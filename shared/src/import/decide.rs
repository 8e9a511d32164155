//! What becomes of a row, given who was found for it; and how that is taken back.
use super::{
    Draft, Plan, Problem, Purpose,
    body::{Body, grows},
    row::whole,
};
use crate::{
    contact::{Profile, fold::fold},
    lead::{Details, Person},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// What an import writes of a lead.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadBody {
    /// What is not known is empty.
    pub person: Person,
    pub details: Details,
}

/// What becomes of a row. `T` is [`LeadBody`] or [`Profile`].
#[derive(Debug, Clone, PartialEq)]
pub enum Act<T> {
    Create(T),
    /// `to` is the whole of it as it is to be; `fields` are those that change.
    Update {
        to: T,
        fields: Fields,
    },
    /// It says nothing new.
    Unchanged,
    Skip(Skip),
    Refuse(Vec<Problem>),
}

/// Why a row is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Only new ones are wanted, and it is known.
    Known,
    /// Only known ones are wanted, and it is new.
    New,
}

/// Fields as the mapping names them, with what they were and what an import made of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub BTreeMap<String, Change>);

/// What a field was and what it became. For `notes` and `tags`, which only grow, `to` is what came in addition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// None: it was not there. Null: it was there, and was null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub from: Option<Value>,
    pub to: Value,
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Fields {
    /// Takes in what a later row changed of the same lead or contact: the first `from` and the last `to` stay.
    pub fn absorb(&mut self, later: Self) {
        for (field, change) in later.0 {
            let is_list = grows(&field);
            match self.0.entry(field) {
                Entry::Vacant(free) => drop(free.insert(change)),
                Entry::Occupied(mut known) => match (&mut known.get_mut().to, change.to) {
                    (Value::Array(known), Value::Array(more)) if is_list => known.extend(more),
                    (known, to) => *known = to,
                },
            }
        }
    }
}

/// What becomes of a row of a file of leads.
pub fn lead(plan: &Plan, draft: &Draft, found: Option<&LeadBody>) -> Act<LeadBody> {
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let said = LeadBody {
        person: Person {
            first_name: text(&draft.first_name),
            last_name: text(&draft.last_name),
            email: text(&draft.email),
            phone: text(&draft.phone),
        },
        details: draft.details.clone(),
    };
    let mut problems = lacks_identity(draft);
    if draft.campaign.is_none() && plan.config.fallback_campaign_id.is_none() {
        problems.push(whole("names no campaign, and no fallback campaign is given"));
    }
    decide(plan, draft, found, said, problems)
}

/// What becomes of a row of a file of contacts.
pub fn contact(plan: &Plan, draft: &Draft, found: Option<&Profile>) -> Act<Profile> {
    decide(plan, draft, found, draft.profile.clone(), lacks_identity(draft))
}

fn lacks_identity(draft: &Draft) -> Vec<Problem> {
    let is_known = draft.email.is_some() || draft.phone.is_some();
    let rule = "has neither an email nor a phone; a new one needs one of them";
    if is_known { Vec::new() } else { vec![whole(rule)] }
}

/// `problems` are in the way of a new one only.
fn decide<T: Body>(
    plan: &Plan,
    draft: &Draft,
    found: Option<&T>,
    said: T,
    problems: Vec<Problem>,
) -> Act<T> {
    match (found, plan.config.purpose) {
        (Some(_), Purpose::AddNew) => Act::Skip(Skip::Known),
        (Some(now), Purpose::AddAndUpdate | Purpose::UpdateExisting) => {
            let (to, fields) = merged(now, &said, &draft.says, &plan.kept);
            if fields.0.is_empty() { Act::Unchanged } else { Act::Update { to, fields } }
        }
        (None, Purpose::UpdateExisting) => Act::Skip(Skip::New),
        (None, _) | (Some(_), Purpose::AddAll) => {
            if problems.is_empty() {
                Act::Create(said)
            } else {
                Act::Refuse(problems)
            }
        }
    }
}

/// What is there with what a row says; of `kept`, what says something already stays.
fn merged<T: Body>(
    now: &T,
    said: &T,
    says: &BTreeSet<String>,
    kept: &BTreeSet<String>,
) -> (T, Fields) {
    let (mut to, mut fields) = (now.clone(), Fields::default());
    for field in says {
        let (from, Some(new)) = (now.get(field), said.get(field)) else { continue };
        let stays = kept.contains(field) && !from.as_ref().is_none_or(is_blank);
        if is_blank(&new) || stays || from.as_ref() == Some(&new) {
            continue;
        }
        if !grows(field) {
            to.take(field, said);
            fields.0.insert(field.clone(), Change { from, to: new });
            continue;
        }
        let (mut all, more) = (items(from.as_ref()), fresh(from.as_ref(), &new));
        if !more.is_empty() {
            all.extend(more.iter().cloned());
            to.put(field, Some(all.into()));
            fields.0.insert(field.clone(), Change { from: None, to: more.into() });
        }
    }
    (to, fields)
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn items(list: Option<&Value>) -> Vec<Value> {
    list.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// What of a list is not there yet, each once: tags without regard to case, notes by their text.
fn fresh(known: Option<&Value>, new: &Value) -> Vec<Value> {
    let key = |item: &Value| match item {
        Value::String(tag) => fold(tag),
        note => note["text"].as_str().unwrap_or_default().to_owned(),
    };
    let mut seen: BTreeSet<String> = items(known).iter().map(key).collect();
    items(Some(new)).into_iter().filter(|item| seen.insert(key(item))).collect()
}

/// What undoing comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone<T> {
    /// As it is to be; none: nothing of the import is left in it.
    pub to: Option<T>,
    /// The fields that somebody else has changed since; they stay.
    pub left: Vec<String>,
}

/// Takes back what an import made of a lead or contact, as far as it still stands. `T` is [`LeadBody`] or [`Profile`].
pub fn undo<T: Body>(now: &T, fields: &Fields) -> Undone<T> {
    let (mut to, mut left) = (now.clone(), Vec::new());
    let mut is_changed = false;
    for (field, change) in &fields.0 {
        let is = now.get(field);
        let was =
            if grows(field) { without(is.as_ref(), &change.to) } else { Some(change.from.clone()) };
        match was {
            Some(was) if grows(field) || is.as_ref() == Some(&change.to) => {
                to.put(field, was);
                is_changed = true;
            }
            _ => left.push(field.clone()),
        }
    }
    Undone { to: is_changed.then_some(to), left }
}

/// The list without what came in addition; none when nothing of that is in it.
fn without(list: Option<&Value>, more: &Value) -> Option<Option<Value>> {
    let all = items(list);
    let mut gone = items(Some(more));
    let rest = all.iter().filter(|item| {
        let at = gone.iter().rposition(|one| one == *item);
        at.map(|at| gone.remove(at)).is_none()
    });
    let rest: Vec<Value> = rest.cloned().collect();
    if rest.len() == all.len() {
        return None;
    }
    Some((!rest.is_empty()).then(|| rest.into()))
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
