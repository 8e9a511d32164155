//! Conditions about what a lead's source said of its visit, of consent and of documents: `attribution.params.utm_source:google`.
use crate::lead::Details;
use serde_json::Value;

/// Conditions at once, at most.
pub const CONDITIONS_MAX: usize = 5;

/// That a member says exactly this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    member: Member,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    Attribution(String),
    Param(String),
    Compliance(String),
    /// The status of the document with this key.
    File(String),
}

impl Condition {
    /// Reads `<member>:<value>`: the first colon ends the member.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = "is no condition; one looks like attribution.params.utm_source:google, compliance.tcpaConsent:true or file.contract:signed";
        let (path, value) = text.split_once(':').ok_or(shape)?;
        let member = Member::parse(path.trim()).ok_or_else(|| {
            format!("knows no member {path:?}: there are attribution.<member>, attribution.params.<key>, compliance.<member> and file.<key>")
        })?;
        Ok(Self { member, value: value.to_owned() })
    }

    /// Whether it is so. Numbers and booleans are compared as they are written.
    pub fn holds(&self, details: &Details) -> bool {
        let said = match &self.member {
            Member::Attribution(name) => details.attribution.get(name),
            Member::Param(key) => details.attribution.get("params").and_then(|map| map.get(key)),
            Member::Compliance(name) => details.compliance.get(name),
            Member::File(key) => details.file(key).and_then(|file| file.get("status")),
        };
        match said {
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Number(number)) => number.to_string() == self.value,
            Some(Value::Bool(is)) => is.to_string() == self.value,
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
        }
    }
}

impl Member {
    fn parse(path: &str) -> Option<Self> {
        let (root, name) = path.split_once('.')?;
        let own = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        match (root, name.strip_prefix("params.")) {
            ("attribution", Some(key)) => own(key).map(Self::Param),
            ("attribution", None) => own(name).map(Self::Attribution),
            ("compliance", _) => own(name).map(Self::Compliance),
            ("file", _) => own(name).map(Self::File),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_holds_for_what_was_said_exactly_so() {
        let details: Details = serde_json::from_value(json!({
            "attribution": {"gclid": "a:b", "params": {"utm.source": "google", "n": 5}},
            "compliance": {"tcpaConsent": true, "list": ["x"]},
            "files": [{"fileKey": "contract", "status": "signed"}],
        }))
        .unwrap();
        let holds = |text: &str| Condition::parse(text).unwrap().holds(&details);
        for yes in [
            "attribution.gclid:a:b",
            "attribution.params.utm.source:google",
            "attribution.params.n:5",
            "compliance.tcpaConsent:true",
            "file.contract:signed",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "attribution.gclid:a",
            "attribution.params.utm.source:Google",
            "compliance.tcpaConsent:false",
            "compliance.list:x",
            "compliance.absent:",
            "file.contract:pending",
            "file.other:signed",
        ] {
            assert!(!holds(no), "{no}");
        }
        for bad in
            ["", "gclid:x", "attribution.gclid", "lead.email:x", "file.:x", "attribution.params.:x"]
        {
            assert!(Condition::parse(bad).is_err(), "{bad}");
        }
    }
}
