//! What happens to contacts and leads, as reactions see it.
use crate::{
    clock::Time,
    ids::{ActivityId, LeadId, SegmentId, SubmissionId},
    lead::LeadStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Something that happened to a contact, or to one lead of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// The lead that it concerns; none: all leads of the contact.
    pub lead: Option<LeadId>,
    pub what: Occurrence,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Occurrence {
    /// The lead came into the campaign.
    Created,
    /// These fields changed, by their paths in rules.
    Fields {
        fields: BTreeSet<String>,
    },
    /// Anything of the contact may have changed.
    Everything,
    Activity {
        id: ActivityId,
        kind: String,
        name: String,
        data: Map<String, Value>,
        at: Time,
    },
    Status {
        from: LeadStatus,
        to: LeadStatus,
    },
    Outcome {
        submission: SubmissionId,
        outcome: String,
    },
    Segment {
        segment: SegmentId,
        entered: bool,
    },
    /// Somebody gave points by hand.
    Points {
        points: i64,
        reason: String,
        by: String,
    },
    /// Time has passed.
    Clock,
    /// The automation was saved, or its campaign opened again: the lead is looked at from the beginning.
    Saved,
}

impl Happened {
    /// To all leads of the contact.
    pub fn to_contact(what: Occurrence) -> Self {
        Self { lead: None, what }
    }

    pub fn to_lead(lead: LeadId, what: Occurrence) -> Self {
        Self { lead: Some(lead), what }
    }
}
