//! Leads, their contacts and what the automation knows of them, written by SQL beside the system.
use super::Site;
use crate::{
    report::{Report, milliseconds},
    trouble::Trouble,
};
use std::time::Instant;

/// Leads inserted by one statement.
const STEP: u64 = 100_000;

/// An id made of a number: the kind in the first digits, so that contacts and leads differ.
macro_rules! id {
    ($kind:literal) => {
        concat!("('019a", $kind, "00-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid")
    };
}

const CONTACTS: &str = concat!(
    "INSERT INTO contact (workspace_id, id, first_name, last_name, email, phone, company, state, country, timezone, source,
        properties, tags, folded, words, status, created_at, updated_at)
     SELECT $1, ",
    id!("c0"),
    ", 'Ada', 'Lovelace', 'ada' || n || '@example.com', '+1415' || lpad(n::text, 8, '0'), 'Firm ' || (n % 5000),
        (ARRAY['CA','NY','TX','FL'])[1 + n % 4], 'US', 'Etc/UTC', 'api', '{}', '[]',
        jsonb_build_object('firstName', 'ada', 'lastName', 'lovelace', 'company', 'firm ' || (n % 5000),
            'state', lower((ARRAY['CA','NY','TX','FL'])[1 + n % 4]), 'country', 'us', 'timezone', 'etc/utc'),
        ' ada lovelace ada' || n || ' example com firm ' || (n % 5000) || ' ', 'active', now() - interval '60 days',
        now() - interval '60 days'
     FROM generate_series($2::bigint, $3::bigint - 1) n"
);

const LEADS: &str = concat!(
    "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details, is_test,
        is_duplicate, source, created_at, updated_at)
     SELECT $1, ",
    id!("1e"),
    ", ",
    id!("c0"),
    ", $4, 'active', 'Ada', 'Lovelace', 'ada' || n || '@example.com', '+1415' || lpad(n::text, 8, '0'),
        '{\"questionnaire\": [{\"key\": \"roof\", \"question\": \"Roof?\", \"answer\": \"tile\"}]}', false, false, 'create',
        now() - interval '60 days', now() - interval '60 days'
     FROM generate_series($2::bigint, $3::bigint - 1) n"
);

/// Each was last heard of within the last twenty days.
const SUMS: &str = concat!(
    "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
     SELECT $1, ",
    id!("c0"),
    ", now() - interval '60 days', now() - (n % 20) * interval '1 day',
        '{\"page_visit\": {\"count\": 1, \"lastAt\": \"2026-01-01T00:00:00.000000Z\"}}'
     FROM generate_series($2::bigint, $3::bigint - 1) n"
);

/// So each falls due in the ten days to come, or later.
const DUES: &str = concat!(
    "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, due_at, updated_at)
     SELECT $1, ",
    id!("1e"),
    ", $4, 0, 0, '{}', now() + (30 - n % 20) * interval '1 day', now()
     FROM generate_series($2::bigint, $3::bigint - 1) n
     ON CONFLICT DO NOTHING"
);

/// Fills up to so many leads.
pub async fn until(site: &mut Site<'_>, leads: u64, report: &mut Report) -> Result<(), Trouble> {
    let began = Instant::now();
    for first in (site.leads..leads).step_by(STEP as usize) {
        let next = (first + STEP).min(leads);
        for text in [CONTACTS, LEADS, SUMS, DUES] {
            let query = sqlx::query(text).bind(site.workspace).bind(first as i64).bind(next as i64);
            let takes_campaign = text.contains("$4");
            let query = if takes_campaign { query.bind(site.campaign) } else { query };
            query.execute(&mut site.database).await?;
        }
        eprintln!("   {next} leads");
    }
    site.leads = leads;
    for table in ["contact", "lead", "activity_sum", "lead_automation"] {
        let text = format!("VACUUM ANALYZE {table}");
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut site.database).await?;
    }
    report.say(format!("fill_{leads}_s"), milliseconds(began.elapsed()) / 1_000.0, "s");
    Ok(())
}
