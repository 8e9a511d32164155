//! One question to a token server (RFC 6749, sections 2.3.1, 4.4, 5 and 6), and what its answer means.
use super::http::{DeliveryClient, Method, OutboundRequest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use serde_json::Value;
use shared::{
    campaign::{
        config::auth::{ClientAuth, Grant, OAuth2},
        response::Answer,
    },
    exchange::Exchange,
    secret::Sensitive,
    stages::credentials::Trouble,
};
use std::time::Duration;
use url::form_urlencoded;

/// Bytes of a token, at most.
const TOKEN_MAX: usize = 6_000;
/// Characters of a server's own word for its refusal, at most.
const ERROR_MAX: usize = 60;

/// What is asked for, and with what.
#[derive(Debug)]
pub struct Wanted {
    pub oauth: OAuth2,
    pub client_secret: Sensitive,
    /// For the grant `refresh_token`.
    pub refresh: Option<Sensitive>,
    pub timeout: Duration,
}

/// What the server gave.
#[derive(Debug)]
pub struct Given {
    pub access: Sensitive,
    pub refresh: Option<Sensitive>,
    /// In seconds; some servers do not say.
    pub expires_in: Option<i64>,
}

/// Asks for a token. Whatever went wrong is told without what was sent and received.
pub async fn ask(http: &DeliveryClient, wanted: &Wanted) -> Result<Given, Trouble> {
    match http.send(request(wanted)).await {
        Exchange::Answered(answer, _) => understand(&answer),
        Exchange::NotSent { why } if why.may_pass() => {
            Err(Trouble::passing("token_server_away", format!("the token server: {why}"), None))
        }
        Exchange::NotSent { why } => {
            Err(Trouble::stuck("token_server_unusable", format!("the token server: {why}")))
        }
        Exchange::Unknown { why } => {
            Err(Trouble::passing("token_server_away", format!("the token server: {why}"), None))
        }
    }
}

fn request(wanted: &Wanted) -> OutboundRequest {
    let oauth = &wanted.oauth;
    let secret = wanted.client_secret.expose();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", oauth.grant.name());
    if let (Grant::RefreshToken, Some(refresh)) = (oauth.grant, &wanted.refresh) {
        form.append_pair("refresh_token", refresh.expose());
    }
    for (name, value) in [("scope", &oauth.scope), ("audience", &oauth.audience)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
    ];
    match oauth.client_auth {
        ClientAuth::Body => {
            form.append_pair("client_id", &oauth.client_id).append_pair("client_secret", secret);
        }
        ClientAuth::Basic => {
            headers.push(("authorization".into(), basic(&oauth.client_id, secret)));
        }
    }
    OutboundRequest {
        method: Method::Post,
        url: oauth.token_url.clone(),
        headers,
        body: form.finish().into(),
        timeout: wanted.timeout,
    }
}

/// Id and secret are form-encoded before they are put together: a colon in them would be taken for the one between.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

#[derive(Deserialize)]
struct Body {
    access_token: Sensitive,
    #[serde(default)]
    refresh_token: Option<Sensitive>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
}

fn understand(answer: &Answer) -> Result<Given, Trouble> {
    if !(200..300).contains(&answer.status) {
        return Err(refusal(answer));
    }
    let unreadable = |why: &str| {
        let why = format!("the token server answered {} {why}", answer.status);
        Trouble::passing("token_unreadable", why, None)
    };
    let body: Body =
        serde_json::from_slice(&answer.body).map_err(|_| unreadable("without an access token"))?;
    if body.token_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        let why = "the token server gave a token that is not of the type Bearer";
        return Err(Trouble::stuck("token_refused", why));
    }
    let token = body.access_token.expose();
    if !(1..=TOKEN_MAX).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unreadable("with a token that no header can hold"));
    }
    let expires_in = body.expires_in.and_then(|given| match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64().or_else(|| other.as_f64().map(|seconds| seconds as i64)),
    });
    let refresh = body.refresh_token.filter(|token| !token.expose().is_empty());
    Ok(Given { access: body.access_token, refresh, expires_in })
}

/// 408, 425, 429 and 5xx pass; anything else is for a person.
fn refusal(answer: &Answer) -> Trouble {
    let said = serde_json::from_slice::<Value>(&answer.body).ok();
    let word = said.as_ref().and_then(|said| said["error"].as_str()).filter(|word| {
        word.len() <= ERROR_MAX && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    });
    let status = answer.status;
    let why = match word {
        Some(word) => format!("the token server answered {status}: {word}"),
        None => format!("the token server answered {status}"),
    };
    let passes =
        matches!(status, 408 | 425 | 429 | 500..=599) || word == Some("temporarily_unavailable");
    if passes {
        Trouble::passing("token_server_away", why, None)
    } else {
        Trouble::stuck("token_refused", why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::campaign::config::SecretRef;

    fn wanted(grant: Grant, client_auth: ClientAuth) -> Wanted {
        let secret = SecretRef { secret: "s".into() };
        Wanted {
            oauth: OAuth2 {
                grant,
                token_url: "https://login.example/token".into(),
                client_id: "us:er 1".into(),
                client_secret: secret.clone(),
                refresh_token: Some(secret),
                scope: Some("leads write".into()),
                audience: None,
                client_auth,
            },
            client_secret: "p+w:d%&é".into(),
            refresh: Some("r/1=".into()),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_request_is_written_as_rfc_6749_says() {
        let made = request(&wanted(Grant::RefreshToken, ClientAuth::Basic));
        assert_eq!(made.body, "grant_type=refresh_token&refresh_token=r%2F1%3D&scope=leads+write");
        let (_, basic) = made.headers.iter().find(|(name, _)| name == "authorization").unwrap();
        let decoded = BASE64.decode(basic.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"us%3Aer+1:p%2Bw%3Ad%25%26%C3%A9");
        let made = request(&wanted(Grant::ClientCredentials, ClientAuth::Body));
        let form = "grant_type=client_credentials&scope=leads+write&client_id=us%3Aer+1&client_secret=p%2Bw%3Ad%25%26%C3%A9";
        assert_eq!(made.body, form);
        assert!(made.headers.iter().all(|(name, _)| name != "authorization"));
        assert!(!format!("{made:?}").contains("%2Bw"), "{made:?}");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the answers and what each means are one table")]
    fn an_answer_is_a_token_a_wait_or_a_persons_business() {
        let said = |status: u16, body: &str| {
            let body = body.to_owned().into();
            let answer = Answer { status, headers: Vec::new(), body, cut: false };
            match understand(&answer) {
                Ok(given) => format!(
                    "{} {:?} {:?}",
                    given.access.expose(),
                    given.refresh.is_some(),
                    given.expires_in
                ),
                Err(Trouble { code, why, passes: None }) => format!("stuck {code}: {why}"),
                Err(Trouble { code, why, .. }) => format!("again {code}: {why}"),
            }
        };
        let at = "the token server answered";
        for (status, body, wanted) in [
            (
                200,
                r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#,
                "t false Some(3600)".to_owned(),
            ),
            (
                200,
                r#"{"access_token":"t","expires_in":"3599","refresh_token":"r"}"#,
                "t true Some(3599)".into(),
            ),
            (200, r#"{"access_token":"t","refresh_token":""}"#, "t false None".into()),
            (
                200,
                r#"{"access_token":"t","token_type":"mac"}"#,
                "stuck token_refused: the token server gave a token that is not of the type Bearer"
                    .into(),
            ),
            (
                200,
                "<html>zz-canary",
                format!("again token_unreadable: {at} 200 without an access token"),
            ),
            (
                200,
                r#"{"access_token":"a b"}"#,
                format!("again token_unreadable: {at} 200 with a token that no header can hold"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"zz-canary"}"#,
                format!("stuck token_refused: {at} 400: invalid_grant"),
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                format!("stuck token_refused: {at} 401: invalid_client"),
            ),
            (400, r#"{"error":"Zz Canary"}"#, format!("stuck token_refused: {at} 400")),
            (302, "", format!("stuck token_refused: {at} 302")),
            (404, "", format!("stuck token_refused: {at} 404")),
            (
                400,
                r#"{"error":"temporarily_unavailable"}"#,
                format!("again token_server_away: {at} 400: temporarily_unavailable"),
            ),
            (429, "", format!("again token_server_away: {at} 429")),
            (503, "", format!("again token_server_away: {at} 503")),
        ] {
            assert_eq!(said(status, body), wanted, "{status} {body}");
        }
    }
}
