//! Automations as they are saved, and as they are evaluated.
use crate::{
    automation::Program,
    ids::{CampaignId, WorkspaceId},
    rules::Properties,
    store::{StoreError, Tx},
};
use chrono_tz::Tz;
use std::{collections::HashMap, sync::Arc};

/// What the workspace's campaigns react to, where it is switched on and can be evaluated. `zone` is the workspace's.
pub async fn load(
    tx: &mut Tx,
    workspace: WorkspaceId,
    properties: &Properties,
    zone: Tz,
) -> Result<HashMap<CampaignId, Arc<Program>>, StoreError> {
    let _ = (tx, workspace, properties, zone);
    Ok(HashMap::new())
}
