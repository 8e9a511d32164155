//! How Vapi proves that a webhook is its own: a secret in a header, a token in a header, or an HMAC whose form the account chooses.
use super::{
    MissingSecret, Secrets,
    sign::{Hash, Key, TOLERANCE_SECONDS, fresh, milliseconds, same, unbase64, unhex},
};
use crate::{
    clock::Time,
    outreach::{
        Incoming, NotGenuine,
        agent::{HmacAlgorithm, SignatureEncoding, VapiAuth, VapiHmac},
    },
    secret::Sensitive,
};

const SECRET: &str = "x-vapi-secret";
/// Signatures of one webhook that are looked at, at most.
const SIGNATURES_MAX: usize = 20;
/// Names that a payload's form may have in braces.
pub const PLACES: [&str; 5] = ["{body}", "{timestamp}", "{method}", "{url}", "{svix-id}"];

/// A way with its credentials opened.
#[derive(Debug)]
pub enum Opened {
    /// The header's name in lower case, and its whole value.
    Header(String, Sensitive),
    Hmac(Box<VapiHmac>, Key),
}

impl Opened {
    pub(super) fn open(auth: &VapiAuth, secrets: Secrets<'_>) -> Result<Self, MissingSecret> {
        const PATH: &str = "webhookAuth.secret";
        Ok(match auth {
            VapiAuth::Secret { secret } => Self::Header(SECRET.into(), secrets.get(PATH, secret)?),
            VapiAuth::Bearer { token, header, prefix } => {
                let token = secrets.get("webhookAuth.token", token)?;
                let whole = format!("{}{}", prefix.as_deref().unwrap_or("Bearer "), token.expose());
                let header = header.as_deref().unwrap_or("authorization").to_ascii_lowercase();
                Self::Header(header, Sensitive::new(whole))
            }
            VapiAuth::Hmac(hmac) => {
                let key = secrets.decoded(PATH, &hmac.secret, |secret| {
                    let plain = Some(secret.as_bytes().to_vec()).filter(|_| !hmac.secret_is_base64);
                    let key = plain.or_else(|| unbase64(secret.trim()));
                    key.filter(|key| !key.is_empty()).map(Key::new).ok_or("is not base64")
                })?;
                Self::Hmac(Box::new(hmac.clone()), key)
            }
        })
    }

    pub fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        match self {
            Self::Header(name, wanted) => match incoming.header(name) {
                Some(given) if same(wanted.expose(), given) => Ok(()),
                Some(_) => Err(NotGenuine::Forged),
                None => Err(NotGenuine::Unsigned("the header with the secret")),
            },
            Self::Hmac(settings, key) => signed(settings, key, incoming, now),
        }
    }
}

fn signed(
    settings: &VapiHmac,
    key: &Key,
    incoming: &Incoming<'_>,
    now: Time,
) -> Result<(), NotGenuine> {
    let header = |name: &str| incoming.header(&name.to_ascii_lowercase());
    let given = header(&settings.signature_header);
    let given = given.ok_or(NotGenuine::Unsigned("the header with the signature"))?;
    let timestamp = header(&settings.timestamp_header);
    if settings.include_timestamp {
        let timestamp = timestamp.ok_or(NotGenuine::Unsigned("the header with the time"))?;
        let at = milliseconds(timestamp).ok_or(NotGenuine::Malformed("the time"))?;
        fresh(at, now, TOLERANCE_SECONDS)?;
    }
    let id = header(settings.message_id_header.as_deref().unwrap_or("svix-id"));
    let message = payload(&settings.payload_format, |place| match place {
        "{body}" => Some(incoming.body),
        "{timestamp}" => timestamp.map(str::as_bytes),
        "{method}" => Some(b"POST"),
        "{url}" => Some(incoming.url.as_bytes()),
        _ => id.map(str::as_bytes),
    });
    let message = message.ok_or(NotGenuine::Unsigned("a header that is signed"))?;
    let hash = match settings.algorithm {
        HmacAlgorithm::Sha1 => Hash::Sha1,
        HmacAlgorithm::Sha256 => Hash::Sha256,
        HmacAlgorithm::Sha512 => Hash::Sha512,
    };
    let decode = match settings.signature_encoding {
        SignatureEncoding::Hex => unhex,
        SignatureEncoding::Base64 => unbase64,
    };
    let tags = given.split_whitespace().take(SIGNATURES_MAX);
    let mut tags = tags.filter_map(|one| decode(one.strip_prefix(&settings.signature_prefix)?));
    let fits = tags.any(|tag| hash.fits(key.bytes(), &message, &tag));
    if fits { Ok(()) } else { Err(NotGenuine::Forged) }
}

/// The form with its places filled, each once and from the left: what is filled in is not looked at again. None when one is missing.
fn payload<'a>(form: &str, fill: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Vec<u8>> {
    let (mut rest, mut whole) = (form, Vec::new());
    while !rest.is_empty() {
        if let Some(place) = PLACES.iter().find(|place| rest.starts_with(**place)) {
            whole.extend_from_slice(fill(place)?);
            rest = &rest[place.len()..];
        } else {
            let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
            whole.extend_from_slice(&rest.as_bytes()[..next]);
            rest = &rest[next..];
        }
    }
    Some(whole)
}

#[cfg(test)]
#[path = "vapi_auth_tests.rs"]
mod tests;
