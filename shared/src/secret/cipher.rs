//! Sealing with XChaCha20-Poly1305: a random nonce of 24 bytes needs no counter, so any number of processes may seal with one key.
use crate::key::hex;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::RngCore;
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// How sealed texts are written; another form would be another number.
const VERSION: &str = "1";
/// Begins everything that is hashed with a key, so that no hash means anything elsewhere.
const HASHED: &[u8] = b"leadrail keyed hash 1\0";

/// Where a sealed text is kept. It opens in this place only.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: &'a str,
    pub workspace: crate::ids::WorkspaceId,
}

impl Place<'_> {
    fn bound(&self) -> String {
        format!("{}|{}|{}|{}", self.table, self.column, self.row, self.workspace)
    }
}

/// Why a sealed text does not open. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("is not a sealed text of this program's form")]
    Form,
    #[error("was sealed with the key {sealed}, not with {given}")]
    OtherKey { sealed: String, given: String },
    #[error(
        "does not open with the key {0}: the key is another one of that name, or the text was damaged or moved here"
    )]
    Closed(String),
}

/// A key with the id that sealed texts name it by.
#[derive(Clone)]
pub struct DataKey {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({}, [REDACTED])", self.id)
    }
}

impl DataKey {
    /// A new key, of the operating system's randomness.
    pub fn generate(id: impl Into<String>) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut());
        Self { id: id.into(), bytes }
    }

    /// Reads [`DataKey::to_base64`] back; none when it is not a key.
    pub fn from_base64(id: impl Into<String>, text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(BASE64.decode(text.trim_end_matches('=')).ok()?);
        let bytes = Zeroizing::new(<[u8; KEY_BYTES]>::try_from(decoded.as_slice()).ok()?);
        Some(Self { id: id.into(), bytes })
    }

    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(self.bytes.as_ref()))
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// `version:key id:base64(nonce, ciphertext)`.
    pub fn seal(&self, clear: &[u8], place: Place) -> String {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let bound = place.bound();
        let payload = Payload { msg: clear, aad: bound.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a credential is shorter than the cipher's 256 GiB");
        format!("{VERSION}:{}:{}", self.id, BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    pub fn open(&self, sealed: &str, place: Place) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, blob) = parts(sealed)?;
        if id != self.id {
            return Err(SealError::OtherKey { sealed: id.to_owned(), given: self.id.clone() });
        }
        let (nonce, sealed) = blob.split_at(NONCE_BYTES);
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Form)?;
        let bound = place.bound();
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        let clear = self.cipher().decrypt(&nonce, payload);
        clear.map(Zeroizing::new).map_err(|_| SealError::Closed(self.id.clone()))
    }

    /// HMAC-SHA256 in hexadecimal: the same for the same text, and without the key nobody can try texts out.
    pub fn keyed_hash(&self, what: &str) -> String {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*self.bytes));
        mac.update(HASHED);
        mac.update(what.as_bytes());
        hex(mac.sign().as_ref())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes).into())
    }
}

/// The id of the key that sealed a text.
pub(super) fn sealed_with(sealed: &str) -> Result<&str, SealError> {
    parts(sealed).map(|(id, _)| id)
}

fn parts(sealed: &str) -> Result<(&str, Vec<u8>), SealError> {
    let mut parts = sealed.splitn(3, ':');
    let (version, id, blob) = (parts.next(), parts.next(), parts.next());
    let (Some(VERSION), Some(id), Some(blob)) = (version, id, blob) else {
        return Err(SealError::Form);
    };
    let blob = BASE64.decode(blob).map_err(|_| SealError::Form)?;
    if blob.len() < NONCE_BYTES { Err(SealError::Form) } else { Ok((id, blob)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::WorkspaceId;

    fn place(row: &str, workspace: WorkspaceId) -> Place<'_> {
        Place { table: "secret", column: "sealed", row, workspace }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let (key, own, other) = (DataKey::generate("k1"), WorkspaceId::new(), WorkspaceId::new());
        let sealed = key.seal(b"zz-canary", place("buyer", own));
        assert!(sealed.starts_with("1:k1:") && !sealed.contains("canary"), "{sealed}");
        assert_eq!(key.open(&sealed, place("buyer", own)).unwrap().as_slice(), b"zz-canary");
        let closed = Err(SealError::Closed("k1".into()));
        assert_eq!(key.open(&sealed, place("other", own)), closed, "another row");
        assert_eq!(key.open(&sealed, place("buyer", other)), closed, "another workspace");
        let column = Place { column: "wrapped", ..place("buyer", own) };
        assert_eq!(key.open(&sealed, column), closed, "another column");
        let table = Place { table: "oauth_token", ..place("buyer", own) };
        assert_eq!(key.open(&sealed, table), closed, "another table");
        assert_ne!(sealed, key.seal(b"zz-canary", place("buyer", own)), "a nonce is used once");
    }

    #[test]
    fn a_wrong_key_says_which_and_damage_is_seen() {
        let (key, own) = (DataKey::generate("k1"), WorkspaceId::new());
        let sealed = key.seal(b"value", place("buyer", own));
        let error = DataKey::generate("k2").open(&sealed, place("buyer", own)).unwrap_err();
        assert_eq!(error.to_string(), "was sealed with the key k1, not with k2");
        let namesake = DataKey::generate("k1").open(&sealed, place("buyer", own));
        assert_eq!(namesake, Err(SealError::Closed("k1".into())));
        for at in "1:k1:".len()..sealed.len() {
            let mut damaged = sealed.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(key.open(&damaged, place("buyer", own)).is_err(), "{damaged}");
        }
        for bad in ["", "1:k1", "2:k1:AAAA", "1:k1:AAAA", "1:k1:?", "value"] {
            assert_eq!(key.open(bad, place("buyer", own)), Err(SealError::Form), "{bad}");
        }
    }

    #[test]
    fn it_is_the_published_xchacha20_poly1305() {
        // draft-irtf-cfrg-xchacha-03, A.3.1.
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce: Vec<u8> = (0x40..=0x57).collect();
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
            sunscreen would be it.";
        let cipher = XChaCha20Poly1305::new_from_slice(&key).unwrap();
        let payload = Payload { msg: text, aad: &aad };
        let sealed = cipher.encrypt(&XNonce::try_from(nonce.as_slice()).unwrap(), payload).unwrap();
        assert_eq!(sealed[..4], [0xbd, 0x6d, 0x17, 0x9d]);
        assert_eq!(sealed[sealed.len() - 4..], [0x78, 0x0a, 0xcf, 0x49]);
    }

    #[test]
    fn a_keyed_hash_is_the_hmac_of_the_labelled_text() {
        // Python: hmac.new(bytes(range(32)), b"leadrail keyed hash 1\0+14155550100", "sha256").hexdigest()
        let bytes: Vec<u8> = (0..32).collect();
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        let key = DataKey::from_base64("k1", &encoded).unwrap();
        let known = "ac7bb048aa097aa1a65b2492d3e67d337db9006717224bb01d6c650f1c73b901";
        assert_eq!(key.keyed_hash("+14155550100"), known);
        assert_ne!(key.keyed_hash("+14155550101"), known);
        assert_ne!(DataKey::generate("k1").keyed_hash("+14155550100"), known);
    }

    #[test]
    fn debug_shows_no_key() {
        let key = DataKey::generate("k1");
        let shown = format!("{key:?}");
        assert_eq!(shown, "DataKey(k1, [REDACTED])");
        let read = DataKey::from_base64("k1", &key.to_base64()).unwrap();
        assert_eq!(*read.bytes, *key.bytes);
        assert!(DataKey::from_base64("k1", "c2hvcnQ=").is_none());
    }
}
