//! `X-Twilio-Signature`: an HMAC over the URL that was called and the parameters of the form, or over the URL alone, which then holds the
//! hash of the body. With SHA-1 under the account's token, or with SHA-256 under a key of its own.
use super::sign::{Hash, sha256, unbase64, unhex};
use crate::{
    outreach::{Incoming, NotGenuine},
    secret::Sensitive,
};
use std::{borrow::Cow, collections::BTreeSet};
use url::form_urlencoded;

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const BODY_HASH: &str = "bodySHA256";

/// What the signatures of one account are made with.
#[derive(Debug)]
pub struct Keys {
    /// The account's token and, while they are exchanged, the one before.
    pub tokens: Vec<Sensitive>,
    /// A key with its id.
    pub shared: Option<(String, Sensitive)>,
}

impl Keys {
    /// Whether a webhook is signed with one of the keys.
    pub fn verify(&self, incoming: &Incoming<'_>) -> Result<(), NotGenuine> {
        let given = incoming.header(SIGNATURE).ok_or(NotGenuine::Unsigned(SIGNATURE))?;
        let given = unbase64(given.trim()).ok_or(NotGenuine::Malformed(SIGNATURE))?;
        let (hash, keys) = self.by_settings(incoming.header(SETTINGS).unwrap_or_default())?;
        let parameters = parameters(incoming)?;
        let fits = |url: &str| {
            let message = format!("{url}{parameters}");
            let by =
                |key: &&Sensitive| hash.fits(key.expose().as_bytes(), message.as_bytes(), &given);
            keys.iter().any(by)
        };
        if urls(incoming.url).iter().any(|url| fits(url)) {
            Ok(())
        } else {
            Err(NotGenuine::Forged)
        }
    }

    /// The hash and the keys that the webhook says it is signed with: `key=<id>,algorithm=HMAC_SHA256`, or nothing.
    fn by_settings(&self, settings: &str) -> Result<(Hash, Vec<&Sensitive>), NotGenuine> {
        let setting = |wanted: &str| {
            let pairs = settings.split(',').filter_map(|part| part.split_once('='));
            pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == wanted)
        };
        let algorithm = setting("algorithm").map_or("", |(_, value)| value).to_uppercase();
        match algorithm.as_str() {
            "" | "HMAC_SHA1" => Ok((Hash::Sha1, self.tokens.iter().collect())),
            "HMAC_SHA256" => {
                let id = setting("key").map(|(_, id)| id);
                let known = self.shared.as_ref().filter(|(own, _)| id.is_none_or(|id| id == own));
                let (_, key) = known.ok_or(NotGenuine::Malformed("it names an unknown key"))?;
                Ok((Hash::Sha256, vec![key]))
            }
            _ => Err(NotGenuine::Malformed("it names an unknown algorithm")),
        }
    }
}

/// What is signed after the URL: the form's names and values, each pair once and in order. Nothing for another body, whose hash must be in
/// the URL then: it would not be signed otherwise.
fn parameters(incoming: &Incoming<'_>) -> Result<String, NotGenuine> {
    let kind = incoming.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let pairs: BTreeSet<(Cow<'_, str>, Cow<'_, str>)> =
            form_urlencoded::parse(incoming.body).collect();
        return Ok(pairs.into_iter().map(|(name, value)| format!("{name}{value}")).collect());
    }
    let hash =
        form_urlencoded::parse(incoming.query.as_bytes()).find(|(name, _)| name == BODY_HASH);
    match hash.map(|(_, hash)| unhex(&hash)) {
        Some(Some(hash)) if hash == sha256(incoming.body) => Ok(String::new()),
        Some(_) => Err(NotGenuine::Forged),
        None if incoming.body.is_empty() => Ok(String::new()),
        None => Err(NotGenuine::Unsigned(BODY_HASH)),
    }
}

/// The URL as Twilio may have signed it: with a port and without.
fn urls(url: &str) -> [Cow<'_, str>; 2] {
    let Some((scheme, rest)) = url.split_once("://") else {
        return [url.into(), url.into()];
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    match port {
        Some((name, _)) => [url.into(), format!("{scheme}://{name}{path}").into()],
        None => {
            let port = if scheme == "https" { 443 } else { 80 };
            [url.into(), format!("{scheme}://{host}:{port}{path}").into()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outreach::providers::testing::headers;

    const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
    const PLACE: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const CALL: &str = "Digits=1234&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&From=%2B14158675309&To=%2B18005551212";
    const BY_SHA1: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    const BY_SHA256: &str = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    const SHARED: &str = "key=webhooks_k1,algorithm=HMAC_SHA256";

    fn keys(tokens: &[&str]) -> Keys {
        let tokens = tokens.iter().map(|token| Sensitive::from(*token)).collect();
        Keys { tokens, shared: Some(("webhooks_k1".into(), "12345".into())) }
    }

    /// What a webhook with these headers comes to under the token `12345` and an older one.
    fn verified(url: &str, given: &[(&str, &str)], body: &str) -> Result<(), NotGenuine> {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let headers = headers(given);
        let incoming = Incoming { url, query, headers: &headers, body: body.as_bytes() };
        keys(&["new", "12345"]).verify(&incoming)
    }

    #[test]
    fn the_published_vectors_are_verified() {
        let form = ("content-type", FORM);
        let repeated = "A=2&A=1&A=1&b=";
        for (url, kind, signature, settings, body) in [
            (PLACE, form, BY_SHA1, "", CALL),
            (PLACE, form, BY_SHA1, "key=webhooks_k1", CALL),
            (PLACE, form, BY_SHA256, SHARED, CALL),
            (PLACE, form, BY_SHA256, "algorithm=hmac_sha256", CALL),
            ("https://a.b/x", form, "AWmVYITQ6MONOKU+2uLWfmotT5Q=", "", repeated),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
                ("content-type", "application/json"),
                "a9nBmqA0ju/hNViExpshrM61xv4=",
                "",
                r#"{"property": "value", "boolean": true}"#,
            ),
        ] {
            let given = [kind, (SIGNATURE, signature), (SETTINGS, settings)];
            assert_eq!(verified(url, &given, body), Ok(()), "{url} {settings}");
            let changed = body.replace('1', "3").replace("true", "false");
            assert_eq!(verified(url, &given, &changed), Err(NotGenuine::Forged), "{changed}");
        }
    }

    #[test]
    fn the_port_may_be_signed_or_not() {
        let sign = |url: &str| {
            let tag = Hash::Sha1.sign(b"12345", url.as_bytes());
            super::super::sign::base64(&tag)
        };
        for (called, signed, fits) in [
            ("https://a.example/x?y=1", "https://a.example:443/x?y=1", true),
            ("http://a.example", "http://a.example:80", true),
            ("https://a.example:8443/x", "https://a.example/x", true),
            ("https://a.example:8443/x", "https://a.example:8443/x", true),
            ("https://a.example:8443/x", "https://a.example:443/x", false),
            ("https://a.example/x:1", "https://a.example/x", false),
        ] {
            let signature = sign(signed);
            let got = verified(called, &[(SIGNATURE, &signature)], "");
            assert_eq!(got.is_ok(), fits, "{called} {signed}");
        }
    }

    #[test]
    fn what_is_not_signed_as_it_says_is_refused() {
        let form = ("content-type", FORM);
        let unknown_key = "key=webhooks_k2,algorithm=HMAC_SHA256";
        for (given, body, wanted) in [
            (vec![form], CALL, NotGenuine::Unsigned(SIGNATURE)),
            (vec![form, (SIGNATURE, "?")], CALL, NotGenuine::Malformed(SIGNATURE)),
            (vec![form, (SIGNATURE, "")], CALL, NotGenuine::Forged),
            (vec![form, (SIGNATURE, BY_SHA256)], CALL, NotGenuine::Forged),
            (vec![form, (SIGNATURE, BY_SHA1), (SETTINGS, SHARED)], CALL, NotGenuine::Forged),
            (
                vec![form, (SIGNATURE, BY_SHA1), (SETTINGS, "algorithm=MD5")],
                CALL,
                NotGenuine::Malformed("it names an unknown algorithm"),
            ),
            (
                vec![form, (SIGNATURE, BY_SHA256), (SETTINGS, unknown_key)],
                CALL,
                NotGenuine::Malformed("it names an unknown key"),
            ),
            (vec![(SIGNATURE, BY_SHA1)], CALL, NotGenuine::Unsigned(BODY_HASH)),
        ] {
            assert_eq!(verified(PLACE, &given, body), Err(wanted), "{given:?}");
        }
        let headers = headers(&[form, (SIGNATURE, BY_SHA1)]);
        let incoming =
            Incoming { url: PLACE, query: "foo=1&bar=2", headers: &headers, body: CALL.as_bytes() };
        assert_eq!(keys(&["another"]).verify(&incoming), Err(NotGenuine::Forged));
    }
}
