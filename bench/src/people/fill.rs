//! A database full of people: written by SQL beside the system, for nobody waits for a million posts.
use super::Site;
use crate::{
    report::{Report, milliseconds},
    trouble::Trouble,
};
use serde_json::json;
use std::time::Instant;

/// Contacts inserted by one statement.
const STEP: u64 = 100_000;
/// Key, kind and value of each property, as an expression over `n`, the contact's number.
pub const PROPERTIES: [(&str, &str, &str); 20] = [
    ("score", "number", "n % 100"),
    ("tier", "text", "(ARRAY['Gold','Silver','Bronze','Basic','None'])[1 + n % 5]"),
    ("visits", "number", "(n * 7919) % 1000"),
    ("budget", "number", "(n * 104729) % 50000"),
    ("renewal", "date", "to_char(date '2025-01-01' + (n % 1000)::int, 'YYYY-MM-DD')"),
    ("signed_up", "date", "to_char(date '2020-01-01' + (n % 2000)::int, 'YYYY-MM-DD')"),
    ("member", "boolean", "n % 3 = 0"),
    ("newsletter", "boolean", "n % 2 = 0"),
    ("color", "text", "(ARRAY['red','green','blue','black','white','grey','pink'])[1 + n % 7]"),
    ("language", "text", "(ARRAY['en','de','fr','es'])[1 + n % 4]"),
    ("region", "text", "'Region ' || (n % 50)"),
    ("agent", "text", "'Agent ' || (n % 200)"),
    ("referrer", "text", "'https://partner' || (n % 30) || '.example.com/'"),
    ("roof", "text", "(ARRAY['tile','slate','metal'])[1 + n % 3]"),
    ("floors", "number", "1 + n % 5"),
    ("area", "number", "40 + (n * 31) % 300"),
    ("income", "number", "20000 + (n * 613) % 150000"),
    ("interests", "list", "to_jsonb(ARRAY['solar','heat' || (n % 9)])"),
    ("last_call", "date", "to_char(date '2024-01-01' + (n % 900)::int, 'YYYY-MM-DD')"),
    ("comment", "text", "'Wants a quote for ' || (n % 13) || ' panels'"),
];

/// A statement that inserts the contacts numbered from $2 up to but not including $3 into workspace $1.
fn statement() -> String {
    let object = |fold: bool| {
        let members = PROPERTIES.iter().filter(|(_, kind, _)| !fold || *kind == "text");
        let member = |(key, _, value): &(&str, &str, &str)| match fold {
            true => format!("'p_{key}', lower({value})"),
            false => format!("'{key}', {value}"),
        };
        members.map(member).collect::<Vec<_>>().join(", ")
    };
    format!(
        "INSERT INTO contact (workspace_id, id, first_name, last_name, email, phone, company, city, state, zip, country,
            timezone, date_of_birth, source, properties, tags, folded, words, status, created_at, updated_at)
         SELECT $1, id, first, last, lower(first) || n || '@example' || (n % 500) || '.com', '+1415' || lpad(n::text, 8, '0'),
            company, 'City ' || (n % 300), state, lpad((n % 100000)::text, 5, '0'), 'US', 'America/New_York',
            to_char(date '1940-01-01' + (n % 25000)::int, 'YYYY-MM-DD'), 'api',
            jsonb_strip_nulls(jsonb_build_object({plain})),
            CASE WHEN n % 10 = 0 THEN '[\"vip\"]'::jsonb WHEN n % 7 = 0 THEN '[\"cold\", \"old\"]'::jsonb ELSE '[]'::jsonb END,
            jsonb_build_object('firstName', lower(first), 'lastName', lower(last), 'company', lower(company),
                'city', 'city ' || (n % 300), 'state', lower(state), 'country', 'us', 'timezone', 'america/new_york', {folded}),
            ' ' || lower(first) || ' ' || lower(last) || ' ' || lower(first) || n || ' example' || (n % 500) || ' com '
                || lower(replace(company, ' ', ' ')) || ' ',
            CASE WHEN n % 50 = 0 THEN 'inactive' ELSE 'active' END, at, at
         FROM (SELECT n, at,
                (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
                    || '8' || substr(md5('x' || n), 1, 15))::uuid AS id,
                (ARRAY['Ada','Grace','Alan','Edsger','Barbara','Donald','Frances','John','Niklaus','Tony'])[1 + n % 10]
                    || chr(97 + (n / 10 % 26)::int) AS first,
                (ARRAY['Stone','Rivers','Hill','Marsh','Woods','Field','Brook','Glen','Ford'])[1 + n % 9]
                    || chr(97 + (n / 9 % 26)::int) || chr(97 + (n / 234 % 26)::int) AS last,
                'Firm ' || (n % 5000) AS company,
                (ARRAY['CA','NY','TX','FL','WA','OR','NV','AZ','UT','CO','IL','OH','GA','NC','MI'])[1 + n % 15] AS state
            FROM (SELECT n, timestamptz '2024-11-01' + n * ($4 * interval '1 microsecond') AS at
                FROM generate_series($2::bigint, $3::bigint - 1) n) numbers) people",
        plain = object(false),
        folded = object(true),
    )
}

/// Two years of contacts, so that the last of them came a moment ago.
const YEARS_US: i64 = 2 * 365 * 24 * 3_600 * 1_000_000;

pub async fn fill(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let began = Instant::now();
    sqlx::query("UPDATE workspace SET plan = 'enterprise'").execute(&mut site.database).await?;
    for (key, kind, _) in PROPERTIES {
        let body = json!({"name": key, "key": key, "kind": kind, "indexed": true});
        site.system.door.ask("POST", "/api/v1/properties", &body.to_string()).await?;
    }
    let (text, contacts) = (statement(), site.people.contacts);
    let apart = YEARS_US / contacts as i64;
    for first in (0..contacts).step_by(STEP as usize) {
        let until = (first + STEP).min(contacts);
        sqlx::query(sqlx::AssertSqlSafe(text.as_str()))
            .bind(site.workspace)
            .bind(first as i64)
            .bind(until as i64)
            .bind(apart)
            .execute(&mut site.database)
            .await?;
        eprintln!("   {until} contacts");
    }
    // A third of them were seen on the web.
    sqlx::query(
        "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
         SELECT workspace_id, id, created_at, created_at + interval '1 hour',
            jsonb_build_object('page_visit', jsonb_build_object('count', 1 + (annual_revenue IS NULL)::int,
                'lastAt', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
         FROM contact WHERE properties->>'member' = 'true'",
    )
    .execute(&mut site.database)
    .await?;
    for text in ["VACUUM ANALYZE contact", "VACUUM ANALYZE activity_sum"] {
        sqlx::query(text).execute(&mut site.database).await?;
    }
    report.say("people_fill_s", milliseconds(began.elapsed()) / 1_000.0, "s");
    Ok(())
}
