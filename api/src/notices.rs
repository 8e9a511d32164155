//! GET /notices: what people must know.
use crate::{
    Api,
    answer::{Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    ids::{CampaignId, NoticeId},
    store::notices::{self, Kind, NoticeFilter, NoticeRow},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Something that people must know. Raised once for what it is about; repeats are counted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub notice_id: NoticeId,
    pub kind: Kind,
    pub campaign_id: Option<CampaignId>,
    #[schema(example = "SunPeak Energy failed 10 times in a row: deliveries wait")]
    pub message: String,
    /// Figures and names, by kind.
    #[schema(value_type = Object)]
    pub details: Value,
    /// How often it was raised: a notice about answers or held deliveries counts those of one endpoint and one hour.
    pub times: i64,
    pub at: DateTime<Utc>,
    /// When it was raised last.
    pub last_at: DateTime<Utc>,
}

impl From<NoticeRow> for Notice {
    fn from(row: NoticeRow) -> Self {
        Self {
            notice_id: row.id,
            kind: row.kind,
            campaign_id: row.campaign_id,
            message: row.message,
            details: row.details.map_or(Value::Null, |details| details.0),
            times: row.times,
            at: row.at,
            last_at: row.last_at,
        }
    }
}

/// Which notices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct NoticeQuery {
    pub kind: Option<Kind>,
    pub campaign_id: Option<CampaignId>,
    /// 1 to 100; 50 unless given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<NoticeId>,
}

/// List notices
///
/// The newest first.
#[utoipa::path(
    get, path = "/notices", tag = "Operations", operation_id = "listNotices",
    params(NoticeQuery),
    responses((status = 200, description = "A page of notices.", body = Success<Page<Notice>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<NoticeQuery>,
) -> Result<Data<Page<Notice>>, ApiError> {
    caller.require(Scope::Ops)?;
    let filter =
        NoticeFilter { kind: query.kind, campaign: query.campaign_id, before: query.cursor };
    let limit = query.limit.0;
    let rows = notices::list(&api.db, caller.workspace, filter, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.id.to_string())))
}
