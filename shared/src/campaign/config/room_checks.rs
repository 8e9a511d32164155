//! What must hold of caps and schedule before a campaign is saved.
use super::{
    CampaignConfig,
    checks::{Problems, count, say},
    room::{
        CAPS_MAX, CLOSED_DATES_MAX, Cap, Money, Overflow, OverflowAction, Period, Schedule,
        WINDOWS_MAX, Window,
    },
};
use crate::{ids::CampaignId, person};

pub(super) fn room(config: &CampaignConfig, own: Option<CampaignId>, problems: &mut Problems) {
    count("caps", config.caps.len(), CAPS_MAX, problems);
    for (at, one) in config.caps.iter().enumerate() {
        let path = format!("caps[{at}]");
        if config.caps[..at].iter().any(|before| counts_the_same(before, one)) {
            say(problems, path.clone(), "counts the same as a cap above; keep one of them");
        }
        cap(one, &path, problems);
        overflow(&one.when_full, &format!("{path}.whenFull"), own, problems);
        if one.when_full.action == OverflowAction::None {
            let why = "a cap that lets leads through would be none; `none` is for schedules";
            say(problems, format!("{path}.whenFull.action"), why);
        }
    }
    if let Some(one) = &config.schedule {
        schedule(one, problems);
        overflow(&one.when_closed, "schedule.whenClosed", own, problems);
    }
}

fn counts_the_same(a: &Cap, b: &Cap) -> bool {
    let currency = |cap: &Cap| cap.money.as_ref().map(|money| money.currency.clone());
    a.period == b.period && currency(a) == currency(b)
}

fn cap(one: &Cap, path: &str, problems: &mut Problems) {
    match (one.leads, &one.money) {
        (Some(_), Some(_)) | (None, None) => {
            say(problems, path, "needs either `leads` or `money`");
        }
        (Some(leads), None) if leads < 0 => {
            say(problems, format!("{path}.leads"), "must be 0 or more");
        }
        (Some(_), None) => {}
        (None, Some(money)) => amount(money, &format!("{path}.money"), problems),
    }
    let dated = one.from.is_some() || one.until.is_some();
    if dated && one.period != Period::Lifetime {
        say(problems, path, "only a lifetime cap has `from` and `until`");
    }
    if one.from.zip(one.until).is_some_and(|(from, until)| from > until) {
        say(problems, format!("{path}.until"), "must not be before `from`");
    }
}

fn amount(money: &Money, path: &str, problems: &mut Problems) {
    if money.amount_minor < 0 {
        say(problems, format!("{path}.amountMinor"), "must be 0 or more");
    }
    if money.reserve_minor < 1 {
        let why = "must be 1 or more: a lead that counts for nothing while it is under way is not held back";
        say(problems, format!("{path}.reserveMinor"), why);
    }
    if money.currency.len() != 3 || !money.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        say(problems, format!("{path}.currency"), "must be an ISO 4217 code such as USD");
    }
}

fn schedule(one: &Schedule, problems: &mut Problems) {
    if let Some(zone) = &one.timezone
        && let Err(why) = person::timezone(zone)
    {
        say(problems, "schedule.timezone", why);
    }
    count("schedule.windows", one.windows.len(), WINDOWS_MAX, problems);
    count("schedule.closedDates", one.closed_dates.len(), CLOSED_DATES_MAX, problems);
    if one.windows.is_empty() {
        say(problems, "schedule.windows", "is empty, so nothing would ever be delivered");
    }
    for (at, one) in one.windows.iter().enumerate() {
        window(one, &format!("schedule.windows[{at}]"), problems);
    }
}

fn window(one: &Window, path: &str, problems: &mut Problems) {
    if one.days.is_empty() {
        say(problems, format!("{path}.days"), "name at least one day, `mon` to `sun`");
    }
    if one.from >= one.until {
        let why =
            "must be after `from`; write a window over midnight as two, to 24:00 and from 00:00";
        say(problems, format!("{path}.until"), why);
    }
}

fn overflow(one: &Overflow, path: &str, own: Option<CampaignId>, problems: &mut Problems) {
    let path = format!("{path}.campaign");
    match (one.action, one.campaign) {
        (OverflowAction::Campaign, None) => say(problems, path, "name the campaign"),
        (OverflowAction::Campaign, named) if named == own => {
            say(problems, path, "is the campaign itself; name another one");
        }
        (OverflowAction::Campaign, Some(_)) | (_, None) => {}
        (_, Some(_)) => say(problems, path, "only with the action `campaign`"),
    }
}
