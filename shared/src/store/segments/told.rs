//! What the audit log tells of segments.
use super::{Segment, members::By, save::Key};
use crate::{
    audit::Entry,
    clock::Time,
    store::{StoreError, Tx, audit},
};
use serde_json::{Value, json};

/// A segment as it is compared.
fn shown(segment: &Segment) -> Value {
    json!({
        "name": segment.name, "description": segment.description, "kind": segment.kind,
        "rule": segment.rule.as_ref().map(|rule| &rule.0), "timezone": segment.timezone, "isEnabled": segment.is_enabled,
    })
}

/// A segment was created, saved or rebuilt; nothing is told of a save that changed nothing.
pub(super) async fn save(
    tx: &mut Tx,
    (action, before): (&'static str, Option<&Segment>),
    after: &Segment,
    at: Time,
) -> Result<(), StoreError> {
    let entry = Entry::new(action, "segment", after.id);
    let (old, new) = (before.map_or(json!({}), shown), shown(after));
    let entry = match action {
        "segment.rebuilt" => entry,
        _ if old == new => return Ok(()),
        _ => entry.changed(&old, &new),
    };
    audit::tell(tx, after.workspace_id, &[entry], at).await
}

/// Contacts came in or went out by hand: how many.
pub(super) async fn members(
    tx: &mut Tx,
    (workspace, segment): Key,
    (is_in, count): (bool, usize),
    by: By<'_>,
) -> Result<(), StoreError> {
    let action = if is_in { "segment.members_added" } else { "segment.members_removed" };
    let entry = Entry::new(action, "segment", segment).to(json!({ "contacts": count }));
    audit::tell(tx, workspace, &[entry], by.at).await
}
