//! A lead's journeys, told for people.
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// What became of the leads.
#[derive(Default)]
pub struct Tally {
    ends: BTreeMap<String, usize>,
    cents: i64,
}

/// Prints a lead's story and counts how it ended.
pub fn tell(number: usize, lead: &Value, submissions: &[Value], tally: &mut Tally) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!(
        "{number:>2}. {} {} <{}>, {}{}",
        text(&lead["firstName"]),
        text(&lead["lastName"]),
        text(&lead["email"]),
        text(&lead["phone"]),
        if lead["isDuplicate"] == true { ", a duplicate" } else { "" }
    );
    for story in submissions {
        let submission = &story["submission"];
        println!("    → {} ({})", text(&submission["campaignName"]), text(&submission["kind"]));
        for event in story["journey"].as_array().into_iter().flatten() {
            println!(
                "      {:<20} {:<11} {:>7.2} ms  {}",
                text(&event["stage"]).replace('_', " "),
                text(&event["verdict"]).replace('_', " "),
                event["durationUs"].as_f64().unwrap_or(0.0) / 1_000.0,
                text(&event["reason"])
            );
        }
        for attempt in story["attempts"].as_array().into_iter().flatten() {
            tally.cents += attempt["priceMinor"].as_i64().unwrap_or(0);
        }
    }
    let end =
        submissions.last().map_or("nothing".into(), |last| text(&last["submission"]["status"]));
    println!("    = {end}\n");
    *tally.ends.entry(end).or_default() += 1;
}

impl Tally {
    pub fn print(&self, leads: usize, submitted: Duration) {
        let ends: Vec<String> =
            self.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        println!("{leads} leads, submitted in {submitted:.0?}: {}.", ends.join(", "));
        println!("Sold for {}.{:02} USD.", self.cents / 100, self.cents % 100);
    }
}
