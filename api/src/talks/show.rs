//! GET /leads/{id}/interactions and GET /interactions/{id}: what was said with a lead, and what came of it.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    ids::{AgentId, CampaignId, InteractionId, LeadId, MessageId, SubmissionId, WorkspaceId},
    outreach::{CallOutcome, Report, Said, report::Role},
    store::{
        Db, StoreError, agents,
        interactions::{self, Direction, Kind},
        leads,
        messages::{self, Message, Source},
        talks,
    },
};
use std::{collections::HashMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// A call, or a thread of texts with a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    pub interaction_id: InteractionId,
    pub lead_id: LeadId,
    pub campaign_id: CampaignId,
    /// The submission that waits for it, or did; null when nobody does.
    pub submission_id: Option<SubmissionId>,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub direction: Direction,
    pub status: interactions::State,
    /// The person's number, E.164.
    pub phone: String,
    pub is_test: bool,
    pub telephony: Telephony,
    /// Null for a thread.
    pub call: Option<ShownCall>,
    /// Null for a call.
    pub sms: Option<ShownThread>,
    /// What the provider says the call was about.
    pub summary: Option<String>,
    /// What the call brought to light, by questionnaire key.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// Why it was not placed, or what went wrong last.
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// By whom a person is called or texted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telephony {
    pub provider: String,
    pub agent_id: AgentId,
    /// The agent's name; null when it is gone.
    pub agent: Option<String>,
    /// Our number, E.164, if we know it: the person has written to it.
    pub phone_number: Option<String>,
}

/// What belongs to a call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownCall {
    /// Which call it is: of its wait, or since the lead's latest submission; from 1.
    pub number: i64,
    /// Null until it has ended.
    pub outcome: Option<CallOutcome>,
    /// In seconds.
    pub duration: Option<i64>,
    pub recording_url: Option<String>,
    /// The provider's own word for the end.
    pub termination_reason: Option<String>,
    /// The provider's own id of the call.
    pub reference: Option<String>,
    /// What the agent was told besides its prompt.
    pub instructions: Option<String>,
    /// When the person wants to be called.
    pub callback_at: Option<DateTime<Utc>>,
}

/// What belongs to a thread of texts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownThread {
    /// How many there are.
    pub messages: i64,
}

/// A call or a thread with everything that was said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownInteraction {
    #[serde(flatten)]
    pub interaction: Interaction,
    /// First to last; of a call only once its provider has told.
    pub transcript: Vec<TranscriptLine>,
}

/// One line of a conversation: a text, or what was said on the phone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptLine {
    /// Null when the provider of a call does not say.
    pub timestamp: Option<DateTime<Utc>>,
    /// Of a call: seconds after it began.
    pub second: Option<i64>,
    pub role: Role,
    pub message: String,
    /// Of a text: its id.
    pub message_id: Option<MessageId>,
    /// Of a text: who wrote it.
    pub source: Option<Source>,
    /// Of a text: how far it has come.
    pub state: Option<messages::State>,
    /// Of a text: why it was not sent, or not delivered.
    pub error: Option<String>,
}

/// Which of a lead's interactions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InteractionQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<InteractionId>,
}

/// List a lead's interactions
///
/// Calls and threads of texts, newest first, without their transcripts.
#[utoipa::path(
    get, path = "/leads/{leadId}/interactions", tag = "Interactions", operation_id = "listInteractions",
    params(("leadId" = LeadId, Path), InteractionQuery),
    responses((status = 200, description = "A page of them.", body = Success<Page<Interaction>>), Guarded, Absent, Asked)
)]
pub async fn of_lead(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    Query(query): Query<InteractionQuery>,
) -> Result<Data<Page<Interaction>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (workspace, limit) = (caller.workspace, query.limit.0);
    let known = leads::get(&api.db, workspace, lead).await?;
    known.ok_or_else(|| ApiError::not_found("lead"))?;
    let mut rows = talks::list(&api.db, workspace, lead, query.cursor, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|row| row.id.to_string());
    let around = Around::read(&api.db, workspace, &rows).await?;
    let items = rows.into_iter().map(|row| around.shown(row)).collect();
    Ok(Data(Page { items, next_cursor, has_more }))
}

/// Show an interaction
///
/// A call or a thread of texts, with everything that was said.
#[utoipa::path(
    get, path = "/interactions/{interactionId}", tag = "Interactions", operation_id = "getInteraction",
    params(("interactionId" = InteractionId, Path)),
    responses((status = 200, description = "The interaction.", body = Success<ShownInteraction>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<InteractionId>,
) -> Result<Data<ShownInteraction>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let workspace = caller.workspace;
    let row = interactions::one(&api.db, workspace, id).await?;
    let mut row = row.ok_or_else(|| ApiError::not_found("interaction"))?;
    let transcript = match row.kind {
        Kind::Sms => {
            let texts = messages::of_thread(&api.db, workspace, id).await?;
            texts.into_iter().map(TranscriptLine::from).collect()
        }
        Kind::Call => row.report.as_mut().map(|report| lines(&mut report.0)).unwrap_or_default(),
    };
    let around = Around::read(&api.db, workspace, std::slice::from_ref(&row)).await?;
    Ok(Data(ShownInteraction { interaction: around.shown(row), transcript }))
}

/// What is kept elsewhere.
struct Around {
    agents: HashMap<AgentId, String>,
    texts: HashMap<InteractionId, i64>,
}

impl Around {
    async fn read(
        db: &Db,
        workspace: WorkspaceId,
        rows: &[interactions::Interaction],
    ) -> Result<Self, StoreError> {
        let agents = match rows {
            [] => Vec::new(),
            _ => agents::list(db, workspace).await?,
        };
        let threads = rows.iter().filter(|row| row.kind == Kind::Sms);
        let threads: Vec<InteractionId> = threads.map(|row| row.id).collect();
        let texts = match threads.as_slice() {
            [] => HashMap::new(),
            some => talks::text_counts(db, workspace, some).await?,
        };
        let agents = agents.into_iter().map(|agent| (agent.id, agent.name)).collect();
        Ok(Self { agents, texts })
    }

    fn shown(&self, row: interactions::Interaction) -> Interaction {
        let messages = self.texts.get(&row.id).copied().unwrap_or_default();
        let sms = (row.kind == Kind::Sms).then_some(ShownThread { messages });
        let report = row.report.map(|report| report.0);
        let told = report.as_ref();
        let call = (row.kind == Kind::Call).then(|| ShownCall {
            number: row.number,
            outcome: row.outcome,
            duration: told.and_then(|report| report.duration_seconds),
            recording_url: told.and_then(|report| report.recording_url.clone()),
            termination_reason: told.and_then(|report| report.ended_reason.clone()),
            reference: row.reference,
            instructions: row.instructions,
            callback_at: told.and_then(|report| report.callback_at),
        });
        let (summary, answers) =
            report.map(|report| (report.summary, report.answers)).unwrap_or_default();
        Interaction {
            interaction_id: row.id,
            lead_id: row.lead_id,
            campaign_id: row.campaign_id,
            submission_id: row.submission_id,
            kind: row.kind,
            direction: row.direction,
            status: row.state,
            phone: row.phone,
            is_test: row.is_test,
            telephony: Telephony {
                provider: row.provider,
                agent_id: row.agent_id,
                agent: self.agents.get(&row.agent_id).cloned(),
                phone_number: row.own_phone,
            },
            call,
            sms,
            summary,
            answers,
            error: row.error,
            created_at: row.opened_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        }
    }
}

impl From<Message> for TranscriptLine {
    fn from(text: Message) -> Self {
        Self {
            timestamp: Some(text.at),
            second: None,
            role: text.role,
            message: text.body,
            message_id: Some(text.id),
            source: Some(text.source),
            state: Some(text.state),
            error: text.error,
        }
    }
}

/// What was said on the phone; taken out of the report.
fn lines(report: &mut Report) -> Vec<TranscriptLine> {
    let began = report.started_at;
    let at = |second: i64| began?.checked_add_signed(Duration::try_seconds(second)?);
    let line = |said: Said| TranscriptLine {
        timestamp: said.second.and_then(at),
        second: said.second,
        role: said.role,
        message: said.text,
        message_id: None,
        source: None,
        state: None,
        error: None,
    };
    std::mem::take(&mut report.transcript).into_iter().map(line).collect()
}
