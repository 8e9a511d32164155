//! A person with an unmistakable text in every column that can hold something about them, and the search for it in every table.
use crate::support::{Taken, World, later};
use serde_json::json;
use shared::{
    ids::{AgentId, CampaignId, ContactId, InteractionId},
    lead::{Details, Person},
    store::{
        Db,
        agents::{self, AgentDraft, Put},
        dialect::Engine,
        secrets::Secrets,
    },
    testing::{noon, ring},
};
use sqlx::types::Json;
use std::collections::BTreeSet;
use uuid::Uuid;

pub const CANARY: &str = "zzcanaryzz";
pub const PHONE: &str = "+14155550142";

/// A column that holds text or JSON.
type Column = (String, String);

/// Every table and column that can hold a text, by the engine's own catalogue.
pub async fn columns(db: &Db) -> Vec<Column> {
    let tables = match db.engine() {
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'json', 'character varying')"
        }
        Engine::Sqlite => {
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.type = 'TEXT' AND m.name NOT LIKE 'sqlite_%'"
        }
    };
    let mut found: Vec<Column> = db.read().sql(tables).all().await.unwrap();
    found.retain(|(table, _)| table != "_sqlx_migrations");
    found.sort();
    assert!(found.len() > 150, "the catalogue shows only {} columns", found.len());
    found
}

/// The columns, `table.column`, in which the person can be seen.
pub async fn seen(db: &Db) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (table, column) in columns(db).await {
        let sql = format!(
            "SELECT COUNT(*) FROM {table} WHERE LOWER(CAST({column} AS TEXT)) LIKE '%{CANARY}%'
                OR CAST({column} AS TEXT) LIKE '%{}%'",
            &PHONE[1..]
        );
        let found: i64 = db.read().made(sql).scalar().await.unwrap();
        if found > 0 {
            seen.insert(format!("{table}.{column}"));
        }
    }
    seen
}

/// The person, found by a lead in each of two campaigns.
pub struct Victim {
    pub ada: Taken,
    /// A second lead, whose submission waits.
    pub second: Taken,
    /// Merged into the first.
    pub merged: ContactId,
}

/// Puts the text into everything that is held about the person.
pub async fn fill(world: &World) -> Victim {
    let (sol, roof) = (world.campaign("SOL").await, world.campaign("ROOF").await);
    let details: Details = serde_json::from_value(json!({
        "address": {"street": CANARY, "city": CANARY, "state": CANARY, "zip": CANARY, "country": CANARY},
        "dateOfBirth": CANARY, "timezone": CANARY, "customFields": {"a": CANARY}, "notes": [CANARY],
        "questionnaire": [{"key": "q", "question": CANARY, "answer": CANARY}],
    }))
    .unwrap();
    let person = Person {
        first_name: CANARY.into(),
        last_name: CANARY.into(),
        email: format!("{CANARY}@example.com"),
        phone: PHONE.into(),
    };
    let ada = world.taken(sol, person.clone(), details.clone(), noon()).await;
    let second = world.taken(roof, person.clone(), details.clone(), later(1)).await;
    let person =
        Person { email: format!("{CANARY}2@example.com"), phone: "+14155550199".into(), ..person };
    let merged = world.taken(sol, person, details, later(2)).await;
    contact(world, merged.contact).await;
    contact(world, ada.contact).await;
    world.merge(ada.contact, &[merged.contact]).await;
    hang(world, ada.contact).await;
    submissions(world, ada, second).await;
    automation(world, ada).await;
    let talk = talks(world, ada, sol).await;
    told(world, talk, sol, ada).await;
    beside(world, ada).await;
    webhooks(world, ada).await;
    Victim { ada, second, merged: merged.contact }
}

/// The contact's own columns.
async fn contact(world: &World, id: ContactId) {
    world
        .db
        .write()
        .sql(
            "UPDATE contact SET salutation = $3, title = $3, company = $3, website = $3, industry = $3, gender = $3, state = $3,
                source = $3, folded = $4, tags = $5, properties = $4, words = $3, opt_out_sms = TRUE
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(world.workspace)
        .bind(id)
        .bind(CANARY)
        .bind(Json(json!({"tier": CANARY.replace("can", "Can")})))
        .bind(Json(json!([CANARY])))
        .run()
        .await
        .unwrap();
}

/// What hangs on the contact.
async fn hang(world: &World, contact: ContactId) {
    world.note(contact, CANARY, later(3)).await;
    let at = later(4);
    for sql in [
        "INSERT INTO activity (workspace_id, id, contact_id, type, name, data, key, at, received_at)
         VALUES ($1, $2, $3, $4, $4, $5, $4, $6, $6)",
        "INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times)
         SELECT $1, $3, $4, $4, '2026-11-21', 1 WHERE $2 IS NOT NULL AND $5 IS NOT NULL AND $6 IS NOT NULL",
        "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
         SELECT $1, $3, $6, $6, $5 WHERE $2 IS NOT NULL AND $4 IS NOT NULL",
        "INSERT INTO visitor (workspace_id, visitor, contact_id, at) SELECT $1, $4, $3, $6 WHERE $2 IS NOT NULL AND $5 IS NOT NULL",
        "INSERT INTO anonymous_visit (workspace_id, id, visitor, name, data, at) SELECT $1, $2, $4, $4, $5, $6 WHERE $3 IS NOT NULL",
        "INSERT INTO contact_change (workspace_id, contact_id, id, kind, detail, reason, changed_by, at)
         VALUES ($1, $3, $2, 'fields', $5, $4, 'key a', $6)",
    ] {
        let ask = world.db.write().sql(sql).bind(world.workspace).bind(Uuid::now_v7());
        let json = Json(json!({CANARY: CANARY}));
        ask.bind(contact).bind(CANARY).bind(json).bind(at).run().await.unwrap();
    }
    let keep =
        "INSERT INTO idempotency (workspace_id, route, key, body_hash, status, answer, created_at)
        VALUES ($1, 'POST /contacts', 'k', 'h', 200, $2, $3)";
    let answer = Json(json!({"items": [{"contact": {"contactId": contact, "firstName": CANARY}}]}));
    world.db.write().sql(keep).bind(world.workspace).bind(answer).bind(at).run().await.unwrap();
}

/// The first one was delivered and is over; the second one waits for a review.
async fn submissions(world: &World, ada: Taken, second: Taken) {
    let db = &world.db;
    let carry = Json(json!({"answers": {"questionnaire.q": CANARY}}));
    for taken in [ada, second] {
        let texts =
            "UPDATE submission SET carry = $3, reason = $4 WHERE workspace_id = $1 AND id = $2";
        let ask = db.write().sql(texts).bind(world.workspace).bind(taken.submission);
        ask.bind(carry.clone()).bind(CANARY).run().await.unwrap();
        let event = "UPDATE journey_event SET reason = $3, details = $4 WHERE workspace_id = $1 AND submission_id = $2";
        let ask = db.write().sql(event).bind(world.workspace).bind(taken.submission);
        ask.bind(CANARY).bind(Json(json!([CANARY]))).run().await.unwrap();
    }
    world.run("UPDATE submission SET run = 'finished', outcome = 'accepted', status = 'accepted', due_at = NULL,
        finished_at = updated_at WHERE workspace_id = $1 AND id = $2", ada.submission.0).await;
    world.run("UPDATE submission SET run = 'parked', stage = 'first_action', status = 'pending_action'
        WHERE workspace_id = $1 AND id = $2", second.submission.0).await;
    for (sql, submission) in [
        ("INSERT INTO delivery_attempt (workspace_id, submission_id, number, campaign_id, endpoint, idempotency_key, started_at,
            outcome, reason, answer, price_minor, currency, finished_at)
          SELECT $1, $2, 1, s.campaign_id, 'buyer', 'k', $4, 'accepted', $3, $3, 900, 'USD', $4
          FROM submission s WHERE s.workspace_id = $1 AND s.id = $2", ada.submission),
        ("INSERT INTO parked_action (workspace_id, id, submission_id, kind, deadline, on_deadline, opened_at, priority, asked_for,
            decision_reason, last_error)
          SELECT $1, $2, $2, 'human_review', $4, 'continue', $4, 1, $3, $3, $3", second.submission),
        ("INSERT INTO status_query (workspace_id, submission_id, generation, campaign_id, endpoint, asked, said)
          SELECT $1, $2, 1, s.campaign_id, 'buyer', 1, $3 FROM submission s
          WHERE s.workspace_id = $1 AND s.id = $2 AND $4 IS NOT NULL", ada.submission),
    ] {
        let ask = db.write().sql(sql).bind(world.workspace).bind(submission);
        ask.bind(CANARY).bind(noon()).run().await.unwrap();
    }
    let history = "INSERT INTO lead_status_change (workspace_id, lead_id, number, from_status, to_status, reason_code, reason,
        changed_by, at) VALUES ($1, $2, 1, 'active', 'qualified', 'operator', $3, 'key a', $4)";
    let ask = db.write().sql(history).bind(world.workspace).bind(second.lead);
    ask.bind(CANARY).bind(noon()).run().await.unwrap();
}

/// What a campaign did with the lead, and what waits.
async fn automation(world: &World, ada: Taken) {
    for sql in [
        "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, updated_at)
         SELECT $1, $2, l.campaign_id, 5, 1, $3, $4 FROM lead l
         WHERE l.workspace_id = $1 AND l.id = $2 AND $5 IS NOT NULL AND $6 IS NOT NULL",
        "INSERT INTO firing (workspace_id, lead_id, number, campaign_id, revision, kind, rule_id, rule_name, cause, facts, points,
            points_after, status_before, status_after, actions, at)
         SELECT $1, $2, 1, l.campaign_id, 1, 'scoring', 'a', 'a', $3, $3, 5, 5, 'active', 'active', $3, $4 FROM lead l
         WHERE l.workspace_id = $1 AND l.id = $2 AND $5 IS NOT NULL AND $6 IS NOT NULL",
        "INSERT INTO workflow_position (workspace_id, lead_id, workflow_id, campaign_id, step_id, step_number, due_at, entered_at,
            moved_at)
         SELECT $1, $2, 'a', l.campaign_id, 'a', 0, $4, $4, $4 FROM lead l
         WHERE l.workspace_id = $1 AND l.id = $2 AND $3 IS NOT NULL AND $5 IS NOT NULL AND $6 IS NOT NULL",
        "INSERT INTO automation_pending (workspace_id, id, contact_id, happened, at)
         SELECT $1, $6, $5, $3, $4 WHERE $2 IS NOT NULL",
        "INSERT INTO automation_job (workspace_id, id, campaign_id, lead_id, firing, action, kind, payload, state, attempt, problem,
            created_at)
         SELECT $1, $6, l.campaign_id, $2, 1, 0, 'webhook', $3, 'held', 0, 'zzcanaryzz', $4 FROM lead l
         WHERE l.workspace_id = $1 AND l.id = $2 AND $5 IS NOT NULL",
    ] {
        let ask = world.db.write().sql(sql).bind(world.workspace).bind(ada.lead);
        let ask = ask.bind(Json(json!({CANARY: CANARY}))).bind(noon());
        ask.bind(ada.contact).bind(Uuid::now_v7()).run().await.unwrap();
    }
}

/// A call that has ended and a thread with texts.
async fn talks(world: &World, ada: Taken, campaign: CampaignId) -> (AgentId, InteractionId) {
    let secrets = Secrets::new(world.db.clone(), ring());
    secrets.put(world.workspace, "a", &"value".into(), noon()).await.unwrap();
    let config = json!({"provider": {"type": "retell", "apiKey": {"secret": "a"}, "agentId": "a", "from": "+1"}});
    let config = serde_json::from_value(config).unwrap();
    let draft =
        AgentDraft { workspace: world.workspace, name: "agent", config: &config, at: noon() };
    let Put::Saved(agent) = agents::put(&world.db, draft, None).await.unwrap() else {
        panic!("saved")
    };
    let (call, thread) = (InteractionId::new(), InteractionId::new());
    for (id, kind, state) in [(call, "call", "ended"), (thread, "sms", "open")] {
        world
            .db
            .write()
            .sql(
                "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, agent_id, provider, number,
                    phone, own_phone, is_test, state, generation, tries, reference, instructions, outcome, report, error,
                    opened_at, updated_at, ended_at)
                 VALUES ($1, $2, $3, 'outbound', $4, $5, $6, 'retell', 1, $7, $8, FALSE, $9, 1, 0, $8, $8, 'completed', $10, $8,
                    $11, $11, $11)",
            )
            .bind(world.workspace)
            .bind(id)
            .bind(kind)
            .bind(ada.lead)
            .bind(campaign)
            .bind(agent.id)
            .bind(PHONE)
            .bind(CANARY)
            .bind(state)
            .bind(Json(json!({"summary": CANARY})))
            .bind(noon())
            .run()
            .await
            .unwrap();
    }
    let text = "INSERT INTO message (workspace_id, id, interaction_id, role, source, body, state, reference, error, at, updated_at)
        VALUES ($1, $2, $3, 'user', 'inbound', $4, 'received', $4, $4, $5, $5)";
    let ask = world.db.write().sql(text).bind(world.workspace).bind(Uuid::now_v7());
    ask.bind(thread).bind(CANARY).bind(noon()).run().await.unwrap();
    (agent.id, call)
}

/// What was told and nobody has read, and a notice that quotes it.
async fn told(
    world: &World,
    (agent, call): (AgentId, InteractionId),
    campaign: CampaignId,
    ada: Taken,
) {
    for (key, interaction, reference) in [("a", Some(call), None), ("b", None, Some(CANARY))] {
        let event = "INSERT INTO inbound_event (workspace_id, id, agent_id, dedupe_key, interaction_id, reference, heard, received_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let ask = world.db.write().sql(event).bind(world.workspace).bind(Uuid::now_v7());
        let ask = ask.bind(agent).bind(key).bind(interaction).bind(reference);
        ask.bind(Json(json!({"body": CANARY}))).bind(noon()).run().await.unwrap();
    }
    for (subject, details) in [
        ("a", json!({"firstSubmissionId": ada.submission, "said": CANARY})),
        ("b", json!({"firstInteractionId": call, "said": CANARY})),
    ] {
        let notice = "INSERT INTO notice (workspace_id, id, campaign_id, kind, subject, message, details, times, at, last_at)
            VALUES ($1, $2, $3, 'agent_broken', $4, $5, $6, 1, $7, $7)";
        let ask = world.db.write().sql(notice).bind(world.workspace).bind(Uuid::now_v7());
        let ask = ask.bind(campaign).bind(subject).bind(CANARY);
        ask.bind(Json(details)).bind(noon()).run().await.unwrap();
    }
}

/// What files said of them, what others were told, and what proves their consent.
async fn beside(world: &World, ada: Taken) {
    import(world, "done").await;
    for (row, record) in [
        (1, format!("{CANARY}@example.com,1,{CANARY}")),
        (2, format!("nobody,(415) 555-0142,{CANARY}")),
        (3, format!("{},,{CANARY}", ada.lead)),
    ] {
        let error =
            "INSERT INTO import_error (workspace_id, import_id, row_number, problems, record)
            SELECT workspace_id, id, $2, $3, $4 FROM import WHERE workspace_id = $1";
        let ask = world.db.write().sql(error).bind(world.workspace).bind(row);
        ask.bind(Json(json!([{"message": CANARY}]))).bind(record).run().await.unwrap();
    }
    for sql in
        ["INSERT INTO import_before (workspace_id, import_id, kind, object_id, contact_id, fields)
         SELECT i.workspace_id, i.id, 'lead', $2, $3, $5 FROM import i
         WHERE i.workspace_id = $1 AND $4 IS NOT NULL AND $6 IS NOT NULL"]
    {
        let ask = world.db.write().sql(sql).bind(world.workspace).bind(Uuid::now_v7());
        let ask = ask.bind(ada.contact).bind(CANARY).bind(Json(json!({CANARY: CANARY})));
        ask.bind(noon()).run().await.unwrap();
    }
    evidence(world, ada).await;
}

async fn evidence(world: &World, ada: Taken) {
    let evidence = "INSERT INTO consent_evidence (workspace_id, id, lead_id, kind, reference, malformed, detail, captured_at, digest,
            recorded_at, recorded_by)
        VALUES ($1, $2, $3, 'tcpa', $4, $4, $5, $6, $4, $6, 'api')";
    let ask = world.db.write().sql(evidence).bind(world.workspace).bind(Uuid::now_v7());
    let ask = ask.bind(ada.lead).bind(CANARY);
    ask.bind(Json(json!({"pageUrl": CANARY}))).bind(noon()).run().await.unwrap();
}

/// A file that was brought in, or is about to be.
pub async fn import(world: &World, state: &'static str) {
    let import = "INSERT INTO import (workspace_id, id, file_name, state, config, header, delimiter, bytes, row_count, created, updated,
            unchanged, skipped, failed, undone, kept, generation, attempt, created_by, created_at, updated_at)
        VALUES ($1, $2, 'a.csv', $3, '{}', '[]', ',', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'key a', $4, $4)";
    let ask = world.db.write().sql(import).bind(world.workspace).bind(Uuid::now_v7());
    ask.bind(state).bind(noon()).run().await.unwrap();
}

/// What others were told, and what they answered.
async fn webhooks(world: &World, ada: Taken) {
    for sql in [
        "INSERT INTO webhook_message (workspace_id, id, webhook_id, event, contact_id, facts, state, attempt, tries, problem, at,
            asked_at)
         VALUES ($1, $2, $2, 'lead.processed', $3, $4, 'held', 1, 1, 'zzcanaryzz', $5, $5)",
        "INSERT INTO webhook_attempt (workspace_id, message_id, attempt, answer, duration_us, at)
         SELECT m.workspace_id, m.id, 1, 'zzcanaryzz', 1, $5 FROM webhook_message m
         WHERE m.workspace_id = $1 AND m.contact_id = $3 AND $2 IS NOT NULL AND $4 IS NOT NULL",
    ] {
        let ask = world.db.write().sql(sql).bind(world.workspace).bind(Uuid::now_v7());
        let ask = ask.bind(ada.contact).bind(Json(json!({CANARY: CANARY})));
        ask.bind(noon()).run().await.unwrap();
    }
}
