//! Segments: defined, filled and shown.
pub mod answer;
pub mod copy;
pub mod define;
pub mod form;
pub mod list;
pub mod members;
pub mod preview;
pub mod show;

use crate::{
    Api,
    error::{ApiError, Code, Detail},
};

use shared::{
    ids::SegmentId,
    push::SEGMENTS,
    queue::Job,
    segment::check::Refusal,
    store::segments::{SEGMENTS_MAX, SaveError, Segment},
};
use std::{sync::Arc, time::Duration};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes about segments.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(define::create, list::list))
        .routes(routes!(preview::preview))
        .routes(routes!(show::show, define::change, define::delete))
        .routes(routes!(show::check))
        .routes(routes!(copy::copy))
        .routes(routes!(define::rebuild))
        .routes(routes!(list::history))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::remove))
        .routes(routes!(members::from_search))
        .routes(routes!(members::of_contact))
}

/// What a caller is told about a segment that cannot be as they want it.
pub fn refused(error: SaveError) -> ApiError {
    let refusal = match error {
        SaveError::Store(error) => return error.into(),
        SaveError::Refused(refusal) => refusal,
    };
    match refusal {
        Refusal::Invalid(problems) => {
            let detail =
                |problem: shared::rules::Problem| Detail::new(problem.path, problem.message);
            ApiError::invalid(problems.into_iter().map(detail).collect())
        }
        Refusal::Plan(why) => ApiError::plan(why),
        Refusal::Full => {
            let message = format!("the workspace has {SEGMENTS_MAX} segments; delete one first");
            ApiError::new(Code::Conflict, message)
        }
        Refusal::NameTaken(name) => {
            let message = format!("another segment has the name {name}");
            ApiError::new(Code::Conflict, message).at("name")
        }
        Refusal::Circle(names) => {
            let message = format!(
                "would make segments ask for each other in a circle: {}",
                names.join(" → ")
            );
            ApiError::invalid_at("rule", message)
        }
        Refusal::Used(names) => {
            ApiError::new(Code::Conflict, format!("it is named by {}", names.join(", ")))
        }
        Refusal::NotSo(why) => ApiError::new(Code::Conflict, why),
        Refusal::Absent => ApiError::not_found("segment"),
    }
}

/// Rings the bell for a segment that waits to be built; its sweep makes up for a lost one.
pub fn ring(api: &Api, segment: &Segment) {
    if segment.build_due_at.is_some() {
        ring_for(api, segment.id, segment.generation);
    }
}

/// The same by id and generation.
pub fn ring_for(api: &Api, segment: SegmentId, generation: i64) {
    api.push.ring(SEGMENTS, Job { id: segment.0, generation }, Duration::ZERO);
}
