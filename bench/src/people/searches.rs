//! Searches as people type them: the first page of 50, over a kept connection.
use super::Site;
use crate::{
    report::{Report, milliseconds},
    trouble::{Doing, Trouble},
};
use serde_json::json;
use std::time::Instant;

/// Name and text of each kind of search; `#` becomes a number that differs each time.
const KINDS: [(&str, &str); 8] = [
    ("email", "email:adaa#@example0.com"),
    ("two_words", "gracea stonebb"),
    ("rare_word", "adaa#"),
    ("prefix", "marshc*"),
    ("field", "state:CA city:\"City #\""),
    ("property_range", "score>=99 tier:gold"),
    ("one_in_a_million", "company:\"Firm #\" zip:00042"),
    ("nobody", "zzzz# qqqq"),
];

pub async fn measure(site: &Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let mut line = site.system.door.connect().await?;
    let mut all = Vec::new();
    for (name, text) in KINDS {
        let mut times = Vec::new();
        for n in 0..site.people.searches {
            let query = text.replace('#', &(n * 10).to_string());
            let body = json!({"query": query, "limit": 50}).to_string();
            let began = Instant::now();
            let answer = line.send("POST", "/api/v1/contacts/search", &body).await?;
            let status = answer.status();
            if status != 200 {
                let why = format!("{status}: {}", String::from_utf8_lossy(answer.body));
                return Err(why).doing(format!("searching for {query}"));
            }
            times.push(milliseconds(began.elapsed()));
        }
        all.extend_from_slice(&times);
        report.say_times(&format!("search_{name}"), times);
    }
    report.say_times_and_max("search", all);
    Ok(())
}
