//! Stage 5: is every field that the endpoint needs there?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::PayloadTree;
use super::problem::{Problem, refuse};
use super::view::{check_path, is_blank, lookup};

/// Most paths in one campaign's list.
pub const REQUIRED_MAX: usize = 200;

/// The paths that a campaign lists as required, beside what its payload marks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequiredFields {
    pub fields: Vec<String>,
}

/// A required field that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingField {
    /// Where the lead view lacks it.
    pub path: String,
    pub how: Missing,
    /// The payload's own name for it (`applicant.zip`), if the payload asks for it.
    pub payload_path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// Nothing there, or null.
    Absent,
    /// There, but empty or only spaces.
    Blank,
}

impl RequiredFields {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        if self.fields.len() > REQUIRED_MAX {
            refuse(problems, format!("{at}.fields"), format!("more than {REQUIRED_MAX} fields"));
        }
        for (i, path) in self.fields.iter().enumerate() {
            let here = format!("{at}.fields[{i}]");
            check_path(path, &here, problems);
            if self.fields[..i].contains(path) {
                refuse(problems, here, format!("\"{path}\" is listed twice"));
            }
        }
    }
}

/// Names every required field that is missing or blank, once each: listed ones first, then the payload's.
pub fn missing_fields(
    listed: &RequiredFields,
    payload: &PayloadTree,
    view: &Value,
) -> Vec<MissingField> {
    let mut wanted: Vec<&str> = listed.fields.iter().map(String::as_str).collect();
    let mut names = BTreeMap::new();
    for (source, payload_path) in payload.required_sources() {
        names.entry(source).or_insert(payload_path);
        if !wanted.contains(&source) {
            wanted.push(source);
        }
    }
    let absent = |path| matches!(lookup(view, path), None | Some(Value::Null));
    wanted
        .into_iter()
        .filter(|path| is_blank(lookup(view, path)))
        .map(|path| MissingField {
            path: path.to_owned(),
            how: if absent(path) { Missing::Absent } else { Missing::Blank },
            payload_path: names.get(path).cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_is_named_once_with_how_and_for_whom() {
        let listed = RequiredFields {
            fields: ["lead.email", "lead.phone", "questionnaire.owner", "questionnaire.zip"]
                .map(String::from)
                .to_vec(),
        };
        let payload: PayloadTree = serde_json::from_value(json!({"nodes": [
            {"kind": "object", "key": "who", "children": [
                {"kind": "field", "key": "zip", "source": "questionnaire.zip", "required": true},
                {"kind": "field", "key": "city", "source": "address.city", "required": true},
                {"kind": "field", "key": "note", "source": "custom.note"},
            ]},
        ]}))
        .unwrap();
        let view = json!({
            "lead": {"email": "a@b.c", "phone": null},
            "questionnaire": {"owner": false, "zip": "  "},
        });
        let missing = missing_fields(&listed, &payload, &view);
        let told: Vec<_> =
            missing.iter().map(|m| (m.path.as_str(), m.how, m.payload_path.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("lead.phone", Missing::Absent, None),
                ("questionnaire.zip", Missing::Blank, Some("who.zip")),
                ("address.city", Missing::Absent, Some("who.city")),
            ]
        );
    }

    #[test]
    fn a_list_that_cannot_be_met_is_refused() {
        let listed =
            RequiredFields { fields: vec!["zip".into(), "lead.email".into(), "lead.email".into()] };
        let mut problems = Vec::new();
        listed.validate("required", &mut problems);
        let paths: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["required.fields[0]", "required.fields[2]"]);
    }
}
