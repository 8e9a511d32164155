//! Walks of the breaker: written ones, and random ones in which nothing forbidden may happen.
use super::*;
use proptest::prelude::*;

fn noon() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn policy() -> Policy {
    Policy { enabled: true, failures: 3, rejects: 5, open: Duration::seconds(60) }
}

fn after(mut breaker: Breaker, signs: &[Sign]) -> Breaker {
    for sign in signs {
        breaker = breaker.observe(policy(), *sign, None, noon());
    }
    breaker
}

/// Makes the probe at `at` and sees what comes of it.
fn probe(breaker: Breaker, sign: Sign, at: Time) -> Breaker {
    assert_eq!(breaker.admit(at), Admission::Probe);
    let probing = breaker.probing(at + Duration::seconds(30));
    probing.observe(policy(), sign, Some(probing.version), at)
}

#[test]
fn failures_in_a_row_open_it_and_anything_else_ends_the_row() {
    use Sign::{Answered, Broken, Refused, Taken};
    assert_eq!(after(Breaker::WELL, &[Broken, Broken]).admit(noon()), Admission::Go);
    for other in [Taken, Answered, Refused] {
        let breaker = after(Breaker::WELL, &[Broken, Broken, other, Broken, Broken]);
        assert_eq!((breaker.phase, breaker.failures), (Phase::Closed, 2), "{other:?}");
    }
    let open = after(Breaker::WELL, &[Broken; 3]);
    assert_eq!(open.cause, Some(Cause::Failures));
    assert_eq!(open.admit(noon()), Admission::Wait(noon() + Duration::seconds(60)));
}

#[test]
fn refusals_in_a_row_open_it_and_only_a_sale_ends_the_row() {
    use Sign::{Answered, Broken, Refused, Taken};
    let open =
        after(Breaker::WELL, &[Refused, Refused, Broken, Answered, Refused, Refused, Refused]);
    assert_eq!(open.cause, Some(Cause::Rejects));
    let closed = after(Breaker::WELL, &[Refused, Refused, Taken, Refused, Refused, Refused]);
    assert_eq!(closed.phase, Phase::Closed);
    let never = Policy { rejects: 0, ..policy() };
    let mut breaker = Breaker::WELL;
    for _ in 0..1_000 {
        breaker = breaker.observe(never, Refused, None, noon());
    }
    assert_eq!(breaker.phase, Phase::Closed);
}

#[test]
fn what_is_well_and_goes_well_is_not_stored() {
    let well = Breaker { version: 7, ..Breaker::WELL };
    for sign in [Sign::Taken, Sign::Answered, Sign::Refused] {
        assert_eq!(well.observe(policy(), sign, None, noon()).version, 7, "{sign:?}");
    }
    assert_eq!(well.observe(policy(), Sign::Broken, None, noon()).version, 8);
}

#[test]
fn a_probe_that_goes_well_closes_it_and_one_that_fails_doubles_the_time() {
    let mut breaker = after(Breaker::WELL, &[Sign::Broken; 3]);
    let mut minutes = Vec::new();
    for _ in 0..8 {
        let at = breaker.retry_at.unwrap();
        breaker = probe(breaker, Sign::Broken, at);
        minutes.push((breaker.retry_at.unwrap() - at).num_minutes());
    }
    assert_eq!(minutes, [2, 4, 8, 16, 30, 30, 30, 30]);
    let at = breaker.retry_at.unwrap();
    let closed = probe(breaker, Sign::Taken, at);
    assert_eq!(closed, Breaker { version: closed.version, ..Breaker::WELL });
    let again = after(closed, &[Sign::Broken; 3]);
    assert_eq!(again.openings, 1, "the next time it begins anew");
}

#[test]
fn a_refused_probe_closes_what_failures_opened_and_not_what_refusals_opened() {
    let failed = after(Breaker::WELL, &[Sign::Broken; 3]);
    let refused = after(Breaker::WELL, &[Sign::Refused; 5]);
    let by_hand = Breaker::WELL.opened_by_hand(Duration::minutes(5), noon());
    for (breaker, phase) in
        [(failed, Phase::Closed), (refused, Phase::Open), (by_hand, Phase::Closed)]
    {
        let at = breaker.retry_at.unwrap();
        assert_eq!(probe(breaker, Sign::Refused, at).phase, phase, "{:?}", breaker.cause);
    }
}

#[test]
fn only_the_probe_is_believed_while_it_is_not_closed() {
    let open = after(Breaker::WELL, &[Sign::Broken; 3]);
    let at = open.retry_at.unwrap();
    let half = open.probing(at + Duration::seconds(30));
    for sign in [Sign::Taken, Sign::Broken, Sign::Refused] {
        assert_eq!(open.observe(policy(), sign, None, at), open);
        assert_eq!(half.observe(policy(), sign, None, at), half);
        assert_eq!(half.observe(policy(), sign, Some(half.version - 1), at), half);
    }
    assert_eq!(half.admit(at), Admission::Probed(at + Duration::seconds(30)));
    let died = at + Duration::seconds(30);
    assert_eq!(half.admit(died), Admission::Probe, "a probe that never came back is replaced");
}

#[test]
fn one_that_is_off_never_opens_by_itself_and_closes_after_any_probe() {
    let off = Policy { enabled: false, ..policy() };
    let mut breaker = Breaker::WELL;
    for _ in 0..100 {
        breaker = breaker.observe(off, Sign::Broken, None, noon());
    }
    assert_eq!(breaker.phase, Phase::Closed);
    let open = breaker.opened_by_hand(Duration::minutes(1), noon());
    let half = open.probing(noon() + Duration::hours(1));
    let closed = half.observe(off, Sign::Broken, Some(half.version), noon());
    assert_eq!(closed.phase, Phase::Closed);
}

fn any_sign() -> impl Strategy<Value = Sign> {
    prop_oneof![Just(Sign::Taken), Just(Sign::Answered), Just(Sign::Refused), Just(Sign::Broken)]
}

proptest! {
    /// Many workers over one breaker: each step is an exchange that ends, or a delivery that asks whether it may go.
    #[test]
    fn a_walk_never_lets_two_probes_out_and_never_stays_open_for_ever(
        steps in proptest::collection::vec((any_sign(), 0_i64..90, any::<bool>()), 1..200)
    ) {
        let mut now = noon();
        let mut breaker = Breaker::WELL;
        let mut probe: Option<(i64, Time)> = None;
        for (sign, seconds, ends) in steps {
            now += Duration::seconds(seconds);
            let before = breaker;
            if ends {
                let version = probe.map(|(version, _)| version);
                breaker = breaker.observe(policy(), sign, version, now);
                probe = probe.filter(|_| breaker.phase == Phase::HalfOpen);
            } else if breaker.admit(now) == Admission::Probe {
                let in_time = probe.filter(|(_, until)| *until > now);
                prop_assert!(in_time.is_none(), "two probes at once");
                let until = now + Duration::seconds(30);
                breaker = breaker.probing(until);
                probe = Some((breaker.version, until));
            }
            let stored = before != Breaker { rejects: before.rejects, ..breaker };
            prop_assert_eq!(breaker.version, before.version + i64::from(stored));
            prop_assert_eq!(breaker.phase == Phase::Closed, breaker.openings == 0);
            prop_assert_eq!(breaker.phase == Phase::Closed, breaker.retry_at.is_none());
            prop_assert_eq!(breaker.phase == Phase::Closed, breaker.cause.is_none());
            prop_assert!(breaker.failures < policy().failures && breaker.rejects < policy().rejects);
            if let Some(at) = breaker.retry_at {
                prop_assert!(at <= now + LONGEST);
                prop_assert_eq!(breaker.admit(at), Admission::Probe);
            }
        }
    }
}
