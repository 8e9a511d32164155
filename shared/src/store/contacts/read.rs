//! Reading contacts by id.
use crate::{
    contact::Contact,
    ids::{ContactId, WorkspaceId},
    store::{Ex, Rows, StoreError},
};
use serde::Serialize;
use uuid::Uuid;

/// The columns of a contact `c`, as [`Contact`] reads them.
macro_rules! contact_columns {
    () => {
        "c.workspace_id, c.id, c.status, c.first_name, c.last_name, c.email, c.phone, c.salutation, c.title, c.company, \
         c.website, c.industry, c.number_of_employees, c.annual_revenue, c.gender, c.date_of_birth, c.street, c.city, c.state, \
         c.zip, c.country, c.timezone, c.source, c.properties, c.tags, c.opt_out_email, c.opt_out_sms, c.opt_out_phone, \
         c.opt_out_push, c.do_not_contact_until, c.words, c.revision, c.merged_into, c.erased_at, c.created_at, c.updated_at"
    };
}
pub(super) use contact_columns;

/// The same, for statements that are put together at run time.
pub(super) const COLUMNS: &str = contact_columns!();

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

/// The contacts of these ids, in no order; unknown ones are left out.
pub async fn get_many(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<Contact>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|id| Key { workspace_id: workspace.0, id: id.0 }).collect();
    ex.sql(concat!(
        "SELECT ",
        contact_columns!(),
        " FROM ROWS($1: workspace_id uuid, id uuid) r
         JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id"
    ))
    .bind(Rows::of(&keys))
    .all()
    .await
}
