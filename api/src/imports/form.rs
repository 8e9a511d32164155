//! What an import is to do, as a caller says it: what is not said stays as it is.
use crate::{
    Api,
    caller::Caller,
    error::{ApiError, Detail},
};
use serde::Deserialize;
use shared::{
    ids::{CampaignId, SegmentId},
    import::{Identifier, ImportConfig, ImportKind, Mapped, Purpose, Reach, split::COLUMNS_MAX},
    person,
    segment::SegmentKind,
    store::{campaigns, intake::CampaignRef, segments},
};
use utoipa::ToSchema;

/// Characters of a file's name, at most.
const FILE_NAME_MAX: usize = 200;

/// What an import is to do.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "add_and_update", "identifier": "email", "fallbackCampaignId": "SOL",
    "mapping": [{"column": "E-Mail", "field": "email"}, {"column": "Roof", "field": "questionnaire.roof", "doNotOverwrite": true}]
}))]
pub struct ImportSettings {
    pub kind: Option<ImportKind>,
    pub purpose: Option<Purpose>,
    pub identifier: Option<Identifier>,
    pub reach: Option<Reach>,
    /// A campaign's id or its code: where rows go that name no campaign, or one that takes no leads.
    pub fallback_campaign_id: Option<String>,
    /// A static segment to which the contacts are added.
    pub segment_id: Option<SegmentId>,
    /// Which column means what; columns that are not here are left out. An empty list stands for what the names of the columns suggest.
    pub mapping: Option<Vec<Mapped>>,
    /// The country of phone numbers that begin with no `+`: two capital letters; US unless given.
    pub country: Option<String>,
    /// The same file may be brought in again.
    pub again: Option<bool>,
}

/// A new import: the file's name, and what the import is to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"fileName": "fair.csv", "kind": "leads", "fallbackCampaignId": "SOL"}))]
pub struct NewImport {
    /// 1 to 200 characters.
    pub file_name: String,
    pub kind: Option<ImportKind>,
    pub purpose: Option<Purpose>,
    pub identifier: Option<Identifier>,
    pub reach: Option<Reach>,
    /// A campaign's id or its code: where rows go that name no campaign, or one that takes no leads.
    pub fallback_campaign_id: Option<String>,
    /// A static segment to which the contacts are added.
    pub segment_id: Option<SegmentId>,
    /// Which column means what; columns that are not here are left out. What the names of the columns suggest unless given.
    pub mapping: Option<Vec<Mapped>>,
    /// The country of phone numbers that begin with no `+`: two capital letters; US unless given.
    pub country: Option<String>,
    /// The same file may be brought in again.
    pub again: Option<bool>,
}

impl NewImport {
    /// The checked name of the file, and the rest.
    pub(super) fn parts(self) -> Result<(String, ImportSettings), ApiError> {
        let name = self.file_name.trim();
        let length = name.chars().count();
        if !(1..=FILE_NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
            let rule = format!(
                "must have 1 to {FILE_NAME_MAX} characters, none of them control characters"
            );
            return Err(ApiError::invalid_at("fileName", rule));
        }
        let settings = ImportSettings {
            kind: self.kind,
            purpose: self.purpose,
            identifier: self.identifier,
            reach: self.reach,
            fallback_campaign_id: self.fallback_campaign_id,
            segment_id: self.segment_id,
            mapping: self.mapping,
            country: self.country,
            again: self.again,
        };
        Ok((name.to_owned(), settings))
    }
}

impl ImportSettings {
    /// The settings with what is said here, as far as that can be checked without the file.
    pub(super) async fn over(
        self,
        config: ImportConfig,
        (api, caller): (&Api, &Caller),
    ) -> Result<ImportConfig, ApiError> {
        let mut problems = Vec::new();
        let campaign = match self.fallback_campaign_id {
            Some(named) => Some(campaign(api, caller, &named).await?),
            None => config.fallback_campaign_id,
        };
        if let Some(segment) = self.segment_id {
            static_segment(api, caller, segment).await?;
        }
        if let Some(Err(why)) = self.country.as_deref().map(person::country_code) {
            problems.push(Detail::new("country", why));
        }
        if self.mapping.as_ref().is_some_and(|mapping| mapping.len() > COLUMNS_MAX) {
            problems.push(Detail::new("mapping", format!("has more than {COLUMNS_MAX} entries")));
        }
        if !problems.is_empty() {
            return Err(ApiError::invalid(problems));
        }
        Ok(ImportConfig {
            kind: self.kind.unwrap_or(config.kind),
            purpose: self.purpose.unwrap_or(config.purpose),
            identifier: self.identifier.unwrap_or(config.identifier),
            reach: self.reach.unwrap_or(config.reach),
            fallback_campaign_id: campaign,
            segment_id: self.segment_id.or(config.segment_id),
            mapping: self.mapping.unwrap_or(config.mapping),
            country: self.country.or(config.country),
            again: self.again.unwrap_or(config.again),
        })
    }
}

async fn campaign(api: &Api, caller: &Caller, named: &str) -> Result<CampaignId, ApiError> {
    const PATH: &str = "fallbackCampaignId";
    let named = CampaignRef::read(named).map_err(|why| ApiError::invalid_at(PATH, why))?;
    let found = campaigns::find(&api.db, caller.workspace, &named).await?;
    found.map(|row| row.id).ok_or_else(|| ApiError::not_found("campaign").at(PATH))
}

async fn static_segment(api: &Api, caller: &Caller, id: SegmentId) -> Result<(), ApiError> {
    match segments::get(api.db.read(), caller.workspace, id).await? {
        None => Err(ApiError::not_found("segment").at("segmentId")),
        Some(segment) if segment.kind != SegmentKind::Static => Err(ApiError::invalid_at(
            "segmentId",
            "must be a static segment; the members of this one follow from its rule",
        )),
        Some(_) => Ok(()),
    }
}
