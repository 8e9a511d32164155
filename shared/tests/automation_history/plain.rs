//! What becomes of a lead, told without any of the program's own code: a list of `if`s over its history, for the reactions of [`config`].
use chrono::Duration;
use serde_json::{Value, json};
use shared::clock::Time;

/// Three days of silence cost the lead, one day five points.
const IDLE: Duration = Duration::days(3);
const NUDGE: Duration = Duration::days(1);

/// The reactions that [`Lead`] knows by heart.
pub fn config() -> Value {
    let on = |kind: &str, name: Option<&str>| {
        let mut on = json!({"type": "activity", "activity": kind});
        if let Some(name) = name {
            on["name"] = json!(name);
        }
        json!([on])
    };
    let silence =
        |days: i64| json!([{"type": "inactivity", "for": {"amount": days * 24, "unit": "hours"}}]);
    json!({
        "scoring": {"rules": [
            {"id": "pricing", "name": "Pricing", "on": on("page_visit", Some("/pricing*")), "points": 15, "repeat": "each"},
            {"id": "first", "name": "First page", "on": on("page_visit", None), "points": 3, "repeat": "once"},
            {"id": "opened", "name": "Opened", "on": on("email_opened", None), "points": 7, "repeat": "each"},
            {"id": "clicked", "name": "Clicked", "on": on("email_clicked", None), "points": -4, "repeat": "each"},
        ]},
        "rules": [
            {"id": "nudge", "name": "Nudge", "on": silence(1), "do": [{"type": "addPoints", "points": -5}], "repeat": "each"},
            {"id": "warm", "name": "Warm", "on": [{"type": "points", "reach": 40}], "do": [{"type": "addTag", "tag": "warm"}], "repeat": "each"},
            {"id": "won", "name": "Won", "on": [{"type": "points", "reach": 100}], "do": [{"type": "setStatus", "status": "qualified"}]},
            {"id": "bought", "name": "Bought", "on": on("page_visit", Some("/buy")), "do": [{"type": "setStatus", "status": "qualified"}]},
            {"id": "idle", "name": "Idle", "on": silence(3), "do": [{"type": "setStatus", "status": "rejected"}]},
        ],
    })
}

/// A lead as it stands, and the ids of the reactions that fired, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    pub points: i64,
    pub status: &'static str,
    pub fired: Vec<&'static str>,
    heard_at: Time,
    is_nudged: bool,
}

impl Lead {
    pub fn new(at: Time) -> Self {
        Self { points: 0, status: "active", fired: Vec::new(), heard_at: at, is_nudged: false }
    }

    /// Time passes.
    pub fn until(&mut self, now: Time) {
        if self.status == "active" && !self.is_nudged && self.heard_at + NUDGE <= now {
            self.is_nudged = true;
            self.fired.push("nudge");
            self.points -= 5;
        }
        if self.status == "active" && self.heard_at + IDLE <= now {
            self.fired.push("idle");
            self.status = "rejected";
        }
    }

    /// The contact does something.
    pub fn does(&mut self, kind: &str, name: &str, at: Time) {
        self.until(at);
        self.heard_at = at;
        self.is_nudged = false;
        if self.status != "active" {
            return;
        }
        let before = self.points;
        if kind == "page_visit" && name.starts_with("/pricing") {
            self.score("pricing", 15);
        }
        if kind == "page_visit" && !self.fired.contains(&"first") {
            self.score("first", 3);
        }
        if kind == "email_opened" {
            self.score("opened", 7);
        }
        if kind == "email_clicked" {
            self.score("clicked", -4);
        }
        if kind == "page_visit" && name == "/buy" {
            self.fired.push("bought");
            self.status = "qualified";
            return;
        }
        if before < 40 && self.points >= 40 {
            self.fired.push("warm");
        }
        if before < 100 && self.points >= 100 && !self.fired.contains(&"won") {
            self.fired.push("won");
            self.status = "qualified";
        }
    }

    fn score(&mut self, id: &'static str, points: i64) {
        self.fired.push(id);
        self.points += points;
    }
}
