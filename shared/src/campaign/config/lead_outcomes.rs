//! Which outcomes of a submission decide about the lead itself.
use super::checks::{Problems, say};
use crate::{lead::LeadStatus, submission::Status};
use serde::{Deserialize, Serialize};

/// A lead that is qualified or rejected is no longer processed. Without these lists a submission's outcome leaves the lead as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LeadOutcomes {
    /// Statuses with which a submission qualifies its lead, such as `accepted`.
    pub qualify_on: Vec<Status>,
    /// Statuses with which a submission rejects its lead, such as `rejected`.
    pub reject_on: Vec<Status>,
}

/// The statuses with which a submission can end.
pub const ENDS: [Status; 10] = [
    Status::Accepted,
    Status::Delivered,
    Status::Disqualified,
    Status::MissingData,
    Status::Duplicate,
    Status::Rejected,
    Status::Failed,
    Status::Error,
    Status::NoContact,
    Status::Dnc,
];

impl LeadOutcomes {
    /// What becomes of a lead whose submission ends so.
    pub fn of(&self, end: Status) -> Option<LeadStatus> {
        match end {
            end if self.qualify_on.contains(&end) => Some(LeadStatus::Qualified),
            end if self.reject_on.contains(&end) => Some(LeadStatus::Rejected),
            _ => None,
        }
    }

    pub(super) fn validate(&self, problems: &mut Problems) {
        for (list, statuses) in [("qualifyOn", &self.qualify_on), ("rejectOn", &self.reject_on)] {
            for (at, status) in statuses.iter().enumerate() {
                if !ENDS.contains(status) {
                    let why = "is no status with which a submission ends, such as `accepted` or `rejected`";
                    say(problems, format!("leadStatus.{list}[{at}]"), why);
                }
            }
        }
        for (at, status) in self.reject_on.iter().enumerate() {
            if self.qualify_on.contains(status) {
                say(problems, format!("leadStatus.rejectOn[{at}]"), "is in `qualifyOn` as well");
            }
        }
    }
}
