//! Workflows: how a lead enters, and how it walks from step to step.
use super::{
    super::{
        Position,
        config::Action,
        outcome::FiringKind,
        program::{Otherwise, Step, StepKind, Workflow},
    },
    Look, PAUSE, STEPS_MAX,
    act::Doing,
    dates, facts,
};
use crate::{
    clock::Time,
    contact::doc::moment,
    rules::{Facts, Rule},
};
use serde_json::json;

/// Where a walk goes on.
enum Next {
    /// To this place in the list.
    Go(usize),
    /// It waits at this place until then.
    Wait(usize, Time),
    /// It is over, or it has been taken elsewhere.
    Stop,
}

impl Look<'_, '_> {
    /// Puts the lead at the first step. It walks when all who were asked have answered.
    pub fn enter(&mut self, workflow: &Workflow) {
        let step = workflow.steps.first().map(|step| step.id.clone()).unwrap_or_default();
        let at = self.at;
        let position = Position { step, step_number: 0, due_at: at, entered_at: at, moved_at: at };
        self.state.positions.insert(workflow.id.clone(), position);
        self.fresh.insert(workflow.id.clone());
        self.note_fired(&workflow.id);
    }

    /// Lets the lead go on wherever it has waited long enough.
    pub fn walk_all(&mut self) {
        let program = self.program;
        while self.is_open() {
            let waits = |one: &&Workflow| {
                self.state.positions.get(&one.id).is_some_and(|position| position.due_at <= self.at)
            };
            let Some(workflow) = program.workflows.iter().find(waits) else { break };
            self.walk(workflow);
        }
    }

    fn walk(&mut self, workflow: &Workflow) {
        let Some(position) = self.state.positions.get(&workflow.id).cloned() else { return };
        let is_fresh = self.fresh.remove(&workflow.id);
        let mut place = if is_fresh { 0 } else { resumes(workflow, &position) };
        let mut doing = Doing::begin(self, (FiringKind::Workflow, &workflow.id, &workflow.name));
        doing.cause = match is_fresh {
            true => json!({"type": "entered"}),
            false => json!({"type": "step", "step": position.step}),
        };
        let waits = loop {
            let Some(step) = workflow.steps.get(place) else { break None };
            doing.step = Some(step.id.clone());
            match self.step(workflow, (place, step), &mut doing) {
                Next::Go(next) => place = next,
                Next::Wait(place, until) => break Some((place, until)),
                Next::Stop => return self.log(doing),
            }
        };
        match waits.and_then(|(place, until)| Some((workflow.steps.get(place)?, place, until))) {
            Some((step, place, until)) => {
                let moved = Position {
                    step: step.id.clone(),
                    step_number: place as i64,
                    due_at: until,
                    entered_at: position.entered_at,
                    moved_at: self.at,
                };
                self.state.positions.insert(workflow.id.clone(), moved);
            }
            None => {
                doing.step = None;
                doing.line(json!({"type": "end"}));
                self.state.positions.remove(&workflow.id);
            }
        }
        self.log(doing);
    }

    fn step(
        &mut self,
        workflow: &Workflow,
        (place, step): (usize, &Step),
        doing: &mut Doing,
    ) -> Next {
        let is_wait = matches!(step.kind, StepKind::Wait(_) | StepKind::WaitUntil(_));
        if !is_wait && self.walked == STEPS_MAX {
            let until = self.at + PAUSE;
            doing.line(json!({"type": "pause", "until": moment(until), "why": format!("{STEPS_MAX} steps were walked at once")}));
            return Next::Wait(place, until);
        }
        match &step.kind {
            StepKind::Wait(distance) => {
                let until = distance.after(self.at, self.subject.zone);
                self.wait("wait", place, until, doing)
            }
            StepKind::WaitUntil(wait) => {
                let until = dates::waits_until(wait, self.at, self.subject.zone);
                self.wait("waitUntil", place, until, doing)
            }
            StepKind::If { rule, otherwise } => {
                self.walked += 1;
                self.branch(workflow, (place, rule, otherwise), doing)
            }
            StepKind::Do(actions) => {
                self.walked += 1;
                self.do_all(workflow, actions, doing).map_or(Next::Go(place + 1), |()| Next::Stop)
            }
        }
    }

    fn wait(&self, kind: &str, place: usize, until: Option<Time>, doing: &mut Doing) -> Next {
        let Some(until) = until else {
            doing.line(json!({"type": kind, "left": "that time never comes"}));
            return Next::Go(usize::MAX);
        };
        doing.line(json!({"type": kind, "until": moment(until)}));
        if until <= self.at { Next::Go(place + 1) } else { Next::Wait(place, until) }
    }

    fn branch(
        &self,
        workflow: &Workflow,
        (place, rule, otherwise): (usize, &Rule, &Otherwise),
        doing: &mut Doing,
    ) -> Next {
        let held = rule.matches(&Facts {
            doc: &self.subject.doc,
            now: self.at,
            tz: self.program.zone,
            value_sets: self.subject.sets,
        });
        doing.facts.extend(facts::of(Some(rule), &self.subject.doc));
        let goes = match (held, otherwise) {
            (true, _) => place + 1,
            (false, Otherwise::GoTo(place)) => *place,
            (false, Otherwise::End) => usize::MAX,
        };
        let name = workflow.steps.get(goes).map_or("end", |step| step.id.as_str());
        doing.line(json!({"type": "if", "held": held, "goTo": name}));
        Next::Go(goes)
    }

    /// Does a step's actions; something if the walk does not go on after them.
    fn do_all(&mut self, workflow: &Workflow, actions: &[Action], doing: &mut Doing) -> Option<()> {
        for action in actions {
            self.act(doing, action);
        }
        let is_elsewhere =
            self.fresh.contains(&workflow.id) || !self.state.positions.contains_key(&workflow.id);
        (is_elsewhere || !self.is_open()).then_some(())
    }
}

/// Where a lead goes on that has waited: after the step at which it waited. One that was taken out has left its place to the next.
fn resumes(workflow: &Workflow, position: &Position) -> usize {
    let place = workflow.steps.iter().position(|step| step.id == position.step);
    match place.and_then(|place| Some((place, workflow.steps.get(place)?))) {
        Some((place, step)) => match step.kind {
            StepKind::Wait(_) | StepKind::WaitUntil(_) => place + 1,
            StepKind::If { .. } | StepKind::Do(_) => place,
        },
        None => usize::try_from(position.step_number).unwrap_or(usize::MAX),
    }
}
