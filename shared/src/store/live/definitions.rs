//! The segments of a workspace as they are asked: rules read and put in order, kept in memory for as long as nothing of them changes.
use super::{Changes, Rows, StoreError, Tx, What, assess::Ask, due};
use crate::{
    automation::{Happened, Program},
    clock::Time,
    ids::{CampaignId, SegmentId, WorkspaceId},
    rules::{About, Clocks, Properties, Rule},
    segment::{
        SegmentKind, SegmentState,
        order::{self, References},
    },
    store::{
        automation::programs::{self, Turned},
        notices::{self, Notice},
        properties,
        segments::{self, Segment},
        value_sets, webhooks,
    },
    value_set::Sets,
    webhook::Addresses,
};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Workspaces whose segments are kept in memory, and values of their value sets, at most; when there are more, all are let go.
const WORKSPACES_KEPT: usize = 500;
const VALUES_KEPT: usize = 1_000_000;

/// A dynamic segment that is kept right.
#[derive(Debug)]
pub struct Definition {
    pub id: SegmentId,
    pub generation: i64,
    pub rule: Rule,
    /// The zone in which its days begin.
    pub zone: Tz,
    pub clocks: Clocks,
    /// The segments that its rule asks about.
    pub references: BTreeSet<SegmentId>,
    /// Only active contacts are in a segment, unless its rule asks about the status.
    pub reads_status: bool,
}

/// One whose rule cannot be evaluated.
#[derive(Debug)]
pub struct Broken {
    pub id: SegmentId,
    pub name: String,
    pub problem: String,
}

/// All that answers depend on, beside contacts.
#[derive(Debug)]
pub struct Definitions {
    pub workspace: WorkspaceId,
    stamp: Stamp,
    /// Each after those that it asks about.
    pub dynamic: Vec<Definition>,
    places: HashMap<SegmentId, usize>,
    /// By field, those that read it.
    readers: HashMap<String, Vec<usize>>,
    pub broken: Vec<Broken>,
    /// Those that feed campaigns.
    pub fed: HashSet<SegmentId>,
    /// What campaigns react to, where anything is switched on.
    pub programs: HashMap<CampaignId, Arc<Program>>,
    /// Automations that cannot be evaluated any more, or can be again.
    pub turned: Vec<Turned>,
    pub sets: Sets,
    /// Who is told what happens.
    pub addresses: Addresses,
}

/// What tells one state of the definitions from another: the epoch, and the number of the transaction that wrote it, for a transaction
/// that fails leaves its epoch to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct Stamp {
    segment_epoch: i64,
    written_by: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Stamped {
    id: WorkspaceId,
    #[sqlx(flatten)]
    stamp: Stamp,
}

static KEPT: LazyLock<Mutex<HashMap<WorkspaceId, Arc<Definitions>>>> =
    LazyLock::new(Mutex::default);

fn kept() -> MutexGuard<'static, HashMap<WorkspaceId, Arc<Definitions>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What this process last knew; it may be old.
pub fn remembered(workspace: WorkspaceId) -> Option<Arc<Definitions>> {
    kept().get(&workspace).cloned()
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// The definitions as they are now. Workspaces that are not there are left out.
pub async fn current(
    tx: &mut Tx,
    workspaces: &[WorkspaceId],
) -> Result<Vec<Arc<Definitions>>, StoreError> {
    let ids: Vec<Id> = workspaces.iter().map(|id| Id { id: id.0 }).collect();
    let stamps: Vec<Stamped> = tx
        .ex()
        .sql(
            "SELECT w.id, w.segment_epoch, {pg: CAST(CAST(w.xmin AS text) AS bigint)}{lite: 0} AS written_by
             FROM ROWS($1: id uuid) r JOIN workspace w ON w.id = r.id",
        )
        .bind(Rows::of(&ids))
        .all()
        .await?;
    let mut current = Vec::with_capacity(stamps.len());
    for Stamped { id, stamp } in stamps {
        if let Some(known) = remembered(id).filter(|known| known.stamp == stamp) {
            current.push(known);
            continue;
        }
        let loaded = Arc::new(load(tx, id, stamp).await?);
        keep(&loaded);
        current.push(loaded);
    }
    Ok(current)
}

/// The definitions of one workspace.
pub async fn of(tx: &mut Tx, workspace: WorkspaceId) -> Result<Arc<Definitions>, StoreError> {
    let found = current(tx, &[workspace]).await?.pop();
    found.ok_or_else(|| StoreError::Inconsistent(format!("there is no workspace {workspace}")))
}

/// The same, though what is remembered seems good.
pub async fn anew(tx: &mut Tx, workspace: WorkspaceId) -> Result<Arc<Definitions>, StoreError> {
    kept().remove(&workspace);
    of(tx, workspace).await
}

fn keep(loaded: &Arc<Definitions>) {
    let mut kept = kept();
    let values = |one: &Arc<Definitions>| one.sets.values().map(|set| set.len()).sum::<usize>();
    let all: usize = kept.values().map(values).sum();
    if kept.len() >= WORKSPACES_KEPT || all + values(loaded) > VALUES_KEPT {
        kept.clear();
    }
    kept.insert(loaded.workspace, loaded.clone());
}

async fn load(
    tx: &mut Tx,
    workspace: WorkspaceId,
    stamp: Stamp,
) -> Result<Definitions, StoreError> {
    let rows = segments::all(tx.ex(), workspace).await?;
    let properties = properties::readable(tx.ex(), workspace).await?;
    let zone = zone(tx, workspace).await?;
    let automations = programs::load(tx, workspace, &properties, zone).await?;
    let mut definitions = Definitions {
        workspace,
        stamp,
        dynamic: Vec::new(),
        places: HashMap::new(),
        readers: HashMap::new(),
        broken: Vec::new(),
        fed: fed(tx, workspace).await?,
        programs: automations.programs,
        turned: automations.turned,
        sets: Sets::new(),
        addresses: webhooks::addresses(tx, workspace).await?,
    };
    let is_kept_right = |row: &Segment| {
        let stands = matches!(row.state, SegmentState::Broken | SegmentState::Frozen);
        row.kind == SegmentKind::Dynamic && row.is_enabled && !stands
    };
    let mut read = HashMap::new();
    for row in rows.into_iter().filter(is_kept_right) {
        match define(&row, &properties, zone) {
            Ok(definition) => drop(read.insert(row.id, definition)),
            Err(problem) => {
                definitions.broken.push(Broken { id: row.id, name: row.name, problem });
            }
        }
    }
    definitions.put_in_order(read);
    let rules = definitions.dynamic.iter().map(|definition| &definition.rule);
    let rules = rules.chain(definitions.programs.values().flat_map(|program| program.conditions()));
    let names: BTreeSet<String> =
        rules.flat_map(Rule::sets).map(|(_, name)| name.to_owned()).collect();
    if !names.is_empty() {
        definitions.sets = value_sets::sets_in(tx.ex(), workspace, &names).await?;
    }
    Ok(definitions)
}

async fn fed(tx: &mut Tx, workspace: WorkspaceId) -> Result<HashSet<SegmentId>, StoreError> {
    let fed: Vec<(SegmentId,)> = tx
        .ex()
        .sql("SELECT segment_id FROM campaign_segment WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await?;
    Ok(fed.into_iter().map(|(id,)| id).collect())
}

async fn zone(tx: &mut Tx, workspace: WorkspaceId) -> Result<Tz, StoreError> {
    let name: String = tx
        .ex()
        .sql("SELECT timezone FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar()
        .await?;
    // It was checked when it was set; a zone that a newer table lacks is better than no segments at all.
    Ok(name.parse().unwrap_or(Tz::UTC))
}

fn define(row: &Segment, properties: &Properties, zone: Tz) -> Result<Definition, String> {
    let rule = row.rule.as_ref().map(|rule| &rule.0).ok_or("it has no rule")?;
    let rule = Rule::parse_about(rule, About::Contact(properties)).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        said.join("; ")
    })?;
    let zone = match &row.timezone {
        None => zone,
        Some(name) => name.parse().map_err(|_| format!("there is no zone {name}"))?,
    };
    Ok(Definition {
        id: row.id,
        generation: row.generation,
        zone,
        clocks: rule.clocks(),
        references: order::references(&rule),
        reads_status: rule.reads().contains("contact.status"),
        rule,
    })
}

impl Definition {
    /// The fields whose change may change its answer.
    fn reads(&self) -> BTreeSet<String> {
        let mut reads = self.rule.reads();
        if reads.contains("contact.age") {
            reads.insert("contact.dateOfBirth".into());
        }
        reads.insert("contact.status".into());
        reads
    }
}

impl Definitions {
    fn put_in_order(&mut self, mut read: HashMap<SegmentId, Definition>) {
        let references: References =
            read.iter().map(|(id, definition)| (*id, definition.references.clone())).collect();
        let ids = order::order(&references).unwrap_or_else(|_| {
            // Saving refuses circles. Were there one all the same, each is asked once a change.
            references.keys().copied().collect()
        });
        for (place, id) in ids.into_iter().enumerate() {
            let Some(definition) = read.remove(&id) else { continue };
            for field in definition.reads() {
                self.readers.entry(field).or_default().push(place);
            }
            self.places.insert(id, place);
            self.dynamic.push(definition);
        }
    }

    pub fn place(&self, id: SegmentId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub fn of(&self, id: SegmentId) -> Option<&Definition> {
        self.place(id).map(|place| &self.dynamic[place])
    }

    /// Whether such a change is of any interest to segments.
    pub fn is_asked(&self, what: &What) -> bool {
        self.is_fed_by_hand(what) || !self.readers_of(what).is_empty()
    }

    /// Whether any campaign may react to this.
    pub fn is_heard(&self, happened: &Happened) -> bool {
        self.programs.values().any(|program| program.hears(&happened.what))
    }

    /// Whether any campaign reacts to members of a segment that come and go.
    pub fn is_watched(&self, segment: SegmentId) -> bool {
        let watches = |program: &Arc<Program>| program.watches(segment);
        self.programs.values().any(watches)
    }

    fn readers_of(&self, what: &What) -> BTreeSet<usize> {
        let Some(fields) = what.all() else { return (0..self.dynamic.len()).collect() };
        let readers = fields.into_iter().filter_map(|field| self.readers.get(field));
        readers.flatten().copied().collect()
    }

    /// Whether it may have changed the members of a static segment that feeds a campaign.
    fn is_fed_by_hand(&self, what: &What) -> bool {
        what.has("contact.segments") && self.fed.iter().any(|id| !self.places.contains_key(id))
    }

    /// The contacts whose static segments may have changed, when such feed campaigns.
    pub fn fed_by_hand(&self, changes: &Changes) -> BTreeSet<crate::ids::ContactId> {
        let by_hand = changes.iter().filter(|(_, what)| self.is_fed_by_hand(what));
        by_hand.map(|(contact, _)| *contact).collect()
    }

    /// Who has to be asked about which segments.
    pub fn asks(&self, changes: &Changes) -> Vec<Ask> {
        let mut known: HashMap<Option<BTreeSet<&str>>, Arc<BTreeSet<usize>>> = HashMap::new();
        let asks = changes.iter().map(|(contact, what)| Ask {
            contact: *contact,
            places: known
                .entry(what.all())
                .or_insert_with(|| Arc::new(self.readers_of(what)))
                .clone(),
        });
        asks.filter(|ask| !ask.places.is_empty()).collect()
    }

    /// Those that ask about this segment.
    pub fn askers(&self, id: SegmentId) -> impl Iterator<Item = usize> {
        let places = self.readers.get("contact.segments").map_or(&[][..], Vec::as_slice);
        let asks = move |place: &usize| self.dynamic[*place].references.contains(&id);
        places.iter().copied().filter(asks)
    }
}

/// Says of the segments whose rules cannot be evaluated that they are broken, and of automations. Members stay as they were; nobody else
/// is harmed.
pub async fn report_broken(
    tx: &mut Tx,
    definitions: &Definitions,
    now: Time,
) -> Result<(), StoreError> {
    for broken in &definitions.broken {
        mark_broken(tx, definitions.workspace, broken, now).await?;
    }
    programs::report(tx, definitions.workspace, &definitions.turned, now).await
}

/// Says of a segment that it is broken, once.
pub async fn mark_broken(
    tx: &mut Tx,
    workspace: WorkspaceId,
    broken: &Broken,
    now: Time,
) -> Result<(), StoreError> {
    let marked = tx
        .ex()
        .sql(
            "UPDATE segment SET state = 'broken', problem = $3, build_due_at = NULL, claimed_until = NULL, flips_at = NULL,
                updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND state NOT IN ('broken', 'frozen')",
        )
        .bind(workspace)
        .bind(broken.id)
        .bind(broken.problem.as_str())
        .bind(now)
        .run()
        .await?;
    if marked == 0 {
        return Ok(());
    }
    due::changed(tx, workspace).await?;
    let notice = Notice {
        workspace,
        campaign: None,
        kind: notices::Kind::SegmentBroken,
        subject: format!("segment_broken:{}:{}", broken.id, now.timestamp_micros()),
        message: format!(
            "The segment \"{}\" cannot be evaluated: {}. Its members stay as they are.",
            broken.name, broken.problem
        ),
        details: Some(json!({"segmentId": broken.id, "problem": broken.problem})),
        at: now,
    };
    notices::raise(tx, &[notice]).await
}
