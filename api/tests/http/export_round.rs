//! Our own export is read again unchanged: into the same workspace nothing changes, into an empty one the same comes out.
use crate::support::{Ask, World, world};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::{
    export::READ_ONLY,
    ids::{CampaignId, WorkspaceId},
    import::{Identifier, ImportConfig, ImportKind, Limits, Purpose, Reach, Splitter},
    key,
    store::{
        imports::{self, Counts, Part, Uploaded},
        keys,
    },
};

async fn text(ask: Ask) -> String {
    let response = ask.response().await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(status, 200, "{text}");
    text
}

/// Brings a file in as the API and a worker do; answers what became of its rows.
async fn bring_in(
    world: &World,
    workspace: WorkspaceId,
    config: ImportConfig,
    text: &str,
) -> Counts {
    let (db, now) = (&world.db, world.clock.now());
    let upload = imports::begin(db, workspace, "export.csv", "key ops", now).await.unwrap();
    let mut splitter = Splitter::new(Limits::default());
    let mut parts = splitter.feed(text.as_bytes()).unwrap();
    let finished = splitter.finish().unwrap();
    parts.extend(finished.parts);
    for part in parts {
        let part = Part {
            number: part.number,
            first_row: part.first_row,
            row_count: part.rows,
            text: &part.text,
        };
        imports::add_part(db, &upload, &part, now).await.unwrap().unwrap();
    }
    let file = Uploaded {
        header: finished.header,
        delimiter: ',',
        hash: finished.hash,
        bytes: i64::try_from(finished.bytes).unwrap(),
        rows: finished.rows,
        config,
    };
    imports::uploaded(db, &upload, &file, now).await.unwrap().unwrap();
    let job = imports::start(db, upload.key(), now).await.unwrap().unwrap();
    let mut generation = job.generation;
    while let imports::Worked::More(next) =
        imports::work(db, upload.import, generation, &world.clock).await.unwrap()
    {
        generation = next;
    }
    let errors = imports::errors(db, upload.key(), 0, 10).await.unwrap();
    assert_eq!(errors, [], "every row is taken");
    let import = imports::get(db, upload.key()).await.unwrap().unwrap();
    assert_eq!(import.problem, None);
    import.counts
}

async fn workspace_of(world: &World, secret: &str) -> WorkspaceId {
    keys::by_secret(&world.db, &key::hash(secret)).await.unwrap().unwrap().workspace_id
}

/// The columns of a file that are the same wherever it is brought in.
fn lasting(text: &str) -> String {
    let ids = ["leadId", "contactId", "campaignId"];
    let header = csv::Reader::from_reader(text.as_bytes()).headers().unwrap().clone();
    let lasting = header.iter().filter(|name| !ids.contains(name) && !READ_ONLY.contains(name));
    lasting.collect::<Vec<_>>().join(",")
}

fn hard_lead(n: usize) -> Value {
    json!({
        "campaignId": "SOL",
        "firstName": (["Maria", "O'Brien \"Bob\"", "Ωmega 名前", "Ana, Lea"][n % 4]),
        "lastName": "D'Íaz-Smith", "email": format!("p{n}+x@example.com"), "phone": format!("415555{n:04}"),
        "address": {
            "street": (["=cmd|' /C calc'!A0", "1 Main St\nUnit 5", " leads with a blank", "\"The\" Yard"][n % 4]),
            "unit": "+5", "city": "@home", "state": "CA", "zip": "04107", "country": "US"
        },
        "dateOfBirth": "1980-02-29", "country": "US", "timezone": "America/Los_Angeles",
        "questionnaire": [
            {"key": "roof", "question": "Which roof, =really?", "answer": ["tile|slate", "flat", "=1"]},
            {"key": "age", "question": "Age", "answer": n},
            {"key": "zip", "question": "Zip", "answer": "04107"},
            {"key": "owner", "question": "Owner", "answer": n.is_multiple_of(2)},
            {"key": "both", "question": "Both", "answer": "a|b"},
        ],
        "customFields": {
            "text": "-1+2", "number": -12.5, "big": 9_007_199_254_740_993_i64, "digits": "0123", "yes": "true", "flag": false,
            "list": [1, "2", null, [true]], "object": {"a": {"b": "\u{ff1d}x"}}, "empty": "", "blank": " ", "lines": "a\r\nb\tc\n",
            "quote": "'=1", "json": "[1]", "null": "null",
        },
        "attribution": {
            "params": {"utm_source": "=x", "clicks": 3, "gclid": "EAIaIQ-_+"}, "captureUrl": "https://example.com/?a=1,2&b=\"c\"",
            "userAgent": " Mozilla/5.0 (X11; \"Linux\") ", "gclid": "-abc"
        },
        "compliance": {"tcpaConsent": true, "tcpaText": "I agree, \"yes\"\nand more", "score": 0.25},
        "files": [{"fileKey": "id_card", "fileName": "a, b.pdf", "fileType": "pdf", "documentUrl": "https://example.com/a.pdf"}],
        "notes": "first = one\nsecond",
    })
}

#[tokio::test]
async fn exported_leads_are_read_again_unchanged() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    for n in 0..8 {
        let mut lead = hard_lead(n);
        if n == 7 {
            // One of whom little is known.
            lead = json!({"campaignId": "SOL", "firstName": "Eve", "lastName": "Ng", "email": "eve@example.com", "phone": "4155559999"});
        }
        let answer = world.post("/api/v1/leads", lead).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let first = text(world.ask("GET", "/api/v1/leads/export")).await;
    let before = text(world.ask("GET", "/api/v1/leads/export?format=ndjson")).await;
    let same = ImportConfig {
        purpose: Purpose::UpdateExisting,
        identifier: Identifier::LeadId,
        reach: Reach::Workspace,
        ..ImportConfig::default()
    };
    let counts = bring_in(&world, world.workspace, same, &first).await;
    assert_eq!(counts, Counts { unchanged: 8, ..Counts::default() });
    assert_eq!(text(world.ask("GET", "/api/v1/leads/export?format=ndjson")).await, before);

    let body = json!({"name": "Empty", "code": "EMP", "config": {}});
    let empty = world.ask_as(&world.stranger, "POST", "/api/v1/campaigns").json(body).send().await;
    let elsewhere = ImportConfig {
        fallback_campaign_id: Some(CampaignId::parse(&empty.data("campaignId")).unwrap()),
        ..ImportConfig::default()
    };
    let other = workspace_of(&world, &world.stranger).await;
    let counts = bring_in(&world, other, elsewhere, &first).await;
    assert_eq!(counts, Counts { created: 8, ..Counts::default() });
    let again = format!("/api/v1/leads/export?fields={}", lasting(&first));
    let wanted = text(world.ask("GET", &again)).await;
    assert_eq!(text(world.ask_as(&world.stranger, "GET", &again)).await, wanted);
    let header = first.lines().next().unwrap();
    let theirs = text(world.ask_as(&world.stranger, "GET", "/api/v1/leads/export")).await;
    assert_eq!(theirs.lines().next().unwrap(), header, "and nothing came in addition");
}

#[tokio::test]
async fn exported_contacts_are_read_again_unchanged() {
    let world = world().await;
    for key in [&world.key, &world.stranger] {
        for kind in ["text", "number", "date", "datetime", "boolean", "list"] {
            let property = json!({"name": format!("P {kind}"), "kind": kind});
            let made = world.ask_as(key, "POST", "/api/v1/properties").json(property).send().await;
            assert_eq!(made.status, 201, "{made:?}");
        }
    }
    for n in 0..6 {
        let contact = json!({
            "firstName": "Zoë \"Z\"", "lastName": "+Plus", "email": format!("z{n}@example.com"), "phone": format!("415555{n:04}"),
            "salutation": "Dr, med.", "title": "=CEO", "company": (["A & B, \"Ltd\"", "true", "40", "\"quoted\""][n % 4]),
            "website": "https://example.com/?a=1,2", "industry": "-", "numberOfEmployees": n * 10, "annualRevenue": 1_000_000,
            "gender": "x", "dateOfBirth": "1980-02-29", "street": "1 Main\nSt", "city": "@town", "state": "CA", "zip": "04107",
            "country": "US", "timezone": "Europe/Berlin", "source": "form",
            "properties": {
                "p_text": (["0123", "=x", "[1]", "\"q\""][n % 4]), "p_number": -0.5, "p_date": "2026-02-28",
                "p_datetime": "2026-11-21T12:00:00.123456Z", "p_boolean": n % 2 == 0,
                "p_list": ([vec!["a", "b"], vec!["a|b", "c"], vec!["40"], vec!["[1]", "=x"]][n % 4])
            },
            "tags": ([vec!["vip"], vec!["a|b", "=x"], vec!["40"]][n % 3]), "doNotContactUntil": "2027-01-01T00:00:00Z"
        });
        let made = world.post("/api/v1/contacts", contact).await;
        assert_eq!(made.status, 201, "{made:?}");
        if n == 0 {
            let path = format!("/api/v1/contacts/{}/consent", made.data("contactId"));
            let out = json!({"email": "out", "source": "a call"});
            assert_eq!(world.ask("PUT", &path).json(out).send().await.status, 200);
        }
    }
    let first = text(world.ask("GET", "/api/v1/contacts/export")).await;
    let before = text(world.ask("GET", "/api/v1/contacts/export?format=ndjson")).await;
    assert!(first.contains(",out,in,in,in,"), "{first}");
    let config = ImportConfig {
        kind: ImportKind::Contacts,
        purpose: Purpose::UpdateExisting,
        identifier: Identifier::ContactId,
        ..ImportConfig::default()
    };
    let counts = bring_in(&world, world.workspace, config.clone(), &first).await;
    assert_eq!(counts, Counts { unchanged: 6, ..Counts::default() });
    assert_eq!(text(world.ask("GET", "/api/v1/contacts/export?format=ndjson")).await, before);

    let elsewhere =
        ImportConfig { purpose: Purpose::AddAndUpdate, identifier: Identifier::Email, ..config };
    let other = workspace_of(&world, &world.stranger).await;
    let counts = bring_in(&world, other, elsewhere, &first).await;
    assert_eq!(counts, Counts { created: 6, ..Counts::default() });
    // Consent is given to whoever asked for it, and is not brought in.
    let lasting =
        lasting(&first).replace("consent.email,consent.sms,consent.phone,consent.push,", "");
    let again = format!("/api/v1/contacts/export?fields={lasting}");
    let wanted = text(world.ask("GET", &again)).await;
    assert_eq!(text(world.ask_as(&world.stranger, "GET", &again)).await, wanted);
}
