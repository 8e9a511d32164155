//! What an automation names that must be there: segments, campaigns, value sets, secrets.
use crate::{
    ids::{CampaignId, SegmentId},
    segment::{named, source::below},
};

pub use crate::segment::named::Named;

/// What an automation names, each with its place in the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// By conditions and triggers.
    pub segments: Vec<Named<SegmentId>>,
    /// By actions: these must be static.
    pub static_segments: Vec<Named<SegmentId>>,
    pub campaigns: Vec<Named<CampaignId>>,
    pub sets: Vec<Named<String>>,
    pub secrets: Vec<Named<String>>,
    /// Whether a condition reads a property.
    pub reads_properties: bool,
}

impl Names {
    /// Takes over what a condition at that place names.
    pub(super) fn add(&mut self, at: &str, of_rule: named::Names) {
        self.segments.extend(of_rule.segments.into_iter().map(|one| placed(at, one)));
        self.campaigns.extend(of_rule.campaigns.into_iter().map(|one| placed(at, one)));
        self.sets.extend(of_rule.sets.into_iter().map(|one| placed(at, one)));
    }
}

fn placed<T>(at: &str, one: Named<T>) -> Named<T> {
    Named { path: below(at, &one.path), what: one.what }
}
