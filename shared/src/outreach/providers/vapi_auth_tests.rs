//! Tests of the ways in which Vapi's webhooks are authenticated.
use super::*;
use crate::outreach::providers::{
    sign::{base64, hex},
    testing::{NOW, headers, incoming, time},
};
use serde_json::{Value, json};

const BODY: &[u8] = br#"{"say":"{timestamp} and {body}"}"#;

fn opened(auth: Value, secret: &str) -> Result<Opened, MissingSecret> {
    let auth: VapiAuth = serde_json::from_value(auth).unwrap();
    Opened::open(&auth, Secrets(&|_| Some(Sensitive::from(secret))))
}

fn verified(auth: &Opened, given: &[(&str, &str)]) -> Result<(), NotGenuine> {
    auth.verify(&incoming("", &headers(given), BODY), time(NOW))
}

fn hmac(settings: Value) -> Value {
    let mut auth = json!({"type": "hmac", "secret": {"secret": "s"}});
    auth.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    auth
}

#[test]
fn a_secret_or_token_stands_in_its_header() {
    let token = json!({"secret": "s"});
    for (auth, name, value) in [
        (json!({"type": "secret", "secret": token}), "x-vapi-secret", "k"),
        (json!({"type": "bearer", "token": token}), "authorization", "Bearer k"),
        (
            json!({"type": "bearer", "token": token, "header": "X-Token", "prefix": ""}),
            "x-token",
            "k",
        ),
        (json!({"type": "bearer", "token": token, "prefix": "Key "}), "authorization", "Key k"),
    ] {
        let auth = opened(auth, "k").unwrap();
        assert_eq!(verified(&auth, &[(name, value)]), Ok(()), "{name}");
        assert_eq!(verified(&auth, &[(name, "")]), Err(NotGenuine::Forged));
        assert_eq!(verified(&auth, &[(name, &format!("{value} "))]), Err(NotGenuine::Forged));
        let unsigned = Err(NotGenuine::Unsigned("the header with the secret"));
        assert_eq!(verified(&auth, &[("x-other", value)]), unsigned);
        assert!(!format!("{auth:?}").contains("\"k\""));
    }
}

#[test]
fn an_hmac_with_vapi_s_defaults() {
    let auth = opened(hmac(json!({})), "key").unwrap();
    let tag = |at: &str| {
        let message = [at.as_bytes(), b".", BODY].concat();
        hex(&Hash::Sha256.sign(b"key", &message))
    };
    let seconds = NOW.to_string();
    for (at, signature, wanted) in [
        (seconds.clone(), tag(&seconds), Ok(())),
        (format!("{NOW}000"), tag(&format!("{NOW}000")), Ok(())),
        (seconds.clone(), tag(&seconds).to_uppercase(), Ok(())),
        (seconds.clone(), tag("1"), Err(NotGenuine::Forged)),
        (seconds.clone(), format!("v1,{}", tag(&seconds)), Err(NotGenuine::Forged)),
        ((NOW - 301).to_string(), tag(&(NOW - 301).to_string()), Err(NotGenuine::Stale(300))),
        ((NOW + 301).to_string(), tag(&(NOW + 301).to_string()), Err(NotGenuine::Stale(300))),
        ("now".into(), tag("now"), Err(NotGenuine::Malformed("the time"))),
    ] {
        let got = verified(&auth, &[("x-signature", &signature), ("x-timestamp", &at)]);
        assert_eq!(got, wanted, "{at}");
    }
    let missing = Err(NotGenuine::Unsigned("the header with the time"));
    assert_eq!(verified(&auth, &[("x-signature", &tag(&seconds))]), missing);
    let missing = Err(NotGenuine::Unsigned("the header with the signature"));
    assert_eq!(verified(&auth, &[("x-timestamp", &seconds)]), missing);
}

#[test]
fn an_hmac_as_the_account_chooses_it() {
    let url = "https://leads.example.com/api/v1/hooks/agent_1";
    for (algorithm, hash) in
        [("sha1", Hash::Sha1), ("sha256", Hash::Sha256), ("sha512", Hash::Sha512)]
    {
        let settings = json!({"algorithm": algorithm, "signatureHeader": "X-Sig", "signatureEncoding": "base64",
            "signaturePrefix": "sig=", "includeTimestamp": false, "payloadFormat": "é{method} {url}\n{body}"});
        let auth = opened(hmac(settings), "key").unwrap();
        let message = [format!("éPOST {url}\n").as_bytes(), BODY].concat();
        let signature = format!("sig={}", base64(&hash.sign(b"key", &message)));
        assert_eq!(verified(&auth, &[("x-sig", &signature)]), Ok(()), "{algorithm}");
        let bare = signature.trim_start_matches("sig=");
        assert_eq!(verified(&auth, &[("x-sig", bare)]), Err(NotGenuine::Forged));
    }
}

#[test]
fn standard_webhooks_are_one_of_the_choices() {
    let settings = json!({"signatureHeader": "webhook-signature", "timestampHeader": "webhook-timestamp",
        "messageIdHeader": "webhook-id", "payloadFormat": "{svix-id}.{timestamp}.{body}", "signatureEncoding": "base64",
        "signaturePrefix": "v1,", "secretIsBase64": true});
    let key = [9; 24];
    let auth = opened(hmac(settings.clone()), &base64(&key)).unwrap();
    let signature = super::super::sign::sign(&key, "m1", NOW, BODY);
    let list = format!("v1,AAAA {signature}");
    let at = NOW.to_string();
    let given = [
        ("webhook-id", "m1"),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", list.as_str()),
    ];
    assert_eq!(verified(&auth, &given), Ok(()));
    let missing = Err(NotGenuine::Unsigned("a header that is signed"));
    assert_eq!(verified(&auth, &given[1..]), missing);
    let error = opened(hmac(settings), "?").unwrap_err();
    assert_eq!((error.path, error.why), ("webhookAuth.secret", "is not base64"));
}
