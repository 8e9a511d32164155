//! POST /imports, PATCH and DELETE /imports/{id}: what an import is to do.
use super::{
    answer::Import,
    form::{ImportSettings, NewImport},
    key, plan, read, refused,
};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use shared::{
    ids::ImportId,
    import::ImportConfig,
    store::imports::{self, State as Stands, by_hand},
};
use std::sync::Arc;

/// Begin an import
///
/// Says what a file is to be taken for; the file itself follows with `PUT /imports/{importId}/file`. Rows of leads become leads that are
/// stored only (`new`): `POST /leads/process` sends them through the pipeline.
#[utoipa::path(
    post, path = "/imports", tag = "Imports", operation_id = "createImport",
    request_body = NewImport,
    responses((status = 201, description = "It waits for its file.", body = Success<Import>), Guarded, Absent, Sent)
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: NewImport = body.read()?;
    let (file_name, settings) = form.parts()?;
    let config = settings.over(ImportConfig::default(), (&api, &caller)).await?;
    let (file, actor, now) = ((caller.workspace, &*file_name), caller.actor(), api.clock.now());
    let upload = by_hand::create(&api.db, file, &config, &actor, now).await?;
    let import = read(&api, upload.key()).await?;
    Ok((StatusCode::CREATED, Data(Import::from(import))).into_response())
}

/// Change an import
///
/// What the body does not name stays as it is. For an import whose file is here and that was not started.
#[utoipa::path(
    patch, path = "/imports/{importId}", tag = "Imports", operation_id = "changeImport",
    params(("importId" = ImportId, Path)),
    request_body = ImportSettings,
    responses((status = 200, description = "As it is now.", body = Success<Import>), Guarded, Absent, Conflicting, Sent)
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<Import>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    let import = read(&api, key).await?;
    let settings: ImportSettings = body.read()?;
    let config = settings.over(import.config.0, (&api, &caller)).await?;
    if import.state == Stands::Ready {
        let checked = plan(&api, &caller, &config, &import.header.0).await?;
        checked.map_err(ApiError::invalid)?;
    }
    let changed = imports::configure(&api.db, key, &config, api.clock.now()).await?;
    changed.map_err(|why| refused(&why))?;
    read(&api, key).await.map(|import| Data(import.into()))
}

/// Forget an import
///
/// One that was not started, with its file. What an import has done can be undone instead.
#[utoipa::path(
    delete, path = "/imports/{importId}", tag = "Imports", operation_id = "deleteImport",
    params(("importId" = ImportId, Path)),
    responses((status = 204, description = "It is forgotten."), Guarded, Absent, Conflicting)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<StatusCode, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let key = key(&caller, id);
    read(&api, key).await?;
    imports::abandon(&api.db, key).await?.map_err(|why| refused(&why))?;
    Ok(StatusCode::NO_CONTENT)
}
