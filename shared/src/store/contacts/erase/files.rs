//! What files that were brought in say of a person. No key leads from a row of a file to whom it names: the text is searched for their
//! emails, phones and ids.
use super::Ask;
use crate::{
    contact::Contact,
    ids::{ContactId, ImportId, LeadId},
    store::{Rows, StoreError, Tx, contacts::keys},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Digits of a phone that must be alike, at most: files write it with and without the country.
const DIGITS: usize = 10;
/// A shorter number is in too many rows.
const DIGITS_MIN: usize = 7;

#[derive(Serialize)]
struct Trace {
    word: String,
    is_phone: bool,
}

/// By what a row of a file may name the person.
pub(super) struct Traces(Rows);

/// Gathers them, before they are gone.
pub(super) async fn traces(
    tx: &mut Tx,
    ask: &Ask,
    (contacts, leads): (&[Contact], &[LeadId]),
) -> Result<Traces, StoreError> {
    let of_leads: Vec<(String, String)> = tx
        .ex()
        .sql(
            "SELECT l.email, l.phone FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id AND (r.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, leads.iter().map(|id| id.0)))
        .all()
        .await?;
    let (mut words, mut phones) = (BTreeSet::new(), BTreeSet::new());
    for contact in contacts {
        words.insert(contact.id.to_string());
        words.extend(contact.profile.email.clone());
        phones.extend(contact.profile.phone.clone());
    }
    words.extend(leads.iter().map(ToString::to_string));
    for (email, phone) in of_leads {
        words.insert(email);
        phones.insert(phone);
    }
    let words = words.into_iter().map(|word| Trace { word: word.to_lowercase(), is_phone: false });
    let phones = phones.iter().filter_map(|phone| digits(phone));
    let phones = phones.map(|word| Trace { word, is_phone: true });
    let all: Vec<Trace> = words.chain(phones).filter(|trace| !trace.word.is_empty()).collect();
    Ok(Traces(Rows::of(&all)))
}

/// The end of a number.
fn digits(phone: &str) -> Option<String> {
    let all: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let end = all[all.len().saturating_sub(DIGITS)..].iter().collect::<String>();
    (end.len() >= DIGITS_MIN).then_some(end)
}

/// Whether a text of `$text` names the person. What people write between digits is left out for phones; what stands between columns is not.
macro_rules! names_the_person {
    ($text:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM ROWS($2: word text, is_phone boolean) w WHERE {pg: strpos}{lite: instr}(CASE WHEN w.is_phone THEN
                REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(", $text, ", ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', '')
                ELSE LOWER(", $text, ") END, w.word) > 0)"
        )
    };
}

/// An import that has a row about the person which was not read yet: reading it would bring them back.
pub(super) async fn waiting(
    tx: &mut Tx,
    ask: &Ask,
    traces: &Traces,
) -> Result<Option<ImportId>, StoreError> {
    let found: Option<(ImportId,)> = tx
        .ex()
        .sql(concat!(
            "SELECT p.import_id FROM import_part p WHERE p.workspace_id = $1 AND p.done_at IS NULL AND ",
            names_the_person!("p.text"),
            " LIMIT 1"
        ))
        .bind(ask.workspace)
        .bind(traces.0.clone())
        .optional()
        .await?;
    Ok(found.map(|(import,)| import))
}

/// Rows that were not taken, and what rows were before.
pub(super) async fn forget(
    tx: &mut Tx,
    ask: &Ask,
    (traces, contacts): (&Traces, &[ContactId]),
) -> Result<(), StoreError> {
    tx.ex()
        .sql(concat!(
            "DELETE FROM import_error WHERE workspace_id = $1 AND ",
            names_the_person!("import_error.record")
        ))
        .bind(ask.workspace)
        .bind(traces.0.clone())
        .run()
        .await?;
    tx.ex()
        .sql(
            "DELETE FROM import_before WHERE (workspace_id = $1) IS TRUE
               AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, contacts.iter().map(|id| id.0)))
        .run()
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn a_phone_is_known_by_the_end_of_its_number() {
        assert_eq!(digits("+14155550142").as_deref(), Some("4155550142"));
        assert_eq!(digits("+3721234567").as_deref(), Some("3721234567"));
        assert_eq!(digits("12345"), None);
    }
}
