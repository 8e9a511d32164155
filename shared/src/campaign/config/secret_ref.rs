//! A credential in a configuration: the name of a secret of the workspace, never the value.
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapAccessDeserializer},
};
use serde_json::Value;
use std::fmt;

/// Characters of a secret's name, at most.
pub const SECRET_NAME_MAX: usize = 64;

/// The name of a secret: `{"secret": "NAME"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SecretRef {
    /// A secret of the workspace, kept with `PUT /secrets/{name}`.
    pub secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    secret: String,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reference)
    }
}

struct Reference;

impl<'de> de::Visitor<'de> for Reference {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{\"secret\": \"NAME\"}")
    }

    /// What was given may be the credential: the refusal does not repeat it.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(
            "holds a credential in clear; keep it with PUT /api/v1/secrets/NAME and write {\"secret\": \"NAME\"} here",
        ))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
        let named = Named::deserialize(MapAccessDeserializer::new(map))?;
        Ok(SecretRef { secret: named.secret })
    }
}

/// Whether a text may name a secret.
pub fn is_secret_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=SECRET_NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// Every secret that a configuration names, with its path: each object with a text under `secret`.
pub fn named_secrets(config: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(config, String::new(), &mut found);
    found
}

fn walk(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            let plain = members.keys().all(|key| key == "secret" || key == "prefix");
            if let Some(Value::String(name)) = members.get("secret").filter(|_| plain) {
                found.push((path, name.clone()));
                return;
            }
            for (key, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                walk(member, format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, format!("{path}[{at}]"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plain_credential_is_refused_without_being_repeated() {
        let read: SecretRef = serde_json::from_value(json!({"secret": "buyer"})).unwrap();
        assert_eq!(read.secret, "buyer");
        for bad in [
            json!("zz-canary"),
            json!(5),
            json!({"secrt": "a"}),
            json!({"secret": "a", "value": "zz-canary"}),
        ] {
            let error = serde_json::from_value::<SecretRef>(bad).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn every_named_secret_is_found_with_its_path() {
        let config = json!({"endpoints": [
            {"headers": {"X-Key": {"secret": "a", "prefix": "Token "}, "X-Plain": "secret"}},
            {"auth": {"type": "bearer", "token": {"secret": "b"}}},
        ], "payload": {"secret": "a field", "of": "a document"}});
        let found = named_secrets(&config);
        let found: Vec<_> =
            found.iter().map(|(path, name)| (path.as_str(), name.as_str())).collect();
        assert_eq!(found, [("endpoints[0].headers.X-Key", "a"), ("endpoints[1].auth.token", "b")]);
    }

    #[test]
    fn a_name_is_plain() {
        assert!(is_secret_name("sunpeak.token-2_a") && is_secret_name(&"a".repeat(64)));
        for bad in ["", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_secret_name(bad), "{bad}");
        }
    }
}
