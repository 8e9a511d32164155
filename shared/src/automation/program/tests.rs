//! What a document means, and the examples that people begin with.
mod acts;
mod docs;
mod documents;
mod examples;
mod refusals;
mod sinces;

use super::{Program, Since};
use crate::{
    automation::AutomationConfig,
    ids::CampaignId,
    rules::{Kind, Problem, Properties},
};
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

/// The campaign whose automation it is.
fn own() -> CampaignId {
    CampaignId(Uuid::from_u128(7))
}

fn properties() -> Properties {
    let kinds = [("tier", Kind::Text), ("renewal", Kind::Date), ("trial_ends", Kind::DateTime)];
    Properties(kinds.map(|(key, kind)| (key.to_owned(), kind)).into())
}

fn config(document: &Value) -> AutomationConfig {
    serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{error}: {document}"))
}

fn compile(document: &Value) -> Result<Program, Vec<Problem>> {
    Program::compile((own(), 1), Tz::UTC, &config(document), &Since::new(), &properties())
}

fn compiled(document: &Value) -> Program {
    compile(document).unwrap_or_else(|problems| panic!("{problems:?}"))
}
