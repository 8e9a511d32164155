//! Which sweep runs when: the defaults, and what the setting LEADRAIL_SWEEPS says instead.
use crate::sweeps::{self, Kind, Sweep};
use shared::{
    clock::Time,
    cron::{Cron, CronError},
    store::ticks::Scheduled,
};

/// What stands for an expression when a sweep is not to run.
pub const OFF: &str = "off";

/// A sweep and when it runs.
pub struct Timed {
    pub sweep: &'static Sweep,
    /// None: it is off.
    pub cron: Option<Cron>,
    /// Whether the settings leave it as it is.
    pub is_default: bool,
}

/// Every sweep and when it runs, in the order of [`sweeps::ALL`].
pub struct Timetable(Vec<Timed>);

/// What is wrong with the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    #[error("LEADRAIL_SWEEPS: {0:?} is not NAME=EXPRESSION; entries have ; between them")]
    Entry(String),
    #[error("LEADRAIL_SWEEPS: there is no sweep {0:?}; the sweeps are {known}", known = names(|_| true))]
    Unknown(String),
    #[error("LEADRAIL_SWEEPS: {0} is named twice")]
    Twice(&'static str),
    #[error(
        "LEADRAIL_SWEEPS: {0} cannot be off, leads wait for it; only what forgets can: {can}",
        can = names(|sweep| sweep.kind == Kind::Retention)
    )]
    NeverOff(&'static str),
    #[error("LEADRAIL_SWEEPS: {sweep}: the expression {expression:?} {error}")]
    Expression { sweep: &'static str, expression: String, error: CronError },
}

/// The names of those sweeps, as a list to read.
fn names(which: fn(&Sweep) -> bool) -> String {
    let names: Vec<&str> =
        sweeps::ALL.iter().filter(|sweep| which(sweep)).map(|sweep| sweep.name).collect();
    names.join(", ")
}

impl Timetable {
    /// Reads `NAME=EXPRESSION` or `NAME=off`, several with `;` between them. What is not named keeps its default.
    pub fn read(setting: &str, now: Time) -> Result<Self, TimetableError> {
        let mut all = Vec::new();
        for sweep in sweeps::ALL {
            all.push(Timed { sweep, cron: Some(parse(sweep, sweep.cron, now)?), is_default: true });
        }
        for entry in setting.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, expression) =
                entry.split_once('=').ok_or_else(|| TimetableError::Entry(entry.to_owned()))?;
            let (name, expression) = (name.trim(), expression.trim());
            let timed = all.iter_mut().find(|timed| timed.sweep.name == name);
            let timed = timed.ok_or_else(|| TimetableError::Unknown(name.to_owned()))?;
            if !timed.is_default {
                return Err(TimetableError::Twice(timed.sweep.name));
            }
            timed.cron = match expression {
                OFF if timed.sweep.kind == Kind::Retention => None,
                OFF => return Err(TimetableError::NeverOff(timed.sweep.name)),
                _ => Some(parse(timed.sweep, expression, now)?),
            };
            timed.is_default = false;
        }
        Ok(Self(all))
    }

    pub fn all(&self) -> &[Timed] {
        &self.0
    }

    pub fn into_all(self) -> Vec<Timed> {
        self.0
    }

    /// A sweep by its name; an unknown one is refused with the names there are.
    pub fn named(&self, name: &str) -> Result<&Timed, String> {
        let timed = self.0.iter().find(|timed| timed.sweep.name == name);
        timed.ok_or_else(|| {
            format!("there is no sweep {name:?}; the sweeps are {}", names(|_| true))
        })
    }

    /// What is written down for people to see.
    pub fn scheduled(&self) -> Vec<Scheduled> {
        let row = |(place, timed): (i64, &Timed)| Scheduled {
            name: timed.sweep.name.to_owned(),
            place,
            about: timed.sweep.about.to_owned(),
            cron: timed.cron.as_ref().map(ToString::to_string),
            is_default: timed.is_default,
        };
        (0..).zip(&self.0).map(row).collect()
    }
}

fn parse(sweep: &'static Sweep, expression: &str, now: Time) -> Result<Cron, TimetableError> {
    Cron::read(expression, now).map_err(|error| TimetableError::Expression {
        sweep: sweep.name,
        expression: expression.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::clock::Clock;
    use std::collections::HashSet;

    fn read(setting: &str) -> Result<Timetable, String> {
        Timetable::read(setting, Clock::system().now()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_sweep_has_a_name_of_its_own_a_sentence_and_a_schedule_that_comes_again() {
        let all = read("").unwrap();
        let names: HashSet<_> = all.all().iter().map(|timed| timed.sweep.name).collect();
        assert_eq!(names.len(), sweeps::ALL.len());
        for timed in all.all() {
            let Sweep { name, about, .. } = timed.sweep;
            assert!(about.ends_with('.') && about.matches(". ").count() == 0, "{name}: {about}");
            let now = Clock::system().now();
            let cron = timed.cron.as_ref().unwrap();
            assert!(cron.last(now).unwrap() <= now && cron.next(now).unwrap() > now, "{name}");
        }
    }

    #[test]
    fn what_the_setting_names_runs_as_it_says() {
        let all =
            read("due=*/2 * * * * *; forget_visits = 0 0 3 * * * ;forget_events=off;").unwrap();
        let shown = |name: &str| {
            let timed = all.named(name).unwrap();
            (timed.cron.as_ref().map(ToString::to_string), timed.is_default)
        };
        assert_eq!(shown("due"), (Some("*/2 * * * * *".into()), false));
        assert_eq!(shown("forget_visits"), (Some("0 0 3 * * *".into()), false));
        assert_eq!(shown("forget_events"), (None, false));
        assert_eq!(shown("queue"), (Some("* * * * * *".into()), true));
        assert_eq!(all.scheduled()[0].name, "due");
    }

    #[test]
    fn refusals_name_sweep_expression_and_rule() {
        for (setting, said) in [
            ("due", "LEADRAIL_SWEEPS: \"due\" is not NAME=EXPRESSION; entries have ;"),
            (
                "dew=* * * * * *",
                "LEADRAIL_SWEEPS: there is no sweep \"dew\"; the sweeps are due, queue,",
            ),
            ("due=@hourly;due=@daily", "LEADRAIL_SWEEPS: due is named twice"),
            (
                "due=off",
                "LEADRAIL_SWEEPS: due cannot be off, leads wait for it; only what forgets can: forget_answers,",
            ),
            (
                "due=*/2 * * * *",
                "LEADRAIL_SWEEPS: due: the expression \"*/2 * * * *\" has 5 fields",
            ),
            ("due=", "LEADRAIL_SWEEPS: due: the expression \"\" has 0 fields; 6 are needed"),
            (
                "forget_visits=0 0 25 * * *",
                "LEADRAIL_SWEEPS: forget_visits: the expression \"0 0 25 * * *\" has \"25\" as its hour",
            ),
            (
                "forget_visits=0 0 3 31 Feb *",
                "LEADRAIL_SWEEPS: forget_visits: the expression \"0 0 3 31 Feb *\" never comes again",
            ),
        ] {
            let Err(error) = read(setting) else { panic!("{setting} is taken") };
            assert!(error.starts_with(said), "{setting}: {error}");
        }
    }
}
