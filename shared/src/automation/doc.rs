//! The document that rules of an automation read: all that is known of the contact, and the lead's own part.
use super::{LeadState, Occurrence, Program};
use crate::{campaign::date, clock::Time, contact::doc::moment};
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Value, json};

/// Stars of a lead: points by `per_star`, one digit after the point, from 0 to 5.
pub fn stars(points: i64, per_star: i64) -> f64 {
    let tenths = (points.max(0).saturating_mul(10) / per_star.max(1)).min(50);
    tenths as f64 / 10.0
}

/// Puts the lead's own part into the contact's document. What else is said of the lead (`questionnaire`, `custom`, …) is put there by
/// whoever gathers it.
pub fn set_lead(doc: &mut Value, program: &Program, state: &LeadState) {
    let lead = &mut doc["lead"];
    lead["status"] = json!(state.status);
    lead["points"] = json!(state.points);
    lead["stars"] = json!(stars(state.points, program.points_per_star));
    lead["createdAt"] = json!(moment(state.created_at));
}

/// Says which activity it is about; null for what is none.
pub fn set_activity(doc: &mut Value, what: &Occurrence) {
    doc["activity"] = match what {
        Occurrence::Activity { kind, name, data, at, .. } => {
            json!({"type": kind, "name": name, "data": data, "at": moment(*at)})
        }
        _ => Value::Null,
    };
}

/// Reckons the contact's age as of a time.
pub fn set_age(doc: &mut Value, at: Time, zone: Tz) {
    let born = doc["contact"]["dateOfBirth"].as_str();
    let born = born.and_then(|born| NaiveDate::parse_from_str(born, "%Y-%m-%d").ok());
    if let Some(born) = born {
        doc["contact"]["age"] = json!(date::age(born, at.with_timezone(&zone).date_naive()));
    }
}

#[cfg(test)]
mod tests {
    use super::stars;

    #[test]
    fn ten_points_are_a_star_and_five_the_most() {
        assert_eq!(stars(35, 10), 3.5);
        assert_eq!(stars(-20, 10), 0.0);
        assert_eq!(stars(i64::MAX, 10), 5.0);
        assert_eq!(stars(39, 100), 0.3);
    }
}
