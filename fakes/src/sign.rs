//! Signatures and their encodings.
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, hmac};
use serde_json::Value;

/// HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512.
pub use ring::hmac::{
    HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA256 as SHA256, HMAC_SHA512 as SHA512,
};

/// The code over the parts, one after the other.
pub fn mac(algorithm: hmac::Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// A JSON Web Token, HS256.
pub fn jwt(secret: &str, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let code = mac(SHA256, secret.as_bytes(), &[signed.as_bytes()]);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(code))
}

/// The key of a Standard Webhooks secret: what `whsec_` says in base64.
pub fn standard_key(secret: &str) -> Option<Vec<u8>> {
    from_base64(secret.strip_prefix("whsec_").unwrap_or(secret))
}

/// The signature of Standard Webhooks: `v1,` and base64.
pub fn standard(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let head = format!("{id}.{seconds}.");
    format!("v1,{}", base64(&mac(SHA256, key, &[head.as_bytes(), body])))
}

/// Twilio's: the URL as called, then every form field's name and value, sorted.
pub fn twilio(
    algorithm: hmac::Algorithm,
    key: &str,
    url: &str,
    form: &[(String, String)],
) -> String {
    let mut fields: Vec<_> = form.iter().collect();
    fields.sort();
    fields.dedup();
    let mut signed = url.to_owned();
    for (name, value) in fields {
        signed.push_str(name);
        signed.push_str(value);
    }
    base64(&mac(algorithm, key.as_bytes(), &[signed.as_bytes()]))
}

/// Retell's `x-retell-signature`.
pub fn retell(key: &str, milliseconds: i64, body: &[u8]) -> String {
    let at = milliseconds.to_string();
    let code = mac(SHA256, key.as_bytes(), &[body, at.as_bytes()]);
    format!("v={at},d={}", hex(&code))
}

/// ElevenLabs' `elevenlabs-signature`.
pub fn elevenlabs(secret: &str, seconds: i64, body: &[u8]) -> String {
    let head = format!("{seconds}.");
    let code = mac(SHA256, secret.as_bytes(), &[head.as_bytes(), body]);
    format!("t={seconds},v0={}", hex(&code))
}

/// Bland's `x-webhook-signature`.
pub fn bland(secret: &str, body: &[u8]) -> String {
    hex(&mac(SHA256, secret.as_bytes(), &[body]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_providers_hold() {
        let form: Vec<(String, String)> = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(twilio(SHA1, "12345", url, &form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        let sha256 = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
        assert_eq!(twilio(SHA256, "12345", url, &form), sha256);
        let code = "07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e";
        let said = retell("test-api-key", 1_700_000_000_000, br#"{"event":"call_ended"}"#);
        assert_eq!(said, format!("v=1700000000000,d={code}"));
        let code = "bc1aefd5dcc83ca70b1709396a354791b5221b0e63f18ad82cfd2701e6248527";
        assert_eq!(bland("secret", br#"{"call_id":"abc","completed":true}"#), code);
        let key = standard_key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
        let code = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(standard(&key, id, 1_649_367_553, body), code);
    }
}
