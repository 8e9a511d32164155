//! Stage 9: which fallback campaign takes it?
use super::{Change, Verdict, s1_routing::Standings};
use crate::{
    campaign::config::Fallback,
    clock::Time,
    ids::CampaignId,
    submission::{End, Event},
};
use serde_json::json;

/// Ordered, one level, each campaign once. `tried` are the campaigns that this lead's family of submissions has been to. A lead that
/// found no room may wait for its own campaign when nobody else takes it.
pub fn decide(
    end: End,
    list: &Fallback,
    tried: &[CampaignId],
    standings: &Standings,
    wait_until: Option<Time>,
) -> Verdict {
    let verdict = choose(end, list, tried, standings);
    match wait_until {
        Some(until) if verdict.event == Event::NobodyLeft => Verdict {
            event: Event::Queued,
            reason: format!("{}; waits for its own campaign", verdict.reason),
            change: Change::Queue { until },
            ..verdict
        },
        _ => verdict,
    }
}

fn choose(end: End, list: &Fallback, tried: &[CampaignId], standings: &Standings) -> Verdict {
    if !list.applies_to(end) {
        return nobody(format!("no fallback after {}", word(end)));
    }
    let mut passed_over = Vec::new();
    for id in &list.campaigns {
        let why = match standings.get(id) {
            _ if tried.contains(id) => "was tried before",
            None => "is not there",
            Some(standing) if !standing.is_active() => "takes no leads now",
            Some(standing) => {
                return Verdict::of(
                    Event::HandedOn,
                    "handed_on",
                    format!("goes to {}", standing.name),
                )
                .with(json!({ "campaign": id, "passedOver": passed_over }))
                .changing(Change::Child { id: *id, revision: standing.revision });
            }
        };
        passed_over.push(json!({ "campaign": id, "why": why }));
    }
    if list.campaigns.is_empty() {
        return nobody("no fallback is configured");
    }
    nobody("no fallback campaign is left").with(json!({ "passedOver": passed_over }))
}

fn nobody(reason: impl Into<String>) -> Verdict {
    Verdict::of(Event::NobodyLeft, "nobody_left", reason)
}

fn word(end: End) -> String {
    format!("{end:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::campaigns::Standing;

    fn standings(states: &[(CampaignId, &str)]) -> Standings {
        let standing = |(id, state): &(CampaignId, &str)| Standing {
            id: *id,
            code: "X".into(),
            name: format!("campaign {state}"),
            state: (*state).into(),
            revision: 7,
        };
        states.iter().map(|row| (row.0, standing(row))).collect()
    }

    fn chosen(verdict: &Verdict) -> Option<CampaignId> {
        match verdict.change {
            Change::Child { id, .. } => Some(id),
            _ => None,
        }
    }

    #[test]
    fn the_first_campaign_that_takes_leads_and_was_not_tried_wins() {
        let [a, b, c, d] = [(); 4].map(|()| CampaignId::new());
        let list = Fallback { campaigns: vec![a, b, c, d], ..Fallback::default() };
        let known = standings(&[(a, "paused"), (b, "active"), (c, "active")]);
        for (tried, wanted) in
            [(vec![], Some(b)), (vec![b], Some(c)), (vec![b, c], None), (vec![c], Some(b))]
        {
            let verdict = decide(End::Rejected, &list, &tried, &known, None);
            assert_eq!(chosen(&verdict), wanted, "{tried:?}");
            assert_eq!(verdict.event == Event::NobodyLeft, wanted.is_none());
        }
    }

    #[test]
    fn a_switch_turns_fallback_off_for_its_kind_of_end_only() {
        let a = CampaignId::new();
        let known = standings(&[(a, "active")]);
        let list = Fallback { campaigns: vec![a], on_rejected: false, ..Fallback::default() };
        assert_eq!(chosen(&decide(End::Rejected, &list, &[], &known, None)), None);
        assert_eq!(chosen(&decide(End::Failed, &list, &[], &known, None)), Some(a));
        assert_eq!(chosen(&decide(End::Disqualified, &list, &[], &known, None)), Some(a));
    }

    #[test]
    fn a_lead_that_was_withdrawn_goes_nowhere() {
        let a = CampaignId::new();
        let list = Fallback { campaigns: vec![a], ..Fallback::default() };
        let known = standings(&[(a, "active")]);
        assert_eq!(chosen(&decide(End::Withdrawn, &list, &[], &known, None)), None);
    }
}
