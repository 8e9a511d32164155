//! The real libraries and our own code, on the same random webhooks: what one signs, the other takes, and neither takes what was changed.
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Time},
    outreach::{
        AgentConfig, Incoming, NotGenuine, Provider,
        providers::{
            open,
            sign::{Hash, base64, base64_url, decode_secret, hex, sha256, sign},
        },
    },
    secret::Sensitive,
};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Webhooks of each kind.
const ROUNDS: usize = 40;
const PLACE: &str = "https://leads.example.com/api/v1/hooks/agent_1";
const FORM: &str = "application/x-www-form-urlencoded";
const SETTINGS: &str = "key=k1,algorithm=HMAC_SHA256";

/// Numbers that look random and are the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    /// A text of signs that are often read wrongly.
    fn text(&mut self, most: usize) -> String {
        const SIGNS: [char; 20] = [
            'a', 'B', '0', ' ', '+', '&', '=', '%', '.', ',', '"', '\\', '/', '?', '#', '\n', 'é',
            '漢', '😀', '|',
        ];
        (0..self.below(most + 1)).map(|_| SIGNS[self.below(SIGNS.len())]).collect()
    }

    fn key(&mut self) -> String {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        (0..40).map(|_| char::from(letters[self.below(letters.len())])).collect()
    }

    fn json(&mut self) -> String {
        json!({"event": "call_ended", "text": self.text(60), "number": self.below(1_000)})
            .to_string()
    }
}

/// One webhook: what the real libraries are told of it, and how it comes in here.
#[derive(Clone)]
struct Webhook {
    /// With `scheme`, `key` and what the scheme needs.
    case: Value,
    account: Value,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// The header in which the signature stands, and what stands before it there.
    at: (&'static str, &'static str),
}

impl Webhook {
    /// What our code says of it with a signature.
    fn verify(&self, signature: &str, now: Time) -> Result<(), NotGenuine> {
        let mut headers = self.headers.clone();
        headers.push((self.at.0.into(), format!("{}{signature}", self.at.1)));
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let incoming =
            Incoming { url: &self.url, query, headers: &headers, body: self.body.as_bytes() };
        account(&self.account, self.case["key"].as_str().unwrap()).verify(&incoming, now)
    }
}

fn account(provider: &Value, key: &str) -> Box<dyn Provider> {
    let agent: AgentConfig = serde_json::from_value(json!({"provider": provider})).unwrap();
    open(&agent.provider, &|_| Some(Sensitive::from(key))).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn named(name: &str) -> Value {
    json!({"secret": name})
}

/// Names and values as a form or a query, every sign but letters and digits coded.
fn form(pairs: &[(String, String)]) -> String {
    let sign = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let coded = |text: &str| text.bytes().map(sign).collect::<String>();
    let pair = |(name, value): &(String, String)| format!("{}={}", coded(name), coded(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A form or a JSON body, with either hash, and a URL that is signed with a port or without.
fn twilio(random: &mut Random) -> Webhook {
    let (shared, plain, port) = (random.below(2) == 0, random.below(3) > 0, random.below(3));
    let settings = if shared { SETTINGS } else { "" };
    let names = ["Body", "From", "To", "MessageSid", "A", "a", "A b"];
    let mut pairs: Vec<(String, String)> =
        (0..random.below(9)).map(|_| (names[random.below(7)].into(), random.text(20))).collect();
    pairs.push(("Body".into(), String::new()));
    let (body, kind) =
        if plain { (form(&pairs), FORM) } else { (random.json(), "application/json") };
    let mut url = format!("{PLACE}?{}", form(&[("message".into(), random.text(9))]));
    let mut case = json!({"scheme": "twilio", "key": random.key(), "settings": settings});
    if plain {
        case["form"] = json!(pairs);
    } else {
        url = format!("{url}&bodySHA256={}", hex(&sha256(body.as_bytes())));
        case["body"] = json!(body);
    }
    let with_port = url.replace("example.com/", "example.com:443/");
    let (called, signed) = [(&url, &url), (&url, &with_port), (&with_port, &url)][port];
    case["url"] = json!(signed);
    let key = json!({"id": "k1", "key": named("k")});
    let account = json!({"type": "twilio", "accountSid": "AC1", "authToken": named("t"), "from": "+14155550199", "signingKey": key});
    let headers =
        headers(&[("content-type", kind), ("x-twilio-webhooks-signature-settings", settings)]);
    let url = called.clone();
    Webhook { case, account, url, headers, body, at: ("x-twilio-signature", "") }
}

fn retell(random: &mut Random, now: i64) -> Webhook {
    let body = random.json();
    let at = now - 60 + random.below(120) as i64;
    let case = json!({"scheme": "retell", "key": random.key(), "body": body, "at": at});
    let account =
        json!({"type": "retell", "apiKey": named("a"), "agentId": "ag", "from": "+14155550199"});
    Webhook {
        case,
        account,
        url: PLACE.into(),
        headers: vec![],
        body,
        at: ("x-retell-signature", ""),
    }
}

fn standard(random: &mut Random, now: i64) -> Webhook {
    let body = random.text(80);
    let at = now - 60 + random.below(120) as i64;
    let secret = format!("whsec_{}", base64(&random.key().as_bytes()[..24 + random.below(16)]));
    let id = format!("msg_{}", random.key());
    let headers = headers(&[("webhook-id", &id), ("webhook-timestamp", &at.to_string())]);
    let case = json!({"scheme": "standard", "key": secret, "body": body, "at": at, "id": id});
    let account = json!({"type": "generic", "url": PLACE, "secret": named("s")});
    Webhook { case, account, url: PLACE.into(), headers, body, at: ("webhook-signature", "") }
}

fn vonage(random: &mut Random, now: i64) -> Webhook {
    let body = random.json();
    let claims = json!({"iat": now - random.below(60) as i64, "jti": random.key(), "iss": "Vonage", "api_key": "abc",
        "payload_hash": hex(&sha256(body.as_bytes())), "application_id": random.text(9)});
    let case = json!({"scheme": "vonage", "key": random.key(), "claims": claims});
    let account = json!({"type": "vonage", "apiKey": "abc", "apiSecret": named("s"), "signatureSecret": named("g"), "from": "ACME"});
    Webhook {
        case,
        account,
        url: PLACE.into(),
        headers: vec![],
        body,
        at: ("authorization", "Bearer "),
    }
}

/// Its library verifies and does not sign.
fn elevenlabs(random: &mut Random, now: i64) -> Webhook {
    let body = random.json();
    let at = now - random.below(1_500) as i64;
    let case = json!({"scheme": "elevenlabs", "key": random.key(), "body": body, "at": at});
    let account = json!({"type": "elevenlabs", "apiKey": named("a"), "webhookSecret": named("b"), "agentId": "ag", "agentPhoneNumberId": "pn"});
    Webhook {
        case,
        account,
        url: PLACE.into(),
        headers: vec![],
        body,
        at: ("elevenlabs-signature", ""),
    }
}

/// Signs a webhook by our own means.
fn ours(webhook: &Webhook) -> String {
    let case = &webhook.case;
    let text = |name: &str| case[name].as_str().unwrap();
    let (key, at) = (text("key").as_bytes(), case["at"].as_i64().unwrap_or_default());
    let body = webhook.body.as_bytes();
    match text("scheme") {
        "twilio" => {
            let mut pairs: Vec<(String, String)> =
                serde_json::from_value(case["form"].clone()).unwrap_or_default();
            pairs.sort();
            pairs.dedup();
            let form: String = pairs.into_iter().flat_map(|(name, value)| [name, value]).collect();
            let hash = if text("settings").is_empty() { Hash::Sha1 } else { Hash::Sha256 };
            base64(&hash.sign(key, format!("{}{form}", text("url")).as_bytes()))
        }
        "retell" => {
            let message = [body, format!("{at}000").as_bytes()].concat();
            format!("v={at}000,d={}", hex(&Hash::Sha256.sign(key, &message)))
        }
        "standard" => sign(decode_secret(text("key")).unwrap().bytes(), text("id"), at, body),
        "vonage" => {
            let head = json!({"alg": "HS256", "typ": "JWT"});
            let parts =
                [&head, &case["claims"]].map(|part| base64_url(part.to_string().as_bytes()));
            let signed = parts.join(".");
            format!("{signed}.{}", base64_url(&Hash::Sha256.sign(key, signed.as_bytes())))
        }
        _ => {
            let message = [format!("{at}.").as_bytes(), body].concat();
            format!("t={at},v0={}", hex(&Hash::Sha256.sign(key, &message)))
        }
    }
}

/// The same webhook as the holder of another key would send it.
fn forged(webhook: &Webhook, random: &mut Random) -> Webhook {
    let mut other = webhook.clone();
    let key = random.key();
    let standard = webhook.case["scheme"] == "standard";
    other.case["key"] =
        json!(if standard { format!("whsec_{}", base64(&key.as_bytes()[..24])) } else { key });
    other
}

/// What the real libraries make of the cases.
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
fn theirs(asked: &Value) -> Value {
    let python = std::env::var("LEADRAIL_TEST_PYTHON").expect(
        "LEADRAIL_TEST_PYTHON names no Python with the packages of tests/clients/requirements.txt; ./test.sh makes one and sets it",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/signatures.py");
    let mut process = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python} does not run: {error}"));
    process.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the real libraries failed:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_one_signs_the_other_takes() {
    let now = Clock::system().now();
    let seconds = now.timestamp();
    println!("the seed is {seconds}");
    let mut random = Random(seconds.unsigned_abs());
    let mut webhooks: Vec<Webhook> = Vec::new();
    for _ in 0..ROUNDS {
        webhooks.push(twilio(&mut random));
        webhooks.push(retell(&mut random, seconds));
        webhooks.push(standard(&mut random, seconds));
        webhooks.push(vonage(&mut random, seconds));
    }
    let signing = webhooks.len();
    webhooks.extend((0..ROUNDS).map(|_| elevenlabs(&mut random, seconds)));
    let with = |webhook: &Webhook, signature: String| {
        let mut case = webhook.case.clone();
        case["signature"] = json!(signature);
        case
    };
    let good = webhooks.iter().map(|webhook| with(webhook, ours(webhook)));
    let bad = webhooks.iter().map(|webhook| with(webhook, ours(&forged(webhook, &mut random))));
    let verify: Vec<Value> = good.chain(bad).collect();
    let sign: Vec<&Value> = webhooks[..signing].iter().map(|webhook| &webhook.case).collect();
    let theirs = theirs(&json!({"sign": sign, "verify": verify}));
    let verdicts = theirs["verify"].as_array().unwrap();
    assert_eq!((theirs["sign"].as_array().unwrap().len(), verdicts.len()), (signing, verify.len()));
    for (at, webhook) in webhooks.iter().enumerate() {
        let case = &webhook.case;
        assert_eq!(verdicts[at], true, "the real library refuses ours: {case}");
        assert_eq!(
            verdicts[webhooks.len() + at],
            false,
            "the real library takes a forged one: {case}"
        );
        assert_eq!(webhook.verify(&ours(webhook), now), Ok(()), "we refuse ours: {case}");
    }
    for (webhook, signature) in webhooks.iter().zip(theirs["sign"].as_array().unwrap()) {
        let (case, signature) = (&webhook.case, signature.as_str().unwrap());
        assert_eq!(webhook.verify(signature, now), Ok(()), "we refuse theirs: {case}");
        let forged = forged(webhook, &mut random).verify(signature, now);
        assert_eq!(forged, Err(NotGenuine::Forged), "we take a forged one: {case}");
        let mut changed = webhook.clone();
        changed.body = format!("{}&x=1", webhook.body);
        assert_eq!(
            changed.verify(signature, now),
            Err(NotGenuine::Forged),
            "we take a changed one: {case}"
        );
    }
}
