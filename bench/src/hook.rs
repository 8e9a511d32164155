//! The webhooks of a provider of calls: signed as Standard Webhooks say.
use crate::{
    posts::Post,
    sink::reference,
    trouble::{Doing, Trouble},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use serde_json::json;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// What provider and system sign with.
pub struct Secret {
    /// As people keep it: `whsec_` and base64.
    pub text: String,
    key: hmac::Key,
}

impl Secret {
    /// A new one.
    pub fn random() -> Result<Self, Trouble> {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).doing("making a secret")?;
        Ok(Self::of(&bytes))
    }

    fn of(bytes: &[u8]) -> Self {
        let text = format!("whsec_{}", STANDARD.encode(bytes));
        Self { text, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// The header lines of a message.
    fn headers(&self, id: &str, seconds: i64, body: &str) -> String {
        let tag = hmac::sign(&self.key, format!("{id}.{seconds}.{body}").as_bytes());
        let signature = STANDARD.encode(tag);
        format!(
            "webhook-id: {id}\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: v1,{signature}\r\n"
        )
    }
}

/// The report of the end of a lead's call, with the id of its order.
pub fn ended(secret: &Secret, path: &str, (number, order): (u64, &str), seconds: i64) -> Post {
    let data = json!({
        "reference": reference(number),
        "orderId": order,
        "outcome": "completed",
        "endedReason": "agent_hung_up",
        "durationSeconds": 74,
        "summary": "The person owns the house and wants an offer.",
        "transcript": [
            {"role": "agent", "text": "Is this still of interest to you?", "second": 2},
            {"role": "user", "text": "Yes, please send me an offer.", "second": 6},
        ],
        "answers": {"interested": "yes"},
    });
    let body = json!({"type": "call.ended", "data": data}).to_string();
    let headers = secret.headers(&format!("ended-{number}"), seconds, &body);
    Post { number, path: path.to_owned(), headers, body, status: 200, proof: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_known_message_has_its_known_signature() {
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let lines = Secret::of(&bytes).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        let wanted = "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n";
        assert!(lines.ends_with(wanted), "{lines}");
    }
}
