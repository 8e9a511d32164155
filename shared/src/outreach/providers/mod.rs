//! Every provider behind [`Provider`]: which one an agent has, with its credentials opened.
mod bland;
mod elevenlabs;
mod generic;
#[cfg(test)]
mod odd_tests;
mod reading;
mod requests;
mod retell;
pub mod sign;
#[cfg(test)]
mod testing;
mod twilio;
mod twilio_signature;
mod vapi;
mod vapi_auth;
mod vonage;

use super::{Provider, ProviderConfig, agent::VapiAuth};
use crate::{campaign::config::SecretRef, secret::Sensitive};

/// A credential that an agent names and that cannot be used. The text holds nothing of the credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{name}` of `provider.{path}` {why}")]
pub struct MissingSecret {
    /// Where the agent names it: `authToken`, `webhookAuth.secret`, …
    pub path: &'static str,
    pub name: String,
    /// Why it cannot be used: `is not kept in this workspace`, …
    pub why: &'static str,
}

/// Finds the value of a secret of the workspace.
pub type Find<'a> = &'a dyn Fn(&SecretRef) -> Option<Sensitive>;

/// Opens an account with a provider.
pub fn open(config: &ProviderConfig, find: Find<'_>) -> Result<Box<dyn Provider>, MissingSecret> {
    let secrets = Secrets(find);
    Ok(match config {
        ProviderConfig::Twilio { .. } => Box::new(twilio::Twilio::open(config, secrets)?),
        ProviderConfig::Vonage { .. } => Box::new(vonage::Vonage::open(config, secrets)?),
        ProviderConfig::Vapi { .. } => Box::new(vapi::Vapi::open(config, secrets)?),
        ProviderConfig::Retell { .. } => Box::new(retell::Retell::open(config, secrets)?),
        ProviderConfig::Bland { .. } => Box::new(bland::Bland::open(config, secrets)?),
        ProviderConfig::ElevenLabs { .. } => {
            Box::new(elevenlabs::ElevenLabs::open(config, secrets)?)
        }
        ProviderConfig::Generic { .. } => Box::new(generic::Generic::open(config, secrets)?),
    })
}

/// The secrets of the workspace, for the one who opens an account.
#[derive(Clone, Copy)]
struct Secrets<'a>(Find<'a>);

impl Secrets<'_> {
    /// A credential that is there and not empty: an empty one would sign anything.
    fn get(self, path: &'static str, named: &SecretRef) -> Result<Sensitive, MissingSecret> {
        let why = match (self.0)(named) {
            Some(value) if value.expose().trim().is_empty() => "is empty",
            Some(value) => return Ok(value),
            None => "is not kept in this workspace",
        };
        Err(MissingSecret { path, name: named.secret.clone(), why })
    }

    /// A key that is written in some code.
    fn decoded(
        self,
        path: &'static str,
        named: &SecretRef,
        decode: impl Fn(&str) -> Result<sign::Key, &'static str>,
    ) -> Result<sign::Key, MissingSecret> {
        let fail = |why| MissingSecret { path, name: named.secret.clone(), why };
        decode(self.get(path, named)?.expose()).map_err(fail)
    }
}

impl ProviderConfig {
    /// Every secret that the account names, with its path below `provider`.
    pub fn secret_refs(&self) -> Vec<(&'static str, &SecretRef)> {
        match self {
            Self::Twilio { auth_token, previous_auth_token, signing_key, .. } => {
                let previous = previous_auth_token.iter().map(|named| ("previousAuthToken", named));
                let signing = signing_key.iter().map(|signing| ("signingKey.key", &signing.key));
                [("authToken", auth_token)].into_iter().chain(previous).chain(signing).collect()
            }
            Self::Vonage { api_secret, signature_secret, .. } => {
                vec![("apiSecret", api_secret), ("signatureSecret", signature_secret)]
            }
            Self::Vapi { api_key, webhook_auth, .. } => {
                vec![("apiKey", api_key), webhook_auth.secret_ref()]
            }
            Self::Retell { api_key, .. } => vec![("apiKey", api_key)],
            Self::Bland { api_key, webhook_secret, .. }
            | Self::ElevenLabs { api_key, webhook_secret, .. } => {
                vec![("apiKey", api_key), ("webhookSecret", webhook_secret)]
            }
            Self::Generic { secret, .. } => vec![("secret", secret)],
        }
    }
}

impl VapiAuth {
    fn secret_ref(&self) -> (&'static str, &SecretRef) {
        match self {
            Self::Secret { secret } => ("webhookAuth.secret", secret),
            Self::Bearer { token, .. } => ("webhookAuth.token", token),
            Self::Hmac(hmac) => ("webhookAuth.secret", &hmac.secret),
        }
    }
}

/// What no constructor is asked for: `open` picks it by the same configuration.
fn other() -> ! {
    unreachable!("open() picks the provider by its configuration")
}

#[cfg(test)]
mod tests {
    use super::{testing::SECRET, *};
    use crate::outreach::AgentConfig;
    use serde_json::{Value, json};

    fn named(name: &str) -> Value {
        json!({"secret": name})
    }

    fn all() -> Vec<(Value, Vec<&'static str>)> {
        let hmac = json!({"type": "hmac", "secret": named("b")});
        let bearer = json!({"type": "bearer", "token": named("b")});
        let vapi = |auth: Value| json!({"type": "vapi", "apiKey": named("a"), "assistantId": "as", "phoneNumberId": "pn", "webhookAuth": auth});
        vec![
            (
                json!({"type": "twilio", "accountSid": "AC1", "authToken": named("a"), "previousAuthToken": named("b"),
                    "signingKey": {"id": "k", "key": named("c")}, "from": "+14155550199"}),
                vec!["authToken", "previousAuthToken", "signingKey.key"],
            ),
            (
                json!({"type": "vonage", "apiKey": "k", "apiSecret": named("a"), "signatureSecret": named("b"), "from": "ACME"}),
                vec!["apiSecret", "signatureSecret"],
            ),
            (
                vapi(json!({"type": "secret", "secret": named("b")})),
                vec!["apiKey", "webhookAuth.secret"],
            ),
            (vapi(bearer), vec!["apiKey", "webhookAuth.token"]),
            (vapi(hmac), vec!["apiKey", "webhookAuth.secret"]),
            (
                json!({"type": "retell", "apiKey": named("a"), "agentId": "ag", "from": "+14155550199"}),
                vec!["apiKey"],
            ),
            (
                json!({"type": "bland", "apiKey": named("a"), "webhookSecret": named("b"), "task": "ask"}),
                vec!["apiKey", "webhookSecret"],
            ),
            (
                json!({"type": "elevenlabs", "apiKey": named("a"), "webhookSecret": named("b"), "agentId": "ag", "agentPhoneNumberId": "pn"}),
                vec!["apiKey", "webhookSecret"],
            ),
            (
                json!({"type": "generic", "url": "https://calls.example.com", "secret": named("a")}),
                vec!["secret"],
            ),
        ]
    }

    #[test]
    fn every_secret_is_named_needed_and_never_shown() {
        for (given, wanted) in all() {
            let agent: AgentConfig = serde_json::from_value(json!({"provider": given})).unwrap();
            let refs = agent.provider.secret_refs();
            assert_eq!(refs.iter().map(|(path, _)| *path).collect::<Vec<_>>(), wanted);
            let kept = |_: &SecretRef| Some(Sensitive::from(SECRET));
            let shown = format!("{:?}", open(&agent.provider, &kept).unwrap());
            assert!(!shown.contains("C2FVs") && shown.contains("REDACTED"), "{shown}");
            for (path, missing) in refs {
                for (value, why) in
                    [(None, "is not kept in this workspace"), (Some(" "), "is empty")]
                {
                    let find = |named: &SecretRef| {
                        if named == missing { value.map(Sensitive::from) } else { kept(named) }
                    };
                    let error = open(&agent.provider, &find).unwrap_err();
                    assert_eq!(error, MissingSecret { path, name: missing.secret.clone(), why });
                }
            }
        }
    }
}
