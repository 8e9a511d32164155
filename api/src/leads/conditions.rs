//! The parameter `where` of GET /leads: leads by what their source said of visit, consent and documents.
use super::list::LeadQuery;
use crate::{
    Api,
    answer::Page,
    error::{ApiError, Detail},
    params,
};
use axum::{extract::FromRequestParts, http::request::Parts};
use shared::{
    ids::{LeadId, WorkspaceId},
    lead_where::{CONDITIONS_MAX, Condition},
    store::leads::{self, LeadFilter, LeadRow},
};
use std::sync::Arc;
use url::form_urlencoded;

/// Leads that are looked at for one page, at most: a page may hold fewer than were asked for, and the next one goes on.
pub const LOOKED_AT_MAX: usize = 5_000;
/// Leads that are read at once.
const CHUNK: i64 = 500;
const NAME: &str = "where";

/// The query parameters, `where` being any number of them.
pub struct Filtered {
    pub query: LeadQuery,
    pub conditions: Vec<Condition>,
}

impl FromRequestParts<Arc<Api>> for Filtered {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = || form_urlencoded::parse(query.as_bytes());
        let given: Vec<_> = pairs().filter(|(name, _)| name == NAME).collect();
        if given.len() > CONDITIONS_MAX {
            let rule =
                format!("is there {} times; at most {CONDITIONS_MAX} are allowed", given.len());
            return Err(ApiError::invalid_at(NAME, rule));
        }
        let (mut conditions, mut problems) = (Vec::new(), Vec::new());
        for (_, text) in given {
            match Condition::parse(&text) {
                Ok(condition) => conditions.push(condition),
                Err(why) => problems.push(Detail::new(NAME, why)),
            }
        }
        if !problems.is_empty() {
            return Err(ApiError::invalid(problems));
        }
        let mut rest = form_urlencoded::Serializer::new(String::new());
        rest.extend_pairs(pairs().filter(|(name, _)| name != NAME));
        Ok(Self { query: params::read_query(&rest.finish())?, conditions })
    }
}

/// A page of the leads for which every condition holds, newest first. Where none is found in [`LOOKED_AT_MAX`] leads, it is empty and the
/// next one goes on.
pub async fn page<T: From<LeadRow>>(
    api: &Api,
    workspace: WorkspaceId,
    mut filter: LeadFilter,
    conditions: &[Condition],
) -> Result<Page<T>, ApiError> {
    let wanted = filter.limit as usize;
    let (mut found, mut seen): (Vec<LeadRow>, usize) = (Vec::new(), 0);
    filter.limit = CHUNK;
    let mut last: Option<LeadId> = None;
    loop {
        let rows = leads::list(&api.db, workspace, &filter).await?;
        let is_end = (rows.len() as i64) < CHUNK;
        for row in rows {
            last = Some(row.id);
            seen += 1;
            if conditions.iter().all(|one| one.holds(&row.details)) {
                found.push(row);
            }
            if found.len() == wanted {
                return Ok(Page::of(found, wanted - 1, |row| row.id.to_string()));
            }
        }
        if is_end || seen >= LOOKED_AT_MAX {
            let next_cursor = last.filter(|_| !is_end).map(|id| id.to_string());
            let has_more = next_cursor.is_some();
            return Ok(Page {
                items: found.into_iter().map(T::from).collect(),
                next_cursor,
                has_more,
            });
        }
        filter.before = last;
    }
}
