//! The key ring: keys of the installation, with ids. The first wraps, every one unwraps.
use super::cipher::{DataKey, Place, SealError, sealed_with};
use crate::{ids::WorkspaceId, key};
use zeroize::Zeroizing;

/// The setting that holds the ring.
pub const SETTING: &str = "LEADRAIL_SECRET_KEYS";
/// Characters of a key's id, at most.
const ID_MAX: usize = 32;
/// Keys of a ring, at most.
pub const KEYS_MAX: usize = 20;

/// Why a ring cannot be had or does not open something. No variant holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error("{SETTING}: entry {at} {why}")]
    Entry { at: usize, why: String },
    #[error("{SETTING}: {0}")]
    Ring(String),
    #[error(
        "this installation has no key ring, so no secret can be kept: set {SETTING} or {SETTING}_FILE (an entry is made by `leadrail secrets generate`)"
    )]
    None,
    #[error("the key ring file {path} {why}")]
    File { path: String, why: String },
    #[error(
        "the workspace's data key was wrapped with the key {wrapped}, which is not in the ring ({ring}): put it back into {SETTING}"
    )]
    Missing { wrapped: String, ring: String },
    #[error("a data key {0}")]
    Seal(#[from] SealError),
}

/// The installation's keys, the one that wraps first.
#[derive(Debug, Clone)]
pub struct KeyRing(Vec<DataKey>);

impl KeyRing {
    /// Reads `id:base64(32 bytes)[,id:base64…]`; entries may also stand on lines of their own.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let mut keys: Vec<DataKey> = Vec::new();
        for (at, entry) in entries.enumerate() {
            let wrong = |why: &str| RingError::Entry { at: at + 1, why: why.to_owned() };
            let (id, base64) =
                entry.split_once(':').ok_or_else(|| wrong("is not of the form id:base64"))?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            if !(1..=ID_MAX).contains(&id.len()) || !id.bytes().all(plain) {
                return Err(wrong("has an id that is not 1 to 32 letters, digits, `_` or `-`"));
            }
            if keys.iter().any(|key| key.id() == id) {
                return Err(wrong("has the id of an entry before it"));
            }
            let read = DataKey::from_base64(id, base64);
            keys.push(read.ok_or_else(|| wrong("is not the base64 of 32 bytes"))?);
        }
        match keys.len() {
            0 => Err(RingError::Ring("holds no key".into())),
            n if n > KEYS_MAX => {
                Err(RingError::Ring(format!("holds {n} keys; at most {KEYS_MAX}")))
            }
            _ => Ok(Self(keys)),
        }
    }

    /// A new entry for a ring, as the setting wants it.
    pub fn new_entry() -> Zeroizing<String> {
        let id = format!("k{}", &key::token()[..6]);
        let made = DataKey::generate(id);
        Zeroizing::new(format!("{}:{}", made.id(), made.to_base64().as_str()))
    }

    /// The id of the key that wraps.
    pub fn first(&self) -> &str {
        self.0[0].id()
    }

    /// The ids of all keys, the one that wraps first.
    pub fn ids(&self) -> Vec<&str> {
        self.0.iter().map(DataKey::id).collect()
    }

    /// Wraps a workspace's data key with the first key.
    pub fn wrap(&self, data_key: &DataKey, workspace: WorkspaceId) -> String {
        self.0[0].seal(data_key.to_base64().as_bytes(), wrapped(data_key.id(), workspace))
    }

    /// Unwraps a workspace's data key with whichever key wrapped it.
    pub fn unwrap(
        &self,
        sealed: &str,
        id: &str,
        workspace: WorkspaceId,
    ) -> Result<DataKey, RingError> {
        let by = sealed_with(sealed)?;
        let missing = || RingError::Missing { wrapped: by.into(), ring: self.ids().join(", ") };
        let key = self.0.iter().find(|key| key.id() == by).ok_or_else(missing)?;
        let clear = key.open(sealed, wrapped(id, workspace))?;
        let text = std::str::from_utf8(&clear).map_err(|_| SealError::Form)?;
        DataKey::from_base64(id, text).ok_or(RingError::Seal(SealError::Form))
    }
}

fn wrapped(id: &str, workspace: WorkspaceId) -> Place<'_> {
    Place { table: "data_key", column: "wrapped", row: id, workspace }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_reads_its_entries_and_names_the_bad_one() {
        let (one, two) = (KeyRing::new_entry(), KeyRing::new_entry());
        let ring = KeyRing::parse(&format!("{}, {}\n", *one, *two)).unwrap();
        assert_eq!(ring.ids().len(), 2);
        assert!(one.starts_with(&format!("{}:", ring.first())));
        let shown = format!("{ring:?}");
        assert!(!shown.contains(one.split_once(':').unwrap().1), "{shown}");
        for (bad, says) in [
            (String::new(), "holds no key"),
            ("secret".into(), "entry 1 is not of the form id:base64"),
            ("a b:AAAA".into(), "entry 1 has an id that is not"),
            (format!("{},{}", *one, *one), "entry 2 has the id of an entry before it"),
            (format!("{},k:c2hvcnQ=", *one), "entry 2 is not the base64 of 32 bytes"),
        ] {
            let error = KeyRing::parse(&bad).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(SETTING), "{error}");
            assert!(!error.contains("AAAA") && !error.contains("c2hvcnQ"), "{error}");
        }
    }

    #[test]
    fn rotation_wraps_with_the_new_key_and_what_lost_its_key_says_which() {
        let (old, new) = (KeyRing::new_entry(), KeyRing::new_entry());
        let workspace = WorkspaceId::new();
        let before = KeyRing::parse(&old).unwrap();
        let data_key = DataKey::generate("d1");
        let wrapped = before.wrap(&data_key, workspace);
        let both = KeyRing::parse(&format!("{},{}", *new, *old)).unwrap();
        let opened = both.unwrap(&wrapped, "d1", workspace).unwrap();
        assert_eq!(*opened.to_base64(), *data_key.to_base64());
        let rewrapped = both.wrap(&opened, workspace);
        let after = KeyRing::parse(&new).unwrap();
        assert!(after.unwrap(&rewrapped, "d1", workspace).is_ok());
        let error = after.unwrap(&wrapped, "d1", workspace).unwrap_err().to_string();
        assert!(error.contains(before.first()) && error.contains(after.first()), "{error}");
        assert!(after.unwrap(&rewrapped, "d1", WorkspaceId::new()).is_err(), "another workspace");
        assert!(after.unwrap(&rewrapped, "d2", workspace).is_err(), "another data key");
    }
}
