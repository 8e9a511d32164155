//! Tags that reactions put on contacts and take off.
use super::{Done, Wanted, wanted};
use crate::{
    automation::Want,
    clock::Time,
    contact::{Contact, ContactStatus, form::TAGS_MAX},
    ids::{ContactId, WorkspaceId},
    store::{
        StoreError, Tx,
        automation::Decided,
        contacts::{
            tags::tags_after,
            write::{self, Why, Written},
        },
    },
};
use std::collections::BTreeMap;

type Wish<'a> = Wanted<'a, (&'a str, bool)>;

/// Writes each contact once, with all that its leads want of it.
pub(super) async fn apply(
    tx: &mut Tx,
    workspace: WorkspaceId,
    decided: &[Decided],
    (done, now): (&mut Done, Time),
) -> Result<(), StoreError> {
    let mut by_contact: BTreeMap<ContactId, Vec<Wish>> = BTreeMap::new();
    for one in wanted(decided, |want| match want {
        Want::Tag { tag, add } => Some((tag.as_str(), *add)),
        _ => None,
    }) {
        by_contact.entry(one.state.contact).or_default().push(one);
    }
    let contacts: Vec<ContactId> = by_contact.keys().copied().collect();
    let mut changes = Vec::new();
    for before in write::lock(tx, workspace, &contacts).await? {
        let wishes = by_contact.remove(&before.id).unwrap_or_default();
        changes.extend(tagged(before, &wishes, done));
    }
    for one in by_contact.into_values().flatten() {
        done.left(one.place, "the contact is not there");
    }
    done.touched.extend(write::write(tx, &changes, now).await?);
    Ok(())
}

/// The contact with its tags as they are to be, if that is a change.
fn tagged(before: Contact, wishes: &[Wish<'_>], done: &mut Done) -> Option<Written> {
    let mut after = before.clone();
    let (mut by, mut reasons) = (Vec::new(), Vec::new());
    for one in wishes {
        match changed(&after, one.what) {
            Err(why) => done.left(one.place, why),
            Ok(tags) => {
                after.profile.tags.0 = tags;
                add(&mut by, one.by());
                add(&mut reasons, one.reason());
            }
        }
    }
    let why = Why { by: by.join(", "), reason: reasons.join(", "), ..Why::default() };
    (after.profile.tags != before.profile.tags).then_some(Written { before, after, why })
}

fn changed(contact: &Contact, (tag, add): (&str, bool)) -> Result<Vec<String>, String> {
    if contact.status == ContactStatus::Deleted {
        return Err("the contact is deleted".to_owned());
    }
    let (tags, named) = (&contact.profile.tags.0, [tag.to_owned()]);
    let after = if add { tags_after(tags, &named, &[]) } else { tags_after(tags, &[], &named) };
    if after.len() > TAGS_MAX {
        return Err(format!("the contact has {TAGS_MAX} tags, which is the most"));
    }
    match after.len() == tags.len() {
        false => Ok(after),
        true if add => Err("the contact has the tag already".to_owned()),
        true => Err("the contact does not have the tag".to_owned()),
    }
}

fn add(all: &mut Vec<String>, one: String) {
    if !all.contains(&one) {
        all.push(one);
    }
}
