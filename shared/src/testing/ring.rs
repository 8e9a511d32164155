//! The key ring of tests: always the same, so that whoever opens a test's database opens its secrets.
use crate::secret::{KeyRing, RingSource};

/// A ring with one key.
pub fn ring() -> RingSource {
    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    RingSource::Given(KeyRing::parse(key).expect("32 bytes in base64"))
}
