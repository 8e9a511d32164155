//! Segments: built the first time, again with nothing changed, all of them; and the plain statement that writes the same rows.
use super::{PATIENCE, Site, rules, text, timed, until};
use crate::{
    door::Door,
    report::{Report, median, milliseconds},
    trouble::{Doing, Trouble},
};
use serde_json::{Value, json};
use std::time::Instant;

/// First builds, rebuilds and floors take turns so often; medians count.
const ROUNDS: usize = 3;

/// The id of a segment that is being built.
async fn create(door: &Door, name: &str, rule: &Value) -> Result<String, Trouble> {
    let body = json!({"name": name, "kind": "dynamic", "rule": rule});
    let (answer, _) = timed(door, "POST", "/api/v1/segments", &body).await?;
    text(&answer, "segmentId")
}

/// Waits until the segment is built (again), and says what its build took by the worker's clock, and its size.
async fn built(door: &Door, id: &str, before: &Value) -> Result<(f64, f64, Value), Trouble> {
    let path = format!("/api/v1/segments/{id}");
    let mut last = Value::Null;
    until(async || {
        last = door.ask("GET", &path, "").await?;
        if last["state"] == "broken" {
            return Err(last["problem"].to_string()).doing("building a segment");
        }
        Ok(last["state"] == "ready" && last["builtAt"] != *before && !last["builtAt"].is_null())
    })
    .await?;
    let figure = |member: &str| last[member].as_f64().unwrap_or(f64::NAN);
    Ok((figure("buildMs"), figure("memberCount"), last["builtAt"].clone()))
}

/// The segment that holds 30 %: first build, rebuild without change and floor in turns. Returns its id.
pub async fn one(site: &mut Site<'_>, report: &mut Report) -> Result<String, Trouble> {
    let (mut firsts, mut agains, mut floors, mut copies) = (vec![], vec![], vec![], vec![]);
    let (mut id, mut size) = (String::new(), 0.0);
    for round in 0..ROUNDS {
        if !id.is_empty() {
            site.system.door.ask("DELETE", &format!("/api/v1/segments/{id}"), "").await?;
        }
        let door = &site.system.door;
        let began = Instant::now();
        id = create(door, &format!("thirty percent {round}"), &rules::thirty_percent()).await?;
        let (ms, members, at) = built(door, &id, &Value::Null).await?;
        report.say(format!("first_build_{round}_wall_ms"), milliseconds(began.elapsed()), "ms");
        firsts.push(ms);
        size = members;
        door.ask("POST", &format!("/api/v1/segments/{id}/rebuild"), "{}").await?;
        agains.push(built(door, &id, &at).await?.0);
        let (plain, copy) = floor(site, size).await?;
        floors.push(plain);
        copies.push(copy);
    }
    let (first, again, floor) = (median(firsts), median(agains), median(floors));
    report.say("thirty_percent_members", size, "contacts");
    report.say("first_build_ms", first, "ms");
    report.say("rebuild_ms", again, "ms");
    report.say("floor_insert_select_ms", floor, "ms");
    report.say("floor_copy_of_ready_rows_ms", median(copies), "ms");
    report.say("first_build_per_floor", first / floor, "x");
    report.say("rebuild_per_floor", again / floor, "x");
    Ok(id)
}

/// What it takes to write the same rows into an equal table by one plain statement: found in the contacts, and copied from where they are.
async fn floor(site: &mut Site<'_>, size: f64) -> Result<(f64, f64), Trouble> {
    let mut took = [0.0; 2];
    let found = format!(
        "INSERT INTO bench_member SELECT c.workspace_id, $2, c.id, now() FROM contact c WHERE c.workspace_id = $1 AND {}",
        rules::THIRTY_PERCENT_SQL
    );
    let copied =
        "INSERT INTO bench_member SELECT workspace_id, $2, contact_id, now() FROM segment_member
                  WHERE workspace_id = $1";
    for (at, text) in [found.as_str(), copied].into_iter().enumerate() {
        for prepare in [
            "DROP TABLE IF EXISTS bench_member",
            "CREATE TABLE bench_member (LIKE segment_member INCLUDING ALL)",
        ] {
            sqlx::query(prepare).execute(&mut site.database).await?;
        }
        let began = Instant::now();
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(site.workspace)
            .bind(uuid::Uuid::now_v7())
            .execute(&mut site.database)
            .await?
            .rows_affected();
        took[at] = milliseconds(began.elapsed());
        if rows as f64 != size {
            return Err(format!("{rows} rows, the segment has {size}")).doing("the floor");
        }
    }
    sqlx::query("DROP TABLE bench_member").execute(&mut site.database).await?;
    Ok((took[0], took[1]))
}

/// All other segments, made at once; returns their ids.
pub async fn all(site: &mut Site<'_>, report: &mut Report) -> Result<Vec<String>, Trouble> {
    let door = &site.system.door;
    let first = create(door, "referred to", &rules::thirty_percent()).await?;
    built(door, &first, &Value::Null).await?;
    let began = Instant::now();
    let mut ids = Vec::new();
    for (at, rule) in rules::others(&first).iter().enumerate() {
        ids.push(create(door, &format!("segment {at}"), rule).await?);
    }
    let (mut worked, mut members, mut longest) = (0.0, 0.0, (0.0, 0));
    for (at, id) in ids.iter().enumerate() {
        let (ms, size, _) = built(door, id, &Value::Null).await?;
        worked += ms;
        members += size;
        if ms > longest.0 {
            longest = (ms, at);
        }
    }
    report.say("all_segments", ids.len() as f64 + 1.0, "segments");
    report.say("all_first_builds_wall_s", began.elapsed().as_secs_f64(), "s");
    report.say("all_first_builds_work_s", worked / 1_000.0, "s");
    report.say("all_members", members, "memberships");
    report.say("longest_build_ms", longest.0, "ms");
    eprintln!("   the longest was segment {}", longest.1);
    ids.push(first);
    Ok(ids)
}

/// Every segment, computed from nothing: no member may be missing, none too many.
pub async fn check(site: &Site<'_>, segments: &[String]) -> Result<(), Trouble> {
    let began = Instant::now();
    for id in segments {
        let path = format!("/api/v1/segments/{id}/check");
        let found = site.system.door.ask("POST", &path, "{}").await?;
        if found["isRight"] != true {
            return Err(found.to_string()).doing(format!("checking {id}"));
        }
        if began.elapsed() > PATIENCE {
            return Err("it took too long").doing("checking segments");
        }
    }
    eprintln!("   {} segments are right", segments.len());
    Ok(())
}
