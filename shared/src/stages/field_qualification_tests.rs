//! Stage 6 with and without a model: who is asked, and that nothing but an accepted value comes out.
use super::*;
use crate::value_set::Sets;
use crate::{
    campaign::{Campaign, compiled::Name},
    ids::CampaignId,
    submission::Event,
};
use proptest::prelude::*;
use std::sync::LazyLock;

fn campaign(ai: Value) -> Campaign {
    let config = json!({
        "ai": ai,
        "acceptedValues": [
            {"field": "questionnaire.home", "values": ["Condo", "House"]},
            {"field": "questionnaire.roof", "values": ["Tile", "Shingle"]},
            {"field": "questionnaire.mood", "values": ["good"], "ai": false},
        ],
    });
    let name = Name { id: CampaignId::new(), code: "AAA".into(), name: "A".into(), revision: 1 };
    Campaign::compile(name, config).unwrap()
}

fn scene<'a>(campaign: &'a Campaign, view: &'a Value) -> Scene<'a> {
    static NO_SETS: LazyLock<Sets> = LazyLock::new(Sets::new);
    Scene { campaign, view, sets: &NO_SETS, now: "2026-11-21T12:00:00Z".parse().unwrap() }
}

fn view(home: &str, mood: &str) -> Value {
    json!({"questionnaire": {"home": home, "roof": "tile", "mood": mood}})
}

fn chosen(value: Option<&str>, confidence: f64) -> LlmFacts {
    let choice = Choice { value: value.map(str::to_owned), confidence, cached: false };
    LlmFacts { choices: [(0, choice)].into(), ..LlmFacts::default() }
}

#[test]
fn only_what_does_not_fit_is_asked_and_only_where_it_can_help() {
    let on = campaign(json!({"enabled": true}));
    let asked = |campaign: &Campaign, home, mood| {
        let view = view(home, mood);
        questions(scene(campaign, &view)).into_iter().map(|q| q.label).collect::<Vec<_>>()
    };
    assert_eq!(asked(&on, "my flat", "good"), ["home"]);
    assert!(asked(&on, "condo", "good").is_empty(), "it fits by itself");
    assert!(asked(&on, "my flat", "bad").is_empty(), "it is refused anyway");
    for off in [json!(null), json!({"enabled": false})] {
        assert!(asked(&campaign(off), "my flat", "good").is_empty());
    }
}

#[test]
fn a_choice_counts_when_the_model_is_sure_and_the_list_knows_it() {
    let on = campaign(json!({"enabled": true, "minConfidence": 0.7}));
    let view = view("my flat", "good");
    for (facts, event, says) in [
        (chosen(Some("Condo"), 0.7), Event::Passed, "3 of 3"),
        (chosen(Some("Condo"), 0.69), Event::Refused, "0.69 is less than 0.7"),
        (chosen(Some("Castle"), 1.0), Event::Refused, "not on the list"),
        (chosen(Some("condo"), 1.0), Event::Refused, "not on the list"),
        (chosen(None, 1.0), Event::Refused, "sees none of them"),
        (LlmFacts::default(), Event::Refused, "none of the 2 accepted values"),
        (
            LlmFacts { trouble: Some("it is away".into()), ..LlmFacts::default() },
            Event::Refused,
            "no help: it is away",
        ),
    ] {
        let verdict = decide(scene(&on, &view), &facts);
        assert_eq!(verdict.event, event, "{facts:?}");
        assert!(verdict.reason.contains(says), "{}", verdict.reason);
    }
}

#[test]
fn a_choice_is_nothing_to_a_campaign_that_asks_no_model() {
    let off = campaign(json!({"enabled": false}));
    let view = view("my flat", "good");
    assert_eq!(decide(scene(&off, &view), &chosen(Some("Condo"), 1.0)).event, Event::Refused);
}

proptest! {
    #[test]
    fn whatever_the_model_says_the_value_is_one_of_the_list(
        value in prop::option::of(prop_oneof![Just("House".to_owned()), ".{0,10}"]),
        confidence in prop_oneof![0.0..=1.0_f64, prop::num::f64::ANY],
        home in ".{0,10}",
    ) {
        let on = campaign(json!({"enabled": true}));
        let view = view(&home, "good");
        let verdict = decide(scene(&on, &view), &chosen(value.as_deref(), confidence));
        if let Change::Canonical(values) = verdict.change {
            for (field, allowed) in [("questionnaire.home", ["Condo", "House"]), ("questionnaire.roof", ["Tile", "Shingle"])] {
                let listed = values.get(field).is_none_or(|v| allowed.contains(&v.as_str().unwrap_or("")));
                prop_assert!(listed, "{values:?}");
            }
        }
    }
}
