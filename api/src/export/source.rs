//! Where the rows of an export come from: a list with its filter, read from end to end.
use crate::{
    contacts::answer::Contact,
    leads::{show::Lead, submission::Submission},
};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::Value;
use shared::{
    clock::Time,
    contact,
    export::What,
    ids::{ContactId, SegmentId, WorkspaceId},
    rules::Rule,
    store::{
        Db, StoreError,
        contacts::search::{self, Among, Search},
        export::{
            Walk, leads, members,
            submissions::{self, SubmissionFilter},
        },
        leads::LeadFilter,
        properties,
    },
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A list, its filter, and how far it has been read.
#[derive(Debug, Clone)]
pub enum Source {
    Leads { filter: LeadFilter, walk: Walk },
    Submissions { filter: SubmissionFilter, walk: Walk },
    Contacts { wanted: Box<Wanted>, span: Span },
    Members { segment: SegmentId, span: Span },
}

/// Which contacts.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// None: everybody.
    pub rule: Option<Rule>,
    /// The moment that the search sees.
    pub now: Time,
    pub zone: Tz,
    pub among: Among,
}

/// Contacts that are still to be read: those after the first and up to the last; none: it is over.
pub type Span = Option<(ContactId, ContactId)>;

/// The span of all contacts that there are now.
pub async fn everybody(db: &Db, workspace: WorkspaceId) -> Result<Span, StoreError> {
    let newest = search::newest(db, workspace).await?;
    Ok(newest.map(|last| (ContactId(Uuid::nil()), last)))
}

impl Source {
    pub fn what(&self) -> What {
        match self {
            Self::Leads { .. } => What::Leads,
            Self::Submissions { .. } => What::Submissions,
            Self::Contacts { .. } | Self::Members { .. } => What::Contacts,
        }
    }

    /// Whether all rows have been read.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Leads { walk, .. } | Self::Submissions { walk, .. } => walk.is_over(),
            Self::Contacts { span, .. } | Self::Members { span, .. } => span.is_none(),
        }
    }

    /// The next rows as the list shows them: at most `limit`, or none although there are more.
    pub async fn next(
        &mut self,
        db: &Db,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<Vec<Value>, StoreError> {
        Ok(match self {
            Self::Leads { filter, walk } => {
                let rows = leads::next(db, workspace, filter, walk, limit).await?;
                rows.into_iter().map(|row| json(&Lead::from(row))).collect()
            }
            Self::Submissions { filter, walk } => {
                let rows = submissions::next(db, workspace, filter, walk, limit).await?;
                rows.into_iter().map(|(row, said)| json(&Submission::of(row, &said))).collect()
            }
            Self::Contacts { wanted, span } => {
                let Some(at) = *span else { return Ok(Vec::new()) };
                let found = search::walk(db, &wanted.search(workspace), at, limit).await?;
                contacts(found, at, span)
            }
            Self::Members { segment, span } => {
                let Some(at) = *span else { return Ok(Vec::new()) };
                contacts(members::next(db, (workspace, *segment), at, limit).await?, at, span)
            }
        })
    }

    /// The columns that these rows have beyond those that every row has.
    pub async fn names(
        &self,
        db: &Db,
        workspace: WorkspaceId,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut names = BTreeSet::new();
        match self {
            Self::Leads { filter, walk } => {
                let mut walk = *walk;
                while !walk.is_over() {
                    names.extend(leads::names(db, workspace, filter, &mut walk).await?);
                }
            }
            Self::Contacts { .. } | Self::Members { .. } => {
                let keys = properties::all(db.read(), workspace).await?.into_keys();
                names.extend(keys.map(|key| format!("property.{key}")));
            }
            Self::Submissions { .. } => {}
        }
        Ok(names)
    }
}

impl Wanted {
    fn search(&self, workspace: WorkspaceId) -> Search<'_> {
        Search {
            workspace,
            rule: self.rule.as_ref(),
            now: self.now,
            zone: self.zone,
            among: self.among,
        }
    }
}

fn contacts(
    (found, next): (Vec<contact::Contact>, Option<ContactId>),
    (_, last): (ContactId, ContactId),
    span: &mut Span,
) -> Vec<Value> {
    *span = next.map(|after| (after, last));
    found.into_iter().map(|contact| json(&Contact::from(contact))).collect()
}

fn json(row: &impl Serialize) -> Value {
    serde_json::to_value(row).expect("a row of a list is plain data")
}
