//! From what an endpoint says of credentials to the headers of a request. Asked before an attempt begins: nothing was sent yet.
use super::oauth::{self, Lent};
use crate::{context::Context, gather, step::StepError, trip::Trip};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use shared::{
    campaign::{
        Endpoint,
        config::auth::{Auth, HeaderText},
    },
    exchange::Exchange,
    ids::WorkspaceId,
    secret::Sensitive,
    stages::{
        Verdict,
        credentials::{Trouble, decide},
        s8_delivery::{Tries, or_next_endpoint},
    },
    store::{
        StoreError,
        secrets::{Opened, SecretError},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Values shorter than this are not looked for in answers: they would be found in every other word.
const ECHO_MIN: usize = 8;
const REDACTED: &[u8] = b"[REDACTED]";

/// What a request to an endpoint carries, and what must not be kept of it.
#[derive(Debug, Default)]
pub struct Credentials {
    headers: Vec<(String, Sensitive)>,
    hidden: Vec<Sensitive>,
    lent: Option<Lent>,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum NoCredentials {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Trouble(Trouble),
}

impl From<SecretError> for NoCredentials {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => Self::Store(error),
            other => Self::Trouble(Trouble::stuck("secret_closed", other.to_string())),
        }
    }
}

impl Credentials {
    /// The headers of the request.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> {
        self.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()))
    }

    /// Some servers show a request in their answer: what we keep of it must not hold a credential.
    pub fn hide(&self, exchange: &mut Exchange) {
        let Exchange::Answered(answer, _) = exchange else { return };
        for value in &self.hidden {
            let value = value.expose().as_bytes();
            if value.len() < ECHO_MIN {
                continue;
            }
            answer.body = redacted(&answer.body, value);
            for (_, header) in &mut answer.headers {
                if header.as_bytes().windows(value.len()).any(|part| part == value) {
                    header.clear();
                    header.push_str("[REDACTED]");
                }
            }
        }
    }

    fn add(&mut self, name: &str, value: String) {
        self.hidden.push(value.as_str().into());
        self.headers.push((name.to_owned(), Sensitive::new(value)));
    }
}

/// `body` with every `value` in it replaced.
fn redacted(body: &Bytes, value: &[u8]) -> Bytes {
    let (mut kept, mut rest) = (Vec::new(), body.as_ref());
    while let Some(at) = rest.windows(value.len()).position(|part| part == value) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(REDACTED);
        rest = &rest[at + value.len()..];
    }
    if kept.is_empty() && rest.len() == body.len() {
        return body.clone();
    }
    kept.extend_from_slice(rest);
    kept.into()
}

/// Opens the secrets that headers name.
pub async fn headers(
    ctx: &Context,
    workspace: WorkspaceId,
    texts: &BTreeMap<String, HeaderText>,
) -> Result<Credentials, NoCredentials> {
    let mut made = Credentials::default();
    for (name, text) in texts {
        match text {
            HeaderText::Plain(text) => made.headers.push((name.clone(), text.as_str().into())),
            HeaderText::Secret(wanted) => {
                let value = open(ctx, workspace, &wanted.secret).await?.value;
                made.add(name, format!("{}{}", wanted.prefix, value.expose()));
                made.hidden.push(value);
            }
        }
    }
    Ok(made)
}

/// Opens the secrets that an endpoint names and makes its headers.
pub async fn credentials(
    ctx: &Context,
    workspace: WorkspaceId,
    endpoint: &Endpoint,
) -> Result<Credentials, NoCredentials> {
    let mut made = headers(ctx, workspace, &endpoint.config.headers).await?;
    match &endpoint.config.auth {
        Auth::None => {}
        Auth::Basic { username, password } => {
            let password = open(ctx, workspace, &password.secret).await?.value;
            let pair = BASE64.encode(format!("{username}:{}", password.expose()));
            made.hidden.extend([password, pair.as_str().into()]);
            made.add("authorization", format!("Basic {pair}"));
        }
        Auth::Bearer { token } => {
            let token = open(ctx, workspace, &token.secret).await?.value;
            made.add("authorization", format!("Bearer {}", token.expose()));
            made.hidden.push(token);
        }
        Auth::Header { name, value } => {
            let value = open(ctx, workspace, &value.secret).await?.value;
            made.add(name, value.expose().to_owned());
        }
        Auth::OAuth2(oauth) => {
            let timeout = Duration::from_secs(endpoint.config.timeout_seconds);
            let lent = oauth::lend(ctx, workspace, oauth, timeout).await?;
            made.add("authorization", format!("Bearer {}", lent.access.expose()));
            made.hidden.push(lent.access.clone());
            made.lent = Some(lent);
        }
    }
    Ok(made)
}

/// Whether the buyer refused a token for the first time: then it surely has not taken the lead, which is sent once more with another token.
pub async fn is_refused_once(
    ctx: &Context,
    trip: &mut Trip,
    endpoint: &Endpoint,
    credentials: &Credentials,
    exchange: &Exchange,
) -> bool {
    let (Some(lent), Exchange::Answered(answer, _)) = (&credentials.lent, exchange) else {
        return false;
    };
    if answer.status != 401 {
        return false;
    }
    oauth::refused(ctx, lent).await;
    let before = trip.carry.renewed.replace(endpoint.config.id.clone());
    before.as_ref() != Some(&endpoint.config.id)
}

/// What becomes of a delivery without credentials.
pub async fn without(
    ctx: &Context,
    trip: &mut Trip,
    endpoint: &Endpoint,
    trouble: &Trouble,
) -> Result<Option<Verdict>, StepError> {
    let may_be_there = gather::may_be_taken(ctx, trip, &endpoint.config.id, gather::ANY).await?;
    let tries = Tries { attempt: trip.attempt, seed: trip.seed(), now: ctx.clock.now() };
    let verdict = decide(endpoint, trouble, may_be_there, tries);
    Ok(Some(or_next_endpoint(verdict, !trip.carry.later.is_empty())))
}

/// Opens a secret; one that is not there is for an operator.
pub async fn open(
    ctx: &Context,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Opened, NoCredentials> {
    let opened = ctx.secrets.open(workspace, name, ctx.clock.now()).await?;
    opened.ok_or_else(|| {
        let why = format!("the workspace has no secret {name}, which the campaign names");
        NoCredentials::Trouble(Trouble::stuck("no_secret", why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_credential_is_taken_out_wherever_it_stands() {
        let hidden = |body: &str| {
            let kept = redacted(&Bytes::from(body.to_owned()), b"zz-canary");
            String::from_utf8(kept.to_vec()).unwrap()
        };
        assert_eq!(hidden("nothing"), "nothing");
        assert_eq!(hidden("zz-canary"), "[REDACTED]");
        assert_eq!(
            hidden("a zz-canary, zz-canaryzz-canary b"),
            "a [REDACTED], [REDACTED][REDACTED] b"
        );
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let mut made = Credentials::default();
        made.add("authorization", "Bearer zz-canary".into());
        assert!(!format!("{made:?}").contains("canary"));
    }
}
