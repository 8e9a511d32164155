//! Reading what providers send: only ids are relied on, everything else may be missing, of another type or too long.
use super::sign::{hex, sha256};
use crate::{
    clock::Time,
    outreach::{
        CallOutcome, Report, Said,
        provider::Unreadable,
        report::{LINE_CHARS_MAX, Role, TRANSCRIPT_LINES_MAX},
    },
};
use chrono::DateTime;
use serde_json::{Map, Value};

/// Characters of an id of a provider, at most; a longer one is none.
pub const ID_CHARS_MAX: usize = 200;
/// Characters of a key of a [`Heard`](crate::outreach::Heard), at most.
pub const KEY_CHARS_MAX: usize = 200;
/// Characters of a provider's word for the end of a call or for a status that are kept, at most.
pub const WORD_CHARS_MAX: usize = 200;
/// Characters of a recording's URL, at most; a longer one is left out.
const URL_CHARS_MAX: usize = 2_048;
/// Characters of the name of an answer, at most; one with a longer name is left out.
const ANSWER_NAME_MAX: usize = 100;
/// Characters of an answer as JSON, at most; a longer one is left out.
const ANSWER_CHARS_MAX: usize = 4_000;
/// The name under which our own id goes along.
pub const OURS: &str = "orderId";

/// The JSON of a webhook or an answer.
pub fn json(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|why| Unreadable(format!("it is not JSON: {why}")))
}

/// The member at a path such as `/call/id`; null counts as missing.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    value.pointer(path).filter(|found| !found.is_null())
}

/// A text that is not empty.
pub fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A word of the provider, cut.
pub fn word(value: &Value, path: &str) -> Option<String> {
    text(value, path).map(|text| cut(text, WORD_CHARS_MAX))
}

/// A text of people or machines, cut.
pub fn prose(value: &Value, path: &str) -> Option<String> {
    text(value, path).map(|text| cut(text, LINE_CHARS_MAX))
}

/// A number, or a text that is one.
pub fn number(value: &Value, path: &str) -> Option<f64> {
    let found = at(value, path)?;
    let number = found.as_f64().or_else(|| found.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// Seconds, rounded, that are not negative.
pub fn seconds(number: Option<f64>) -> Option<i64> {
    number.filter(|seconds| (0.0..1e9).contains(seconds)).map(|seconds| seconds.round() as i64)
}

/// A time in RFC 3339.
pub fn time(value: &Value, path: &str) -> Option<Time> {
    text(value, path)?.parse().ok()
}

/// A time in milliseconds since 1970.
pub fn unix_ms(value: &Value, path: &str) -> Option<Time> {
    DateTime::from_timestamp_millis(number(value, path)? as i64)
}

/// A URL that may be shown to people.
pub fn link(value: &Value, path: &str) -> Option<String> {
    let text = text(value, path)?;
    let web = text.starts_with("https://") || text.starts_with("http://");
    (web && text.len() <= URL_CHARS_MAX).then(|| text.to_owned())
}

/// An id of a provider. It may stand in a path as it is.
pub fn id(value: &Value, path: &str) -> Option<String> {
    text(value, path).filter(|text| is_id(text)).map(str::to_owned)
}

/// Whether a text may be an id of a provider.
pub fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:~=@".contains(&b);
    text.len() <= ID_CHARS_MAX
        && text.bytes().all(plain)
        && text.bytes().any(|b| b.is_ascii_alphanumeric())
}

/// The id of a provider, without which a webhook means nothing.
pub fn needed(value: &Value, path: &'static str) -> Result<String, Unreadable> {
    id(value, path).ok_or_else(|| Unreadable(format!("`{path}` is missing or no id")))
}

/// Our own id, if it is one.
pub fn ours(text: Option<&str>) -> Option<String> {
    let text = text?;
    let known = text.starts_with("int_") || text.starts_with("msg_");
    (known && text.len() <= 40 && is_id(text)).then(|| text.to_owned())
}

/// A phone number in E.164, from digits with or without `+`.
pub fn e164(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    fits.then(|| format!("+{digits}"))
}

/// What a repeat is known by: the parts, or their hash where they are too long.
pub fn key(parts: &[&str]) -> String {
    let joined = parts.join("|");
    if joined.chars().count() <= KEY_CHARS_MAX { joined } else { hex(&sha256(joined.as_bytes())) }
}

/// The first characters of a text.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The lines of a transcript, as far as they can be read; `line` reads one.
pub fn transcript<'a>(
    lines: Option<&'a Value>,
    line: impl Fn(&'a Value) -> Option<(Role, &'a str, Option<f64>)>,
) -> Vec<Said> {
    let lines = lines.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let said = |(role, text, second): (Role, &str, Option<f64>)| Said {
        role,
        text: cut(text, LINE_CHARS_MAX),
        second: seconds(second),
    };
    lines.iter().filter_map(line).map(said).take(TRANSCRIPT_LINES_MAX).collect()
}

/// Whether somebody or a machine picked up.
pub fn connected(outcome: CallOutcome) -> bool {
    use CallOutcome::{Busy, Failed, NoAnswer, NoContact, Unknown};
    !matches!(outcome, NoAnswer | Busy | NoContact | Failed | Unknown)
}

/// A call that failed after the person had spoken did not fail to be made: it broke.
pub fn broken(mut report: Report) -> Report {
    let spoke = report.transcript.iter().any(|said| said.role == Role::User);
    if spoke && report.outcome == CallOutcome::Failed {
        report.outcome = CallOutcome::Incomplete;
    }
    report
}

/// Takes in what a provider has extracted, without what is too long.
pub fn steer(report: &mut Report, extracted: &Map<String, Value>) {
    let fits = |key: &str, value: &Value| {
        key.chars().count() <= ANSWER_NAME_MAX && value.to_string().len() <= ANSWER_CHARS_MAX
    };
    let fitting = extracted.iter().filter(|(key, value)| fits(key, value));
    report.steer(&fitting.map(|(key, value)| (key.clone(), value.clone())).collect());
}

/// The same for a member that may be missing.
pub fn steer_by(report: &mut Report, extracted: Option<&Value>) {
    if let Some(extracted) = extracted.and_then(Value::as_object) {
        steer(report, extracted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_there_and_fits_is_read() {
        let value = json!({"a": {"b": " x "}, "n": "1.5", "null": null, "url": "javascript:1",
            "page": "https://a.example/r.mp3", "ms": 1_700_000_000_123_i64, "id": "../a", "empty": " "});
        assert_eq!((text(&value, "/a/b"), text(&value, "/empty")), (Some("x"), None));
        assert_eq!((number(&value, "/n"), number(&value, "/a")), (Some(1.5), None));
        assert_eq!((at(&value, "/null"), link(&value, "/url")), (None, None));
        assert_eq!(link(&value, "/page").as_deref(), Some("https://a.example/r.mp3"));
        assert_eq!(unix_ms(&value, "/ms").unwrap().timestamp_millis(), 1_700_000_000_123);
        assert_eq!((id(&value, "/id"), id(&value, "/a/b").as_deref()), (None, Some("x")));
        assert!(!is_id(".") && !is_id("..") && !is_id("") && !is_id(&"a".repeat(201)));
        assert_eq!(
            (seconds(Some(-1.0)), seconds(Some(1.6)), seconds(Some(f64::MAX))),
            (None, Some(2), None)
        );
    }

    #[test]
    fn ids_of_ours_and_numbers_are_known() {
        assert_eq!(ours(Some("int_01h")).as_deref(), Some("int_01h"));
        for bad in ["lead_01h", "int_ 1", &format!("msg_{}", "a".repeat(40))] {
            assert_eq!(ours(Some(bad)), None, "{bad}");
        }
        for (given, wanted) in [
            ("14155550100", Some("+14155550100")),
            ("+447700900000", Some("+447700900000")),
            ("72345", None),
            ("whatsapp:+14155550100", None),
            ("004155550100", None),
            ("ACME", None),
        ] {
            assert_eq!(e164(given).as_deref(), wanted, "{given}");
        }
    }

    #[test]
    fn long_keys_and_transcripts_are_cut() {
        assert_eq!(key(&["a", "b", ""]), "a|b|");
        let (one, other) = (key(&[&"a".repeat(300), "1"]), key(&[&"a".repeat(300), "2"]));
        assert!(one != other && one.len() == 64);
        let lines = json!(vec!["é".repeat(LINE_CHARS_MAX + 1); TRANSCRIPT_LINES_MAX + 1]);
        let read = transcript(Some(&lines), |line| Some((Role::User, line.as_str()?, None)));
        assert_eq!(read.len(), TRANSCRIPT_LINES_MAX);
        assert_eq!(read[0].text.chars().count(), LINE_CHARS_MAX);
    }

    #[test]
    fn answers_that_are_too_long_are_left_out() {
        let mut report = Report::of(CallOutcome::Completed);
        let extracted = json!({"roof": "tile", ("a".repeat(101)): 1, "long": "x".repeat(4_000)});
        steer_by(&mut report, Some(&extracted));
        steer_by(&mut report, None);
        assert_eq!(Value::Object(report.answers), json!({"roof": "tile"}));
    }
}
