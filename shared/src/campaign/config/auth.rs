//! How an endpoint knows us: nothing, a password, a fixed token, or one that is fetched (OAuth 2.0).
use super::{
    checks::{Problems, say},
    endpoint::EndpointConfig,
    endpoint_checks::{OWN_HEADERS, is_header_name},
    secret_ref::{SecretRef, is_secret_name},
};
use crate::campaign::guard::{GuardPolicy, check_url};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapAccessDeserializer},
};
use std::{collections::BTreeMap, fmt};

/// Characters of a user name, a client id, a scope or an audience, at most.
const TEXT_MAX: usize = 1_000;
/// Characters before a secret in a header, at most.
const PREFIX_MAX: usize = 100;
/// Headers that nobody fills but with a credential: as plain text they are refused.
pub(crate) const CREDENTIAL_HEADERS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "cookie",
];

/// How an endpoint knows us.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Auth {
    #[default]
    None,
    /// `Authorization: Basic …`
    Basic { username: String, password: SecretRef },
    /// `Authorization: Bearer …`
    Bearer { token: SecretRef },
    /// A header that holds the secret alone.
    Header { name: String, value: SecretRef },
    /// A token that is fetched from a token server, kept, and fetched again when it ends or is refused.
    #[serde(rename = "oauth2")]
    OAuth2(OAuth2),
}

/// Where and how a token is fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2 {
    pub grant: Grant,
    pub token_url: String,
    pub client_id: String,
    pub client_secret: SecretRef,
    /// For the grant `refresh_token`: the first one. Those that the server gives later are kept by Leadrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Where the client's id and secret stand in the request.
    #[serde(default)]
    pub client_auth: ClientAuth,
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    ClientCredentials,
    RefreshToken,
}

impl Grant {
    /// The word of RFC 6749.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// Where the client's id and secret stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the header `Authorization: Basic …`.
    #[default]
    Basic,
    /// In the form.
    Body,
}

impl Auth {
    /// Whether there is nothing to add to a request.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The header that it sets, in lower case.
    pub fn header(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Basic { .. } | Self::Bearer { .. } | Self::OAuth2(_) => {
                Some("authorization".into())
            }
            Self::Header { name, .. } => Some(name.to_ascii_lowercase()),
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        match self {
            Self::None => Vec::new(),
            Self::Basic { password, .. } => vec![("password", password)],
            Self::Bearer { token } => vec![("token", token)],
            Self::Header { value, .. } => vec![("value", value)],
            Self::OAuth2(oauth) => {
                let refresh = oauth.refresh_token.as_ref().map(|token| ("refreshToken", token));
                std::iter::once(("clientSecret", &oauth.client_secret)).chain(refresh).collect()
            }
        }
    }
}

/// What an endpoint's header holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum HeaderText {
    /// A text that everybody who reads the campaign may see.
    Plain(String),
    /// A secret of the workspace, after a prefix such as `Token `.
    Secret(HeaderSecret),
}

/// A secret in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSecret {
    pub secret: String,
    /// What stands before it, in clear.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = HeaderText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or {\"secret\": \"NAME\"}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderText, E> {
                Ok(HeaderText::Plain(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<HeaderText, A::Error> {
                HeaderSecret::deserialize(MapAccessDeserializer::new(map)).map(HeaderText::Secret)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Checks what the endpoint says of credentials: in `auth` and in its headers.
pub(super) fn check(one: &EndpointConfig, at: &str, policy: &GuardPolicy, problems: &mut Problems) {
    for (field, secret) in one.auth.secrets() {
        name(&secret.secret, &format!("{at}.auth.{field}"), problems);
    }
    match &one.auth {
        Auth::None | Auth::Bearer { .. } => {}
        Auth::Basic { username, .. } => {
            text(username, &format!("{at}.auth.username"), problems);
            if username.contains(':') {
                say(
                    problems,
                    format!("{at}.auth.username"),
                    "must not contain `:`, where the password would begin",
                );
            }
        }
        Auth::Header { name, .. } => {
            if !is_header_name(name) {
                say(problems, format!("{at}.auth.name"), "is not a header name");
            } else if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                say(problems, format!("{at}.auth.name"), "is set by the delivery itself");
            }
        }
        Auth::OAuth2(oauth) => oauth2(oauth, &format!("{at}.auth"), policy, problems),
    }
    check_headers(&one.headers, one.auth.header().as_deref(), at, problems);
}

/// Checks what headers say of credentials; `set` is the header that `auth` sets, in lower case.
pub(super) fn check_headers(
    headers: &BTreeMap<String, HeaderText>,
    set: Option<&str>,
    at: &str,
    problems: &mut Problems,
) {
    for (header, value) in headers {
        let path = format!("{at}.headers.{header}");
        let lower = header.to_ascii_lowercase();
        if set == Some(&lower) {
            say(problems, path, "is set by `auth`; leave it out of the headers");
            continue;
        }
        match value {
            HeaderText::Plain(_) if CREDENTIAL_HEADERS.contains(&lower.as_str()) => {
                let why = "holds a credential: keep it with PUT /api/v1/secrets/NAME and write {\"secret\": \"NAME\"} here, or use `auth`";
                say(problems, path, why);
            }
            HeaderText::Plain(_) => {}
            HeaderText::Secret(secret) => {
                name(&secret.secret, &path, problems);
                if secret.prefix.len() > PREFIX_MAX || secret.prefix.chars().any(char::is_control) {
                    let why = format!("at most {PREFIX_MAX} characters, no control characters");
                    say(problems, format!("{path}.prefix"), why);
                }
            }
        }
    }
}

fn oauth2(oauth: &OAuth2, at: &str, policy: &GuardPolicy, problems: &mut Problems) {
    if let Err(why) = check_url(&oauth.token_url, policy) {
        say(problems, format!("{at}.tokenUrl"), why.to_string());
    }
    text(&oauth.client_id, &format!("{at}.clientId"), problems);
    for (field, given) in [("scope", &oauth.scope), ("audience", &oauth.audience)] {
        if let Some(given) = given {
            text(given, &format!("{at}.{field}"), problems);
        }
    }
    match (oauth.grant, &oauth.refresh_token) {
        (Grant::RefreshToken, None) => {
            say(
                problems,
                format!("{at}.refreshToken"),
                "is missing; the grant refresh_token begins with one",
            );
        }
        (Grant::ClientCredentials, Some(_)) => {
            say(problems, format!("{at}.refreshToken"), "is only for the grant refresh_token");
        }
        _ => {}
    }
}

fn name(secret: &str, path: &str, problems: &mut Problems) {
    if !is_secret_name(secret) {
        let why = "is no secret's name: 1 to 64 letters, digits, `.`, `_` or `-`";
        say(problems, format!("{path}.secret"), why);
    }
}

fn text(given: &str, path: &str, problems: &mut Problems) {
    let length = given.chars().count();
    if !(1..=TEXT_MAX).contains(&length) || given.chars().any(char::is_control) {
        say(problems, path, format!("1 to {TEXT_MAX} characters, no control characters"));
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
