//! A campaign revision ready for use: rules parsed, expressions and patterns compiled.
use super::{
    accepted::AcceptedMatcher,
    computed::ComputedKeys,
    config::{CampaignConfig, EndpointConfig},
    required::RequiredFields,
    response::ResponseClassifier,
    room::Room,
};
use crate::ids::CampaignId;
use chrono_tz::Tz;
use serde_json::Value;
use std::collections::BTreeSet;

/// A campaign revision. It never changes, so it is shared and kept.
#[derive(Debug)]
pub struct Campaign {
    pub id: CampaignId,
    pub code: String,
    pub name: String,
    pub revision: i64,
    /// In which zone its days begin.
    pub zone: Tz,
    pub config: CampaignConfig,
    pub computed: ComputedKeys,
    /// The fields that stage 5 looks for, beside those the payload marks.
    pub required: RequiredFields,
    pub accepted: Vec<AcceptedMatcher>,
    /// How many leads it takes, and when.
    pub room: Room,
    /// The names of the value sets that its stages ask, each once.
    pub sets: Vec<String>,
    /// In the order in which they are asked.
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint with its compiled response rules.
#[derive(Debug)]
pub struct Endpoint {
    pub config: EndpointConfig,
    pub response: ResponseClassifier,
    /// What the answer to a status query means.
    pub status: Option<ResponseClassifier>,
}

/// A stored revision that this program cannot use.
#[derive(Debug, thiserror::Error)]
#[error("campaign {id} revision {revision} cannot be used: {why}")]
pub struct Unusable {
    pub id: CampaignId,
    pub revision: i64,
    pub why: String,
}

/// Whose revision it is.
#[derive(Debug, Clone)]
pub struct Name {
    pub id: CampaignId,
    pub code: String,
    pub name: String,
    pub revision: i64,
}

impl Campaign {
    /// One of its endpoints by id.
    pub fn endpoint(&self, id: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.config.id == id)
    }

    /// Compiles a stored configuration.
    pub fn compile(name: Name, config: Value) -> Result<Self, Unusable> {
        let (id, revision) = (name.id, name.revision);
        let unusable = |why: String| Unusable { id, revision, why };
        let config: CampaignConfig =
            serde_json::from_value(config).map_err(|error| unusable(error.to_string()))?;
        let computed = ComputedKeys::compile(&config.computed_keys, &config.lookups)
            .map_err(|problems| unusable(first(problems)))?;
        let endpoints = config.endpoints.iter().map(Endpoint::compile).collect::<Result<_, _>>();
        let endpoints = endpoints.map_err(|problems| unusable(first(problems)))?;
        let zone = config.timezone.as_deref().and_then(|zone| zone.parse().ok());
        let required = RequiredFields { fields: config.required_fields.clone() };
        let accepted = config.accepted_values.iter().map(AcceptedMatcher::compile);
        let accepted =
            accepted.collect::<Result<_, _>>().map_err(|problems| unusable(first(problems)))?;
        let sets: BTreeSet<String> =
            config.named_sets().into_iter().map(|(_, set)| set.to_owned()).collect();
        let sets = Vec::from_iter(sets);
        let Name { code, name, .. } = name;
        let zone = zone.unwrap_or(Tz::UTC);
        let room = Room::new(zone, &config.caps, config.schedule.as_ref());
        Ok(Self {
            id,
            code,
            name,
            revision,
            zone,
            config,
            computed,
            required,
            accepted,
            room,
            sets,
            endpoints,
        })
    }
}

impl Endpoint {
    /// Compiles one endpoint by itself.
    pub fn compile(config: &EndpointConfig) -> Result<Self, Vec<super::Problem>> {
        let status = config.status_query.as_ref().map(|query| query.response.compile());
        Ok(Self {
            config: config.clone(),
            response: config.response.compile()?,
            status: status.transpose()?,
        })
    }
}

fn first(problems: Vec<super::Problem>) -> String {
    problems.first().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}
