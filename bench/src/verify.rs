//! Whether the system did its work: every lead exactly once at the buyer, every submission accepted. Figures of a run that fails this
//! are not printed.
use crate::{buyer::Arrivals, door::Door, load::Sent, moment::wait, trouble::Trouble};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long after the last arrival every submission must be accepted.
const SETTLE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(200);
const PAGE: usize = 100;

/// Every lead that was answered 202 is at the sink once, under a key of its own, and nothing else is.
pub fn once_each(sent: &[Sent], arrivals: &Arrivals) -> Result<(), Trouble> {
    let times = |number: &u64| arrivals.times.get(number).map_or(0, Vec::len);
    let missing = sent.iter().filter(|lead| times(&lead.number) == 0).count();
    let repeated = arrivals.times.values().filter(|times| times.len() > 1).count();
    let strange = (arrivals.times.len() + missing).saturating_sub(sent.len());
    let keys = arrivals.keys == sent.len() as u64 && arrivals.repeated_keys == 0;
    if missing + repeated + strange == 0 && keys && arrivals.unreadable == 0 {
        return Ok(());
    }
    Err(Trouble::Void(format!(
        "of {} leads that were taken in, {missing} did not reach the buyer, {repeated} did more than once; {strange} arrived that were \
         not taken in, {} deliveries were unreadable; there were {} idempotency keys, {} of them repeated",
        sent.len(),
        arrivals.unreadable,
        arrivals.keys,
        arrivals.repeated_keys
    )))
}

/// The outside was told of the wait of every lead once, and of no other.
pub fn told_once(sent: &[Sent], waits: &[(u64, String)]) -> Result<(), Trouble> {
    let mut times: HashMap<u64, usize> = HashMap::new();
    for (number, _) in waits {
        *times.entry(*number).or_default() += 1;
    }
    let missing = sent.iter().filter(|lead| !times.contains_key(&lead.number)).count();
    let repeated = times.values().filter(|times| **times > 1).count();
    let strange = (times.len() + missing).saturating_sub(sent.len());
    if missing + repeated + strange == 0 {
        return Ok(());
    }
    Err(Trouble::Void(format!(
        "of {} leads that wait, the outside was not told of {missing} and more than once of {repeated}; {strange} do not wait",
        sent.len()
    )))
}

/// The campaign has `wanted` leads, each with one submission, and all of these have the `status`.
pub async fn all_stand(
    door: &Door,
    campaign_id: &str,
    status: &str,
    wanted: usize,
) -> Result<(), Trouble> {
    let wanted_standing = standing(status, 1);
    let began = Instant::now();
    loop {
        let found = standings(door, campaign_id).await?;
        if found.len() == 1 && found.get(&wanted_standing) == Some(&wanted) {
            return Ok(());
        }
        if began.elapsed() > SETTLE {
            let why = format!("{wanted} leads were taken in, and so they stand: {found:?}");
            return Err(Trouble::Void(why));
        }
        wait(LOOK).await;
    }
}

/// How many leads of the campaign stand how, from the API's list.
async fn standings(door: &Door, campaign_id: &str) -> Result<HashMap<String, usize>, Trouble> {
    let mut found: HashMap<String, usize> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/leads?campaignId={campaign_id}&limit={PAGE}{cursor}");
        let page = door.ask("GET", &path, "").await?;
        for lead in page["items"].as_array().into_iter().flatten() {
            let count = lead["submissionCount"].as_u64().unwrap_or(0);
            let status = lead["status"].as_str().unwrap_or("?");
            *found.entry(standing(status, count)).or_default() += 1;
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

fn standing(status: &str, submissions: u64) -> String {
    format!("{status}, {submissions} submission{}", if submissions == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(numbers: &[u64]) -> Vec<Sent> {
        let lead = |number: &u64| Sent { number: *number, accepted_at_us: 0, took: Duration::ZERO };
        numbers.iter().map(lead).collect()
    }

    fn arrivals(
        leads: &[(u64, usize)],
        keys: u64,
        repeated_keys: u64,
        unreadable: u64,
    ) -> Arrivals {
        let times = leads.iter().map(|(lead, times)| (*lead, vec![1; *times])).collect();
        Arrivals { times, keys, repeated_keys, unreadable }
    }

    #[test]
    fn the_outside_is_told_once_of_each_wait() {
        let told = |numbers: &[u64]| -> Vec<(u64, String)> {
            numbers.iter().map(|number| (*number, String::new())).collect()
        };
        assert!(told_once(&sent(&[1, 2]), &told(&[2, 1])).is_ok());
        for bad in [vec![1], vec![1, 2, 2], vec![1, 3], vec![1, 2, 3]] {
            assert!(told_once(&sent(&[1, 2]), &told(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_run_in_which_each_lead_arrived_once_is_good() {
        let good = arrivals(&[(1, 1), (2, 1)], 2, 0, 0);
        assert!(once_each(&sent(&[1, 2]), &good).is_ok());
        for (why, bad) in [
            ("a lead is lost", arrivals(&[(1, 1)], 1, 0, 0)),
            ("a lead came twice", arrivals(&[(1, 1), (2, 2)], 2, 1, 0)),
            ("a lead came twice under two keys", arrivals(&[(1, 1), (2, 2)], 3, 0, 0)),
            ("a lead came from nowhere", arrivals(&[(1, 1), (2, 1), (3, 1)], 3, 0, 0)),
            ("two leads share a key", arrivals(&[(1, 1), (2, 1)], 1, 1, 0)),
            ("a delivery was unreadable", arrivals(&[(1, 1), (2, 1)], 2, 0, 1)),
        ] {
            assert!(once_each(&sent(&[1, 2]), &bad).is_err(), "{why}");
        }
        assert!(once_each(&sent(&[1, 2]), &arrivals(&[(1, 1), (3, 1)], 2, 0, 0)).is_err());
    }
}
