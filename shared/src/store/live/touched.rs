//! What changed of a contact, in the words of rules.
use crate::{
    automation::Happened,
    ids::{ContactId, WorkspaceId},
};
use std::collections::BTreeSet;

/// A contact that was changed in this transaction, and what of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub what: What,
    /// What happened beside the change of fields, in order, for the campaigns' automation.
    pub happened: Vec<Happened>,
}

impl Touched {
    pub fn new(workspace: WorkspaceId, contact: ContactId, what: What) -> Self {
        Self { workspace, contact, what, happened: Vec::new() }
    }

    /// With something that happened to the contact, or to a lead of it.
    pub fn and(mut self, happened: Happened) -> Self {
        self.happened.push(happened);
        self
    }
}

/// What changed: everything (a new contact), or these fields, by their paths in rules: `contact.state`, `property.tier`,
/// `event.page_visit`, `contact.campaigns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Everything,
    Fields(BTreeSet<String>),
}

/// What a change of a contact's leads changes.
const LEADS: [&str; 4] =
    ["contact.campaigns", "contact.activeIn", "contact.qualifiedIn", "contact.rejectedIn"];
/// Fields of `contact.` that are kept elsewhere: they change without the contact itself.
const ELSEWHERE: [&str; 3] = ["contact.segments", "contact.firstSeenAt", "contact.lastActivityAt"];
/// Fields whose words are searched for.
const WORDY: [&str; 4] =
    ["contact.firstName", "contact.lastName", "contact.email", "contact.company"];

impl What {
    /// The contact's leads: another one, or another status of one.
    pub fn leads() -> Self {
        Self::fields(LEADS)
    }

    /// No field; what happened is said beside it.
    pub fn nothing() -> Self {
        Self::Fields(BTreeSet::new())
    }

    pub fn fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Fields(fields.into_iter().map(str::to_owned).collect())
    }

    /// This and that.
    pub(super) fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Everything, _) => {}
            (_, Self::Everything) => *self = Self::Everything,
            (Self::Fields(own), Self::Fields(others)) => own.extend(others.iter().cloned()),
        }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Fields(fields) => fields.contains(field),
        }
    }

    /// The fields, with those that change with them; none: everything.
    pub(super) fn all(&self) -> Option<BTreeSet<&str>> {
        let Self::Fields(fields) = self else { return None };
        let mut all = BTreeSet::new();
        for field in fields.iter().map(String::as_str) {
            all.insert(field);
            if field.starts_with("event.") {
                all.extend(["contact.firstSeenAt", "contact.lastActivityAt"]);
            } else if !LEADS.contains(&field) && !ELSEWHERE.contains(&field) {
                all.insert("contact.updatedAt");
            }
            if WORDY.contains(&field) {
                all.insert("contact.words");
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_with_a_field_is_known() {
        let all = |field: &str| What::fields([field]).all().map(|all| all.len());
        assert_eq!(all("contact.segments"), Some(1));
        assert_eq!(all("contact.activeIn"), Some(1));
        assert_eq!(all("contact.state"), Some(2), "and updatedAt");
        assert_eq!(all("contact.email"), Some(3), "and the words");
        assert_eq!(all("event.call"), Some(3), "and when");
        let mut what = What::fields(["contact.state"]);
        what.add(&What::fields(["property.tier"]));
        assert!(what.has("property.tier") && what.has("contact.state"));
        what.add(&What::Everything);
        assert_eq!(what.all(), None);
    }
}
