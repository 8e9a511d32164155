//! How long a buyer asks us to wait: the `Retry-After` header, within bounds.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// Shortest wait that is honoured; a date in the past or zero seconds means this.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// Longest wait that is honoured; a buyer must not park a lead for ever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// Reads seconds or an HTTP date (RFC 9110: three forms) and clamps; none if it is neither.
pub fn read(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    let asked = if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds is still a number: the clamp has the last word.
        Duration::from_secs(header.parse().unwrap_or(u64::MAX))
    } else {
        (http_date(header)? - now).to_std().unwrap_or(Duration::ZERO)
    };
    Some(asked.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_every_form_and_kept_within_bounds() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:07Z").unwrap().to_utc();
        for (header, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("999999999", Some(21_600)),
            ("99999999999999999999999999", Some(21_600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
            ("Sun Nov  6 08:49:37 1994", Some(30)),
            ("Sun, 06 Nov 1988 08:49:37 GMT", Some(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(21_600)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read(header, now), seconds.map(Duration::from_secs), "{header}");
        }
    }
}
