//! Contacts changed through the API: each answer comes after every membership is right.
use super::Site;
use crate::{
    report::{Report, milliseconds},
    trouble::{Doing, Trouble},
};
use serde_json::{Value, json};
use std::time::Instant;
use uuid::Uuid;

/// Contacts of one request.
const BATCH: usize = 1_000;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A contact's id as the API writes it.
fn shown(id: Uuid) -> String {
    let n = id.as_u128();
    let digits = (0..26).map(|i| ALPHABET[((n >> (125 - 5 * i)) & 31) as usize] as char);
    format!("contact_{}", digits.collect::<String>())
}

/// Contacts spread over the whole table.
async fn some(
    site: &mut Site<'_>,
    count: u64,
    remainder: i64,
) -> Result<Vec<(String, String)>, Trouble> {
    let found: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, email FROM contact WHERE (properties->>'visits')::int % 97 = $1 AND status = 'active' LIMIT $2",
    )
    .bind(remainder)
    .bind(count as i64)
    .fetch_all(&mut site.database)
    .await?;
    if found.is_empty() {
        return Err("there is none").doing("finding contacts");
    }
    Ok(found.into_iter().map(|(id, email)| (shown(id), email)).collect())
}

/// What becomes of the `n`th: it moves between several segments.
fn change(n: usize) -> Value {
    let states = ["CA", "NY", "TX", "FL", "WA", "OR"];
    json!({"state": states[n % 6], "properties": {"score": (n * 37) % 100, "member": n.is_multiple_of(2)}})
}

pub async fn one_by_one(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let people = some(site, site.people.changes, 5).await?;
    let mut line = site.system.door.connect().await?;
    let mut times = Vec::new();
    for n in 0..site.people.changes as usize {
        let (id, _) = &people[n % people.len()];
        let (path, body) = (format!("/api/v1/contacts/{id}"), change(n).to_string());
        let began = Instant::now();
        let answer = line.send("PATCH", &path, &body).await?;
        let status = answer.status();
        if status != 200 {
            let why = format!("{status}: {}", String::from_utf8_lossy(answer.body));
            return Err(why).doing("changing a contact");
        }
        times.push(milliseconds(began.elapsed()));
    }
    report.say_times_and_max("one_change", times);
    Ok(())
}

pub async fn batched(site: &mut Site<'_>, report: &mut Report) -> Result<(), Trouble> {
    let people = some(site, site.people.batched, 11).await?;
    let began = Instant::now();
    let mut changed = 0;
    for batch in people.chunks(BATCH) {
        let item = |(n, (_, email)): (usize, &(String, String))| {
            let mut item = change(n + 3);
            item["email"] = json!(email);
            item
        };
        let contacts: Vec<Value> = batch.iter().enumerate().map(item).collect();
        let body = json!({"contacts": contacts}).to_string();
        site.system.door.ask("POST", "/api/v1/contacts/batch", &body).await?;
        changed += batch.len();
    }
    let seconds = began.elapsed().as_secs_f64();
    report.say("batched_changes", changed as f64, "contacts");
    report.say("batched_changes_per_s", changed as f64 / seconds, "contacts/s");
    Ok(())
}
