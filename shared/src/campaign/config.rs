//! A campaign's configuration as the API takes it: strict, complete, and stored whole with each revision.
use super::{
    accepted::AcceptedValues, computed::ComputedKey, computed_lookup::Lookups, guard::GuardPolicy,
    problem::Problem,
};
use crate::{ids::CampaignId, rules::Rule, submission::End};
use serde::{Deserialize, Serialize};

pub mod ai;
pub mod auth;
mod checks;
pub mod endpoint;
mod endpoint_checks;
pub mod first_action;
pub mod first_action_checks;
pub mod lead_outcomes;
pub mod limits;
pub mod room;
mod room_checks;
mod secret_ref;
pub mod status_query;

pub use ai::Ai;
pub(crate) use auth::CREDENTIAL_HEADERS;
pub use endpoint::{EndpointConfig, Method};
pub(crate) use endpoint_checks::{header_of, is_header_name};
pub use first_action::{
    ActionKind, AfterRetries, CallEffect, DEADLINE_MINUTES_MAX, DEADLINE_RETRIES_MAX, FirstAction,
    OnDeadline, OnNoContact, Priority, ResumeOn, ReviewAction, SmsAction, VoiceAction,
    WebhookAction, WebhookMethod,
};
pub(crate) use first_action_checks::SIGNATURE_HEADERS;
pub use lead_outcomes::{ENDS, LeadOutcomes};
pub use room::{Cap, Overflow, Schedule};
pub use secret_ref::{SECRET_NAME_MAX, SecretRef, is_secret_name, named_secrets};

/// Routing rules, hard stops or disqualification rules of a campaign, at most.
pub const RULES_MAX: usize = 200;
/// Fallback campaigns, at most.
pub const FALLBACKS_MAX: usize = 50;
/// Endpoints of a campaign, at most.
pub const ENDPOINTS_MAX: usize = 10;

/// Everything a campaign says about its leads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CampaignConfig {
    /// IANA zone in which the campaign's days begin; UTC when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Duplicate detection; off when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Duplicates>,
    /// New leads become `qualified` the moment they come in, and are stored only: for campaigns that hand leads over by other means
    /// than an endpoint. Not together with `endpoints` or `firstAction`.
    #[serde(skip_serializing_if = "is_off")]
    pub auto_qualify: bool,
    /// Whether the routing rules are evaluated.
    pub auto_routing: bool,
    /// In priority order; the first match wins.
    pub routing: Vec<RoutingRule>,
    /// Checked before the first action: nobody is called about a lead that cannot be sold.
    pub hard_stops: Vec<NamedRule>,
    /// What must happen before delivery; nothing when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_action: Option<FirstAction>,
    /// Any active rule that matches disqualifies.
    pub disqualification: Vec<NamedRule>,
    /// Evaluated in order; later ones see earlier ones as `computed.<key>`.
    #[schema(value_type = Vec<Object>)]
    pub computed_keys: Vec<ComputedKey>,
    /// Tables that computed keys look values up in, by name.
    #[serde(skip_serializing_if = "Lookups::is_empty")]
    #[schema(value_type = Object)]
    pub lookups: Lookups,
    /// Field paths that must not be blank, besides those the payload marks as required.
    pub required_fields: Vec<String>,
    /// What the endpoint accepts, field by field.
    #[schema(value_type = Vec<Object>)]
    pub accepted_values: Vec<AcceptedValues>,
    /// A language model that is asked about values that do not fit by themselves; nobody is asked when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai: Option<Ai>,
    /// How many leads are delivered in a time, at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// At which hours leads are delivered; at any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Where and how leads are delivered: in order, until one takes the lead.
    pub endpoints: Vec<EndpointConfig>,
    /// Which outcomes qualify or reject the lead itself; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_status: Option<LeadOutcomes>,
    /// Which campaigns try when this one does not take the lead.
    pub fallback: Fallback,
}

/// Duplicate detection by email or phone within the campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Duplicates {
    /// How many days back: 1 to 365.
    pub window_days: i64,
    /// What is done with a duplicate.
    #[serde(default, skip_serializing_if = "DuplicateAction::is_status")]
    pub action: DuplicateAction,
}

/// What is done with a lead that the duplicate window recognises.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DuplicateAction {
    /// It is marked `isDuplicate` and otherwise a lead like any other.
    Flag,
    /// It also gets the lead status `duplicate`. It is processed all the same.
    #[default]
    Status,
    /// It is not taken in.
    Refuse,
}

impl DuplicateAction {
    fn is_status(&self) -> bool {
        *self == Self::Status
    }
}

/// A condition with a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedRule {
    pub name: String,
    #[serde(default = "yes")]
    pub active: bool,
    #[schema(value_type = Object)]
    pub rule: Rule,
}

/// Sends matching leads to another campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingRule {
    pub name: String,
    #[serde(default = "yes")]
    pub active: bool,
    #[schema(value_type = Object)]
    pub rule: Rule,
    /// The campaign that takes the lead.
    pub to: CampaignId,
}

/// Which campaigns try when this one does not take the lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fallback {
    /// In order; each is tried once.
    pub campaigns: Vec<CampaignId>,
    /// Also when the buyer refused the lead, or has it already.
    pub on_rejected: bool,
    /// Also when the buyer could not be reached.
    pub on_failed: bool,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { campaigns: Vec::new(), on_rejected: true, on_failed: true }
    }
}

impl Fallback {
    /// Whether a submission that ends so may be handed on.
    pub fn applies_to(&self, end: End) -> bool {
        match end {
            End::Disqualified | End::MissingData | End::NoRoom => true,
            End::Rejected | End::Duplicate => self.on_rejected,
            End::Failed => self.on_failed,
            End::Accepted
            | End::Delivered
            | End::NoContact
            | End::Dnc
            | End::Discarded
            | End::Withdrawn
            | End::Replaced => false,
        }
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_off(flag: &bool) -> bool {
    !flag
}

impl CampaignConfig {
    /// Everything that is wrong with it; empty when it can be saved. `own` is the campaign itself, once it has an id.
    pub fn problems(&self, own: Option<CampaignId>, policy: &GuardPolicy) -> Vec<Problem> {
        let mut problems = Vec::new();
        checks::campaign(self, own, policy, &mut problems);
        problems
    }

    /// Other campaigns that it names: they must be of the same workspace.
    pub fn named_campaigns(&self) -> Vec<(String, CampaignId)> {
        let routing = self.routing.iter().enumerate();
        let routing = routing.map(|(at, rule)| (format!("routing[{at}].to"), rule.to));
        let fallback = self.fallback.campaigns.iter().enumerate();
        let fallback = fallback.map(|(at, id)| (format!("fallback.campaigns[{at}]"), *id));
        let caps = self.caps.iter().enumerate().filter_map(|(at, cap)| {
            Some((format!("caps[{at}].whenFull.campaign"), cap.when_full.campaign?))
        });
        let closed = self.schedule.as_ref().and_then(|schedule| schedule.when_closed.campaign);
        let closed = closed.map(|id| ("schedule.whenClosed.campaign".to_owned(), id));
        routing.chain(fallback).chain(caps).chain(closed).collect()
    }

    /// The value sets that it names, each with its place: they must be there.
    pub fn named_sets(&self) -> Vec<(String, &str)> {
        let mut named = Vec::new();
        let lists: [(&str, Vec<&Rule>); 3] = [
            ("routing", self.routing.iter().map(|one| &one.rule).collect()),
            ("hardStops", self.hard_stops.iter().map(|one| &one.rule).collect()),
            ("disqualification", self.disqualification.iter().map(|one| &one.rule).collect()),
        ];
        for (list, rules) in lists {
            for (at, rule) in rules.into_iter().enumerate() {
                let below = |(path, set)| (format!("{list}[{at}].rule{path}"), set);
                named.extend(rule.sets().into_iter().map(below));
            }
        }
        for (at, one) in self.accepted_values.iter().enumerate() {
            let set = one.value_set.as_deref();
            named.extend(set.map(|set| (format!("acceptedValues[{at}].valueSet"), set)));
        }
        named
    }
}
