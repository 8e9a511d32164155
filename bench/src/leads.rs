//! The leads of a run: every one another person, told apart by a number that travels to the buyer.

const FIRST: [&str; 8] = ["Maria", "James", "Wei", "Aisha", "Tom", "Linda", "Noah", "Emma"];
const LAST: [&str; 8] =
    ["Gonzalez", "O'Brien", "Chen", "Khan", "Becker", "Park", "Silva", "Moreau"];
const PLACES: [(&str, &str, &str, &str); 4] = [
    ("San Francisco", "CA", "94110", "415"),
    ("Phoenix", "AZ", "85004", "602"),
    ("Las Vegas", "NV", "89101", "702"),
    ("Portland", "OR", "97205", "503"),
];
const ROOFS: [&str; 6] = ["tile", "asphalt", "Flat", "metal", "tin", "shingle"];
/// Phone numbers after the area code, from 200-0000 to 999-9999.
const NUMBERS: u64 = 8_000_000;

/// The JSON of lead `number`, about 600 bytes. Numbers below 32 million are different people.
pub fn body(campaign: &str, number: u64) -> String {
    let pick = |from: u64, len: usize| (from % len as u64) as usize;
    let (first, last) = (FIRST[pick(number, 8)], LAST[pick(number / 8, 8)]);
    let area = pick(number, PLACES.len());
    let (city, state, zip, code) = PLACES[area];
    let line = 2_000_000 + (number / PLACES.len() as u64) % NUMBERS;
    let (exchange, rest) = (line / 10_000, line % 10_000);
    let roof = ROOFS[pick(number, ROOFS.len())];
    let (year, month, day) = (1950 + number % 50, 1 + number % 12, 1 + number % 28);
    let (house, bill) = (1 + number % 9_999, 60 + number % 400);
    let mail = last.replace('\'', "").to_lowercase();
    format!(
        r#"{{"campaignId":"{campaign}","firstName":"{first}","lastName":"{last}","email":"{mail}.{number}@example.com","phone":"+1{code}{exchange}{rest:04}","dateOfBirth":"{year}-{month:02}-{day:02}","address":{{"street":"{house} Market Street","city":"{city}","state":"{state}","zip":"{zip}"}},"questionnaire":{{"homeowner":"yes","roof":"{roof}","monthly_bill":"{bill}"}},"customFields":{{"ref":"{number}"}},"attribution":{{"params":{{"utm_source":"google","utm_medium":"cpc","utm_campaign":"solar-2026"}},"captureUrl":"https://solar.example.com/quote","referrer":"https://search.example.com/","ipAddress":"203.0.113.7"}},"compliance":{{"tcpaConsent":true}}}}"#
    )
}

/// The lead's number in what the buyer was sent.
pub fn number_in(delivered: &[u8]) -> Option<u64> {
    text_in(delivered, "ref")?.parse().ok()
}

/// The text of the first member of that name in compact JSON, up to the next quotation mark.
pub fn text_in<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let mark = format!("\"{name}\":\"");
    let at = json.windows(mark.len()).position(|window| window == mark.as_bytes())? + mark.len();
    std::str::from_utf8(json[at..].split(|byte| *byte == b'"').next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_lead_is_json_of_the_promised_size_and_says_its_number() {
        for number in [0, 7, 31, 99_999, 1_234_567] {
            let text = body("SOL", number);
            assert!((550..700).contains(&text.len()), "{}", text.len());
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["phone"].as_str().unwrap().len(), 12, "{text}");
            assert_eq!(number_in(text.as_bytes()), Some(number));
        }
        assert_eq!(number_in(br#"{"ref":""}"#), None);
    }

    #[test]
    fn no_two_leads_share_an_email_or_a_phone() {
        let mut seen = HashSet::new();
        for number in (0..9_000).chain(9_000_000..9_009_000) {
            let value: serde_json::Value = serde_json::from_str(&body("SOL", number)).unwrap();
            for field in ["email", "phone"] {
                assert!(seen.insert(value[field].as_str().unwrap().to_owned()), "{number}");
            }
        }
    }
}
