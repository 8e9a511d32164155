//! Contacts as rules see them, and what the rules say: the answer that all other ways must agree with.
use super::{StoreError, Tx, definitions::Definition};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, doc, doc::Related},
    ids::{ContactId, SegmentId, WorkspaceId},
    rules::Facts,
    store::contacts::{
        read::get_many,
        related::{self, Needs},
        search::Among,
    },
    value_set::Sets,
};
use chrono_tz::Tz;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// A contact with all that rules read of it.
pub struct Person {
    contact: Contact,
    pub related: Related,
    /// By the moment and the zone as of which they are: ages grow.
    documents: Vec<((Time, Tz), Value)>,
}

/// The contacts of these ids with what is needed; unknown ones are left out.
pub async fn people(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[ContactId],
    needs: &Needs,
) -> Result<HashMap<ContactId, Person>, StoreError> {
    let contacts = get_many(tx.ex(), workspace, ids).await?;
    let mut related = related::load(tx, workspace, ids, needs).await?;
    let person = |contact: Contact| {
        let related = related.remove(&contact.id).unwrap_or_default();
        (contact.id, Person { contact, related, documents: Vec::new() })
    };
    Ok(contacts.into_iter().map(person).collect())
}

impl Person {
    /// Whether it belongs into the segment: only active contacts do, and those that are not deleted if the rule asks about the status.
    pub fn belongs(&mut self, definition: &Definition, sets: &Sets, now: Time) -> bool {
        let may = match self.contact.status {
            ContactStatus::Active => true,
            ContactStatus::Deleted => false,
            _ => definition.reads_status,
        };
        if !may {
            return false;
        }
        let tz = definition.zone;
        let doc = self.document(now, tz);
        definition.rule.matches(&Facts { doc, now, tz, value_sets: sets })
    }

    /// The zone that the person lives in, if it is known.
    pub fn zone(&self) -> Option<Tz> {
        self.contact.profile.timezone.as_deref()?.parse().ok()
    }

    /// A document that is the caller's own.
    pub fn new_document(&self, now: Time, zone: Tz) -> Value {
        doc::of(&self.contact, &self.related, now, zone)
    }

    fn document(&mut self, now: Time, zone: Tz) -> &Value {
        let known = self.documents.iter().position(|(of, _)| *of == (now, zone));
        let at = known.unwrap_or_else(|| {
            let document = doc::of(&self.contact, &self.related, now, zone);
            self.documents.push(((now, zone), document));
            self.documents.len() - 1
        });
        &self.documents[at].1
    }

    /// Says which segments it is in.
    pub fn set_segments(&mut self, segments: &BTreeSet<SegmentId>) {
        self.related.segments = segments.iter().copied().collect();
        let ids: Vec<String> = segments.iter().map(SegmentId::to_string).collect();
        for (_, document) in &mut self.documents {
            document["contact"]["segments"] = json!(ids);
        }
    }
}

/// The condition on `c` that says the same of the status as [`Person::belongs`].
pub fn status_condition(definition: &Definition) -> &'static str {
    Among::of_segment(definition.reads_status).sql()
}
