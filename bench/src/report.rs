//! What a run says: a line a metric as soon as it is known, and all of them as JSON.
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The metrics of a run, in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Report {
    metrics: Vec<(String, f64, &'static str)>,
}

impl Report {
    /// Keeps a metric and prints `name value unit`.
    pub fn say(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        println!("{name} {} {unit}", shown(value));
        self.metrics.push((name, value, unit));
    }

    /// Median and 99th percentile, in milliseconds.
    pub fn say_times(&mut self, name: &str, times_ms: Vec<f64>) {
        let sorted = sorted(times_ms);
        self.say(format!("{name}_p50_ms"), percentile(&sorted, 50.0), "ms");
        self.say(format!("{name}_p99_ms"), percentile(&sorted, 99.0), "ms");
    }

    /// The same with the longest.
    pub fn say_times_and_max(&mut self, name: &str, times_ms: Vec<f64>) {
        let max = times_ms.iter().copied().fold(0.0, f64::max);
        self.say_times(name, times_ms);
        self.say(format!("{name}_max_ms"), max, "ms");
    }

    pub fn json(&self, settings: Value, machine: Value) -> Value {
        let metrics: Map<String, Value> = self
            .metrics
            .iter()
            .map(|(name, value, unit)| (name.clone(), json!({"value": value, "unit": unit})))
            .collect();
        json!({"metrics": metrics, "settings": settings, "machine": machine, "verified": true})
    }
}

/// Three digits that count, or all before the point.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

pub fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest value that at least `percent` of them do not exceed; 0 when there are none.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

pub fn median(values: Vec<f64>) -> f64 {
    percentile(&sorted(values), 50.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&hundred, 50.0), percentile(&hundred, 99.0)), (50.0, 99.0));
        assert_eq!((percentile(&[7.0], 1.0), percentile(&[7.0], 99.0)), (7.0, 7.0));
        assert_eq!(percentile(&[], 50.0), 0.0);
        assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
    }

    #[test]
    fn figures_are_shown_as_exactly_as_they_are_known() {
        let all = [12_345.6, 12.34, 1.234, 0.1234].map(shown);
        assert_eq!(all, ["12346", "12.3", "1.23", "0.123"]);
    }
}
