//! A value set: a list that several campaigns share, checked when it is saved, and ready for membership tests.
use crate::{
    campaign::{
        accepted::{How, VALUE_MAX_BYTES},
        fold::fold_key,
        problem::{Problem, refuse},
        view::scalar_text,
    },
    rules::PROBLEMS_MAX,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

/// Values of a set, at most.
pub const SET_VALUES_MAX: usize = 100_000;
/// Synonyms of a set, at most.
pub const SET_SYNONYMS_MAX: usize = 200_000;
/// Characters of a set's name, at most.
pub const SET_NAME_MAX: usize = 64;

/// Sets by name, as the leads of one campaign are judged by them.
pub type Sets = HashMap<String, Arc<ValueSet>>;

/// One value, and how else it may be said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// A text, a number or a boolean: what is sent when it is an accepted value.
    #[schema(value_type = Object, example = "CA")]
    pub value: Value,
    /// For people; it is never compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "California")]
    pub label: Option<String>,
    /// What a lead may say instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
}

/// Whether a text can be a set's name: letters, digits, `_`, `.` and `-`.
pub fn is_name(text: &str) -> bool {
    (1..=SET_NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Reads a list of values, each `"CA"` or `{"value": "CA", "label"?, "synonyms"?}`; lists every problem, up to a number nobody reads.
pub fn read(given: &[Value], at: &str) -> Result<Vec<Member>, Vec<Problem>> {
    let mut problems = Vec::new();
    match given.len() {
        0 => refuse(&mut problems, at, "must have at least one value"),
        n if n > SET_VALUES_MAX => {
            refuse(
                &mut problems,
                at,
                format!("has {n} values; at most {SET_VALUES_MAX} are allowed"),
            );
            return Err(problems);
        }
        _ => {}
    }
    let mut members = Vec::with_capacity(given.len());
    let mut seen = HashMap::new();
    for (index, item) in given.iter().enumerate() {
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
        let here = format!("{at}[{index}]");
        match member(item) {
            Ok(one) => {
                check(&one, index, &here, &mut seen, &mut problems);
                members.push(one);
            }
            Err(why) => refuse(&mut problems, here, why),
        }
    }
    let synonyms: usize = members.iter().map(|member| member.synonyms.len()).sum();
    if synonyms > SET_SYNONYMS_MAX {
        let why = format!("has {synonyms} synonyms; at most {SET_SYNONYMS_MAX} are allowed");
        refuse(&mut problems, at, why);
    }
    if problems.is_empty() { Ok(members) } else { Err(problems) }
}

fn member(item: &Value) -> Result<Member, String> {
    match item {
        Value::Object(_) => Member::deserialize(item).map_err(|error| error.to_string()),
        _ => Ok(Member { value: item.clone(), label: None, synonyms: Vec::new() }),
    }
}

/// Notes what is wrong with one member, or with it beside those before. `seen`: what was said so far, folded, and for which member.
fn check(
    member: &Member,
    index: usize,
    here: &str,
    seen: &mut HashMap<String, usize>,
    problems: &mut Vec<Problem>,
) {
    let Some(value) = scalar_text(&member.value) else {
        return refuse(problems, here, "is neither text, number nor boolean");
    };
    let synonyms = member.synonyms.iter().enumerate();
    let synonyms = synonyms.map(|(n, text)| (format!("{here}.synonyms[{n}]"), text.as_str()));
    for (place, text) in std::iter::once((here.to_owned(), value.as_str())).chain(synonyms) {
        if text.trim().is_empty() || text.len() > VALUE_MAX_BYTES {
            refuse(problems, place, format!("is empty or longer than {VALUE_MAX_BYTES} bytes"));
            continue;
        }
        match seen.entry(fold_key(text)) {
            Entry::Vacant(free) => {
                free.insert(index);
            }
            Entry::Occupied(taken) if *taken.get() != index => {
                let why = format!("\"{text}\" cannot be told from what value {} says", taken.get());
                refuse(problems, place, why);
            }
            Entry::Occupied(_) => {}
        }
    }
    if member.label.as_ref().is_some_and(|label| label.len() > VALUE_MAX_BYTES) {
        refuse(
            problems,
            format!("{here}.label"),
            format!("is longer than {VALUE_MAX_BYTES} bytes"),
        );
    }
}

/// The members, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct ValueSet {
    values: Vec<Value>,
    /// Values and synonyms as they are spelled, trimmed → place in `values`.
    spelled: HashMap<String, u32>,
    /// The same without case, accents and punctuation.
    folded: HashMap<String, u32>,
}

impl ValueSet {
    /// A set of texts.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let one = |text: T| Member {
            value: Value::from(text.as_ref()),
            label: None,
            synonyms: Vec::new(),
        };
        Self::of(texts.into_iter().map(one))
    }

    /// The set of these members; of two that fold alike the first counts.
    pub fn of(members: impl IntoIterator<Item = Member>) -> Self {
        let mut set = Self::default();
        for member in members {
            let Some(text) = scalar_text(&member.value) else { continue };
            let place = set.values.len() as u32;
            for said in std::iter::once(&text).chain(&member.synonyms) {
                set.spelled.entry(said.trim().to_owned()).or_insert(place);
                set.folded.entry(fold_key(said)).or_insert(place);
            }
            set.values.push(member.value);
        }
        set
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, in the order in which they were given.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether the text is a value or a synonym: exactly, or without regard to case, accents and punctuation.
    pub fn contains(&self, text: &str, case_sensitive: bool) -> bool {
        self.spelled.contains_key(text.trim())
            || (!case_sensitive && self.folded.contains_key(&fold_key(text)))
    }

    /// The value that the text stands for, and how it was recognised.
    pub fn find(&self, text: &str) -> Option<(&Value, How)> {
        let place = self.spelled.get(text.trim()).or_else(|| self.folded.get(&fold_key(text)))?;
        let value = self.values.get(*place as usize)?;
        let spelled = scalar_text(value)?;
        let how = match () {
            () if spelled.trim() == text.trim() => How::Exact,
            () if fold_key(&spelled) == fold_key(text) => How::Folded,
            () => How::Synonym,
        };
        Some((value, how))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(given: Value) -> Vec<String> {
        let found = read(given.as_array().unwrap(), "values").expect_err("a refusal");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_value_is_found_by_its_spelling_its_fold_and_its_synonyms() {
        let given = json!(["CA", {"value": "NY", "label": "Empire", "synonyms": ["New York"]}, 7]);
        let set = ValueSet::of(read(given.as_array().unwrap(), "values").unwrap());
        for (text, wanted) in [
            (" CA ", Some((json!("CA"), How::Exact))),
            ("ca", Some((json!("CA"), How::Folded))),
            ("new-york", Some((json!("NY"), How::Synonym))),
            ("7", Some((json!(7), How::Exact))),
            ("Empire", None),
        ] {
            assert_eq!(set.find(text).map(|(v, how)| (v.clone(), how)), wanted, "{text}");
            assert_eq!(set.contains(text, false), wanted.is_some(), "{text}");
        }
        assert!(set.contains("New York", true) && !set.contains("new york", true));
        assert_eq!(set.len(), 3);
    }

    #[test]
    fn what_could_not_be_told_apart_is_refused_with_its_place() {
        assert_eq!(problems(json!([])), ["values: must have at least one value"]);
        assert_eq!(
            problems(json!(["US", "u.s.", {}, {"value": "x", "synonym": []}, [1], " "])),
            [
                "values[1]: \"u.s.\" cannot be told from what value 0 says",
                "values[2]: missing field `value`",
                "values[3]: unknown field `synonym`, expected one of `value`, `label`, `synonyms`",
                "values[4]: is neither text, number nor boolean",
                "values[5]: is empty or longer than 500 bytes",
            ]
        );
        assert_eq!(
            problems(json!(["CA", {"value": "NY", "synonyms": ["ny", "ca"]}])),
            ["values[1].synonyms[1]: \"ca\" cannot be told from what value 0 says"]
        );
        let many: Vec<Value> = (0..=SET_VALUES_MAX).map(Value::from).collect();
        assert!(read(&many, "values").unwrap_err()[0].message.contains("at most 100000"));
        assert!(read(&many[1..], "values").is_ok());
    }

    #[test]
    fn a_name_is_a_word() {
        for (name, good) in [("us-zips_2.1", true), ("", false), ("a b", false), ("é", false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
        assert!(is_name(&"a".repeat(64)) && !is_name(&"a".repeat(65)));
    }
}
