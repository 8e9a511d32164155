//! Imports: a file of leads or contacts comes in, is looked at, and is brought in or taken back.
pub mod answer;
pub mod errors;
pub mod form;
pub mod list;
pub mod set_up;
pub mod start;
pub mod upload;

use crate::{
    Api,
    caller::Caller,
    error::{ApiError, Code, Detail},
};
use shared::{
    campaign::Problem,
    ids::ImportId,
    import::{ImportConfig, Known, Plan},
    store::{
        StoreError,
        imports::{self, Import, Key, Refused},
        properties,
    },
};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes about imports.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(set_up::create, list::list))
        .routes(routes!(list::show, set_up::change, set_up::delete))
        .routes(routes!(upload::upload))
        .routes(routes!(start::check))
        .routes(routes!(start::start))
        .routes(routes!(start::cancel))
        .routes(routes!(start::undo))
        .routes(routes!(errors::errors))
}

/// What a caller is told of an import that is not as they want it.
pub(super) fn refused(why: &Refused) -> ApiError {
    match why {
        Refused::Unknown => ApiError::not_found("import"),
        _ => ApiError::new(Code::Conflict, why.to_string()),
    }
}

async fn read(api: &Api, key: Key) -> Result<Import, ApiError> {
    let import = imports::get(&api.db, key).await?;
    import.ok_or_else(|| ApiError::not_found("import"))
}

fn key(caller: &Caller, id: ImportId) -> Key {
    (caller.workspace, id)
}

/// What the rows of a file of these columns would be taken for, or everything that is wrong with that.
async fn plan(
    api: &Api,
    caller: &Caller,
    config: &ImportConfig,
    header: &[String],
) -> Result<Result<Plan, Vec<Detail>>, StoreError> {
    let kinds = properties::all(api.db.read(), caller.workspace).await?;
    let known = Known { properties: &kinds, now: api.clock.now(), by: "" };
    let detail = |problem: Problem| Detail::from(problem);
    let plan = Plan::new(config, header, &known);
    Ok(plan.map_err(|problems| problems.into_iter().map(detail).collect()))
}
