//! What an endpoint's credentials may look like, and that old revisions still load.
use super::*;
use crate::campaign::CampaignConfig;
use serde_json::{Value, json};

fn problems(more: Value) -> Vec<String> {
    let mut endpoint = json!({
        "id": "main", "name": "Buyer", "url": "https://buyer.example/x",
        "response": {"rules": [{"outcome": "accepted", "when": {"status": ["2xx"]}}]},
    });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    match serde_json::from_value::<CampaignConfig>(json!({"endpoints": [endpoint]})) {
        Err(error) => vec![error.to_string()],
        Ok(config) => {
            let again = serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
            assert_eq!(config, again, "it reads back");
            config
                .problems(None, &GuardPolicy::default())
                .into_iter()
                .map(|problem| format!("{}: {}", problem.path, problem.message))
                .collect()
        }
    }
}

fn oauth(more: Value) -> Value {
    let mut auth = json!({
        "type": "oauth2", "grant": "client_credentials", "tokenUrl": "https://login.example/token",
        "clientId": "us", "clientSecret": {"secret": "buyer"},
    });
    auth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"auth": auth})
}

#[test]
fn every_kind_of_auth_is_taken() {
    let secret = json!({"secret": "buyer"});
    for good in [
        json!({}),
        json!({"headers": {"X-Source": "plain"}}),
        json!({"headers": {"X-Key": secret, "Authorization": {"secret": "buyer", "prefix": "Token "}}}),
        json!({"auth": {"type": "none"}}),
        json!({"auth": {"type": "basic", "username": "us", "password": secret}}),
        json!({"auth": {"type": "bearer", "token": secret}}),
        json!({"auth": {"type": "header", "name": "X-Api-Key", "value": secret}}),
        oauth(
            json!({"scope": "leads write", "audience": "https://api.example", "clientAuth": "body"}),
        ),
        oauth(json!({"grant": "refresh_token", "refreshToken": {"secret": "first"}})),
    ] {
        assert_eq!(problems(good.clone()), [""; 0], "{good}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let secret = json!({"secret": "buyer"});
    for (bad, says) in [
        (json!({"auth": {"type": "basic", "username": "us"}}), "missing field `password`"),
        (
            json!({"auth": {"type": "bearer", "token": "zz-canary"}}),
            "holds a credential in clear; keep it with PUT",
        ),
        (json!({"auth": {"type": "bearer", "token": secret, "tokn": 1}}), "unknown field `tokn`"),
        (json!({"auth": {"type": "digest"}}), "unknown variant `digest`"),
        (
            json!({"auth": {"type": "bearer", "token": {"secret": "a b"}}}),
            "endpoints[0].auth.token.secret: is no secret's name",
        ),
        (
            json!({"auth": {"type": "basic", "username": "a:b", "password": secret}}),
            "endpoints[0].auth.username: must not contain `:`",
        ),
        (
            json!({"auth": {"type": "header", "name": "Host", "value": secret}}),
            "endpoints[0].auth.name: is set by the delivery",
        ),
        (
            json!({"auth": {"type": "header", "name": "a b", "value": secret}}),
            "endpoints[0].auth.name: is not a header name",
        ),
        (
            json!({"auth": {"type": "header", "name": "X-Key", "value": secret}, "headers": {"x-key": "a"}}),
            "endpoints[0].headers.x-key: is set by `auth`",
        ),
        (
            json!({"auth": {"type": "bearer", "token": secret}, "headers": {"Authorization": "Bearer zz-canary"}}),
            "endpoints[0].headers.Authorization: is set by `auth`",
        ),
        (
            json!({"headers": {"Authorization": "Bearer zz-canary"}}),
            "endpoints[0].headers.Authorization: holds a credential: keep it",
        ),
        (
            json!({"headers": {"X-Key": {"secret": "a", "prefix": "a\nb"}}}),
            "endpoints[0].headers.X-Key.prefix",
        ),
        (json!({"headers": {"X-Key": 4711}}), "expected text or {\"secret\": \"NAME\"}"),
        (
            oauth(json!({"tokenUrl": "http://169.254.169.254/token"})),
            "endpoints[0].auth.tokenUrl: scheme \"http\"",
        ),
        (
            oauth(json!({"tokenUrl": "https://10.0.0.1/token"})),
            "endpoints[0].auth.tokenUrl: address 10.0.0.1",
        ),
        (oauth(json!({"grant": "refresh_token"})), "endpoints[0].auth.refreshToken: is missing"),
        (oauth(json!({"refreshToken": secret})), "endpoints[0].auth.refreshToken: is only for"),
        (oauth(json!({"grant": "password"})), "unknown variant `password`"),
        (oauth(json!({"clientId": ""})), "endpoints[0].auth.clientId: 1 to 1000 characters"),
    ] {
        let found = problems(bad.clone());
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
        assert!(found[0].contains(says), "{bad}: {found:?}");
        assert!(!found[0].contains("canary"), "{found:?}");
    }
}
