//! A text that is wiped when it is dropped and never shown by accident.
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use zeroize::Zeroizing;

/// A credential in the clear. It has no `Display` and no `Serialize`, and `Debug` says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(Zeroizing<String>);

impl Sensitive {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The credential itself, for the one place that sends or seals it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

/// Every text may be a credential.
impl std::str::FromStr for Sensitive {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

/// Reads a text, and says of anything else only that it is none: what was given may be the credential.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = Sensitive;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Sensitive, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Sensitive, E> {
        Ok(Sensitive::new(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Sensitive, E> {
        Err(E::custom("must be text"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Sensitive, E> {
        Err(E::custom("must be text"))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Sensitive, E> {
        Err(E::custom("must be text"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Sensitive, E> {
        Err(E::custom("must be text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown_and_what_is_no_text_is_not_repeated() {
        let read: Sensitive = serde_json::from_str("\"zz-canary\"").unwrap();
        assert_eq!((read.expose(), format!("{read:?}").as_str()), ("zz-canary", "[REDACTED]"));
        for other in ["4711471147", "-4711", "true", "47.11"] {
            let error = serde_json::from_str::<Sensitive>(other).unwrap_err().to_string();
            assert!(error.starts_with("must be text"), "{error}");
        }
        assert!(serde_json::from_str::<Sensitive>("[\"zz-canary\"]").is_err());
    }
}
