//! Rows that mean the same person wait for each other: each is in a later wave than those before it that it shares a key with.
use super::Row;
use crate::import::{Draft, Identifier, ImportConfig, ImportKind, Purpose};
use std::collections::HashMap;

/// The rows in waves, each in the order of the file.
pub(super) fn waves(config: &ImportConfig, rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut waves: Vec<Vec<Row>> = Vec::new();
    let mut last: HashMap<(u8, String), usize> = HashMap::new();
    for row in rows {
        let keys = keys(config, &row.draft);
        let wave = keys.iter().filter_map(|key| last.get(key)).map(|wave| wave + 1).max();
        let wave = wave.unwrap_or(0);
        for key in keys {
            last.insert(key, wave);
        }
        if waves.len() <= wave {
            waves.push(Vec::new());
        }
        waves[wave].push(row);
    }
    waves
}

/// By what a row is found. Rows of contacts also meet by what they write: an email or a phone is one contact's.
fn keys(config: &ImportConfig, draft: &Draft) -> Vec<(u8, String)> {
    let email = || draft.email.clone().map(|email| (0, email));
    let phone = || draft.phone.clone().map(|phone| (1, phone));
    let found = match config.kind {
        // Whoever it is: intake finds the person, also among those of the same batch.
        ImportKind::Leads if config.purpose == Purpose::AddAll => vec![],
        ImportKind::Leads => match config.identifier {
            Identifier::Email => vec![email()],
            Identifier::Phone => vec![phone()],
            Identifier::LeadId => vec![draft.lead_id.map(|id| (2, id.to_string()))],
            Identifier::ContactId => vec![draft.contact_id.map(|id| (3, id.to_string()))],
        },
        ImportKind::Contacts => {
            vec![email(), phone(), draft.contact_id.map(|id| (3, id.to_string()))]
        }
    };
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64, email: &str, phone: &str) -> Row {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let draft =
            Draft { row: number, email: some(email), phone: some(phone), ..Draft::default() };
        Row { text: String::new(), draft }
    }

    fn numbers(config: &ImportConfig, rows: Vec<Row>) -> Vec<Vec<i64>> {
        let waves = waves(config, rows);
        waves.iter().map(|wave| wave.iter().map(|row| row.draft.row).collect()).collect()
    }

    #[test]
    fn who_is_the_same_waits_and_nobody_else() {
        let rows = || {
            vec![
                row(1, "a", "1"),
                row(2, "b", "1"),
                row(3, "a", "2"),
                row(4, "", ""),
                row(5, "b", "2"),
            ]
        };
        let leads = ImportConfig::default();
        assert_eq!(numbers(&leads, rows()), [vec![1, 2, 4], vec![3, 5]]);
        let all = ImportConfig { purpose: Purpose::AddAll, ..ImportConfig::default() };
        assert_eq!(numbers(&all, rows()), [vec![1, 2, 3, 4, 5]]);
        let contacts = ImportConfig { kind: ImportKind::Contacts, ..ImportConfig::default() };
        assert_eq!(numbers(&contacts, rows()), [vec![1, 4], vec![2, 3], vec![5]]);
    }
}
