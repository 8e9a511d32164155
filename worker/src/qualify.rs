//! Stage 6 with the outside: what is remembered, what a model is asked, and what that may cost.
use crate::{context::Context, outside::llm::ModelServer, step::StepError, trip::Trip};
use shared::{
    campaign::config::{Ai, SecretRef},
    clock::Time,
    exchange::Exchange,
    failpoint::failpoint,
    llm::{
        Choice, LlmFacts, Question, Usage,
        reply::{self, Reading},
        request::{self, Repair},
    },
    patience::{self, Pause},
    stages::{Scene, Verdict, s6_field_qualification as s6},
    store::{
        models::{self, Allowance, Budget},
        secrets::SecretError,
    },
    submission::Stage,
};
use std::time::Duration;

/// Tries at a model that is away, in all; then the lists and formats decide alone.
pub const MODEL_TRIES_MAX: i64 = 3;
/// Replies that are asked for in one try: the first, and one repair.
const REPLIES_MAX: u32 = 2;

/// Fits the fields. None when a model must be asked and the trip so far is not on disk yet: asking is a job of its own.
pub async fn qualify(ctx: &Context, trip: &Trip, now: Time) -> Result<Option<Verdict>, StepError> {
    let scene = Scene { campaign: &trip.campaign, view: trip.view(), sets: &trip.sets, now };
    let questions = s6::questions(scene);
    let ai = trip.campaign.config.ai.as_ref().filter(|_| !questions.is_empty());
    let Some(ai) = ai else { return Ok(Some(s6::decide(scene, &LlmFacts::default()))) };
    let server = match server(ctx, trip, ai, now).await? {
        Ok(server) => server,
        Err(why) => {
            let facts = LlmFacts { trouble: Some(why), ..LlmFacts::default() };
            return Ok(Some(s6::decide(scene, &facts)));
        }
    };
    let asking = Asking { ctx, trip, ai, server, now };
    let mut facts = LlmFacts::default();
    let open = asking.recall(&questions, &mut facts).await?;
    if !open.is_empty() && trip.moves() > 0 {
        return Ok(None);
    }
    if !open.is_empty()
        && let Some(again) = asking.ask(&open, &mut facts).await?
    {
        return Ok(Some(again));
    }
    Ok(Some(s6::decide(scene, &facts)))
}

/// Which server is asked and with which key; or why none can be.
async fn server(
    ctx: &Context,
    trip: &Trip,
    ai: &Ai,
    now: Time,
) -> Result<Result<ModelServer, String>, StepError> {
    let mut own_key = None;
    if let Some(SecretRef { secret }) = &ai.api_key {
        own_key = match ctx.secrets.open(trip.loaded.workspace_id, secret, now).await {
            Ok(Some(opened)) => Some(opened.value),
            Ok(None) => return Ok(Err(format!("the workspace has no secret {secret}"))),
            Err(SecretError::Store(error)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
    }
    let server = ModelServer::of(ai, own_key, &ctx.http, ctx.model.as_ref());
    let nobody = "neither the campaign nor the installation names a server and a model";
    Ok(server.ok_or_else(|| nobody.to_owned()))
}

struct Asking<'a> {
    ctx: &'a Context,
    trip: &'a Trip,
    ai: &'a Ai,
    server: ModelServer,
    now: Time,
}

/// What came of one try.
enum Tried {
    Answered(Vec<Choice>),
    NoAnswer(String),
    Away { why: String, asked: Option<Duration> },
}

impl Asking<'_> {
    /// Takes over what is remembered; answers the questions that are left.
    async fn recall<'q>(
        &self,
        questions: &'q [Question],
        facts: &mut LlmFacts,
    ) -> Result<Vec<&'q Question>, StepError> {
        let digests: Vec<String> = questions.iter().map(|question| self.digest(question)).collect();
        let workspace = self.trip.loaded.workspace_id;
        let known = models::recall(&self.ctx.db, workspace, &digests).await?;
        let mut open = Vec::new();
        for (question, digest) in questions.iter().zip(&digests) {
            match known.iter().find(|(of, _)| of == digest) {
                Some((_, choice)) => drop(facts.choices.insert(question.at, choice.clone())),
                None => open.push(question),
            }
        }
        Ok(open)
    }

    fn digest(&self, question: &Question) -> String {
        question.digest(&self.server.base_url, &self.server.model)
    }

    /// Asks, remembers the answers, and notes the cost; a verdict when it is to be tried again.
    async fn ask(
        &self,
        open: &[&Question],
        facts: &mut LlmFacts,
    ) -> Result<Option<Verdict>, StepError> {
        let mut usage = Usage { model: self.server.model.clone(), ..Usage::default() };
        let tried = self.try_once(open, &mut usage).await?;
        match tried {
            Tried::Answered(choices) => {
                let named = open.iter().map(|question| self.digest(question)).zip(choices.clone());
                let named: Vec<(String, Choice)> = named.collect();
                let workspace = self.trip.loaded.workspace_id;
                models::remember(&self.ctx.db, workspace, &named, self.now).await?;
                facts.choices.extend(open.iter().map(|question| question.at).zip(choices));
            }
            Tried::NoAnswer(why) => facts.trouble = Some(why),
            Tried::Away { why, asked } => match self.pause(asked) {
                Some(pause) => {
                    let reason = format!("the model cannot be asked now: {why}");
                    let details = serde_json::json!({ "model": usage });
                    return Ok(Some(Verdict::again(pause, "model_away", reason).with(details)));
                }
                None => facts.trouble = Some(format!("{why}, {MODEL_TRIES_MAX} times")),
            },
        }
        if usage.calls > 0 {
            facts.usage = Some(usage);
        }
        failpoint("field_qualification.asked", &self.trip.loaded.email);
        Ok(None)
    }

    fn pause(&self, asked: Option<Duration>) -> Option<Duration> {
        let attempt = self.trip.attempt;
        if attempt + 1 >= MODEL_TRIES_MAX {
            return None;
        }
        match patience::pause(Stage::FieldQualification, attempt, self.trip.seed(), asked) {
            Pause::For(pause) => Some(pause),
            Pause::Exhausted => None,
        }
    }

    /// One reply, and one repair of it. Every call is taken out of the budget before it is made.
    async fn try_once(&self, open: &[&Question], usage: &mut Usage) -> Result<Tried, StepError> {
        let (db, budget) = (&self.ctx.db, self.budget());
        let mut repair: Option<Repair> = None;
        for _ in 0..REPLIES_MAX {
            if !models::reserve(db, budget, self.allowance()).await? {
                let used_up = format!("the budget of {} is used up", budget.day);
                return Ok(Tried::NoAnswer(match repair {
                    Some(Repair { why, .. }) => {
                        format!("its reply was invalid ({why}), and {used_up}")
                    }
                    None => used_up,
                }));
            }
            let body = request::body(&self.server.model, open, repair.as_ref());
            failpoint("field_qualification.before_call", &self.trip.loaded.email);
            let exchange = self.server.ask(&body).await;
            failpoint("field_qualification.after_call", &self.trip.loaded.email);
            let (reading, tokens) = reply::read(&exchange, open, self.ctx.clock.now());
            match &exchange {
                Exchange::NotSent { .. } => models::give_back(db, budget).await?,
                Exchange::Answered(_, took) => {
                    usage.calls += 1;
                    usage.duration_ms += u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                }
                Exchange::Unknown { .. } => usage.calls += 1,
            }
            usage.tokens += tokens;
            models::spend(db, budget, tokens).await?;
            match reading {
                Reading::Usable(choices) => return Ok(Tried::Answered(choices)),
                Reading::NoAnswer(why) => return Ok(Tried::NoAnswer(why)),
                Reading::Away { why, asked } => return Ok(Tried::Away { why, asked }),
                Reading::Invalid { reply, why } => repair = Some(Repair { reply, why }),
            }
        }
        let why = repair.map_or_else(String::new, |repair| repair.why);
        Ok(Tried::NoAnswer(format!("its reply was invalid twice: {why}")))
    }

    fn budget(&self) -> Budget {
        let campaign = &self.trip.campaign;
        Budget {
            workspace: self.trip.loaded.workspace_id,
            campaign: campaign.id,
            day: self.now.with_timezone(&campaign.zone).date_naive(),
        }
    }

    fn allowance(&self) -> Allowance {
        Allowance { calls: self.ai.daily_calls, tokens: self.ai.daily_tokens.unwrap_or(i64::MAX) }
    }
}
