//! What must hold of a workflow's steps.
use super::{
    Otherwise, Step, StepKind,
    limits::{STEPS_MAX, distance},
    read::Reader,
    triggers::clock,
};
use crate::automation::config::{StepConfig, WaitUntil};

/// Where `else` leads when it leads out of the workflow; no step has this id.
pub const END: &str = "end";
/// Days of the week, as `waitUntil` names them.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Reader<'_> {
    pub(super) fn steps(&mut self, given: &[StepConfig], at: &str) -> Vec<Step> {
        if given.is_empty() {
            self.say(at, "must have at least one step");
        }
        self.count(at, given.len(), STEPS_MAX);
        let ids = given.iter().take(STEPS_MAX).enumerate();
        self.unique(ids.map(|(nth, one)| (format!("{at}[{nth}].id"), &one.id)));
        let mut steps = Vec::new();
        for (nth, one) in given.iter().take(STEPS_MAX).enumerate() {
            let at = format!("{at}[{nth}]");
            if one.id == END {
                self.say(format!("{at}.id"), "`end` is where a workflow ends: use another id");
            }
            let otherwise = self.otherwise(one, given, &at);
            let kind = self.step(one, otherwise, &at);
            steps.extend(kind.map(|kind| Step { id: one.id.clone(), kind }));
        }
        steps
    }

    fn otherwise(&mut self, one: &StepConfig, all: &[StepConfig], at: &str) -> Otherwise {
        let Some(target) = one.otherwise.as_deref() else { return Otherwise::End };
        let path = format!("{at}.else");
        if one.condition.is_none() {
            self.say(path, "is only for a step with `if`");
            return Otherwise::End;
        }
        if target == END {
            return Otherwise::End;
        }
        match all.iter().position(|step| step.id == target) {
            Some(place) => Otherwise::GoTo(place),
            None => {
                self.say(path, "is neither `end` nor a step of this workflow");
                Otherwise::End
            }
        }
    }

    fn step(&mut self, one: &StepConfig, otherwise: Otherwise, at: &str) -> Option<StepKind> {
        match (&one.wait, &one.wait_until, &one.condition, &one.actions) {
            (Some(wait), None, None, None) => {
                if let Some(why) = distance(*wait) {
                    self.say(format!("{at}.wait.amount"), why);
                }
                Some(StepKind::Wait(*wait))
            }
            (None, Some(until), None, None) => {
                self.until(until, &format!("{at}.waitUntil"));
                Some(StepKind::WaitUntil(until.clone()))
            }
            (None, None, Some(condition), None) => {
                let why = "is not known to a step: ask for it in the workflow's `when`";
                let rule = self.condition(condition, &format!("{at}.if"), Some(why))?;
                Some(StepKind::If { rule, otherwise })
            }
            (None, None, None, Some(actions)) => {
                Some(StepKind::Do(self.actions(actions, &format!("{at}.do"))))
            }
            _ => {
                self.say(at, "must have exactly one of `wait`, `waitUntil`, `if` and `do`");
                None
            }
        }
    }

    fn until(&mut self, until: &WaitUntil, at: &str) {
        if clock(&until.time).is_none() {
            self.say(format!("{at}.time"), "must be a time of the day such as 09:00");
        }
        for (nth, day) in until.days.iter().take(DAYS.len() + 1).enumerate() {
            let path = format!("{at}.days[{nth}]");
            if !DAYS.contains(&day.as_str()) {
                self.say(path, format!("must be one of {}", DAYS.join(", ")));
            } else if until.days[..nth].contains(day) {
                self.say(path, "is there already");
            }
        }
    }
}
