//! Signatures of webhooks: HMAC over `ring`, compared in constant time, and Standard Webhooks both ways.
use crate::{
    clock::Time,
    outreach::{Incoming, NotGenuine},
};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::{digest, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// Seconds that a signed webhook may be old or ahead of our clock.
pub const TOLERANCE_SECONDS: i64 = 300;
/// Bytes of a Standard Webhooks secret.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What such a secret begins with, as people see it.
pub const SECRET_PREFIX: &str = "whsec_";
/// Signatures of one webhook that are looked at, at most.
const SIGNATURES_MAX: usize = 20;
/// A time above this many is in milliseconds: as seconds it would be in the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// Digits of a time in seconds, at most: fewer than any number that counts as milliseconds.
const SECONDS_DIGITS: usize = 11;

/// As the real clients read base64: padded or not, whatever the last bits say.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false));

/// A key in the clear: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// The hash inside an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn key(self, key: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::Key::new(algorithm, key)
    }

    /// The HMAC of a message.
    pub fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key(key), message).as_ref().to_vec()
    }

    /// Whether an HMAC is that of a message, in constant time.
    pub fn fits(self, key: &[u8], message: &[u8], given: &[u8]) -> bool {
        hmac::verify(&self.key(key), message, given).is_ok()
    }
}

/// Whether a given text is the expected one; takes as long wherever they differ.
pub fn same(expected: &str, given: &str) -> bool {
    let key: &[u8] = b"texts are compared by their codes";
    Hash::Sha256.fits(key, given.as_bytes(), &Hash::Sha256.sign(key, expected.as_bytes()))
}

/// The SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// Bytes as hexadecimal digits, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Hexadecimal digits of either case as bytes.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// Bytes in base64, padded.
pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Base64, padded or not, as bytes.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Bytes in base64 for URLs, without padding.
pub fn base64_url(bytes: &[u8]) -> String {
    BASE64_URL.encode(bytes)
}

/// Base64 for URLs as bytes.
pub fn unbase64_url(text: &str) -> Option<Vec<u8>> {
    BASE64_URL.decode(text).ok()
}

/// Whether a time in milliseconds is close enough to our own; `tolerance` is in seconds, both ways.
pub fn fresh(milliseconds: i64, now: Time, tolerance: i64) -> Result<(), NotGenuine> {
    let apart = i128::from(now.timestamp_millis()) - i128::from(milliseconds);
    if apart.abs() <= i128::from(tolerance) * 1_000 {
        Ok(())
    } else {
        Err(NotGenuine::Stale(tolerance))
    }
}

/// A time that is written in seconds or in milliseconds, in milliseconds.
pub fn milliseconds(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let value: i64 = text.parse().ok().filter(|_| digits)?;
    if value > MILLISECONDS_FROM { Some(value) } else { value.checked_mul(1_000) }
}

/// The bytes of a secret that is written as `whsec_` and base64.
pub fn decode_secret(text: &str) -> Result<Key, &'static str> {
    let text = text.trim();
    let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    let key = unbase64(encoded).map(Key::new).ok_or("is not `whsec_` and base64")?;
    if SECRET_BYTES.contains(&key.bytes().len()) {
        Ok(key)
    } else {
        Err("does not hold 24 to 64 bytes as base64")
    }
}

/// The value of `webhook-signature` for one secret: `v1,` and base64. The id and the time (seconds since 1970) go along in
/// `webhook-id` and `webhook-timestamp`. For several secrets, join the values with a blank.
pub fn sign(secret: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let tag = Hash::Sha256.sign(secret, &signed(id, &timestamp.to_string(), body));
    format!("v1,{}", base64(&tag))
}

/// Whether a webhook carries a signature of Standard Webhooks by one of the secrets.
pub fn verify(secrets: &[&[u8]], incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
    let header = |name: &'static str| incoming.header(name).ok_or(NotGenuine::Unsigned(name));
    let id = header("webhook-id")?;
    let timestamp = header("webhook-timestamp")?;
    let signatures = header("webhook-signature")?;
    let seconds = milliseconds(timestamp).filter(|_| timestamp.len() <= SECONDS_DIGITS);
    fresh(seconds.ok_or(NotGenuine::Malformed("webhook-timestamp"))?, now, TOLERANCE_SECONDS)?;
    let message = signed(id, timestamp, incoming.body);
    let given =
        signatures.split(' ').take(SIGNATURES_MAX).filter_map(|one| one.strip_prefix("v1,"));
    for tag in given.filter_map(unbase64) {
        if secrets.iter().any(|secret| Hash::Sha256.fits(secret, &message, &tag)) {
            return Ok(());
        }
    }
    Err(NotGenuine::Forged)
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
