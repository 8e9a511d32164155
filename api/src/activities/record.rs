//! POST /activities: one or many, each answered by itself.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::{self, Body},
    caller::{Caller, Scope},
    error::{ApiError, Detail},
    scan::Object,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    activity::{BATCH_MAX, Draft, New},
    clock::Time,
    ids::{ActivityId, ContactId, WorkspaceId},
    store::{StoreError, activities::Answer},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Bytes of a body of activities, at most.
pub const ACTIVITIES_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What contacts did.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewActivities {
    /// 1 to 1,000.
    #[schema(value_type = Vec<Draft>, min_items = 1, max_items = 1000)]
    pub activities: Vec<Value>,
}

/// How an activity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityStatus {
    /// It is kept and counted.
    Recorded,
    /// It was there before, under the same `key`, and is not counted again.
    Repeated,
    /// It is not kept; `problems` say why.
    Refused,
    /// The database did not answer, and it may or may not be kept: send it again, best with a `key`.
    Unknown,
}

/// What became of an activity.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityAnswer {
    pub status: ActivityStatus,
    pub activity_id: Option<ActivityId>,
    /// Whose it is.
    pub contact_id: Option<ContactId>,
    pub problems: Vec<Detail>,
}

/// What became of the activities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivitiesAnswer {
    pub recorded: usize,
    pub repeated: usize,
    pub refused: usize,
    pub unknown: usize,
    /// One for each activity of the request, in its order.
    pub items: Vec<ActivityAnswer>,
}

/// Record activities
///
/// Each is answered by itself: one that is refused harms none of the others, and the answer is 200 also when all are refused. What is
/// answered as `recorded` is on disk, counted, and seen by segments. An activity with a `key` is safe to send again; the first one stands.
#[utoipa::path(
    post, path = "/activities", tag = "Activities", operation_id = "recordActivities",
    request_body = NewActivities,
    responses((status = 200, description = "What became of each.", body = Success<ActivitiesAnswer>), Guarded, Sent)
)]
pub async fn record(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<ACTIVITIES_BYTES_MAX>,
) -> Result<Data<ActivitiesAnswer>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NewActivities { activities } = body.read()?;
    if !(1..=BATCH_MAX).contains(&activities.len()) {
        let why = format!("has {} entries; 1 to {BATCH_MAX} are allowed", activities.len());
        return Err(ApiError::invalid_at("activities", why));
    }
    let now = api.clock.now();
    let read = activities.into_iter().enumerate();
    let read: Vec<Result<New, ActivityAnswer>> =
        read.map(|(at, value)| check(at, value, caller.workspace, now)).collect();
    let fit = read.iter().filter_map(|one| one.as_ref().ok()).cloned().collect();
    let mut told = api.activities.record(fit).await?.into_iter();
    let items = read.into_iter().enumerate().map(|(at, one)| match one {
        Ok(_) => answer(at, told.next().unwrap_or(Err(StoreError::Closed))),
        Err(refused) => refused,
    });
    Ok(Data(count(items.collect())))
}

/// The activity at this place of the list, or everything that is wrong with it.
fn check(
    at: usize,
    value: Value,
    workspace: WorkspaceId,
    now: Time,
) -> Result<New, ActivityAnswer> {
    let draft = serde_path_to_error::deserialize::<_, Object<Draft>>(value)
        .map_err(|error| vec![body::detail(&error.path().to_string(), error.inner())]);
    let checked = draft.and_then(|Object(draft)| {
        let checked = draft.check(workspace, now);
        checked.map_err(|problems| problems.into_iter().map(Detail::from).collect())
    });
    checked.map_err(|problems| refused(at, problems))
}

fn refused(at: usize, problems: Vec<Detail>) -> ActivityAnswer {
    let problems = problems.into_iter().map(|Detail { path, message }| match path.as_str() {
        "" => Detail::new(format!("activities[{at}]"), message),
        path => Detail::new(format!("activities[{at}].{path}"), message),
    });
    ActivityAnswer {
        status: ActivityStatus::Refused,
        activity_id: None,
        contact_id: None,
        problems: problems.collect(),
    }
}

fn answer(at: usize, told: Result<Answer, StoreError>) -> ActivityAnswer {
    match told {
        Ok(Ok(recorded)) => ActivityAnswer {
            status: match recorded.repeated {
                true => ActivityStatus::Repeated,
                false => ActivityStatus::Recorded,
            },
            activity_id: Some(recorded.id),
            contact_id: Some(recorded.contact),
            problems: Vec::new(),
        },
        Ok(Err(problem)) => refused(at, vec![problem.into()]),
        Err(error) => {
            let error = ApiError::from(error);
            let status = ActivityStatus::Unknown;
            ActivityAnswer { status, ..refused(at, vec![Detail::new("", error.message)]) }
        }
    }
}

fn count(items: Vec<ActivityAnswer>) -> ActivitiesAnswer {
    let of = |status| items.iter().filter(|item| item.status == status).count();
    ActivitiesAnswer {
        recorded: of(ActivityStatus::Recorded),
        repeated: of(ActivityStatus::Repeated),
        refused: of(ActivityStatus::Refused),
        unknown: of(ActivityStatus::Unknown),
        items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_neither_recorded_nor_refused() {
        let counted = count(vec![answer(3, Err(StoreError::Closed)), refused(4, Vec::new())]);
        assert_eq!((counted.recorded, counted.refused, counted.unknown), (0, 1, 1));
        assert_eq!(counted.items[0].problems[0].path, "activities[3]");
    }
}
