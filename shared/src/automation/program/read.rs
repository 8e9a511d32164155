//! Reads a document: everything that is wrong with it, at once, or the program that it means.
use super::{
    Listens, Program, Reaction, Since, Workflow,
    limits::{
        ID_MAX, NAME_MAX, POINTS_AT_ONCE_MAX, POINTS_PER_STAR_MAX, PROBLEMS_MAX, REACTIONS_MAX,
        TRIGGERS_MAX, WORKFLOWS_MAX, distance,
    },
    names::Names,
};
use crate::{
    automation::{
        AutomationConfig,
        config::{Action, Decay, RuleConfig, Scoring, ScoringRule, Trigger, WorkflowConfig},
        distance::DistanceUnit,
    },
    clock::Time,
    ids::CampaignId,
    rules::{ACTIVITY, About, Clocks, PROPERTY, Problem, Properties, Rule},
    segment::{self, source::below},
};
use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What is gathered on the way through a document.
pub(super) struct Reader<'a> {
    pub(super) campaign: CampaignId,
    pub(super) properties: &'a Properties,
    /// The ids of the document's workflows.
    pub(super) workflows: BTreeSet<&'a str>,
    pub(super) names: Names,
    pub(super) problems: Vec<Problem>,
}

/// What reactions and workflows have in common.
pub(super) struct Heard {
    pub(super) triggers: Vec<Trigger>,
    pub(super) when: Option<Rule>,
    pub(super) clocks: Clocks,
    pub(super) reads: BTreeSet<String>,
}

/// Reads all of it, what is off too; the program has only what is on.
pub(super) fn read(
    (campaign, revision): (CampaignId, i64),
    zone: Tz,
    config: &AutomationConfig,
    since: &Since,
    properties: &Properties,
) -> Result<(Program, Names), Vec<Problem>> {
    let workflows = config.workflows.iter().map(|one| one.id.as_str()).collect();
    let mut reader =
        Reader { campaign, properties, workflows, names: Names::default(), problems: Vec::new() };
    reader.ids(config);
    let (reactions, workflows) = reader.all(config, since);
    let mut problems = reader.problems;
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        return Err(problems);
    }
    let listens = Listens::of(&reactions, &workflows);
    let Scoring { points_per_star, decay, .. } = config.scoring;
    let program =
        Program { campaign, revision, zone, points_per_star, decay, reactions, workflows, listens };
    Ok((program, reader.names))
}

impl Reader<'_> {
    pub(super) fn say(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    pub(super) fn count(&mut self, at: &str, given: usize, most: usize) {
        if given > most {
            self.say(at, format!("has {given} entries; at most {most} are allowed"));
        }
    }

    fn all(&mut self, config: &AutomationConfig, since: &Since) -> (Vec<Reaction>, Vec<Workflow>) {
        self.scoring(&config.scoring);
        self.count("rules", config.rules.len(), REACTIONS_MAX);
        self.count("workflows", config.workflows.len(), WORKFLOWS_MAX);
        let mut reactions = Vec::new();
        for (at, one) in config.scoring.rules.iter().take(REACTIONS_MAX).enumerate() {
            let read = self.scoring_rule(one, &format!("scoring.rules[{at}]"), since);
            reactions.extend(one.enabled.then_some(read));
        }
        for (at, one) in config.rules.iter().take(REACTIONS_MAX).enumerate() {
            let read = self.rule(one, &format!("rules[{at}]"), since);
            reactions.extend(one.enabled.then_some(read));
        }
        let mut workflows = Vec::new();
        for (at, one) in config.workflows.iter().take(WORKFLOWS_MAX).enumerate() {
            let read = self.workflow(one, &format!("workflows[{at}]"), since);
            workflows.extend(one.enabled.then_some(read));
        }
        (reactions, workflows)
    }

    /// Every id is well formed and is there once.
    fn ids(&mut self, config: &AutomationConfig) {
        let place = |list: &str, at: usize| format!("{list}[{at}].id");
        let scoring = config.scoring.rules.iter().enumerate();
        let scoring = scoring.map(|(at, one)| (place("scoring.rules", at), &one.id));
        let rules = config.rules.iter().enumerate();
        let rules = rules.map(|(at, one)| (place("rules", at), &one.id));
        let workflows = config.workflows.iter().enumerate();
        let workflows = workflows.map(|(at, one)| (place("workflows", at), &one.id));
        self.unique(scoring.chain(rules).chain(workflows));
    }

    pub(super) fn unique<'b>(&mut self, ids: impl Iterator<Item = (String, &'b String)>) {
        let mut seen: HashMap<&str, String> = HashMap::new();
        for (path, id) in ids {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            if !(1..=ID_MAX).contains(&id.len()) || !id.bytes().all(plain) {
                self.say(path, format!("must be 1 to {ID_MAX} letters, digits, `_` or `-`"));
            } else if let Some(first) = seen.get(id.as_str()) {
                self.say(path, format!("is used already, at {first}"));
            } else {
                seen.insert(id, path);
            }
        }
    }

    pub(super) fn name(&mut self, given: &str, at: &str) {
        self.text(given, NAME_MAX, format!("{at}.name"));
    }

    /// A text in one line, not blank.
    pub(super) fn text(&mut self, given: &str, most: usize, at: String) {
        if given.trim().is_empty() || given.chars().count() > most {
            self.say(at, format!("must be 1 to {most} characters"));
        } else if given.chars().any(char::is_control) {
            self.say(at, "must not contain control characters");
        }
    }

    pub(super) fn points(&mut self, points: i64, at: &str) {
        let most = POINTS_AT_ONCE_MAX;
        if points == 0 || !(-most..=most).contains(&points) {
            self.say(format!("{at}.points"), format!("must be -{most} to {most}, and not 0"));
        }
    }

    fn scoring(&mut self, scoring: &Scoring) {
        if !(1..=POINTS_PER_STAR_MAX).contains(&scoring.points_per_star) {
            let why = format!("must be 1 to {POINTS_PER_STAR_MAX}");
            self.say("scoring.pointsPerStar", why);
        }
        self.count("scoring.rules", scoring.rules.len(), REACTIONS_MAX);
        let Some(Decay { every, percent }) = scoring.decay else { return };
        if every.unit == DistanceUnit::Minutes {
            self.say("scoring.decay.every.unit", "must be hours or longer");
        } else if let Some(why) = distance(every) {
            self.say("scoring.decay.every.amount", why);
        }
        if !(1..=100).contains(&percent) {
            self.say("scoring.decay.percent", "must be 1 to 100");
        }
    }

    fn scoring_rule(&mut self, one: &ScoringRule, at: &str, since: &Since) -> Reaction {
        self.name(&one.name, at);
        self.points(one.points, at);
        let Heard { triggers, when, clocks, reads } =
            self.listen(at, one.triggers(), one.when.as_ref());
        Reaction {
            is_scoring: true,
            id: one.id.clone(),
            name: one.name.clone(),
            triggers,
            when,
            clocks,
            reads,
            actions: vec![Action::AddPoints { points: one.points }],
            repeat: one.repeat,
            existing_leads: one.existing_leads,
            since: began(since, &one.id),
        }
    }

    fn rule(&mut self, one: &RuleConfig, at: &str, since: &Since) -> Reaction {
        self.name(&one.name, at);
        let actions = self.actions(&one.r#do, &format!("{at}.do"));
        let Heard { triggers, when, clocks, reads } =
            self.listen(at, one.triggers(), one.when.as_ref());
        Reaction {
            is_scoring: false,
            id: one.id.clone(),
            name: one.name.clone(),
            triggers,
            when,
            clocks,
            reads,
            actions,
            repeat: one.repeat,
            existing_leads: one.existing_leads,
            since: began(since, &one.id),
        }
    }

    fn workflow(&mut self, one: &WorkflowConfig, at: &str, since: &Since) -> Workflow {
        self.name(&one.name, at);
        let Heard { triggers, when, clocks, reads } =
            self.listen(at, one.triggers(), one.when.as_ref());
        Workflow {
            id: one.id.clone(),
            name: one.name.clone(),
            triggers,
            when,
            clocks,
            reads,
            repeat: one.repeat,
            existing_leads: one.existing_leads,
            since: began(since, &one.id),
            steps: self.steps(&one.steps, &format!("{at}.steps")),
        }
    }

    /// Triggers and their condition.
    fn listen(&mut self, at: &str, triggers: &[Trigger], when: Option<&Value>) -> Heard {
        self.count(&format!("{at}.on"), triggers.len(), TRIGGERS_MAX);
        for (nth, trigger) in triggers.iter().take(TRIGGERS_MAX).enumerate() {
            self.trigger(trigger, &format!("{at}.on[{nth}]"));
        }
        let is_activity = |trigger: &Trigger| matches!(trigger, Trigger::Activity { .. });
        let hint = match triggers.iter().any(is_activity) {
            true => None,
            false => Some("is known only to the trigger `activity`"),
        };
        let path = format!("{at}.when");
        let rule = when.and_then(|when| self.condition(when, &path, hint));
        let reads = rule.as_ref().map(reads).unwrap_or_default();
        if when.is_none() && triggers.contains(&Trigger::Matches) {
            let why = "is missing: the trigger `matches` fires when a condition begins to hold";
            self.say(path.as_str(), why);
        }
        let is_any =
            |trigger: &Trigger| matches!(trigger, Trigger::Changed { fields } if fields.is_empty());
        if triggers.iter().any(is_any) && (when.is_none() || rule.is_some()) {
            self.changes(&reads, &path);
        }
        let clocks = rule.as_ref().map(Rule::clocks).unwrap_or_default();
        Heard { triggers: triggers.to_vec(), when: rule, clocks, reads }
    }

    /// A condition; `no_activity` says why it may not read the activity.
    pub(super) fn condition(
        &mut self,
        given: &Value,
        at: &str,
        no_activity: Option<&str>,
    ) -> Option<Rule> {
        let rule = match Rule::parse_about(given, About::Automation(self.properties)) {
            Ok(rule) => rule,
            Err(problems) => {
                self.pass_on(problems, at);
                return None;
            }
        };
        let mut named = segment::named::Names::of(&rule);
        self.pass_on(std::mem::take(&mut named.problems), at);
        self.names.add(at, named);
        let read = rule.reads();
        self.names.reads_properties |= read.iter().any(|field| field.starts_with(PROPERTY));
        if let (Some(why), Some(field)) =
            (no_activity, read.iter().find(|field| field.starts_with(ACTIVITY)))
        {
            self.say(at, format!("reads `{field}`, which {why}"));
        }
        Some(rule)
    }

    fn pass_on(&mut self, problems: Vec<Problem>, at: &str) {
        let placed = |one: Problem| Problem::new(below(at, &one.path), one.message);
        self.problems.extend(problems.into_iter().map(placed));
    }
}

/// The fields whose change may change the rule's answer.
fn reads(rule: &Rule) -> BTreeSet<String> {
    let mut reads = rule.reads();
    for (reckoned, from) in [("contact.age", "contact.dateOfBirth"), ("lead.stars", "lead.points")]
    {
        if reads.contains(reckoned) {
            reads.insert(from.to_owned());
        }
    }
    reads
}

/// One of which nothing is known has always been there.
fn began(since: &Since, id: &str) -> Time {
    since.get(id).copied().unwrap_or(DateTime::UNIX_EPOCH)
}
