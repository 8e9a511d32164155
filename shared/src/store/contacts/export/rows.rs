//! The rows of an export, kind by kind, and how each is read: by the workspace ($1), ids ($2), at most so many ($3).
use super::Known;
use crate::{
    clock::Time,
    ids::{
        ActivityId, AgentId, CampaignId, ContactChangeId, ContactId, ContactNoteId, EvidenceId,
        InteractionId, LeadId, MessageId, ParkId, SegmentId, SubmissionId,
    },
};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// A row as the export shows it.
macro_rules! rows {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? } $($id:ident)?;)*) => {$(
        #[derive(Serialize, sqlx::FromRow)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($field: $kind),* }

        impl Known for $name {
            $(fn id(&self) -> Option<Uuid> {
                Some(self.$id.0)
            })?
        }
    )*};
}

rows! {
    Change {
        contact_change_id: ContactChangeId, contact_id: ContactId, kind: String, detail: Json<Value>, reason: String,
        changed_by: String, at: Time,
    };
    Note { note_id: ContactNoteId, text: String, written_by: String, at: Time };
    Activity {
        activity_id: ActivityId, lead_id: Option<LeadId>, activity_type: String, name: String, data: Json<Value>,
        key: Option<String>, at: Time, received_at: Time,
    };
    Sum { contact_id: ContactId, first_seen_at: Time, last_activity_at: Time, events: Json<Value> };
    Day { activity_type: String, name: String, day: String, times: i64 };
    Browser { visitor: String, at: Time };
    Visit { visitor: String, name: String, data: Json<Value>, at: Time };
    Place { segment_id: SegmentId, name: String, added_at: Time };
    Lead {
        lead_id: LeadId, campaign_id: CampaignId, status: String, first_name: String, last_name: String, email: String,
        phone: String, details: Json<Value>, is_test: bool, is_duplicate: bool, duplicate_of: Option<LeadId>,
        source: String, created_at: Time, updated_at: Time,
    } lead_id;
    History {
        lead_id: LeadId, number: i64, from_status: String, to_status: String, reason_code: String, reason: String,
        changed_by: String, at: Time,
    };
    Evidence {
        evidence_id: EvidenceId, lead_id: LeadId, kind: String, reference: Option<String>, malformed: Option<String>,
        detail: Json<Value>, captured_at: Option<Time>, recorded_at: Time, recorded_by: String,
    };
    Points { lead_id: LeadId, points: i64, memory: Json<Value>, updated_at: Time };
    Firing {
        lead_id: LeadId, number: i64, campaign_id: CampaignId, revision: i64, kind: String, rule_id: String,
        rule_name: String, cause: Json<Value>, facts: Json<Value>, points: i64, points_after: i64, status_before: String,
        status_after: String, actions: Json<Value>, at: Time,
    };
    Position {
        lead_id: LeadId, workflow_id: String, step_id: String, due_at: Time, entered_at: Time, moved_at: Time,
    };
    Submission {
        submission_id: SubmissionId, lead_id: LeadId, number: i64, kind: String, campaign_id: CampaignId, revision: i64,
        status: String, reason_code: Option<String>, reason: Option<String>, carry: Json<Value>,
        buyer_lead_id: Option<String>, created_at: Time, updated_at: Time, finished_at: Option<Time>,
    } submission_id;
    Event {
        submission_id: SubmissionId, generation: i64, stage: String, verdict: String, reason_code: String, reason: String,
        details: Option<Json<Value>>, at: Time,
    };
    Attempt {
        submission_id: SubmissionId, number: i64, campaign_id: CampaignId, endpoint: String, started_at: Time,
        outcome: Option<String>, status_code: Option<i64>, reason: Option<String>, buyer_lead_id: Option<String>,
        price_minor: Option<i64>, currency: Option<String>, answer: Option<String>, finished_at: Option<Time>,
    };
    Wait {
        park_id: ParkId, submission_id: SubmissionId, kind: String, opened_at: Time, deadline: Time,
        asked_for: Option<String>, resolution: Option<String>, decided_by: Option<String>,
        decision_reason: Option<String>, last_error: Option<String>, resolved_at: Option<Time>,
    };
    Interaction {
        interaction_id: InteractionId, interaction_type: String, direction: String, lead_id: LeadId,
        campaign_id: CampaignId, agent_id: AgentId, provider: String, phone: String, own_phone: Option<String>,
        state: String, reference: Option<String>, instructions: Option<String>, outcome: Option<String>,
        report: Option<Json<Value>>, error: Option<String>, opened_at: Time, ended_at: Option<Time>,
    } interaction_id;
    Message {
        message_id: MessageId, interaction_id: InteractionId, role: String, source: String, body: String, state: String,
        reference: Option<String>, error: Option<String>, at: Time,
    };
    Unread { reference: Option<String>, heard: Option<Json<Value>>, received_at: Time };
}

pub const CHANGES: &str =
    "SELECT x.id AS contact_change_id, x.contact_id, x.kind, x.detail, x.reason, x.changed_by, x.at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN contact_change x ON x.workspace_id = r.workspace_id AND x.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY x.at DESC, x.id DESC LIMIT $3";

pub const NOTES: &str = "SELECT n.id AS note_id, n.text, n.written_by, n.at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN contact_note n ON n.workspace_id = r.workspace_id AND n.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY n.at DESC, n.id DESC LIMIT $3";

pub const ACTIVITIES: &str =
    "SELECT a.id AS activity_id, a.lead_id, a.type AS activity_type, a.name, a.data, a.key, a.at, a.received_at
     FROM ROWS($2: id uuid) r JOIN activity a ON a.contact_id = r.id AND (a.workspace_id = $1) IS TRUE
     ORDER BY a.at DESC, a.id DESC LIMIT $3";

pub const SUMS: &str = "SELECT s.contact_id, s.first_seen_at, s.last_activity_at, s.events
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN activity_sum s ON s.workspace_id = r.workspace_id AND s.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY s.contact_id LIMIT $3";

pub const DAYS: &str = "SELECT d.type AS activity_type, d.name, d.day, d.times
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN activity_day d ON d.workspace_id = r.workspace_id AND d.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY d.day DESC, d.type, d.name LIMIT $3";

pub const BROWSERS: &str = "SELECT v.visitor, v.at
     FROM ROWS($2: id uuid) r JOIN visitor v ON v.contact_id = r.id AND (v.workspace_id = $1) IS TRUE
     ORDER BY v.at DESC, v.visitor LIMIT $3";

pub const VISITS: &str = "SELECT x.visitor, x.name, x.data, x.at
     FROM ROWS($2: id uuid) r JOIN visitor v ON v.contact_id = r.id AND (v.workspace_id = $1) IS TRUE
     JOIN anonymous_visit x ON x.visitor = v.visitor AND x.workspace_id = $1
     ORDER BY x.at DESC, x.id DESC LIMIT $3";

pub const SEGMENTS: &str = "WITH pairs AS MATERIALIZED (
        SELECT s.workspace_id, s.id AS segment_id, s.name, r.id FROM segment s JOIN ROWS($2: id uuid) r ON true
        WHERE s.workspace_id = $1)
     SELECT p.segment_id, p.name, m.added_at FROM pairs p
     JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.id
     ORDER BY m.added_at DESC, p.segment_id LIMIT $3";

pub const LEADS: &str =
    "SELECT l.id AS lead_id, l.campaign_id, l.status, l.first_name, l.last_name, l.email, l.phone, l.details, l.is_test,
        l.is_duplicate, l.duplicate_of, l.source, l.created_at, l.updated_at
     FROM ROWS($2: id uuid) r JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = $1) IS TRUE
     ORDER BY l.created_at DESC, l.id DESC LIMIT $3";

pub const HISTORY: &str =
    "SELECT h.lead_id, h.number, h.from_status, h.to_status, h.reason_code, h.reason, h.changed_by, h.at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN lead_status_change h ON h.workspace_id = r.workspace_id AND h.lead_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY h.at DESC, h.lead_id, h.number DESC LIMIT $3";

pub const EVIDENCE: &str =
    "SELECT e.id AS evidence_id, e.lead_id, e.kind, e.reference, e.malformed, e.detail, e.captured_at, e.recorded_at, e.recorded_by
     FROM ROWS($2: id uuid) r JOIN consent_evidence e ON e.lead_id = r.id AND (e.workspace_id = $1) IS TRUE
     ORDER BY e.id DESC LIMIT $3";

pub const POINTS: &str = "SELECT a.lead_id, a.points, a.memory, a.updated_at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN lead_automation a ON a.workspace_id = r.workspace_id AND a.lead_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY a.updated_at DESC, a.lead_id LIMIT $3";

pub const FIRINGS: &str =
    "SELECT f.lead_id, f.number, f.campaign_id, f.revision, f.kind, f.rule_id, f.rule_name, f.cause, f.facts, f.points,
        f.points_after, f.status_before, f.status_after, f.actions, f.at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN firing f ON f.workspace_id = r.workspace_id AND f.lead_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY f.at DESC, f.lead_id, f.number DESC LIMIT $3";

pub const POSITIONS: &str =
    "SELECT p.lead_id, p.workflow_id, p.step_id, p.due_at, p.entered_at, p.moved_at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN workflow_position p ON p.workspace_id = r.workspace_id AND p.lead_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY p.moved_at DESC, p.lead_id, p.workflow_id LIMIT $3";

pub const SUBMISSIONS: &str =
    "SELECT s.id AS submission_id, s.lead_id, s.number, s.kind, s.campaign_id, s.revision, s.status, s.reason_code,
        s.reason, s.carry, s.buyer_lead_id, s.created_at, s.updated_at, s.finished_at
     FROM ROWS($2: id uuid) r JOIN submission s ON s.lead_id = r.id AND (s.workspace_id = $1) IS TRUE
     ORDER BY s.created_at DESC, s.id DESC LIMIT $3";

pub const JOURNEYS: &str =
    "SELECT j.submission_id, j.generation, j.stage, j.verdict, j.reason_code, j.reason, j.details, j.at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN journey_event j ON j.workspace_id = r.workspace_id AND j.submission_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY j.at DESC, j.submission_id, j.generation DESC LIMIT $3";

pub const ATTEMPTS: &str =
    "SELECT a.submission_id, a.number, a.campaign_id, a.endpoint, a.started_at, a.outcome, a.status_code, a.reason,
        a.buyer_lead_id, a.price_minor, a.currency, a.answer, a.finished_at
     FROM ROWS($2: workspace_id uuid, id uuid) r JOIN delivery_attempt a ON a.workspace_id = r.workspace_id AND a.submission_id = r.id AND (r.workspace_id = $1) IS TRUE
     ORDER BY a.started_at DESC, a.submission_id, a.number DESC LIMIT $3";

pub const WAITS: &str =
    "SELECT p.id AS park_id, p.submission_id, p.kind, p.opened_at, p.deadline, p.asked_for, p.resolution, p.decided_by,
        p.decision_reason, p.last_error, p.resolved_at
     FROM ROWS($2: id uuid) r JOIN parked_action p ON p.submission_id = r.id AND (p.workspace_id = $1) IS TRUE
     ORDER BY p.opened_at DESC, p.id DESC LIMIT $3";

pub const INTERACTIONS: &str =
    "SELECT i.id AS interaction_id, i.type AS interaction_type, i.direction, i.lead_id, i.campaign_id, i.agent_id,
        i.provider, i.phone, i.own_phone, i.state, i.reference, i.instructions, i.outcome, i.report, i.error, i.opened_at,
        i.ended_at
     FROM ROWS($2: id uuid) r JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE
     ORDER BY i.opened_at DESC, i.id DESC LIMIT $3";

pub const MESSAGES: &str =
    "SELECT m.id AS message_id, m.interaction_id, m.role, m.source, m.body, m.state, m.reference, m.error, m.at
     FROM ROWS($2: id uuid) r JOIN message m ON m.interaction_id = r.id AND (m.workspace_id = $1) IS TRUE
     ORDER BY m.at DESC, m.id DESC LIMIT $3";

pub const UNREAD: &str = "SELECT e.reference, e.heard, e.received_at
     FROM ROWS($2: id uuid) r
     JOIN inbound_event e ON e.interaction_id = r.id AND e.read_at IS NULL AND (e.workspace_id = $1) IS TRUE
     ORDER BY e.received_at DESC, e.id DESC LIMIT $3";
