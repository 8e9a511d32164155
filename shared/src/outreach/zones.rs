//! In which time zones may a person be? From what is known of them, most certain first.
use chrono_tz::Tz;
use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

/// Digits of a North American area code.
const AREA_DIGITS: usize = 3;
/// Digits of a calling code, at most.
const CALLING_CODE_DIGITS_MAX: usize = 3;
/// Characters of an address's country, state or zip that are looked at; a longer one is no such thing.
const WORD_MAX: usize = 60;

/// What is known of where a person is. Empty texts are as good as none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whereabouts<'a> {
    /// The zone that the lead itself states (IANA).
    pub timezone: Option<&'a str>,
    /// Two letters, `USA`, `United States` or `Canada`; in any case.
    pub country: Option<&'a str>,
    /// Of the United States or Canada: `CA` or `California`; in any case.
    pub state: Option<&'a str>,
    /// Only with a state: `90210`, `90210-1234`, `K1A 0B1`.
    pub zip: Option<&'a str>,
    /// E.164.
    pub phone: Option<&'a str>,
}

impl<'a> Whereabouts<'a> {
    /// What a lead view says: `lead.timezone`, `lead.phone`, `lead.country` and `address`.
    pub fn of_view(view: &'a serde_json::Value) -> Self {
        let text = |root: &str, key: &str| view.get(root)?.get(key)?.as_str();
        let country = text("address", "country").filter(|country| !country.trim().is_empty());
        Self {
            timezone: text("lead", "timezone"),
            country: country.or_else(|| text("lead", "country")),
            state: text("address", "state"),
            zip: text("address", "zip"),
            phone: text("lead", "phone"),
        }
    }
}

/// Every zone that the person may be in, by name; empty when nothing is known.
///
/// The first of these that says anything decides: the zone that the lead states; the state, and the zip where the state has several
/// zones; the area code of a North American number; the country; the calling code of another number. A North American number whose area
/// code is not known may be anywhere in the United States and Canada.
pub fn candidates(known: Whereabouts<'_>) -> Vec<Tz> {
    let steps = [stated, by_state, by_area_code, by_country, by_calling_code];
    let found: BTreeSet<&str> = steps
        .iter()
        .map(|step| step(known))
        .find(|zones| !zones.is_empty())
        .unwrap_or_default()
        .into_iter()
        .map(Tz::name)
        .collect();
    found.into_iter().filter_map(|name| name.parse().ok()).collect()
}

/// The candidates; the campaign's own zone when there are none.
pub fn or_campaign(candidates: Vec<Tz>, campaign: Tz) -> Vec<Tz> {
    if candidates.is_empty() { vec![campaign] } else { candidates }
}

fn stated(known: Whereabouts<'_>) -> Vec<Tz> {
    let zone = known.timezone.and_then(|zone| zone.trim().parse().ok());
    zone.into_iter().collect()
}

fn by_state(known: Whereabouts<'_>) -> Vec<Tz> {
    let Some(state) = known.state.and_then(word) else { return Vec::new() };
    let country = match known.country.and_then(word) {
        Some(country) => Some(country_code(&country)),
        // Without a country, a number of another continent says that the state is none of ours.
        None if known.phone.is_some_and(|phone| !phone.trim().starts_with("+1")) => return vec![],
        None => None,
    };
    let states = TABLE.states.iter().filter(|one| {
        country.as_deref().is_none_or(|country| country == one.country)
            && (one.code == state || one.name == state)
    });
    let Some(found) = states.into_iter().next() else { return Vec::new() };
    let zip = known.zip.and_then(word).unwrap_or_default().replace(' ', "");
    let prefixes = found.zips.iter().filter(|(prefix, _)| zip.starts_with(prefix.as_str()));
    let longest = prefixes.max_by_key(|(prefix, _)| prefix.len());
    longest.map_or(&found.zones, |(_, zones)| zones).clone()
}

fn by_area_code(known: Whereabouts<'_>) -> Vec<Tz> {
    let national = known.phone.and_then(|phone| phone.trim().strip_prefix("+1"));
    let area = national.and_then(|national| national.get(..AREA_DIGITS));
    area.and_then(|area| TABLE.areas.get(area)).cloned().unwrap_or_default()
}

fn by_country(known: Whereabouts<'_>) -> Vec<Tz> {
    let code = known.country.and_then(word).map(|country| country_code(&country));
    code.and_then(|code| TABLE.countries.get(&code)).cloned().unwrap_or_default()
}

fn by_calling_code(known: Whereabouts<'_>) -> Vec<Tz> {
    let Some(digits) = known.phone.and_then(|phone| phone.trim().strip_prefix('+')) else {
        return Vec::new();
    };
    // No calling code begins another one.
    let prefixes = (1..=CALLING_CODE_DIGITS_MAX).filter_map(|length| digits.get(..length));
    let countries = prefixes.filter_map(|prefix| TABLE.phones.get(prefix)).next();
    let zones = countries.into_iter().flatten().filter_map(|code| TABLE.countries.get(code));
    zones.flatten().copied().collect()
}

/// In capitals and with single spaces; none when there is nothing, or too much.
fn word(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").to_uppercase();
    (!text.is_empty() && text.len() <= WORD_MAX).then_some(text)
}

fn country_code(country: &str) -> String {
    match country {
        "USA" | "U.S." | "U.S.A." | "UNITED STATES" | "UNITED STATES OF AMERICA" => "US".into(),
        "CAN" | "CANADA" => "CA".into(),
        other => other.into(),
    }
}

struct State {
    country: String,
    code: String,
    /// In capitals.
    name: String,
    zones: Vec<Tz>,
    /// Prefixes of postal codes.
    zips: Vec<(String, Vec<Tz>)>,
}

#[derive(Default)]
struct Table {
    countries: HashMap<String, Vec<Tz>>,
    /// Calling codes but 1 is the United States and Canada.
    phones: HashMap<String, Vec<String>>,
    areas: HashMap<String, Vec<Tz>>,
    states: Vec<State>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    let lines = include_str!("data/numbers.txt").lines();
    for line in lines.chain(include_str!("data/states.txt").lines()) {
        table.take_in(line);
    }
    table.phones.insert("1".into(), vec!["US".into(), "CA".into()]);
    table
});

impl Table {
    /// One line of the data: `KIND KEYS = VALUES`.
    fn take_in(&mut self, line: &str) {
        let Some((keys, values)) = line.split_once(" = ") else { return };
        let keys: Vec<&str> = keys.split(' ').collect();
        let zones: Vec<Tz> = values.split(' ').filter_map(|zone| zone.parse().ok()).collect();
        match keys.as_slice() {
            ["country", code] => {
                self.countries.insert((*code).into(), zones);
            }
            ["phone", code] => {
                self.phones.insert((*code).into(), values.split(' ').map(Into::into).collect());
            }
            ["area", codes @ ..] => {
                self.areas.extend(codes.iter().map(|code| ((*code).to_owned(), zones.clone())));
            }
            ["state", country, code, name @ ..] => self.states.push(State {
                country: (*country).into(),
                code: (*code).into(),
                name: name.join(" ").to_uppercase(),
                zones,
                zips: Vec::new(),
            }),
            ["zip", country, code, prefixes @ ..] => {
                let mut states = self.states.iter_mut();
                if let Some(state) = states.find(|one| one.country == *country && one.code == *code)
                {
                    state.zips.extend(prefixes.iter().map(|zip| ((*zip).into(), zones.clone())));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "zones_tests.rs"]
mod tests;
