//! API keys: their form, and what is kept of them.
use rand::Rng;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Every key begins with this, so that leaked ones can be searched for.
pub const PREFIX: &str = "lr_live_";
/// Random characters of a key: 32 of base62, 190 bits.
const SECRET_LEN: usize = 32;
/// Characters of the checksum that catches typing errors before the database is asked.
const CHECK_LEN: usize = 6;
/// Characters that may be shown, to recognise a key by.
const SHOWN_LEN: usize = PREFIX.len() + 4;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key may do. `admin` may do everything in its workspace; `ops` sees and moves its jobs. `installation` is what no workspace's
/// owner has by itself: it stops and starts lanes, which all workspaces share.
pub const SCOPES: [&str; 8] = [
    "admin",
    "leads:read",
    "leads:write",
    "campaigns:read",
    "campaigns:write",
    "ops",
    "secrets:write",
    "installation",
];

/// A new key; the only time it is known whole.
pub fn generate() -> String {
    let mut random = rand::rng(); // cryptographically secure, seeded by the operating system
    let secret: String =
        (0..SECRET_LEN).map(|_| BASE62[random.random_range(0..62)] as char).collect();
    let check = checksum(&secret);
    format!("{PREFIX}{secret}{check}")
}

/// Whether a text has a key's form and checksum. Says nothing about whether the key exists.
pub fn is_well_formed(key: &str) -> bool {
    let Some(rest) = key.strip_prefix(PREFIX) else { return false };
    rest.is_ascii()
        && rest.len() == SECRET_LEN + CHECK_LEN
        && rest[SECRET_LEN..] == checksum(&rest[..SECRET_LEN])
}

/// SHA-256, hexadecimal: what is stored of keys, resume tokens and request bodies.
pub fn hash(text: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(text.as_ref()))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    })
}

/// The characters by which a key is recognised in lists.
pub fn shown(key: &str) -> &str {
    &key[..SHOWN_LEN.min(key.len())]
}

/// A single-use token with 190 random bits, for resuming a park.
pub fn token() -> String {
    generate().split_off(PREFIX.len())
}

fn checksum(secret: &str) -> String {
    let mut rest = crc32fast::hash(secret.as_bytes());
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_well_formed_and_a_damaged_one_is_not() {
        let key = generate();
        assert!(is_well_formed(&key), "{key}");
        assert_ne!(key, generate());
        for at in PREFIX.len()..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(!is_well_formed(&damaged), "{damaged}");
        }
        for bad in ["", "lr_live_", "lr_live_ü", &key[1..], &format!("{key}0")] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn the_hash_is_sha256() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
