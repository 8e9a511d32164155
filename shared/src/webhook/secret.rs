//! Secrets that messages are signed with: made here, shown once, and for a while two at once.
use crate::{
    clock::Time,
    outreach::providers::sign::{self, SECRET_PREFIX},
    secret::Sensitive,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Duration;
use rand::RngCore;
use zeroize::Zeroizing;

/// How long the secret before still signs after a rotation.
pub const OVERLAP: Duration = Duration::hours(24);
const BYTES: usize = 32;

/// A new secret: `whsec_` and base64.
pub fn make() -> Sensitive {
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    rand::rng().fill_bytes(bytes.as_mut());
    Sensitive::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes.as_ref())))
}

/// The value of `webhook-signature`: one signature for each secret, the newest first.
pub fn sign_all(
    secrets: &[Sensitive],
    (id, at, body): (&str, Time, &str),
) -> Result<String, &'static str> {
    let signatures: Result<Vec<String>, &'static str> = secrets
        .iter()
        .map(|secret| {
            let key = sign::decode_secret(secret.expose())?;
            Ok(sign::sign(key.bytes(), id, at.timestamp(), body.as_bytes()))
        })
        .collect();
    Ok(signatures?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outreach::Incoming, testing::noon};

    #[test]
    fn each_secret_is_another_and_either_of_two_verifies() {
        let secrets = [make(), make()];
        assert_ne!(secrets[0], secrets[1]);
        assert!(!format!("{secrets:?}").contains(SECRET_PREFIX));
        let signed = sign_all(&secrets, ("whm_1", noon(), "{}")).unwrap();
        let given = [
            ("webhook-id".to_owned(), "whm_1".to_owned()),
            ("webhook-timestamp".to_owned(), noon().timestamp().to_string()),
            ("webhook-signature".to_owned(), signed),
        ];
        for secret in &secrets {
            let key = sign::decode_secret(secret.expose()).unwrap();
            let incoming = Incoming { url: "", query: "", headers: &given, body: b"{}" };
            sign::verify(&[key.bytes()], &incoming, noon()).unwrap();
        }
    }
}
