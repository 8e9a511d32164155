//! Asking segments about contacts, in the order in which they ask about each other, and writing what differs.
use super::{
    Rows, StoreError, Tx,
    answers::{self, Person},
    definitions::{Definition, Definitions},
    write,
};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::contacts::related::{Needs, Segments},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// The one moment of a contact by which its segments' next changes can be found without reading all contacts.
pub const LAST_ACTIVITY: &str = "contact.lastActivityAt";

/// A contact, and the segments that are asked about it, by their places in the order.
#[derive(Debug, Clone)]
pub struct Ask {
    pub contact: ContactId,
    pub places: Arc<BTreeSet<usize>>,
}

/// What asking has changed.
#[derive(Debug, Default)]
pub struct Moved {
    pub come: Vec<(SegmentId, ContactId)>,
    pub gone: Vec<(SegmentId, ContactId)>,
    /// When the clock will next change a segment, as far as these contacts are concerned.
    pub flips: BTreeMap<SegmentId, Time>,
}

impl Moved {
    /// The contacts that came to these segments or left them.
    pub fn contacts_in(&self, segments: &HashSet<SegmentId>) -> BTreeSet<ContactId> {
        let all = self.come.iter().chain(&self.gone);
        all.filter(|(id, _)| segments.contains(id)).map(|(_, contact)| *contact).collect()
    }

    /// What campaigns react to of it, who came before who left.
    pub fn happened(&self, definitions: &Definitions) -> Vec<(ContactId, Happened)> {
        let come = self.come.iter().map(|pair| (pair, true));
        let all = come.chain(self.gone.iter().map(|pair| (pair, false)));
        let watched = all.filter(|((segment, _), _)| definitions.is_watched(*segment));
        let happened = watched.map(|(&(segment, contact), entered)| {
            (contact, Happened::to_contact(Occurrence::Segment { segment, entered }))
        });
        happened.collect()
    }

    pub fn add(&mut self, other: Self) {
        self.come.extend(other.come);
        self.gone.extend(other.gone);
        for (id, at) in other.flips {
            self.flip(id, at);
        }
    }

    fn flip(&mut self, id: SegmentId, at: Time) {
        self.flips.entry(id).and_modify(|known| *known = at.min(*known)).or_insert(at);
    }
}

/// As of when a segment's members are right for the clock, and when it changes them next.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Swept {
    id: SegmentId,
    swept_at: Option<Time>,
    flips_at: Option<Time>,
}

type Members = HashMap<ContactId, BTreeSet<SegmentId>>;

/// Asks, and brings members into line. The gate must have been passed, the contacts be locked or the gate be passed alone.
pub async fn assess(
    tx: &mut Tx,
    definitions: &Definitions,
    asks: &[Ask],
    now: Time,
) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    let involved = involved(definitions, asks);
    if involved.is_empty() {
        return Ok(moved);
    }
    let asked = || involved.iter().map(|place| &definitions.dynamic[*place]);
    let ids: Vec<ContactId> = asks.iter().map(|ask| ask.contact).collect();
    let looked: BTreeSet<SegmentId> =
        asked().flat_map(|one| one.references.iter().copied().chain([one.id])).collect();
    let mut members = members(tx, definitions, &looked, &ids).await?;
    let needs = Needs { segments: Segments::None, ..Needs::of(asked().map(|one| &one.rule)) };
    let mut people = answers::people(tx, definitions.workspace, &ids, &needs).await?;
    let swept = swept(tx, definitions, asked()).await?;
    for ask in asks {
        let Some(person) = people.get_mut(&ask.contact) else { continue };
        let members = members.remove(&ask.contact).unwrap_or_default();
        Asking { definitions, swept: &swept, now, moved: &mut moved }.ask(ask, person, members);
    }
    write::members(tx, definitions.workspace, &moved, now).await?;
    Ok(moved)
}

/// The places that may be asked: those that are, those that ask about their members, and so on.
fn involved(definitions: &Definitions, asks: &[Ask]) -> BTreeSet<usize> {
    let mut involved = BTreeSet::new();
    let mut open: Vec<usize> = asks.iter().flat_map(|ask| ask.places.iter().copied()).collect();
    while let Some(place) = open.pop() {
        if involved.insert(place) {
            open.extend(definitions.askers(definitions.dynamic[place].id));
        }
    }
    involved
}

/// The answers about one contact.
struct Asking<'a> {
    definitions: &'a Definitions,
    swept: &'a HashMap<SegmentId, Swept>,
    now: Time,
    moved: &'a mut Moved,
}

impl Asking<'_> {
    fn ask(&mut self, ask: &Ask, person: &mut Person, mut members: BTreeSet<SegmentId>) {
        person.set_segments(&members);
        let mut open = (*ask.places).clone();
        let mut asked = HashSet::new();
        while let Some(place) = open.pop_first() {
            if !asked.insert(place) {
                continue; // only in a circle, which saving refuses
            }
            let one = &self.definitions.dynamic[place];
            let now = self.moment(one, person);
            let belongs = person.belongs(one, &self.definitions.sets, now);
            if belongs == members.contains(&one.id) {
                continue;
            }
            if belongs {
                members.insert(one.id);
                self.moved.come.push((one.id, ask.contact));
            } else {
                members.remove(&one.id);
                self.moved.gone.push((one.id, ask.contact));
            }
            person.set_segments(&members);
            open.extend(self.definitions.askers(one.id));
        }
    }

    /// As of when it is asked: now, but never before its members were last made right by the clock, lest that be undone. Notes when the
    /// clock will change the answer, if that is before anybody would look.
    fn moment(&mut self, one: &Definition, person: &Person) -> Time {
        let Some(swept) = self.swept.get(&one.id) else { return self.now };
        let now = swept.swept_at.map_or(self.now, |swept| swept.max(self.now));
        let Some(last) = person.related.last_activity_at else { return now };
        let windows = one.clocks.windows.iter().filter(|window| window.path == LAST_ACTIVITY);
        let flips = windows.filter_map(|window| window.next_for(last, now, one.zone)).min();
        if let Some(flips) = flips.filter(|at| swept.flips_at.is_none_or(|known| *at < known)) {
            self.moved.flip(one.id, flips);
        }
        now
    }
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

fn keys(workspace: WorkspaceId, ids: impl Iterator<Item = Uuid>) -> Rows {
    Rows::of(&ids.map(|id| Key { workspace_id: workspace.0, id }).collect::<Vec<_>>())
}

fn ids(ids: impl Iterator<Item = Uuid>) -> Rows {
    Rows::of(&ids.map(|id| Id { id }).collect::<Vec<_>>())
}

/// In which of the segments the contacts are. Each pair is looked up by key.
async fn members(
    tx: &mut Tx,
    definitions: &Definitions,
    segments: &BTreeSet<SegmentId>,
    contacts: &[ContactId],
) -> Result<Members, StoreError> {
    let found: Vec<(SegmentId, ContactId)> = tx
        .ex()
        .sql(
            // The pairs first, and no column compared with a plain value: each is reached by its whole key, whatever the planner thinks.
            "WITH pairs AS MATERIALIZED (
                SELECT s.workspace_id, s.id AS segment_id, c.id AS contact_id
                FROM ROWS($1: workspace_id uuid, id uuid) s CROSS JOIN ROWS($2: id uuid) c)
             SELECT m.segment_id, m.contact_id FROM pairs p
             JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.contact_id",
        )
        .bind(keys(definitions.workspace, segments.iter().map(|id| id.0)))
        .bind(ids(contacts.iter().map(|id| id.0)))
        .all()
        .await?;
    let mut members = Members::new();
    for (segment, contact) in found {
        members.entry(contact).or_default().insert(segment);
    }
    Ok(members)
}

/// How the clock stands for those that it changes.
async fn swept<'a>(
    tx: &mut Tx,
    definitions: &Definitions,
    asked: impl Iterator<Item = &'a Definition>,
) -> Result<HashMap<SegmentId, Swept>, StoreError> {
    let moving: Vec<Uuid> = asked.filter(|one| !one.clocks.is_none()).map(|one| one.id.0).collect();
    if moving.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Swept> = tx
        .ex()
        .sql(
            "SELECT s.id, s.swept_at, s.flips_at FROM ROWS($2: id uuid) r
             JOIN segment s ON s.workspace_id = $1 AND s.id = r.id",
        )
        .bind(definitions.workspace)
        .bind(ids(moving.into_iter()))
        .all()
        .await?;
    Ok(found.into_iter().map(|swept| (swept.id, swept)).collect())
}
