//! The leads that something happened to, with what their campaigns' conditions read of them; and what the campaigns decide.
use super::{Chain, Decided, News};
use crate::{
    automation::{
        self, Happened, LeadState, Memory, Occurrence, Position, Program,
        config::Trigger,
        engine::{self, Subject},
    },
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus},
    store::{
        Rows, StoreError, Tx,
        contacts::related::Needs,
        live::{Definitions, answers},
    },
    submission::Status,
    value_set::Sets,
    view,
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// A lead whose campaign hears what happened to it.
pub(super) struct Heard<'a> {
    pub state: LeadState,
    pub program: &'a Program,
    pub occurrences: Vec<Occurrence>,
}

/// How a lead was before its campaign reacted.
pub(super) struct Before {
    pub due_at: Option<Time>,
    pub positions: BTreeMap<String, Position>,
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

fn keys(workspace: WorkspaceId, ids: impl Iterator<Item = Uuid>) -> Rows {
    Rows::of(&ids.map(|id| Key { workspace_id: workspace.0, id }).collect::<Vec<_>>())
}

/// A lead as it stands.
#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub id: LeadId,
    contact_id: ContactId,
    campaign_id: CampaignId,
    pub status: LeadStatus,
    created_at: Time,
    points: Option<i64>,
    number: Option<i64>,
    memory: Option<Json<Memory>>,
    due_at: Option<Time>,
}

/// The leads of these contacts whose campaigns are at work and hear of what happened to them, in the order of the leads.
pub(super) async fn leads<'a>(
    tx: &mut Tx,
    definitions: &'a Definitions,
    (news, contacts): (&News, &[ContactId]),
) -> Result<Vec<Heard<'a>>, StoreError> {
    let found: Vec<Found> = tx
        .ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status, l.created_at, a.points, a.number, a.memory,
                COALESCE(a.held_at, a.due_at) AS due_at
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = r.workspace_id) IS TRUE
             JOIN campaign c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
             LEFT JOIN lead_automation a ON a.workspace_id = l.workspace_id AND a.lead_id = l.id
             WHERE c.state = 'active'",
        )
        .bind(keys(definitions.workspace, contacts.iter().map(|id| id.0)))
        .all()
        .await?;
    let heard = found.into_iter().filter_map(|row| {
        let program = definitions.programs.get(&row.campaign_id)?;
        let occurrences = heard(program, &row, news.get(&row.contact_id)?);
        (!occurrences.is_empty()).then(|| Heard {
            state: state(definitions.workspace, row),
            program,
            occurrences,
        })
    });
    let mut heard: Vec<Heard> = heard.collect();
    heard.sort_by_key(|one| one.state.lead);
    Ok(heard)
}

/// What the campaign hears of it. Of a lead that is no longer processed that is nothing but how it came to that.
fn heard(program: &Program, lead: &Found, happened: &[Happened]) -> Vec<Occurrence> {
    let mut occurrences: Vec<Occurrence> = Vec::new();
    for Happened { lead: whose, what } in happened {
        let is_told = whose.is_none_or(|whose| whose == lead.id)
            && (lead.status.is_processed()
                || matches!(what, Occurrence::Status { .. } | Occurrence::Outcome { .. }))
            && program.hears(what);
        match (occurrences.last_mut(), what) {
            _ if !is_told => {}
            (Some(Occurrence::Fields { fields }), Occurrence::Fields { fields: more }) => {
                fields.extend(more.iter().cloned());
            }
            _ => occurrences.push(what.clone()),
        }
    }
    occurrences
}

pub(super) fn state(workspace: WorkspaceId, row: Found) -> LeadState {
    LeadState {
        points: row.points.unwrap_or_default(),
        number: row.number.unwrap_or_default(),
        memory: row.memory.map(|memory| memory.0).unwrap_or_default(),
        due_at: row.due_at,
        ..LeadState::new(
            (workspace, row.id),
            (row.contact_id, row.campaign_id),
            (row.status, row.created_at),
        )
    }
}

/// Which tables conditions read, beside the leads themselves.
struct Reads {
    needs: Needs,
    details: bool,
    outcome: bool,
    positions: bool,
}

/// What is known of a lead without reading its row.
const OWN: [&str; 5] =
    ["lead.status", "lead.points", "lead.stars", "lead.createdAt", "lead.outcome"];
/// What is not said of a lead but of its contact, or of what happened.
const ELSEWHERE: [&str; 4] = ["contact.", "property.", "event.", "activity."];

impl Reads {
    fn of(heard: &[Heard<'_>]) -> Self {
        let programs: BTreeMap<CampaignId, &Program> =
            heard.iter().map(|one| (one.program.campaign, one.program)).collect();
        let programs: Vec<&Program> = programs.into_values().collect();
        let conditions = || programs.iter().flat_map(|program| program.conditions());
        let mut needs = Needs::of(conditions());
        let mut fields: BTreeSet<String> =
            conditions().flat_map(crate::rules::Rule::reads).collect();
        fields.extend(programs.iter().flat_map(|one| one.listens.fields.iter().cloned()));
        needs.sums |= programs.iter().any(|program| minds_silence(program))
            || fields.contains("contact.lastActivityAt")
            || fields.contains("contact.firstSeenAt");
        let is_of_lead = |field: &String| {
            !OWN.contains(&field.as_str()) && !ELSEWHERE.iter().any(|root| field.starts_with(root))
        };
        // One that is looked at from the beginning may stand in a workflow that is gone.
        let is_gone_over = |one: &Heard| {
            one.occurrences.iter().any(|what| matches!(what, Occurrence::Saved | Occurrence::Clock))
        };
        Self {
            needs,
            details: fields.iter().any(is_of_lead),
            outcome: fields.contains("lead.outcome"),
            positions: programs.iter().any(|program| !program.workflows.is_empty())
                || heard.iter().any(is_gone_over),
        }
    }
}

fn minds_silence(program: &Program) -> bool {
    let reactions = program.reactions.iter().flat_map(|one| &one.triggers);
    let workflows = program.workflows.iter().flat_map(|one| &one.triggers);
    let is_silence = |trigger: &Trigger| matches!(trigger, Trigger::Inactivity { .. });
    program.decay.is_some() || reactions.chain(workflows).any(is_silence)
}

/// A lead with all that its campaign's conditions read of it.
pub(super) struct Ready<'a> {
    pub state: LeadState,
    pub program: &'a Program,
    pub occurrences: Vec<Occurrence>,
    pub subject: Subject<'a>,
}

/// Reads what is needed. The leads come in their order.
pub(super) async fn ready<'a>(
    tx: &mut Tx,
    workspace: WorkspaceId,
    (mut heard, sets): (Vec<Heard<'a>>, &'a Sets),
    now: Time,
) -> Result<Vec<Ready<'a>>, StoreError> {
    let reads = Reads::of(&heard);
    if reads.positions {
        positions(tx, workspace, &mut heard).await?;
    }
    let contacts: BTreeSet<ContactId> = heard.iter().map(|one| one.state.contact).collect();
    let contacts: Vec<ContactId> = contacts.into_iter().collect();
    let people = answers::people(tx, workspace, &contacts, &reads.needs).await?;
    let said = said(tx, workspace, &heard, &reads).await?;
    let ready = heard.into_iter().filter_map(|Heard { state, program, occurrences }| {
        let person = people.get(&state.contact)?;
        let zone = person.zone().unwrap_or(program.zone);
        let mut doc = person.new_document(now, program.zone);
        automation::doc::set_lead(&mut doc, program, &state);
        if let Some(said) = said.get(&state.lead) {
            said.put_into(&mut doc);
        }
        let last_activity_at = person.related.last_activity_at;
        let subject = Subject { doc, last_activity_at, zone, sets };
        Some(Ready { state, program, occurrences, subject })
    });
    Ok(ready.collect())
}

/// Reads what is needed, and lets each lead's campaign decide.
pub(super) async fn decide(
    tx: &mut Tx,
    definitions: &Definitions,
    heard: Vec<Heard<'_>>,
    (chain, now): (&mut Chain, Time),
) -> Result<(Vec<Decided>, Vec<Before>), StoreError> {
    let heard = (heard, &definitions.sets);
    let ready = ready(tx, definitions.workspace, heard, now).await?;
    let (mut decided, mut before) = (Vec::new(), Vec::new());
    for Ready { mut state, program, occurrences, mut subject } in ready {
        let positions = state.positions.clone();
        before.push(Before { due_at: state.due_at, positions });
        state.fired = chain.remove(&state.lead).unwrap_or_default();
        let outcome = engine::decide(program, &mut state, &mut subject, &occurrences, now);
        if !state.fired.is_empty() {
            chain.insert(state.lead, state.fired.clone());
        }
        decided.push(Decided { state, outcome });
    }
    Ok((decided, before))
}

#[derive(sqlx::FromRow)]
struct PositionRow {
    lead_id: LeadId,
    workflow_id: String,
    step_id: String,
    step_number: i64,
    due_at: Time,
    entered_at: Time,
    moved_at: Time,
}

async fn positions(
    tx: &mut Tx,
    workspace: WorkspaceId,
    heard: &mut [Heard<'_>],
) -> Result<(), StoreError> {
    let found: Vec<PositionRow> = tx
        .ex()
        .sql(
            "SELECT p.lead_id, p.workflow_id, p.step_id, p.step_number, p.due_at, p.entered_at, p.moved_at
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN workflow_position p ON p.workspace_id = r.workspace_id AND p.lead_id = r.id",
        )
        .bind(keys(workspace, heard.iter().map(|one| one.state.lead.0)))
        .all()
        .await?;
    for row in found {
        // They are in the order of the leads.
        let Ok(at) = heard.binary_search_by_key(&row.lead_id, |one| one.state.lead) else {
            continue;
        };
        let PositionRow { step_id: step, step_number, due_at, entered_at, moved_at, .. } = row;
        let position = Position { step, step_number, due_at, entered_at, moved_at };
        heard[at].state.positions.insert(row.workflow_id, position);
    }
    Ok(())
}

/// What is said of a lead beside where it stands.
#[derive(sqlx::FromRow)]
struct Said {
    id: LeadId,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    details: Json<Details>,
    source: String,
    is_test: bool,
    is_duplicate: bool,
    outcome: Option<Status>,
}

async fn said(
    tx: &mut Tx,
    workspace: WorkspaceId,
    heard: &[Heard<'_>],
    reads: &Reads,
) -> Result<HashMap<LeadId, Said>, StoreError> {
    let query = match (reads.details, reads.outcome) {
        (false, false) => return Ok(HashMap::new()),
        (true, false) => tx.ex().sql(
            "SELECT l.id, l.first_name, l.last_name, l.email, l.phone, l.details, l.source, l.is_test, l.is_duplicate,
                CAST(NULL AS TEXT) AS outcome
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        ),
        // The end that counts is the last one that no other campaign's try follows.
        (_, true) => tx.ex().sql(
            "SELECT l.id, l.first_name, l.last_name, l.email, l.phone, l.details, l.source, l.is_test, l.is_duplicate,
                (SELECT s.status FROM submission s WHERE s.lead_id = l.id AND s.run = 'finished'
                    AND NOT EXISTS (SELECT 1 FROM submission n
                        WHERE n.lead_id = s.lead_id AND n.number = s.number + 1 AND n.kind = 'fallback')
                 ORDER BY s.number DESC LIMIT 1) AS outcome
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        ),
    };
    let found: Vec<Said> =
        query.bind(keys(workspace, heard.iter().map(|one| one.state.lead.0))).all().await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

impl Said {
    fn put_into(&self, doc: &mut Value) {
        let lead = &mut doc["lead"];
        for (key, value) in [
            ("firstName", json!(self.first_name)),
            ("lastName", json!(self.last_name)),
            ("email", json!(self.email)),
            ("phone", json!(self.phone)),
            ("source", json!(self.source)),
            ("isTest", json!(self.is_test)),
            ("isDuplicate", json!(self.is_duplicate)),
            ("outcome", json!(self.outcome)),
        ] {
            lead[key] = value;
        }
        let details = &self.details.0;
        for (root, map) in [
            ("address", &details.address),
            ("custom", &details.custom_fields),
            ("attribution", &details.attribution),
            ("compliance", &details.compliance),
        ] {
            doc[root] = Value::Object(map.clone());
        }
        let answers = details.questionnaire.iter().map(|one| (one.key.clone(), one.answer.clone()));
        doc["questionnaire"] = Value::Object(answers.collect());
        doc["file"] = view::files(&details.files);
    }
}
