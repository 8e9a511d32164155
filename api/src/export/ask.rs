//! What may be asked of exports: the filters of the lists, and how the rows are written.
use super::{
    run::{Order, Shape},
    source::{Source, Wanted, everybody},
};
use crate::{
    error::ApiError,
    leads::list::LeadQuery,
    params::{Limit, Moment},
    search::{among, ready_text},
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    audit::Actor,
    clock::Time,
    export::Format,
    ids::{CampaignId, LeadId, SegmentId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db,
        export::{
            leads,
            submissions::{self, SubmissionFilter},
        },
        segments,
    },
    submission::Status,
};
use utoipa::IntoParams;

/// Which leads, and how they are written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LeadExport {
    pub campaign_id: Option<CampaignId>,
    /// Whether the lead is worked on.
    pub lead_status: Option<LeadStatus>,
    /// How its latest submission stands.
    pub status: Option<Status>,
    /// The whole address; case does not matter.
    pub email: Option<String>,
    /// The whole number, in E.164 or as written in the United States.
    pub phone: Option<String>,
    /// Taken in on this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub start_date: Option<Moment>,
    /// Taken in on this day (UTC) or at this time, or earlier.
    #[param(value_type = Option<String>)]
    pub end_date: Option<Moment>,
    /// `csv` unless given.
    pub format: Format,
    /// The columns that are wanted, with commas between them, such as `leadId,email,custom.score`; all unless given.
    pub fields: Option<String>,
    /// Of CSV: nothing is put before what a spreadsheet would run.
    pub raw: bool,
}

/// Which contacts, and how they are written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ContactExport {
    /// A search text, such as `ada state:(CA, NY) created:last30d`; everybody when absent or blank.
    pub q: Option<String>,
    /// Whether contacts of status deleted are exported, too.
    pub include_deleted: bool,
    /// `csv` unless given.
    pub format: Format,
    /// The columns that are wanted, with commas between them, such as `contactId,email,property.tier`; all unless given.
    pub fields: Option<String>,
    /// Of CSV: nothing is put before what a spreadsheet would run.
    pub raw: bool,
}

/// Which submissions, and how they are written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SubmissionExport {
    pub lead_id: Option<LeadId>,
    /// Where the submission is; routing may have moved it there.
    pub campaign_id: Option<CampaignId>,
    pub status: Option<Status>,
    /// Begun on this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub start_date: Option<Moment>,
    /// Begun on this day (UTC) or at this time, or earlier.
    #[param(value_type = Option<String>)]
    pub end_date: Option<Moment>,
    /// `csv` unless given.
    pub format: Format,
    /// The columns that are wanted, with commas between them; all unless given.
    pub fields: Option<String>,
    /// Of CSV: nothing is put before what a spreadsheet would run.
    pub raw: bool,
}

/// How the members of a segment are written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MemberExport {
    /// `csv` unless given.
    pub format: Format,
    /// The columns that are wanted, with commas between them, such as `contactId,email,property.tier`; all unless given.
    pub fields: Option<String>,
    /// Of CSV: nothing is put before what a spreadsheet would run.
    pub raw: bool,
}

/// Who asks, and when.
pub struct Asker {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub at: Time,
}

impl Asker {
    fn order(self, source: Source, shape: Shape, filters: Value) -> Order {
        let Self { workspace, actor, .. } = self;
        Order { workspace, actor, source, shape, filters, idle: None }
    }

    pub async fn leads(self, db: &Db, asked: LeadExport) -> Result<Order, ApiError> {
        let LeadExport { format, fields, raw, .. } = asked;
        let query = LeadQuery {
            campaign_id: asked.campaign_id,
            lead_status: asked.lead_status,
            status: asked.status,
            email: asked.email,
            phone: asked.phone,
            start_date: asked.start_date,
            end_date: asked.end_date,
            limit: Limit::default(),
            cursor: None,
        };
        let filter = query.filter()?;
        let filters = json!({
            "campaignId": filter.campaign, "leadStatus": filter.lead_status, "status": filter.status,
            "byEmail": filter.email.is_some(), "byPhone": filter.phone.is_some(),
            "from": filter.from, "until": filter.until,
        });
        let walk = leads::walk(db, self.workspace).await?;
        let source = Source::Leads { filter, walk };
        Ok(self.order(source, Shape { format, fields, raw }, filters))
    }

    pub async fn contacts(self, db: &Db, asked: ContactExport) -> Result<Order, ApiError> {
        let ContactExport { q, include_deleted, format, fields, raw } = asked;
        let ready = ready_text(db, self.workspace, q).await?;
        // What is searched for may be a person; what of people the search looks at is not.
        let reads = ready.rule.as_ref().map(shared::rules::Rule::reads);
        let filters = json!({"searchReads": reads, "includeDeleted": include_deleted});
        let span = everybody(db, self.workspace).await?;
        let (zone, among) = (ready.settings.zone(), among(include_deleted));
        let wanted = Box::new(Wanted { rule: ready.rule, now: self.at, zone, among });
        let source = Source::Contacts { wanted, span };
        Ok(self.order(source, Shape { format, fields, raw }, filters))
    }

    pub async fn submissions(self, db: &Db, asked: SubmissionExport) -> Result<Order, ApiError> {
        let SubmissionExport { format, fields, raw, .. } = asked;
        let filter = SubmissionFilter {
            lead: asked.lead_id,
            campaign: asked.campaign_id,
            status: asked.status,
            from: asked.start_date.map(Moment::first),
            until: asked.end_date.map(Moment::last),
        };
        let filters = json!({
            "leadId": filter.lead, "campaignId": filter.campaign, "status": filter.status,
            "from": filter.from, "until": filter.until,
        });
        let walk = submissions::walk(db, self.workspace).await?;
        let source = Source::Submissions { filter, walk };
        Ok(self.order(source, Shape { format, fields, raw }, filters))
    }

    pub async fn members(
        self,
        db: &Db,
        segment: SegmentId,
        asked: MemberExport,
    ) -> Result<Order, ApiError> {
        let MemberExport { format, fields, raw } = asked;
        let found = segments::get(db.read(), self.workspace, segment).await?;
        found.ok_or_else(|| ApiError::not_found("segment"))?;
        let span = everybody(db, self.workspace).await?;
        let source = Source::Members { segment, span };
        let filters = json!({"segmentId": segment});
        Ok(self.order(source, Shape { format, fields, raw }, filters))
    }
}
