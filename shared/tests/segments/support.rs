//! Segments, contacts and campaigns for these tests.
use serde_json::Value;
use serde_json::json;
use shared::ids::CampaignId;
use shared::ids::ContactId;
use shared::ids::SegmentId;
use shared::ids::WorkspaceId;
use shared::plan::Plan;
use shared::rules::Problem;
use shared::segment::SegmentKind;
use shared::segment::change::Change;
use shared::segment::check::Draft;
use shared::segment::check::Refusal;
use shared::segment::source::Source;
use shared::store::Db;
use shared::store::campaigns;
use shared::store::campaigns::Draft as CampaignDraft;
use shared::store::segments;
use shared::store::segments::By;
use shared::store::segments::SaveError;
use shared::store::segments::Segment;
use shared::store::workspaces;
use shared::testing::TestStore;
use shared::testing::noon;

pub const BY: By<'static> = By { who: "key test", at: NOON };
pub const NOON: shared::clock::Time = match chrono::DateTime::from_timestamp(1_795_262_400, 0) {
    Some(time) => time,
    None => chrono::DateTime::UNIX_EPOCH,
};

pub async fn enterprise(store: &TestStore) -> WorkspaceId {
    let workspace = store.workspace("one").await;
    workspaces::set_plan(&store.db, workspace, Plan::Enterprise, noon()).await.unwrap();
    workspace
}

pub fn fixed(name: &str) -> Draft {
    Draft {
        name: name.into(),
        description: String::new(),
        kind: SegmentKind::Static,
        source: None,
        timezone: None,
        is_enabled: true,
    }
}

pub fn dynamic(name: &str, rule: Value) -> Draft {
    Draft { kind: SegmentKind::Dynamic, source: Some(Source::Rule(rule)), ..fixed(name) }
}

pub fn city() -> Value {
    json!({"field": "contact.city", "operator": "equals", "value": "Reno"})
}

pub fn within(segments: &[SegmentId]) -> Value {
    json!({"field": "contact.segments", "operator": "memberOf", "value": segments})
}

pub async fn make(db: &Db, workspace: WorkspaceId, draft: &Draft) -> Segment {
    segments::create(db, workspace, draft, noon()).await.unwrap()
}

pub fn refusal<T: std::fmt::Debug>(result: Result<T, SaveError>) -> Refusal {
    match result {
        Err(SaveError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

pub fn to_rule(rule: Value) -> Change {
    Change { source: Some(Source::Rule(rule)), ..Change::default() }
}

/// Their city is written as rules compare it, so nothing has to be folded.
pub async fn contact(db: &Db, workspace: WorkspaceId, status: &str) -> ContactId {
    let id = ContactId::new();
    db.write()
        .sql(
            "INSERT INTO contact (workspace_id, id, status, city, folded, created_at, updated_at)
             VALUES ($1, $2, $3, 'reno', '{}', $4, $4)",
        )
        .bind(workspace)
        .bind(id)
        .bind(status)
        .bind(noon())
        .run()
        .await
        .unwrap();
    id
}

pub async fn property(db: &Db, workspace: WorkspaceId, indexed: bool) {
    db.write()
        .sql(
            "INSERT INTO property (workspace_id, id, key, name, description, kind, indexed, created_at, updated_at)
             VALUES ($1, $2, 'tier', 'Tier', '', 'text', $3, $4, $4)",
        )
        .bind(workspace)
        .bind(shared::ids::PropertyId::new())
        .bind(indexed)
        .bind(noon())
        .run()
        .await
        .unwrap();
}

pub async fn epoch(db: &Db, workspace: WorkspaceId) -> i64 {
    let sql = "SELECT segment_epoch FROM workspace WHERE id = $1";
    db.read().sql(sql).bind(workspace).scalar().await.unwrap()
}

pub async fn changes(db: &Db, workspace: WorkspaceId, contact: ContactId) -> Vec<String> {
    let sql =
        "SELECT kind FROM contact_change WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id";
    let rows: Vec<(String,)> =
        db.read().sql(sql).bind(workspace).bind(contact).all().await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

pub fn path(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.path.as_str()).collect()
}

/// As a worker leaves it.
pub async fn built(db: &Db, segment: &Segment) {
    db.write()
        .sql("UPDATE segment SET state = 'ready', build_due_at = NULL WHERE workspace_id = $1 AND id = $2")
        .bind(segment.workspace_id)
        .bind(segment.id)
        .run()
        .await
        .unwrap();
}

pub async fn feed(db: &Db, workspace: WorkspaceId, segment: SegmentId) {
    let draft = CampaignDraft {
        workspace,
        id: CampaignId::new(),
        code: "SOL".into(),
        name: "Solar".into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(db, &draft).await.unwrap();
    db.write()
        .sql("INSERT INTO campaign_segment (workspace_id, campaign_id, segment_id, added_at) VALUES ($1, $2, $3, $4)")
        .bind(workspace)
        .bind(draft.id)
        .bind(segment)
        .bind(noon())
        .run()
        .await
        .unwrap();
}
